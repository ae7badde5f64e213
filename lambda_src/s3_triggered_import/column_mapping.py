"""Rewrite a CSV file of another program with the columns of an import, row by row.

Row numbers stay: each record of the source is one line of the copy, and a record that cannot be
read is an empty line in it and a rejection. The file is never held whole.
"""

import csv
import gzip
import io
import json
import re
import zlib
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, cast

from shared.spreadsheets import (
    SEPARATORS,
    UnknownSeparator,
    damage,
    may_be_damaged,
    named_separator,
    trimmed,
)

__all__ = ["ColumnMapping", "Tally", "UnusableFile", "mapped_copy", "mapping_from"]

# A quote opened by mistake would swallow the rest of the file; a value of more lines than this is
# taken for one. The engagement hub draws the same lines.
RECORD_LINES = 50
LINE_CHARACTERS = 128 * 1024
BLOCK_CHARACTERS = 256 * 1024
REASONS_KEPT = 50
FILE_CHARACTERS = 1024**3  # an import takes no more bytes

SAVE_AS = 'Save it as "CSV UTF-8"'
# Only a mark at the beginning tells an encoding for certain; without one the setting counts.
_MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_OTHER_KINDS = {
    b"PK\x03\x04": "an Excel workbook or a zip archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"%PDF": "a PDF document",
}
_UNFIT = "The row is too long, or holds a NUL. Remove it."
_GZIP = b"\x1f\x8b"
_BREAKS = re.compile(r"[\r\n\t]+")
_ADDRESS = re.compile(r"@|\d{4}")


class UnusableFile(ValueError):
    """The whole file is refused. The message names the rule and the way out, and no value."""


class _MalformedRecord(Exception):
    """One record cannot be cut into cells."""


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """Which column of the file becomes which column of the import.

    `columns` is {header of the file: column of the import}; headers are compared without regard to
    case and surrounding spaces. `constants` are columns that every row gets.
    """

    columns: Mapping[str, str]
    constants: Mapping[str, str]
    encoding: str


@dataclass(slots=True)
class Tally:
    """Counts of the rows in the copy, of those without an address, and of rejected ones.

    `reasons` has the first rejected rows.
    """

    rows: int = 0
    without_address: int = 0
    rejected: int = 0
    reasons: list[str] = field(default_factory=list)

    def reject(self, row: int, reason: str) -> None:
        """Count a row that cannot be read."""
        self.rejected += 1
        if len(self.reasons) < REASONS_KEPT:
            self.reasons.append(f"row {row}: {reason}")


def mapping_from(text: str) -> ColumnMapping:
    """Read the function's setting: the module's input `column_mapping` as JSON."""
    members = json.loads(text)
    return ColumnMapping(members["columns"], members["constants"], members["encoding"])


def mapped_copy(source: BinaryIO, mapping: ColumnMapping, tally: Tally) -> Iterator[bytes]:
    """Yield the copy in pieces: CSV in UTF-8 with the columns of the mapping, in its order.

    Args:
        source: the file's bytes, plain or gzip.
        tally: filled while the copy is read.

    Raises:
        UnusableFile: the file is not a CSV file that the mapping fits, or breaks off.
    """
    lines = _Lines(_bytes_of(source), mapping.encoding)
    try:
        yield from _copy(lines, mapping, tally)
    except UnicodeDecodeError as error:
        raise UnusableFile(
            f"The file is not {lines.encoding}. {SAVE_AS}, or name its encoding in "
            "column_mapping.encoding."
        ) from error
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise UnusableFile(
            "The compressed file is damaged, or ends in the middle. Upload it whole again."
        ) from error


