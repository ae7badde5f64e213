"""The rows of an import file: endpoints to write, and rejects that say why.

Row numbers are the ones a spreadsheet shows: the header of a CSV is row 1, blank rows count, and a
record with a line break inside quotes is one row. In JSON lines the row is the line.

Source: Amazon Pinpoint user guide, "Importing segments".
"""

from __future__ import annotations

import csv
import json
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from engagement_hub.engagement.endpoint_requests import (
    InvalidMember,
    check_attribute_count,
    checked_id,
    checked_request,
)
from engagement_hub.engagement.endpoints import check_size
from engagement_hub.engagement.import_columns import (
    CONTROL_CHARACTER,
    Columns,
    DuplicateColumn,
    MissingColumn,
    UnknownColumn,
    check_row_target,
    check_undamaged,
    compile_columns,
    is_header,
)
from engagement_hub.engagement.import_files import (
    LINE_CHARACTERS,
    NOT_UTF8,
    SAVE_AS,
    TOO_LONG,
    BadLine,
    EmptyFile,
    ImportFileError,
    Line,
    RejectionCode,
    UnreadableFile,
    read_lines,
)
from engagement_hub.engagement.model import EndpointRequest, FileFormat
from shared.import_columns import IGNORED
from shared.spreadsheets import (
    SEPARATORS,
    UnknownSeparator,
    may_be_damaged,
    named_separator,
    trimmed,
)

__all__ = [
    "DuplicateColumn",
    "EmptyFile",
    "ImportFileError",
    "ImportRow",
    "MissingColumn",
    "RejectedRow",
    "RejectionCode",
    "UnknownColumn",
    "UnreadableFile",
    "read_rows",
]

# A quote opened by mistake would swallow the rest of the file; a value of more lines than this is
# taken for one.
RECORD_LINES = 50
# Lines up to this length cannot be over the 15 KB of an endpoint.
LIGHT_JSON_CHARACTERS = 3 * 1024


@dataclass(frozen=True, slots=True)
class ImportRow:
    """One endpoint of the file, checked. `id` is None where the row has no id."""

    number: int
    id: str | None
    endpoint: EndpointRequest


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """One row that is not imported. `reason` names column, rule and way out, never the value.

    `column` is the dotted member name, None where the row as a whole cannot be read.
    """

    number: int
    column: str | None
    reason: str
    code: RejectionCode


class _MalformedRow(Exception):
    """The row cannot be cut into cells, or is no JSON object."""


def read_rows(lines: BinaryIO, format: str, *, name: str) -> Iterator[ImportRow | RejectedRow]:
    """Read an import file row by row, good and bad, in the order of the file.

    Args:
        lines: the object's bytes, plain or gzip; only read(n) is used.
        format: "CSV" or "JSON"; the latter is one object per line.
        name: the file's name; only its ending matters.

    A file cut short gives its complete rows and then one RejectedRow of code TruncatedFile. A
    header without rows gives nothing. A row of User.UserId alone means the user.

    Raises:
        ImportFileError: before the first row, when the file as a whole is refused: EmptyFile,
            UnreadableFile, UnknownColumn, DuplicateColumn, MissingColumn. FileTooLarge is raised
            after rows.
        ValueError: format is neither.
    """
    read = _csv_rows if FileFormat(format) is FileFormat.CSV else _json_rows
    return read(read_lines(lines, name=name))


@dataclass(frozen=True, slots=True)
class _Table:
    """The columns of a CSV, and how its lines are cut: `width` counts the padding too."""

    columns: Columns
    separator: str
    width: int


