"""Values of a source as values of an endpoint's attribute: a list of texts within limits."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from shared.hook_answers import VALUES_PER_ATTRIBUTE

__all__ = ["UnusableValue", "values_from"]


class UnusableValue(ValueError):
    """A value cannot be an attribute's. The text names the rule, and never repeats the value."""


def values_from(value: Any, *, max_characters: int) -> list[str]:
    """Return the values of an attribute; no value where the source has nothing.

    A text, a number and a boolean are one value, a list or set several. Null, an empty text and an
    empty list are nothing.

    Raises:
        UnusableValue: it is an object or bytes, too long, too many, or no valid text.
    """
    items = list(value) if isinstance(value, list | tuple | set | frozenset) else [value]
    texts = [_text(item) for item in items if item is not None]
    texts = [text for text in texts if text]
    if len(texts) > VALUES_PER_ATTRIBUTE:
        raise UnusableValue(f"it has more than {VALUES_PER_ATTRIBUTE} values")
    if any(len(text) > max_characters for text in texts):
        raise UnusableValue(f"it has more than {max_characters} characters")
    return texts


def _text(item: Any) -> str:
    if isinstance(item, bool):
        return "true" if item else "false"
    if isinstance(item, Decimal):
        if not item.is_finite() or abs(item.adjusted()) > 40:
            raise UnusableValue("it is a number that is written with an exponent")
        return f"{item:f}"
    if isinstance(item, int | str):
        text = str(item)
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise UnusableValue("it is no valid Unicode text") from error
        return text
    raise UnusableValue("it is no text, number, boolean or list of them")
