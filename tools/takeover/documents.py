"""Read saved files: lines of an export, and JSON documents of answers.

A file that is damaged gives up the part before the damage: after the end of Pinpoint it cannot be
saved again.
"""

from __future__ import annotations

import codecs
import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import inf
from typing import Any, BinaryIO, NoReturn

from engagement_hub.engagement.import_files import (
    GZIP_MAGIC,
    BadLine,
    ImportFileError,
    read_lines,
)
from tools.takeover.places import SavedFile

__all__ = ["Document", "Problem", "is_export", "read_answers", "read_export"]

_HEAD_BYTES = 64 * 1024
_LOOKED_AT = 20
# Answers of an API with pages; a larger file of one document is no answer.
_ANSWER_BYTES = 512 * 1024 * 1024
_WIDE = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


@dataclass(frozen=True, slots=True)
class Document:
    """One JSON value of a file. `place` is the file's name and, in an export, the line."""

    value: Any
    file: SavedFile
    place: str


@dataclass(frozen=True, slots=True)
class Problem:
    """A file, or a part of it, that cannot be read."""

    text: str


def is_export(file: SavedFile, is_endpoint: Callable[[Any], bool]) -> bool:
    """Check whether one of the first lines of a file is an endpoint by itself.

    Raises:
        OSError, ClientError: the file cannot be read.
    """
    with file.open() as source:
        head = _unpacked_head(source.read(_HEAD_BYTES))
    lines = head.split(b"\n")
    for line in lines[: -1 if len(head) >= _HEAD_BYTES else None][:_LOOKED_AT]:
        try:
            value = _decoded(line.decode())
        except ValueError:
            continue
        if is_endpoint(value):
            return True
    return False


def read_export(file: SavedFile) -> Iterator[Document | Problem]:
    """Yield the lines of an export, plain or gzip, and its problems.

    Raises:
        OSError, ClientError: the file cannot be read.
    """
    with file.open() as source:
        yield from _lines(file, source)


def read_answers(file: SavedFile) -> Iterator[Document | Problem]:
    """Yield the documents of a file of answers, plain or gzip, and its problems.

    Raises:
        OSError, ClientError: the file cannot be read.
    """
    with file.open() as source:
        content, damage = _whole(source)
    if not content.strip():
        yield Problem(f"{file.name} is empty. The command that wrote it failed.")
        return
    text = _text(content)
    if text is None:
        yield Problem(f"{file.name} is not text in UTF-8 or UTF-16.")
        return
    yield from _documents(file, text, damage)


def _decoded(text: str) -> Any:
    try:
        return _DECODER.decode(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _unpacked_head(head: bytes) -> bytes:
    if head.startswith(GZIP_MAGIC):
        try:
            head = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS).decompress(head, _HEAD_BYTES)
        except zlib.error:
            return b""
    return head.removeprefix(codecs.BOM_UTF8)


def _lines(file: SavedFile, source: BinaryIO) -> Iterator[Document | Problem]:
    try:
        for number, line in enumerate(read_lines(source, name=file.name, most_bytes=inf), start=1):
            place = f"{file.name}, line {number}"
            if isinstance(line, BadLine):
                yield Problem(f"{place}: {line.reason}")
                continue
            if not line or line.isspace():
                continue
            try:
                yield Document(_decoded(line), file, place)
            except ValueError:
                yield Problem(f"{place} is not JSON. The other lines of the file are read.")
    except ImportFileError as error:
        yield Problem(f"{file.name}: {error.message}")


def _whole(source: BinaryIO) -> tuple[bytes, str | None]:
    """Return the content of a file, unpacked, and the damage of its compression."""
    content = source.read(_ANSWER_BYTES + 1)
    damage = None
    if content.startswith(GZIP_MAGIC):
        packed, parts = content, []
        left = _ANSWER_BYTES + 1
        try:
            while packed and left > 0:
                member = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
                part = member.decompress(packed, left)
                parts.append(part)
                left -= len(part)
                if not member.eof and left > 0:
                    damage = "the compressed file ends in the middle"
                packed = member.unused_data.lstrip(b"\0")
        except zlib.error:
            damage = "the compressed file is damaged"
        content = b"".join(parts)
    if len(content) > _ANSWER_BYTES:
        content, damage = content[:_ANSWER_BYTES], f"it has more than {_ANSWER_BYTES} bytes"
    return content, damage


def _text(content: bytes) -> str | None:
    encoding = _WIDE.get(content[:2], "utf-8-sig")
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        # A file that was cut off can end inside a character.
        if error.end >= len(content) - 4 and error.start > 0:
            return content[: error.start].decode(encoding)
        return None


def _documents(file: SavedFile, text: str, damage: str | None) -> Iterator[Document | Problem]:
    """Yield one document after the other: a shell loop appends answers to a file."""
    position = _next(text, 0)
    while position < len(text):
        try:
            value, position = _DECODER.raw_decode(text, position)
        except (ValueError, RecursionError):
            salvaged = list(_salvaged(text, position))
            yield from (Document(value, file, file.name) for value in salvaged)
            line = text.count("\n", 0, position) + 1
            cause = damage or f"the JSON that begins in line {line} does not end or is damaged"
            taken = f"; {len(salvaged)} whole items of it are read" if salvaged else ""
            yield Problem(f"{file.name}: {cause}{taken}.")
            return
        yield Document(value, file, file.name)
        position = _next(text, position)
    if damage is not None:
        yield Problem(f"{file.name}: {damage}; the documents before that place are read.")


def _salvaged(text: str, position: int) -> Iterator[Any]:
    """Yield the whole items of a listing that ends in the middle."""
    position = text.find('"Item"', position)
    position = -1 if position < 0 else text.find("[", position) + 1
    while 0 < position < len(text):
        try:
            value, position = _DECODER.raw_decode(text, _next(text, position))
        except (ValueError, RecursionError):
            return
        yield value
        position = _next(text, position)
        if text[position : position + 1] != ",":
            return
        position += 1


def _next(text: str, position: int) -> int:
    while position < len(text) and text[position] in " \t\r\n\ufeff":
        position += 1
    return position


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


_DECODER = json.JSONDecoder(parse_constant=_no_constant)