def _csv_rows(lines: Iterator[Line]) -> Iterator[ImportRow | RejectedRow]:
    number = 0
    table: _Table | None = None
    separators = SEPARATORS
    waiting: deque[Line] = deque()  # lines looked at in search of a closing quote
    while True:
        line = waiting.popleft() if waiting else next(lines, None)
        if line is None:
            return
        number += 1
        if not isinstance(line, BadLine) and len(line) > LINE_CHARACTERS:
            line = TOO_LONG
        if isinstance(line, BadLine):
            if table is None and line.code in (NOT_UTF8.code, TOO_LONG.code):
                raise UnreadableFile(f"The header line cannot be read: {line.reason} {SAVE_AS}")
            yield RejectedRow(number, None, line.reason, line.code)
            continue
        if not line or line.isspace():
            continue
        if table is None:
            if number == 1 and (named := _named_separator(line)):
                separators = named
            else:
                table = _table(line, separators, lines, waiting)
            continue
        columns, cells = table.columns, list[str]()
        try:
            cells = _cells(line, lines, waiting, table.separator, table)
            if len(cells) > columns.width and not any(cells[columns.width :]):
                cells = cells[: columns.width]  # the padding of a spreadsheet
            if len(cells) != columns.width:
                if not any(cells):  # spreadsheets write blank rows as commas
                    continue
                raise _MalformedRow(_width_problem(cells, columns))
            if CONTROL_CHARACTER.search(line):
                _check_cells(cells, columns)
            if may_be_damaged(line):
                _check_undamaged(cells, columns)
            row_id, endpoint = columns.read(cells)
            if len(line) > columns.light_characters:
                check_size(endpoint)
        except InvalidMember as problem:
            if any(cells):  # a row of empty cells is a blank one
                yield _rejected(number, problem)
        except _MalformedRow as problem:
            yield RejectedRow(number, None, str(problem), RejectionCode.MALFORMED_ROW)
        else:
            yield ImportRow(number, row_id, endpoint)


def _named_separator(line: str) -> str | None:
    try:
        return named_separator(line)
    except UnknownSeparator as problem:
        raise UnreadableFile(str(problem)) from problem


def _table(line: str, separators: str, lines: Iterator[Line], waiting: deque[Line]) -> _Table:
    """Read the header line.

    A separator counts where the line is a header with it and with no other one. Otherwise the
    first one counts, a comma unless the file names another, and the error explains the rest.
    """
    if trimmed(line).startswith(("{", "[")):
        raise UnreadableFile("The file looks like JSON, not CSV. Import it with Format JSON.")
    cut: dict[str, list[str]] = {}
    problem: _MalformedRow | None = None
    for mark in separators:
        try:
            cut[mark] = _cells(line, lines, waiting, mark, None)
        except _MalformedRow as error:
            problem = problem or error
    headers = [mark for mark, cells in cut.items() if is_header(cells)]
    separator = headers[0] if len(headers) == 1 else separators[0]
    if separator not in cut:
        raise UnreadableFile(f"The header line cannot be read: {problem}") from problem
    return _Table(compile_columns(cut[separator]), separator, len(cut[separator]))


def _cells(
    line: str,
    lines: Iterator[Line],
    waiting: deque[Line],
    separator: str,
    table: _Table | None,
) -> list[str]:
    """Cut a line into trimmed cells."""
    cells = (
        _quoted_cells(line, lines, waiting, separator, table)
        if '"' in line
        else line.split(separator)
    )
    if line.isascii() and " " not in line and "\t" not in line:
        return cells  # the usual row, which has nothing to trim
    return [trimmed(cell) for cell in cells]


def _quoted_cells(
    line: str,
    lines: Iterator[Line],
    waiting: deque[Line],
    separator: str,
    table: _Table | None,
) -> list[str]:
    """Cut a line that has quotes in it.

    When a quote stays open, the following lines are looked at. If they close it, the record has a
    line break in a value and is one rejected row. If not, or if rows of their own would go with it,
    the quote is a slip: this line alone is rejected, and the others are read as the rows they are.

    Args:
        table: of the file; None while its header is read.
    """
    seen: list[Line] = []
    is_open = False

    def record() -> Iterator[str]:
        nonlocal is_open
        yield f"{line}\n"
        is_open = True
        while len(seen) < RECORD_LINES:
            further = waiting.popleft() if waiting else next(lines, None)
            if further is None:
                return
            seen.append(further)
            if isinstance(further, BadLine):
                return
            yield f"{further}\n"

    try:
        cells = next(csv.reader(record(), delimiter=separator, skipinitialspace=True, strict=True))
    except csv.Error as problem:
        if not is_open:
            raise _MalformedRow(
                "The quotes do not fit. Put the whole value in quotes, and write a quote inside "
                "twice."
            ) from problem
        cells = []
    if not is_open:
        return cells
    if table is not None and len(cells) == table.width and not _swallows_rows(seen, table):
        raise _MalformedRow(
            "A value holds a line break, which Pinpoint does not take. Put a space in its place."
        )
    waiting.extendleft(reversed(seen))
    raise _MalformedRow("A quote is opened and never closed. Close it.")


