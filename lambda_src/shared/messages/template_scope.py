"""The meaning of names while a template is rendered: recipient, loops, defaults.

A value is looked up in the substitutions, then in the variables from the inside out, then in the
defaults. Empty text, an empty list and an absent member all count as missing.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from shared.messages.errors import BadRequest
from shared.messages.template_helpers import Clock, is_missing

# Written by #each, partials and helpers in one render: nested loops and `replace` grow without it.
MAX_REPEATED_CHARACTERS = 5_000_000


class RenderingFailed(BadRequest):
    """A template cannot be filled with this recipient's values; others may be fine."""


class Scope:
    """The meaning of names at one point of a render."""

    __slots__ = ("clock", "data", "defaults", "parent", "repeated", "substitutions", "this")

    def __init__(
        self,
        this: Any,
        substitutions: Mapping[str, Any] | None,
        defaults: Mapping[str, Any] | None,
        clock: Clock,
        parent: "Scope | None" = None,
        data: Mapping[str, Any] | None = None,
    ) -> None:
        self.this = this
        self.substitutions = substitutions
        self.defaults = defaults
        self.clock = clock
        self.parent = parent
        self.data = data
        self.repeated: list[int] = [0] if parent is None else parent.repeated  # one per render

    def repeat(self, text: str) -> str:
        """Count the text of a loop, partial or helper; texts that double each other end here."""
        self.repeated[0] += len(text) + 1
        if self.repeated[0] > MAX_REPEATED_CHARACTERS:
            raise RenderingFailed("The template's #each, partials or helpers write too much text.")
        return text

    def inside(self, this: Any, data: Mapping[str, Any] | None = None) -> "Scope":
        return Scope(this, self.substitutions, self.defaults, self.clock, self, data)


Value = Callable[[Scope], Any]


def _member(value: Any, parts: Sequence[str]) -> Any:
    for part in parts:
        if isinstance(value, Mapping):
            value = value.get(part)
        elif part == "length" and isinstance(value, list | tuple | str):
            value = len(value)
        elif isinstance(value, list | tuple):
            if not part.isdecimal() or int(part) >= len(value):
                return None
            value = value[int(part)]
        elif part == "0" and value is not None:
            return value  # the first of a value that is not a list is that value
        else:
            return None
    return value


def _named_value(names: Sequence[tuple[str, Sequence[str]]], values: Mapping[str, Any]) -> Any:
    for name, rest in names:
        value = values.get(name)
        if value is not None:
            value = _member(value, rest) if rest else value
            if not is_missing(value):
                return value
    return None


def variable(parts: tuple[str, ...]) -> Value:
    """Look a name up everywhere: substitutions, loops from the inside out, recipient, defaults."""
    # Longest dotted name first: "User.UserId", then "User" with "UserId" inside it.
    names = [(".".join(parts[:n]), parts[n:]) for n in range(len(parts), 0, -1)]

    def look_up(scope: Scope) -> Any:
        if scope.substitutions:
            value = _named_value(names, scope.substitutions)
            if value is not None:
                return value
        here: Scope | None = scope
        while here is not None:
            value = _member(here.this, parts)
            if not is_missing(value):
                return value
            here = here.parent
        return _named_value(names, scope.defaults) if scope.defaults else None

    return look_up


def relative(up: int, parts: tuple[str, ...]) -> Value:
    """Look a name up in one place only: `this`, or the value `up` blocks outside it."""

    def look_up(scope: Scope) -> Any:
        here = scope
        for _ in range(up):
            here = here.parent or here
        return _member(here.this, parts)

    return look_up


def from_root(parts: tuple[str, ...]) -> Value:
    """Look a name up as outside all loops: `@root.User.UserId`, or `@root` for the recipient."""
    look_up = variable(parts) if parts else relative(0, ())

    def from_outermost(scope: Scope) -> Any:
        while scope.parent is not None:
            scope = scope.parent
        return look_up(scope)

    return from_outermost


def loop_data(name: str, up: int) -> Value:
    """Look up `@index` and its like in the loop that is `up` loops outside the innermost."""

    def look_up(scope: Scope) -> Any:
        here: Scope | None = scope
        left = up
        while here is not None:
            if here.data is not None:
                if left == 0:
                    return here.data[name]
                left -= 1
            here = here.parent
        return None

    return look_up
