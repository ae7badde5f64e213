"""Records of a dropped file, CSV or JSON lines, as spreadsheets and programs write them.

A file without a usable header is refused as a whole. A record that cannot be read is handed on as
a `BadRecord`, and the records round it are not lost.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import BinaryIO

from shared.spreadsheets import SEPARATORS, UnknownSeparator, named_separator, trimmed

__all__ = ["COLUMNS", "REQUIRED", "BadRecord", "Record", "UnusableFile", "read_records"]

COLUMNS = (
    "sms_number",
    "message",
    "external_campaign_id",
    "short_code",
    "message_type",
    "id_1",
    "id_2",
)
REQUIRED = ("sms_number", "message")
# A quote that is never closed would swallow the rest of the file. A message has at most 1,600
# characters, so a longer record is taken for one.
RECORD_CHARACTERS = 16_384
RECORD_LINES = 200
_SHORTEST_HEADER = len("sms_number,message")
_SIGNATURES = {
    b"\x1f\x8b": "a gzip archive",
    b"PK\x03\x04": "a zip archive or an Excel workbook",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"%PDF": "a PDF document",
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"BZh": "a bzip2 archive",
    b"PAR1": "a Parquet file",
}
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SAVE_AS = 'Save it as "CSV UTF-8", or as JSON lines in UTF-8, and drop it again.'


class UnusableFile(ValueError):
    """The whole file is refused; the message names the rule and the way out."""


@dataclass(frozen=True, slots=True)
class Record:
    """The cells of one record by column; `row` counts as a spreadsheet does, the header being 1."""

    row: int
    cells: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class BadRecord:
    """A record that is there and cannot be read. `reason` quotes nothing of it."""

    row: int
    reason: str


def read_records(file: BinaryIO, *, name: str) -> Iterator[Record | BadRecord]:
    """Yield every record that is not blank.

    Args:
        file: seekable, at its beginning.
        name: the key of the file; an ending .json, .jsonl or .ndjson means JSON lines.

    Raises:
        UnusableFile: before the first record.
    """
    lines = enumerate(_lines(file), start=1)
    row, first = next(((row, line) for row, line in lines if line.strip()), (0, ""))
    if not first:
        raise UnusableFile("The file is empty. Write a header and rows to it, and drop it again.")
    if name.lower().endswith((".json", ".jsonl", ".ndjson")) or first.lstrip().startswith("{"):
        return _json_records(chain([(row, first)], lines))
    return _csv_records(row, first, (line for _, line in lines))


def _lines(file: BinaryIO) -> Iterator[str]:
    """Yield lines with their ends as newlines; bytes that are no text become surrogates.

    A line of more than RECORD_CHARACTERS is cut off behind one character more, so that a file
    without line ends does not need memory for all of it.
    """
    head = file.read(4096)
    file.seek(0)
    if not head:
        raise UnusableFile("The file is empty. Write a header and rows to it, and drop it again.")
    for signature, kind in _SIGNATURES.items():
        if head.startswith(signature):
            raise UnusableFile(f"The file is {kind}, not CSV or JSON lines. {_SAVE_AS}")
    encoding = next((name for mark, name in _MARKS if head.startswith(mark)), None)
    if encoding is None:
        encoding = _without_mark(head)
    # Only UTF-8 can keep undecodable bytes; a damaged unit of UTF-16 becomes U+FFFD.
    errors = "surrogateescape" if encoding.startswith("utf-8") else "replace"
    text = io.TextIOWrapper(file, encoding=encoding, errors=errors, newline=None)
    return _bounded(text)


def _bounded(text: io.TextIOWrapper) -> Iterator[str]:
    while line := text.readline(RECORD_CHARACTERS + 1):
        yield line
        while line and not line.endswith("\n"):
            line = text.readline(RECORD_CHARACTERS)


def _without_mark(head: bytes) -> str:
    # The characters of a header are ASCII: one byte of two is NUL. The rows can be of any script.
    end = head.find(b"\n", _SHORTEST_HEADER)
    head = head if end < 0 else head[:end]
    if head.count(0) * 10 < len(head):
        return "utf-8"
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if odd * 4 > len(head) and even * 10 < odd:
        return "utf-16-le"
    if even * 4 > len(head) and odd * 10 < even:
        return "utf-16-be"
    raise UnusableFile(f"The file is full of NUL bytes, so it is no text. {_SAVE_AS}")


# JSON lines


class _DuplicateMember(ValueError):
    pass


def _json_records(lines: Iterator[tuple[int, str]]) -> Iterator[Record | BadRecord]:
    """Yield the objects; the first line is row 1, because JSON lines have no header."""
    for row, line in lines:
        if not line.strip():
            continue
        yield _json_record(row, line)


def _json_record(row: int, line: str) -> Record | BadRecord:
    if len(line) > RECORD_CHARACTERS:
        return BadRecord(row, f"The line has more than {RECORD_CHARACTERS} characters.")
    if _is_undecodable(line):
        return BadRecord(row, "The line holds bytes that are no text. Save the file as UTF-8.")
    try:
        found = json.loads(line, object_pairs_hook=_members)
    except _DuplicateMember:
        return BadRecord(row, "The object names a column twice. Leave one of them out.")
    except (ValueError, RecursionError):
        return BadRecord(row, "The line is not JSON. Write one object per line.")
    if not isinstance(found, dict):
        return BadRecord(row, "The line is no JSON object. Write one object per line.")
    cells: dict[str, str] = {}
    for column, value in found.items():
        if column not in COLUMNS:
            return BadRecord(
                row, f"The object has a member that is no column: use {', '.join(COLUMNS)}."
            )
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, str | int):
            return BadRecord(row, f"{column} must be a text, a whole number or null.")
        cells[column] = str(value)
    return Record(row, cells)


def _members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise _DuplicateMember
    return members


# CSV


def _csv_records(row: int, first: str, lines: Iterator[str]) -> Iterator[Record | BadRecord]:
    try:
        separator = named_separator(first)
    except UnknownSeparator as error:
        raise UnusableFile(str(error)) from error
    if separator is not None:
        first = next((line for line in lines if line.strip()), "")
        row += 1
    separator = separator or max(SEPARATORS, key=first.count)
    columns = _columns(first, separator)
    return _rows(columns, separator, lines, row + 1)


def _columns(header: str, separator: str) -> list[str]:
    """Read the header: the names of COLUMNS in any order and case."""
    if len(header) > RECORD_CHARACTERS:
        raise UnusableFile(
            f"The first line has more than {RECORD_CHARACTERS:,} characters. It must name the "
            f"columns, and each row must have a line. {_SAVE_AS}"
        )
    if _is_undecodable(header):
        raise UnusableFile(f"The header is not UTF-8. {_SAVE_AS}")
    try:
        names = [trimmed(name).lower() for name in _parsed(header, separator)]
    except csv.Error as error:
        raise UnusableFile("The header cannot be read: a quote is not closed.") from error
    while names and not names[-1]:
        names.pop()
    known = f"The columns are {', '.join(COLUMNS)}, in any order."
    if missing := [name for name in REQUIRED if name not in names]:
        raise UnusableFile(
            f"The first line must name the columns, and {' and '.join(missing)} must be among "
            f"them. {known}"
        )
    if unknown := [position + 1 for position, name in enumerate(names) if name not in COLUMNS]:
        # The name itself stays out of notifications: without a header it would be a value.
        raise UnusableFile(
            f"The header has an unknown name in column {unknown[0]}. {known} Remove or rename it."
        )
    if twice := [name for name in COLUMNS if names.count(name) > 1]:
        raise UnusableFile(f"The header names {twice[0]} twice. Leave one of the columns out.")
    return names


def _rows(
    columns: list[str], separator: str, lines: Iterator[str], row: int
) -> Iterator[Record | BadRecord]:
    """Yield records; one whose quote is never closed costs its first line alone."""
    opening = re.compile(rf'(?:\A|{re.escape(separator)})"')
    waiting: deque[str] = deque()  # lines behind a quote that was not closed, read again

    def following() -> str | None:
        return waiting.popleft() if waiting else next(lines, None)

    while (line := following()) is not None:
        if not line.strip():
            row += 1
            continue
        if len(line) > RECORD_CHARACTERS:
            yield BadRecord(row, f"The row has more than {RECORD_CHARACTERS} characters.")
            row += 1
            continue
        taken, size, quoted = [line], len(line), _ends_quoted(line, opening, quoted=False)
        while quoted and size <= RECORD_CHARACTERS and len(taken) < RECORD_LINES:
            more = following()
            if more is None:
                break
            taken.append(more)
            size += len(more)
            quoted = _ends_quoted(more, opening, quoted=True)
        try:
            cells = None if quoted else _parsed("".join(taken), separator)
        except csv.Error:  # text follows a quote: the first quote of a later row closed this one
            cells = None
        if cells is None:
            waiting.extendleft(reversed(taken[1:]))
            yield BadRecord(
                row, "A quote is not closed. Close it, and double the quotes within a value."
            )
        else:
            record = _record(row, "".join(taken), cells, columns)
            if record is not None:
                yield record
        row += 1


def _ends_quoted(line: str, opening: re.Pattern[str], *, quoted: bool) -> bool:
    """Check whether a line ends inside quotes; a quote opens at the start of a cell only."""
    position = 0
    while True:
        if quoted:
            position = line.find('"', position)
            if position < 0:
                return True
            if line.startswith('""', position):
                position += 2
                continue
            quoted = False
            position += 1
        else:
            opened = opening.search(line, position)
            if opened is None:
                return False
            quoted = True
            position = opened.end()


def _record(row: int, text: str, cells: list[str], columns: list[str]) -> Record | BadRecord | None:
    if len(text) > RECORD_CHARACTERS:
        return BadRecord(row, f"The row has more than {RECORD_CHARACTERS} characters.")
    if _is_undecodable(text):
        return BadRecord(row, "The row holds bytes that are no text. Save the file as UTF-8.")
    if not any(cell.strip() for cell in cells):
        return None
    if len(cells) > len(columns) and not any(cell.strip() for cell in cells[len(columns) :]):
        cells = cells[: len(columns)]
    if len(cells) != len(columns):
        return BadRecord(
            row,
            f"The row has {len(cells)} cells and the header {len(columns)}. Quote a message that "
            "holds the separator.",
        )
    return Record(row, dict(zip(columns, cells, strict=True)))


def _parsed(text: str, separator: str) -> list[str]:
    """Return the cells of one record."""
    body = text.removesuffix("\n")
    # The reader ends a record at a line end outside of quotes, and a record has no other.
    return next(csv.reader([body], delimiter=separator, strict=True), [])


def _is_undecodable(text: str) -> bool:
    return not text.isascii() and any("\ud800" <= c <= "\udfff" or c == "\ufffd" for c in text)
