"""A batch of Firehose records into rows: the transform of every event database."""

from __future__ import annotations

import binascii
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.event_rows.errors import Refused
from shared.event_rows.ids import id_of_text
from shared.event_rows.records import Event, only_event, read
from shared.event_rows.tables import Arrival
from shared.event_rows.types import Row, set_aside

RESPONSE_BUDGET = 6_000_000
"""Bytes of an answer; Lambda refuses those of more than 6 MiB (6,291,456)."""
ANSWER_FULL = "the answer is full"
_RECORD_OVERHEAD = 100  # bytes of an answer's record beside its id and data

# An event and how it came → its rows; one without `event_id` gets that of its text. Raises an
# exception when the event is not one of the table's.
Table = Callable[[Event, Arrival], list[Row]]


def _encoder(*, ascii_only: bool = False, in_order: bool = False) -> Callable[[Any], str]:
    encoder = json.JSONEncoder(
        separators=(",", ":"),
        ensure_ascii=ascii_only,
        sort_keys=in_order,
        check_circular=False,
        allow_nan=False,
    )
    return encoder.encode


_encode, _encode_in_order = _encoder(), _encoder(in_order=True)
_encode_ascii = _encoder(ascii_only=True, in_order=True)


@dataclass(slots=True)
class Answer:
    """The outcome of a batch.

    Attributes:
        records: Firehose's own shape: `recordId`, `result` and, for Ok, `data`.
        refused: parts that are no events of records that are Ok, by the record's id.
        reasons: number of records or parts that go to the error prefix, by reason.
    """

    records: list[dict[str, str]] = field(default_factory=list)
    refused: dict[str, list[Refused]] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)

    def count(self, reason: str) -> None:
        self.reasons[reason] = self.reasons.get(reason, 0) + 1

    def refuse_whole(self) -> None:
        """Leave records to Firehose whose refused parts could not be stored: nothing is lost."""
        for record in self.records:
            if record["recordId"] in self.refused:
                record["result"] = "ProcessingFailed"
                del record["data"]


def transform(
    records: Iterable[Mapping[str, Any]],
    table: Table,
    *,
    account_id: str = "",
    budget: int = RESPONSE_BUDGET,
) -> Answer:
    """Return the rows of a batch, one line of JSON each.

    A record becomes Ok with all rows of its events; ProcessingFailed when it holds no readable
    event, so that Firehose writes it below the error prefix; Dropped when it is empty.
    """
    answer = Answer()
    size = 0
    for record in records:
        record_id = record["recordId"]
        arrival = Arrival(record.get("approximateArrivalTimestamp") or 0, account_id)
        rows, refused = _rows_of(binascii.a2b_base64(record["data"]), table, arrival)
        for part in refused:
            answer.count(part.reason)
        size += len(record_id) + _RECORD_OVERHEAD
        if rows:
            data = binascii.b2a_base64(rows, newline=False).decode()
            if size + len(data) <= budget:
                size += len(data)
                answer.records.append({"recordId": record_id, "result": "Ok", "data": data})
                if refused:
                    answer.refused[record_id] = refused
                continue
            answer.count(ANSWER_FULL)
        result = "ProcessingFailed" if rows or refused else "Dropped"
        answer.records.append({"recordId": record_id, "result": result})
    return answer


def _rows_of(raw: bytes, table: Table, arrival: Arrival) -> tuple[bytes, list[Refused]]:
    """Return the lines of a record's rows, and its parts that are no events."""
    refused: list[Refused] = []
    found = only_event(raw)
    if found is not None:
        events = [found]
    else:
        events, rest = _read(raw)
        refused += [Refused(part, reason, arrival.milliseconds) for part, reason in rest]
    lines: list[bytes] = []
    for event in events:
        try:
            lines += [_line(row, event) for row in table(event, arrival)]
        # Any exception: one event must not fail the 499 others, and no event is lost by it. Only
        # the class of the error is reported, since its message may quote the event.
        except Exception as error:
            try:
                part = _text_of(event)
            except RecursionError:  # then all of the record is Firehose's
                return b"", [Refused(raw, "nested too deeply", arrival.milliseconds)]
            refused.append(Refused(part, type(error).__name__, arrival.milliseconds))
    return b"".join(lines), refused


def _read(raw: bytes) -> tuple[list[Event], Sequence[tuple[bytes, str]]]:
    try:
        found = read(raw)
    except RecursionError:
        return [], [(raw, "nested too deeply")]
    return found.events, found.rest


def _text_of(event: Event) -> bytes:
    return (event.repeated or _encode_ascii(event.value)).encode()


def _line(row: Row, event: Event) -> bytes:
    """Return a row as a line of JSON, with its id."""
    event_id = row.get("event_id")
    if event_id is None:
        text = _bytes(row, _encode_in_order)
        event_id = id_of_text(text)
        if not event.around and not event.repeated:  # spares encoding it again
            return b'{"event_id":"%b",%b\n' % (event_id.encode(), text[1:])
        row["event_id"] = event_id
    if event.around or event.repeated:
        unmapped = row["unmapped"] = dict(row.get("unmapped") or {})
        for envelope in event.around:
            set_aside(unmapped, "envelope", envelope)
        if event.repeated:
            set_aside(unmapped, "repeated_names", event.repeated)
    return _bytes(row, _encode) + b"\n"


def _bytes(row: Row, encode: Callable[[Any], str]) -> bytes:
    try:
        return encode(row).encode()
    except UnicodeEncodeError:  # half a surrogate pair, which JSON can escape and UTF-8 cannot say
        return _encode_ascii(row).encode()