def _copy(lines: "_Lines", mapping: ColumnMapping, tally: Tally) -> Iterator[bytes]:
    header, separator = _header(lines, mapping)
    positions = _positions(header, mapping)
    constants = [_one_line(value) for value in mapping.constants.values()]
    targets = list(mapping.columns.values())
    # Without an Id such a row names no endpoint: in a list of contacts many have no number.
    by_address = "Address" in targets and "Id" not in targets
    address_at = positions[targets.index("Address")] if by_address else None
    block = io.StringIO()
    writer = csv.writer(block, lineterminator="\n")
    for _ in range(lines.row - 1):
        writer.writerow([])  # lines above the header keep their numbers too
    writer.writerow([*targets, *mapping.constants])
    for number, cells in enumerate(_records(lines, separator), start=lines.row + 1):
        if isinstance(cells, _MalformedRecord):
            tally.reject(number, str(cells))
            writer.writerow([])
        elif not any(cells):
            writer.writerow([])
        elif len(cells) != len(header) and (
            len(cells) < len(header) or any(map(trimmed, cells[len(header) :]))
        ):
            tally.reject(
                number,
                f"The row has {len(cells)} values and the header {len(header)} columns. "
                "Put values that hold a separator or a line break in double quotes.",
            )
            writer.writerow([])
        elif address_at is not None and not trimmed(cells[address_at]):
            tally.without_address += 1
            writer.writerow([])
        else:
            values = [_one_line(cells[at]) for at in positions]
            if reason := _damage(values, targets):
                tally.reject(number, reason)
                writer.writerow([])
            else:
                tally.rows += 1
                writer.writerow(values + constants)
        if block.tell() > BLOCK_CHARACTERS:
            yield block.getvalue().encode()
            block.seek(0)
            block.truncate()
    yield block.getvalue().encode()


class _Lines:
    """Lines of a text with their ends; `row` is the header's number, counted as spreadsheets do."""

    def __init__(self, source: io.BufferedReader, encoding: str) -> None:
        head = source.peek(4)[:4]
        for signature, kind in _OTHER_KINDS.items():
            if head.startswith(signature):
                raise UnusableFile(f"The file is {kind}, not CSV. {SAVE_AS} and upload it again.")
        marked = (name for mark, name in _MARKS.items() if head.startswith(mark))
        self.encoding = next(marked, encoding)
        self.row = 0
        self._left = FILE_CHARACTERS
        self._text = io.TextIOWrapper(source, encoding=self.encoding, newline="")
        self._waiting: deque[str] = deque()  # looked at in search of a closing quote

    def next(self) -> str | None:
        """Read a line of at most LINE_CHARACTERS + 1 characters; None at the end."""
        if self._waiting:
            return self._waiting.popleft()
        line = self._read(LINE_CHARACTERS + 1)
        if len(line) > LINE_CHARACTERS:
            end = line
            while end and not end.endswith(("\n", "\r")):
                end = self._read(LINE_CHARACTERS)
        return line or None

    def _read(self, characters: int) -> str:
        line = self._text.readline(characters)
        self._left -= len(line)
        if self._left < 0:
            raise UnusableFile(
                "The file holds more than 1 GB, counted without compression. Split it into several "
                "files, and upload each."
            )
        return line

    def give_back(self, lines: Sequence[str]) -> None:
        self._waiting.extendleft(reversed(lines))


def _bytes_of(source: BinaryIO) -> io.BufferedReader:
    stored: io.BufferedReader = io.BufferedReader(cast(io.RawIOBase, source))
    if stored.peek(2)[:2] == _GZIP:
        return io.BufferedReader(cast(io.RawIOBase, gzip.GzipFile(fileobj=stored)))
    return stored


def _header(lines: _Lines, mapping: ColumnMapping) -> tuple[list[str], str]:
    """Return the names of the first record that is not empty, and its separator.

    A first line `sep=;` names the separator; without that line the separator that fits best counts.
    """
    separators = SEPARATORS
    while (line := lines.next()) is not None:
        lines.row += 1
        try:
            named = named_separator(line) if lines.row == 1 else None
        except UnknownSeparator as problem:
            raise UnusableFile(str(problem)) from problem
        if named:
            separators = named
        elif line.strip():
            break
    else:
        raise UnusableFile("The file is empty. Write the rows to it and upload it again.")
    no_header = UnusableFile(f"The first line is no header of a CSV file. {SAVE_AS}.")
    if _is_unfit(line):
        raise no_header
    wanted = set(map(_folded, mapping.columns))

    def names(separator: str) -> tuple[list[str], list[str]]:
        """Return the names, and the further lines of a header with line breaks in quotes."""
        try:
            cells, further = _quoted_record(line, lines, separator)
            lines.give_back(further)
        except _MalformedRecord:
            # A stray quote in one name does not matter to the other names.
            try:
                cells, further = next(csv.reader([line], delimiter=separator)), []
            except (csv.Error, StopIteration):
                cells, further = [], []
        return [_one_line(name) for name in cells], further

    def fit(mark: str) -> tuple[int, int]:
        """Names of the mapping count first; where no name fits, the number of cells."""
        cells, _ = names(mark)
        return len(wanted & set(map(_folded, cells))), len(cells)

    separator = max(separators, key=fit)
    header, further = names(separator)
    if any(map(_is_unfit, further)):
        raise no_header
    for _ in further:
        lines.next()
    return header, separator


