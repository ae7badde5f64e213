"""Phone numbers, in the spellings in which they occur."""

from __future__ import annotations

__all__ = ["same_number"]


def same_number(one: str, other: str) -> bool:
    """Compare numbers by their digits: an address of an endpoint can have blanks or no `+`."""
    digits = _digits(one)
    return digits != "" and digits == _digits(other)


def _digits(number: str) -> str:
    return "".join(character for character in number if "0" <= character <= "9")
