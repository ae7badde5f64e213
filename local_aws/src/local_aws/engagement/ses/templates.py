"""The part of Handlebars that Amazon SES templates have.

Nested names, ``#if``/``else``, ``#unless``, ``#each``, ``#with``, inline partials and comments
("Advanced email personalization" of the SES developer guide). Nothing is escaped, as SES does
not. A name that the data lacks fails the rendering where its text is wanted; in a condition it
is merely false.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any


class RenderingFailed(Exception):
    """The message SES would report in a rendering failure."""


_TAG = re.compile(r"\{\{!--.*?--\}\}|\{\{![^}]*\}\}|\{\{\{?~?\s*([^{}]*?)\s*~?\}?\}\}", re.DOTALL)
_BLOCKS = ("if", "unless", "each", "with")


@dataclass
class _Block:
    kind: str  # of _BLOCKS, "inline", or "" for the whole text
    argument: str = ""
    body: list[Any] = field(default_factory=list)  # text, _Name, _Block
    otherwise: list[Any] = field(default_factory=list)


@dataclass(frozen=True)
class _Name:
    path: str


@dataclass(frozen=True)
class _Frame:
    """What names mean at a place: the value itself, the values around it, ``@index`` and such."""

    value: Any
    outer: _Frame | None = None
    special: Mapping[str, Any] = field(default_factory=dict)


def render(text: str, data: Mapping[str, Any]) -> str:
    """The text with the data filled in.

    Raises:
        RenderingFailed: a value is missing, or the template itself is wrong.
    """
    return "".join(_rendered(_parse(text).body, _Frame(data), {}))


def _parse(text: str) -> _Block:
    open_blocks = [_Block("")]
    targets = [open_blocks[0].body]
    position = 0
    for found in _TAG.finditer(text):
        targets[-1].append(text[position : found.start()])
        position = found.end()
        tag = found[1]
        if tag is None:  # a comment
            continue
        if tag.startswith("#"):
            kind, _, argument = tag[1:].lstrip("*").strip().partition(" ")
            if kind not in (*_BLOCKS, "inline"):
                raise RenderingFailed(f"There is no block helper '{kind}'.")
            block = _Block(kind, argument.strip())
            targets[-1].append(block)
            open_blocks.append(block)
            targets.append(block.body)
        elif tag.startswith("/"):
            closed = open_blocks.pop()
            targets.pop()
            if not open_blocks or closed.kind != tag[1:].strip():
                raise RenderingFailed(f"'{tag}' closes nothing that is open.")
        elif tag in ("else", "^"):
            targets[-1] = open_blocks[-1].otherwise
        else:
            targets[-1].append(_Name(tag))
    if len(open_blocks) > 1:
        raise RenderingFailed(f"'#{open_blocks[-1].kind}' is not closed.")
    targets[-1].append(text[position:])
    return open_blocks[0]


def _rendered(nodes: list[Any], frame: _Frame, partials: dict[str, list[Any]]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, str):
            yield node
        elif isinstance(node, _Block):
            yield from _rendered_block(node, frame, partials)
        elif node.path.startswith(">"):
            name = node.path[1:].strip().strip("\"'")
            if name not in partials:
                raise RenderingFailed(f"The partial {name} could not be found")
            yield from _rendered(partials[name], frame, partials)
        else:
            value = _value(node.path, frame)
            if value is None:
                raise RenderingFailed(
                    f"Attribute '{node.path}' is not present in the rendering data."
                )
            yield value if isinstance(value, str) else json.dumps(value)


def _rendered_block(block: _Block, frame: _Frame, partials: dict[str, list[Any]]) -> Iterator[str]:
    if block.kind == "inline":
        partials[block.argument.strip("\"'")] = block.body
        return
    value = _value(block.argument, frame)
    if block.kind in ("if", "unless"):
        chosen = block.body if bool(value) == (block.kind == "if") else block.otherwise
        yield from _rendered(chosen, frame, partials)
    elif not value:
        yield from _rendered(block.otherwise, frame, partials)
    elif block.kind == "with":
        yield from _rendered(block.body, _Frame(value, frame), partials)
    else:
        keyed = isinstance(value, dict)
        items = list(value.items()) if keyed else list(enumerate(value))
        for index, (key, item) in enumerate(items):
            special = {
                "@index": index,
                "@key": key,
                "@first": index == 0,
                "@last": index == len(items) - 1,
            }
            yield from _rendered(block.body, _Frame(item, frame, special), partials)


def _value(path: str, frame: _Frame) -> Any:
    """What a path names; None when there is no such thing."""
    if path.startswith("@root"):
        while frame.outer:
            frame = frame.outer
        path = path.removeprefix("@root").lstrip(".") or "this"
    while path.startswith("../"):
        path = path.removeprefix("../")
        frame = frame.outer or frame
    if path in (".", "this"):
        return frame.value
    parts = [part.strip("[]") for part in re.split(r"[./]", path.removeprefix("this."))]
    around: _Frame | None = frame
    while around:
        if parts[0] in around.special:
            return around.special[parts[0]]
        if isinstance(around.value, dict) and parts[0] in around.value:
            return _member(around.value, parts)
        around = around.outer
    return None


def _member(value: Any, parts: list[str]) -> Any:
    for part in parts:
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return value