def _positions(header: Sequence[str], mapping: ColumnMapping) -> list[int]:
    """Return the positions of the mapped columns in the file.

    Raises:
        UnusableFile: some are not there, or come more than once.
    """
    folded = [_folded(name) for name in header]
    counts = Counter(folded)
    problems = []
    for name in mapping.columns:
        if counts[_folded(name)] > 1:
            problems.append(f'"{name}" comes {counts[_folded(name)]} times: rename the others.')
        elif not counts[_folded(name)]:
            problems.append(f'"{name}" is missing{_near(name, header)}.')
    if problems:
        raise UnusableFile(
            "The header does not fit column_mapping. "
            f"{' '.join(problems)} Correct the header, or column_mapping.columns."
        )
    return [folded.index(_folded(name)) for name in mapping.columns]


def _near(name: str, header: Sequence[str]) -> str:
    """Name the nearest column of the file, unless the first line looks like data."""
    from difflib import get_close_matches  # only needed to explain a mistake

    if any(map(_ADDRESS.search, header)):
        return ""
    near = get_close_matches(_folded(name), map(_folded, header), n=1, cutoff=0.5)
    return (
        f' (did you mean "{header[[_folded(h) for h in header].index(near[0])]}"?)' if near else ""
    )


def _folded(name: str) -> str:
    return " ".join(trimmed(name).split()).casefold()


def _one_line(cell: str) -> str:
    """Replace line breaks and tabs, which an import does not take."""
    return trimmed(_BREAKS.sub(" ", cell))


def _damage(values: Sequence[str], targets: Sequence[str]) -> str | None:
    """Return the column and the rule of the first value that a spreadsheet damaged."""
    for value, target in zip(values, targets, strict=True):
        if may_be_damaged(value) and (rule := damage(target, value)):
            return f"{target} {rule}"
    return None


def _is_unfit(line: str) -> bool:
    return len(line) > LINE_CHARACTERS or "\0" in line


def _records(lines: _Lines, separator: str) -> Iterator[list[str] | _MalformedRecord]:
    while (line := lines.next()) is not None:
        if _is_unfit(line):
            yield _MalformedRecord(_UNFIT)
        elif '"' in line:
            try:
                cells, further = _quoted_record(line, lines, separator)
            except _MalformedRecord as problem:
                yield problem
            else:
                yield _MalformedRecord(_UNFIT) if any(map(_is_unfit, further)) else cells
        else:
            yield line.rstrip("\r\n").split(separator)


def _quoted_record(line: str, lines: _Lines, separator: str) -> tuple[list[str], list[str]]:
    """Cut a record that has quotes in it; a value may hold line breaks.

    Returns its cells, and the lines after the first that belong to it.

    Raises:
        _MalformedRecord: a quote stays open. The lines after the first are read again as rows.
    """
    seen: list[str] = []
    is_open = False

    def record() -> Iterator[str]:
        nonlocal is_open
        yield line
        is_open = True
        while len(seen) < RECORD_LINES and (further := lines.next()) is not None:
            seen.append(further)
            yield further

    try:
        cells = next(csv.reader(record(), delimiter=separator, skipinitialspace=True, strict=True))
    except csv.Error:
        cells = []
    if cells and (not is_open or seen):
        return cells, seen
    lines.give_back(seen)
    raise _MalformedRecord(
        "The quotes do not fit. Put the whole value in quotes, and write a quote inside twice."
    )