def _swallows_rows(seen: list[Line], table: _Table) -> bool:
    """Check whether whole rows are between a quote and the quote that happens to close it."""
    marks = table.width - 1  # with a single column nothing tells a row from a piece of text
    return marks > 0 and any(str(line).count(table.separator) == marks for line in seen[:-1])


def _check_cells(cells: list[str], columns: Columns) -> None:
    """Raise InvalidMember for the cell that holds the control character."""
    for column, cell in zip(columns.names, cells, strict=True):
        if CONTROL_CHARACTER.search(cell):
            raise InvalidMember(
                column, "holds a tab, a NUL or another control character. Remove it."
            )


def _check_undamaged(cells: list[str], columns: Columns) -> None:
    """Raise InvalidMember for the first cell that a spreadsheet damaged."""
    for column, cell in zip(columns.names, cells, strict=True):
        check_undamaged(column, cell)


def _width_problem(cells: list[str], columns: Columns) -> str:
    return (
        f"The row has {len(cells)} values and the header {columns.width} columns. "
        "Put values that hold separators in double quotes."
    )


def _rejected(number: int, problem: InvalidMember) -> RejectedRow:
    return RejectedRow(
        number, _in_utf8(problem.member), _in_utf8(problem.message), RejectionCode.INVALID_VALUE
    )


def _in_utf8(text: str) -> str:
    """Escape half characters: JSON can have them in a member's name, which the reason repeats."""
    return text.encode(errors="backslashreplace").decode()


def _json_rows(lines: Iterator[Line]) -> Iterator[ImportRow | RejectedRow]:
    nothing_yet = True
    for number, line in enumerate(lines, start=1):
        if isinstance(line, BadLine):
            yield RejectedRow(number, None, line.reason, line.code)
            continue
        if not line or line.isspace():
            continue
        if nothing_yet and (line.strip() in ("{", "[") or line.lstrip().startswith("[{")):
            raise UnreadableFile(
                "The file is one JSON document. Write one endpoint per line, without line breaks "
                "inside it, brackets around all, or commas between."
            )
        nothing_yet = False
        try:
            row_id, endpoint = _json_row(line)
        except InvalidMember as problem:
            yield _rejected(number, problem)
        except _MalformedRow as problem:
            yield RejectedRow(number, None, str(problem), RejectionCode.MALFORMED_ROW)
        else:
            yield ImportRow(number, row_id, endpoint)


def _json_row(line: str) -> tuple[str | None, EndpointRequest]:
    if len(line) > LINE_CHARACTERS:
        raise _MalformedRow(TOO_LONG.reason)
    if "\0" in line:
        raise _MalformedRow("The row holds a NUL byte. Remove it.")
    try:
        written = _decode(line)
    except (ValueError, RecursionError):  # nested too deeply is no endpoint either
        raise _MalformedRow(
            "The line is not JSON. Write one object per line, in double quotes."
        ) from None
    if not isinstance(written, dict):
        raise _MalformedRow("The line is JSON, but no object. Write one endpoint per line.")

    row_id = written.pop("Id", None)
    if row_id is not None:
        row_id = checked_id("Id", row_id)
    for member in IGNORED:
        written.pop(member, None)
    endpoint = checked_request(written)
    if may_be_damaged(line):
        check_undamaged("Id", row_id)
        check_undamaged("Address", endpoint.get("Address"))
        if "User" in endpoint:
            check_undamaged("User.UserId", endpoint["User"].get("UserId"))
    if not (row_id is None and endpoint.keys() == {"User"} and _names_only_a_user(endpoint)):
        check_row_target(row_id, endpoint)
    check_attribute_count(endpoint)
    if len(line) > LIGHT_JSON_CHARACTERS or "\\u" in line:
        check_size(endpoint)
    return row_id, endpoint


def _names_only_a_user(endpoint: EndpointRequest) -> bool:
    return endpoint["User"].keys() == {"UserId"}


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


_decode = json.JSONDecoder(parse_constant=_no_constant).decode
