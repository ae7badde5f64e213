"""Cut a file into pieces: the rows of each identity, in order, and the rejected rows."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from sms_s3_drop.identities import Identities
from sms_s3_drop.rows import Rejected, Text, read_row
from sms_s3_drop.run import piece_key, work_prefix
from sms_s3_drop.text_file import BadRecord, Record, UnusableFile
from sms_s3_drop.turns import Lane

__all__ = ["FILE_BYTES", "FILE_ROWS", "Cut", "cut", "pieces_of", "rejects_prefix"]

FILE_BYTES = 300 * 1024 * 1024
FILE_ROWS = 1_000_000
_REJECTS_PER_OBJECT = 1000


@dataclass(frozen=True, slots=True)
class Cut:
    """The books of a file: `rows` is the sum of the lanes' rows and of the rejected rows."""

    rows: int
    rejected: int
    lanes: dict[str, Lane]


class _Parts:
    """Objects of JSON lines, written when they are full."""

    def __init__(self, size: int, key: Callable[[int], str], put: Callable[[str, bytes], None]):
        self._size = size
        self._key = key
        self._put = put
        self._lines: list[str] = []
        self._written = 0
        self.rows = 0

    def add(self, value: object) -> None:
        self._lines.append(json.dumps(value, separators=(",", ":")))
        self.rows += 1
        if len(self._lines) == self._size:
            self.flush()

    def flush(self) -> None:
        if self._lines:
            self._put(self._key(self._written), ("\n".join(self._lines) + "\n").encode())
            self._written += 1
            self._lines = []


def rejects_prefix(run: str) -> str:
    return f"{work_prefix(run)}rejects/"


def cut(
    records: Iterable[Record | BadRecord],
    identities: Identities,
    run: str,
    put: Callable[[str, bytes], None],
) -> Cut:
    """Write a file's rows to the work bucket. A second attempt writes the same objects again.

    Raises:
        UnusableFile: no row, or more than FILE_ROWS rows.
    """
    lanes: dict[str, _Parts] = {}
    rejects = _Parts(_REJECTS_PER_OBJECT, lambda n: f"{rejects_prefix(run)}{n:06d}.jsonl", put)
    for record in records:
        row = read_row(record, identities)
        if isinstance(row, Rejected):
            rejects.add(row.stored())
        else:
            lane = lanes.get(row.identity) or lanes.setdefault(
                row.identity, _lane_parts(row, identities, run, put)
            )
            lane.add(row.stored())
        if rejects.rows + sum(lane.rows for lane in lanes.values()) > FILE_ROWS:
            raise UnusableFile(
                f"The file has more than {FILE_ROWS:,} rows. None is sent: split the file."
            )
    for parts in (rejects, *lanes.values()):
        parts.flush()
    cut_lanes = {}
    for key, parts in lanes.items():
        identity = identities.by_key[key]
        cut_lanes[key] = Lane(key, parts.rows, identity.rows_per_chunk, identity.chunks_per_piece)
    rows = rejects.rows + sum(parts.rows for parts in lanes.values())
    if not rows:
        raise UnusableFile(
            "The file has a header and no rows. Write rows to it, and drop it again."
        )
    return Cut(rows, rejects.rows, cut_lanes)


def _lane_parts(
    row: Text, identities: Identities, run: str, put: Callable[[str, bytes], None]
) -> _Parts:
    identity = identities.by_key[row.identity]
    rows = identity.rows_per_chunk * identity.chunks_per_piece
    return _Parts(rows, lambda n: piece_key(run, identity.key, n), put)


def pieces_of(run: str, lanes: Iterable[Lane]) -> Iterator[dict[str, object]]:
    """Yield the items of the Distributed Map: the permits of each piece."""
    for lane in lanes:
        for piece in range(lane.pieces):
            first = piece * lane.chunks_per_piece
            yield {
                "Run": run,
                "Identity": lane.identity,
                "First": first,
                "Permits": min(lane.chunks_per_piece, lane.chunks - first),
            }
