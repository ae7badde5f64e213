"""Reading and writing JSON by the shapes of the service model.

Unknown members are dropped, as AWS does; a null member is one that was left out.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from engagement_hub.engagement.errors import BadRequest

__all__ = ["WrongRequest", "check", "prune"]

Shapes = Mapping[str, Mapping[str, Any]]

# The keys of these maps are addresses, or ids made of them: an error names their position instead.
_PRIVATE_KEYS = frozenset({"Addresses", "Endpoints", "Users", "BatchItem"})
# Older programs send a bare string or number where the model has a list of strings. The domain
# reads the values of these members of endpoints itself.
_LENIENT_SHAPE = "MapOfListOf__string"
_LENIENT_MEMBERS = frozenset({"Attributes", "UserAttributes"})
_INT_BITS = {"integer": 31, "long": 63}


class WrongRequest(BadRequest):
    """A member of the request is not what the API's model says; the message names it."""

    def __init__(self, member: str, rule: str) -> None:
        super().__init__(f"{member} {rule}")
        self.member = member


def check(shapes: Shapes, name: str, value: Any, member: str = "The request body") -> Any:
    """Return a request's value as the model's shape wants it, without unknown and null members.

    Args:
        name: the shape.
        member: path of the value, for the error.

    Raises:
        WrongRequest: a wrong type, an unknown enumeration value or a required member left out.
    """
    shape = shapes[name]
    kind = shape["type"]
    if name == _LENIENT_SHAPE and member.rpartition(".")[2] in _LENIENT_MEMBERS:
        return _object(value, member)
    if kind == "structure":
        return _structure(shapes, shape, _object(value, member), member)
    if kind == "map":
        private = member.rpartition(".")[2] in _PRIVATE_KEYS
        return {
            key: check(
                shapes,
                shape["value"],
                one,
                f"{member}[{number}]" if private else _path(member, key),
            )
            for number, (key, one) in enumerate(_object(value, member).items())
            if one is not None
        }
    if kind == "list":
        if not isinstance(value, list):
            raise WrongRequest(member, f"must be a list, not {_described(value)}.")
        return [
            check(shapes, shape["member"], one, f"{member}[{number}]")
            for number, one in enumerate(value)
        ]
    return _scalar(shape, kind, value, member)


def prune(shapes: Shapes, name: str, value: Any) -> Any:
    """Return an answer without null members and without what the model does not know."""
    shape = shapes[name]
    kind = shape["type"]
    if kind == "structure":
        members = shape["members"]
        return {
            member: prune(shapes, members[member], one)
            for member, one in value.items()
            if one is not None and member in members
        }
    if kind == "map":
        return {key: prune(shapes, shape["value"], one) for key, one in value.items()}
    if kind == "list":
        return [prune(shapes, shape["member"], one) for one in value]
    return value


def _structure(
    shapes: Shapes, shape: Mapping[str, Any], value: Mapping[str, Any], member: str
) -> dict[str, Any]:
    members = shape["members"]
    checked = {
        one: check(shapes, members[one], given, _path(member, one))
        for one, given in value.items()
        if given is not None and one in members
    }
    for required in shape.get("required", ()):
        if required not in checked:
            raise WrongRequest(_path(member, required), "is missing, and is required.")
    return checked


def _scalar(shape: Mapping[str, Any], kind: str, value: Any, member: str) -> Any:
    if kind in ("string", "timestamp"):
        if not isinstance(value, str):
            raise WrongRequest(member, f"must be a string, not {_described(value)}.")
        allowed = shape.get("enum")
        if allowed and value not in allowed:
            # Published programs spell some values in another letter case.
            for one in allowed:
                if one.upper() == value.upper():
                    return one
            raise WrongRequest(member, f"must be one of {', '.join(allowed)}.")
        return value
    if kind == "boolean":
        if not isinstance(value, bool):
            raise WrongRequest(member, f"must be true or false, not {_described(value)}.")
        return value
    if kind in _INT_BITS:
        whole = isinstance(value, float) and value.is_integer()
        if isinstance(value, bool) or not (isinstance(value, int) or whole):
            raise WrongRequest(member, f"must be a whole number, not {_described(value)}.")
        if abs(value) >= 2 ** _INT_BITS[kind]:
            raise WrongRequest(member, "is too large a number.")
        return int(value)
    if kind == "blob":
        if not isinstance(value, str):
            raise WrongRequest(member, f"must be base64 text, not {_described(value)}.")
        try:
            base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            raise WrongRequest(member, "must be base64 text.") from None
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise WrongRequest(member, f"must be a number, not {_described(value)}.")
    return value


def _object(value: Any, member: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise WrongRequest(member, f"must be a JSON object, not {_described(value)}.")
    return value


def _path(member: str, name: str) -> str:
    return name if member == "The request body" else f"{member}.{name}"


_NAMES: Mapping[type, str] = {
    bool: "a boolean",
    dict: "an object",
    float: "a number",
    int: "a number",
    list: "a list",
    str: "a string",
    type(None): "null",
}


def _described(value: Any) -> str:
    return _NAMES.get(type(value), "something else")
