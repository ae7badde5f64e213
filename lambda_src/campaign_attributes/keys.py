"""Key of an endpoint at the source, named like a message variable."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["key_of"]

_ATTRIBUTE = "Attributes."
_USER_ATTRIBUTE = "User.UserAttributes."


def key_of(variable: str, endpoint_id: str, endpoint: Mapping[str, Any]) -> str | None:
    """Return the key of an endpoint; None where the member is absent or no text.

    Args:
        variable: `Id`, `User.UserId`, `Attributes.NAME` or `User.UserAttributes.NAME`. The first
            value of a list counts.
    """
    if variable == "Id":
        return _text(endpoint_id)
    user = _object(endpoint.get("User"))
    if variable == "User.UserId":
        return _text(user.get("UserId"))
    if variable.startswith(_USER_ATTRIBUTE):
        values = _object(user.get("UserAttributes")).get(variable.removeprefix(_USER_ATTRIBUTE))
    elif variable.startswith(_ATTRIBUTE):
        values = _object(endpoint.get("Attributes")).get(variable.removeprefix(_ATTRIBUTE))
    else:
        raise ValueError(f"{variable!r} is no key")
    return _text(values[0] if isinstance(values, list) and values else values)


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str | None:
    """Return a text; a bare number is one, too, as in AWS's samples."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    text = str(value)
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which no source can be asked for
        return None
    return text or None
