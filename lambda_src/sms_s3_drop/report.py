"""The result file: one line for every row of the file, in the order of the file."""

from __future__ import annotations

import csv
import heapq
import io
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, BinaryIO

from sms_s3_drop.ledger import Ledger, RowState, Run, Status
from sms_s3_drop.rows import CONTEXT_COLUMNS
from sms_s3_drop.run import piece_key
from sms_s3_drop.turns import Lane

__all__ = ["HEADER", "NOT_REACHED", "Line", "MissingPiece", "lines_of", "write_result"]

# The number and the message stay out: the file that was dropped has them under the row's number.
HEADER = ("row", "status", "message_id", "reason", *CONTEXT_COLUMNS)
NOT_REACHED = "The message was not sent before the run ended."
_UNFINISHED = "The sender stopped while it sent the message: it may be sent."


class MissingPiece(RuntimeError):
    """A work file is not there, so that the result cannot be complete."""


@dataclass(frozen=True, slots=True)
class Line:
    """The outcome of one row."""

    row: int
    status: Status
    context: Mapping[str, str]
    message_id: str | None = None
    reason: str | None = None

    def cells(self) -> list[str]:
        context = [self.context.get(column, "") for column in CONTEXT_COLUMNS]
        return [str(self.row), self.status, self.message_id or "", self.reason or "", *context]


def lines_of(
    run: Run,
    ledger: Ledger,
    read: Callable[[str], Iterable[Mapping[str, Any]]],
    rejects: Iterable[Mapping[str, Any]],
) -> Iterator[Line]:
    """Yield the line of every row, by row.

    Args:
        read: yields the values of a work file by its key.
        rejects: the rejected rows, by row.
    """
    streams = [_lane(run, lane, ledger, read) for lane in run.lanes.values()]
    rejected = (
        Line(int(r["row"]), Status.REJECTED, r["context"], reason=r["reason"]) for r in rejects
    )
    return heapq.merge(rejected, *streams, key=attrgetter("row"))


def _lane(
    run: Run,
    lane: Lane,
    ledger: Ledger,
    read: Callable[[str], Iterable[Mapping[str, Any]]],
) -> Iterator[Line]:
    for piece in range(lane.pieces):
        states = ledger.piece_rows(run.run, lane.identity, piece)
        for stored in read(piece_key(run.run, lane.identity, piece)):
            yield _line(int(stored["row"]), stored["context"], states.get(int(stored["row"])))


def _line(row: int, context: Mapping[str, str], state: RowState | None) -> Line:
    """Return the line of a row, also of a row without an outcome: no sender has it any more."""
    if state is None or state.status is Status.WAITING:
        return Line(row, Status.FAILED, context, reason=NOT_REACHED)
    if state.status is Status.CLAIMED:
        return Line(row, Status.UNKNOWN, context, reason=_UNFINISHED)
    return Line(row, state.status, context, state.message_id, state.reason)


def write_result(lines: Iterable[Line], file: BinaryIO) -> Counter[Status]:
    """Write the result file as CSV in UTF-8; return the counts of its lines by status."""
    counts: Counter[Status] = Counter()
    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    writer = csv.writer(text)
    writer.writerow(HEADER)
    for line in lines:
        writer.writerow(line.cells())
        counts[line.status] += 1
    text.flush()
    text.detach()
    return counts
