"""Which operation a request means: by method and path, however the gateway hands the path over.

A client percent-encodes what it puts into a path. Gateways hand the path over as it came or
decoded; then an id or an ARN may bring slashes of its own. Labels that can hold a slash take
several segments when no route fits otherwise.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from engagement_hub.engagement.errors import MethodNotAllowed, NotFound

__all__ = ["Match", "Routes"]

_MAY_HOLD_SLASHES = frozenset({"endpoint-id", "user-id", "resource-arn"})
# Characters of an encoded segment: RFC 3986's unreserved characters and escapes. Any other
# character shows that a gateway decoded the segment, so a percent sign in it is a percent sign. (An
# id that looks encoded, such as 50%25, cannot be distinguished from its encoding where a gateway
# decodes.)
_ENCODED = re.compile(r"(?:[A-Za-z0-9._~-]|%[0-9A-Fa-f]{2})*")


@dataclass(frozen=True, slots=True)
class Match:
    """The operation, and the labels of its path, decoded."""

    operation: str
    labels: dict[str, str]


@dataclass(slots=True)
class _Node:
    literals: dict[str, "_Node"] = field(default_factory=dict)
    label: str = ""
    below_label: "_Node | None" = None
    operations: dict[str, str] = field(default_factory=dict)  # method → operation


class Routes:
    """The paths of a service model as a tree."""

    def __init__(self, operations: Mapping[str, Mapping[str, Any]]) -> None:
        self._root = _Node()
        for name, operation in operations.items():
            node = self._root
            for segment in operation["path"].strip("/").split("/"):
                node = _child(node, segment)
            node.operations[operation["method"]] = name

    def match(self, method: str, path: str) -> Match:
        """Find the operation.

        Raises:
            NotFound: no operation has such a path.
            MethodNotAllowed: operations have the path, but with other methods.
        """
        segments = path.removeprefix("/").split("/")
        others: set[str] = set()
        for node, values in _walk(self._root, segments, []):
            if method in node.operations:
                labels = {name: _decoded(value) for name, value in values}
                return Match(node.operations[method], labels)
            others.update(node.operations)
        if others:
            raise MethodNotAllowed(
                f"{method} is not allowed on this path. Use {' or '.join(sorted(others))}."
            )
        raise NotFound("No operation of the Pinpoint API has this path. Check the URL.")


def _child(node: _Node, segment: str) -> _Node:
    if not segment.startswith("{"):
        return node.literals.setdefault(segment, _Node())
    node.label = segment.strip("{}")
    node.below_label = node.below_label or _Node()
    return node.below_label


def _walk(
    node: _Node, segments: list[str], values: list[tuple[str, str]]
) -> Iterator[tuple[_Node, list[tuple[str, str]]]]:
    """Yield every node the segments lead to, the likeliest reading first."""
    if not segments:
        if node.operations:
            yield node, values
        return
    literal = node.literals.get(segments[0])
    if literal is not None:
        yield from _walk(literal, segments[1:], values)
    if node.below_label is None:
        return
    for taken in _lengths(node.label, len(segments)):
        value = "/".join(segments[:taken])
        if value:
            yield from _walk(node.below_label, segments[taken:], [*values, (node.label, value)])


def _lengths(label: str, available: int) -> Iterable[int]:
    return range(1, available + 1) if label in _MAY_HOLD_SLASHES else (1,)


def _decoded(value: str) -> str:
    return unquote(value) if _ENCODED.fullmatch(value) else value
