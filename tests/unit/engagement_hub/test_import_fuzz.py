"""Each row of an import file is registered or rejected with a reason, and costs no other row."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engagement_hub.engagement.import_rows import ImportFileError, ImportRow, RejectedRow, read_rows
from engagement_hub.hub import Hub
from engagement_hub.store.entities import Kind
from engagement_hub.workers import export_job, import_job
from engagement_hub.workers.steps import all_shards
from tests.builders.hub import OneCallAtATime
from tests.builders.hub_workers import (
    APP,
    Context,
    emptied,
    hub_on_moto,
    job,
    put_file,
)
from tests.builders.hub_workers import export_job as new_export
from tests.builders.hub_workers import import_job as new_import
from tests.builders.random_input import HALF_PAIR, ODD_TEXTS, TEXTS, changed, fuzz, json_values

CONTEXT: Any = Context()
COLUMNS = [
    *("User.UserId", "User.UserAttributes.Interests", "User.UserAttributes.Interests"),
    *("Attributes.Plan", "Attributes.ünï cöde", "Metrics.Visits", "Location.Latitude"),
    *("Location.Country", "Demographic.Timezone", "EffectiveDate", "OptOut", "EndpointStatus"),
]
CELLS = (
    TEXTS
    | st.sampled_from(["SMS", "ALL", "INACTIVE", "1e400", "90.1", "-0", "2026-01-31", "US", "u1"])
    | st.sampled_from(["12065550142", "+1 206 555 0142", "1.20656E+10", "'+12065550142"])
)
IDS = st.sampled_from(["", "", "a", "b", "a?b", "x" * 251, "ü" * 200, "\ud7ff", *ODD_TEXTS])


class World:
    """A hub, and the steps of its import and export as their state machines run them."""

    def __init__(self, hub: Hub, dynamodb: Any) -> None:
        self.hub, self._dynamodb = hub, dynamodb

    def clear(self) -> None:
        emptied(self.hub, self._dynamodb)
        self.hub.endpoints.shards = 2

    def imports(self, content: bytes, format: str, name: str = "people.csv") -> dict[str, Any]:
        put_file(name, content)
        event = new_import(
            self.hub,
            Format=format,
            S3Url=f"s3://files/{name}",
            DefineSegment=True,
            SegmentId="seg1",
        )
        opened = import_job.open_job(self.hub, event, CONTEXT)
        for file in self.hub.bucket.read_json(opened["ManifestKey"]):
            import_job.parse_object(self.hub, {**event, "File": file}, CONTEXT)
        pieces = import_job.count_pieces(self.hub, event, CONTEXT)
        for key in list(self.hub.bucket.keys(pieces["Prefix"])):
            import_job.register_piece(self.hub, {**event, "Key": key}, CONTEXT)
        import_job.close_job(self.hub, event, CONTEXT)
        return job(self.hub)

    def exports(self) -> bytes:
        event = new_export(self.hub, "job2")
        export_job.open_job(self.hub, event, CONTEXT)
        progress = {"Progress": all_shards(self.hub)}
        export_job.export_shards(self.hub, {**event, **progress}, CONTEXT)
        export_job.close_job(self.hub, event, CONTEXT)
        assert job(self.hub, Kind.EXPORT_JOB, "job2")["JobStatus"] == "COMPLETED"
        s3 = boto3.client("s3")
        listed = s3.list_objects_v2(Bucket="files", Prefix="out/").get("Contents", [])
        bodies = [s3.get_object(Bucket="files", Key=one["Key"])["Body"].read() for one in listed]
        return b"".join(map(gzip.decompress, bodies))

    def kept(self, prefix: str) -> list[dict[str, Any]]:
        return [
            line
            for key in self.hub.bucket.keys(f"jobs/job1/{prefix}")
            for line in self.hub.bucket.read_lines(key)
        ]


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    clients: list[Any] = []

    def around(client: OneCallAtATime) -> OneCallAtATime:
        clients.append(client)
        return client

    with pytest.MonkeyPatch.context() as patch, hub_on_moto(patch, around) as hub:
        patch.setattr(import_job, "PIECE_ROWS", 3)
        yield World(hub, clients[0])


@st.composite
def csv_files(draw: Any) -> tuple[bytes, list[str]]:
    """A CSV, and the ids of its rows that are beyond doubt."""
    header = ["Id", "ChannelType", "Address"]
    header += draw(st.lists(st.sampled_from(COLUMNS), max_size=4))
    mark = draw(st.sampled_from([",", ",", ";", "\t"]))
    end = draw(st.sampled_from(["\n", "\r\n"]))
    lines, good = [mark.join(header)], []
    for number in range(draw(st.integers(1, 7))):
        kind = draw(st.sampled_from(["good", "good", "odd", "odd", "raw", "quote"]))
        if kind == "good":
            good.append(f"good-{number}")
            rest = [""] * (len(header) - 3)
            lines.append(mark.join([good[-1], "SMS", f"+1425555010{number}", *rest]))
        elif kind == "odd":
            cells = [
                draw(IDS),
                draw(st.sampled_from(["SMS", "email", "GCM", "FAX", ""])),
                *(draw(CELLS) for _ in header[2:]),
            ][: draw(st.integers(1, len(header) + 1))]
            text = io.StringIO()
            csv.writer(text, delimiter=mark, lineterminator="").writerow(cells)
            lines.append(text.getvalue())
        elif kind == "raw":
            lines.append(draw(CELLS))
        else:
            lines.append(mark.join(['"', *(draw(CELLS) for _ in header[1:])]))
    text = end.join([*lines, ""])
    encoding = draw(st.sampled_from(["utf-8"] * 5 + ["utf-8-sig", "cp1252"]))
    return text.encode(encoding, "replace"), good


@st.composite
def json_files(draw: Any) -> tuple[bytes, list[str]]:
    """A file of JSON lines, and the ids of its rows that are beyond doubt."""
    lines, good = [], []
    for number in range(draw(st.integers(1, 7))):
        endpoint = {
            "Id": f"e{number}",
            "ChannelType": "SMS",
            "Address": f"+1425555010{number}",
            "Attributes": {"Plan": ["gold"], "Score": [1]},
            "Metrics": {"Visits": 3},
            "User": {"UserId": "u1", "UserAttributes": {"Interests": ["a", "b"]}},
            "Location": {"Country": "US", "Latitude": 47.6},
            "Demographic": {"Timezone": "UTC"},
            "OptOut": "NONE",
        }
        kind = draw(st.sampled_from(["good", "odd", "odd", "any", "raw"]))
        if kind == "good":
            good.append(f"good-{number}")
            endpoint = {"Id": good[-1], "ChannelType": "SMS", "Address": f"+1425555010{number}"}
            lines.append(json.dumps(endpoint))
        elif kind == "odd":
            lines.append(json.dumps(changed(draw, endpoint, 12)))
        elif kind == "any":
            lines.append(json.dumps(draw(json_values())))
        else:
            lines.append(draw(TEXTS).replace(HALF_PAIR, ""))
    return "\n".join([*lines, ""]).encode(), good


FILES = st.tuples(csv_files(), st.just("CSV")) | st.tuples(json_files(), st.just("JSON"))


@fuzz(100)
@given(FILES)
def test_an_odd_row_costs_no_other_row(file):
    (content, good), format = file

    try:
        rows = list(read_rows(io.BytesIO(content), format, name="people"))
    except ImportFileError as refused:
        assert refused.message
        return

    assert set(good) <= {row.id for row in rows if isinstance(row, ImportRow)}
    assert all(row.reason and row.code for row in rows if isinstance(row, RejectedRow))


@pytest.mark.books
@fuzz(8)
@given(FILES, st.booleans())
def test_every_row_is_registered_or_rejected_and_what_is_stored_is_exported(world, file, packed):
    (content, good), format = file
    world.clear()

    done = world.imports(gzip.compress(content) if packed else content, format)

    rejected = world.kept("rejects/")
    if done["JobStatus"] == "FAILED":  # the file as a whole is refused, and the job says why
        assert done["Failures"]
        assert done["CompletedPieces"] == 0 and world.exports() == b""
        return
    registered = world.kept("pieces/")
    late = world.kept("rejects/piece-")
    assert done["TotalProcessed"] == len(registered) + len(rejected) - len(late)
    assert done["TotalFailures"] == len(rejected)
    assert all(line["Reason"] and line["Code"] for line in rejected)
    rows = [line["Row"] for line in [*registered, *rejected] if line not in late]
    assert len(set(rows)) == len(rows)
    assert set(good) <= {line["Id"] for line in registered}
    refused = {line["Row"] for line in late}
    ids = {line["Id"] for line in registered if line["Row"] not in refused} - {None}
    stored = world.hub.endpoints.get_many(APP, ids)
    assert set(stored) == ids
    exported = list(read_rows(io.BytesIO(world.exports()), "JSON", name="out")) if ids else []
    assert not [row for row in exported if isinstance(row, RejectedRow)]
    assert {
        row.id: (row.endpoint.get("Address"), row.endpoint.get("Attributes")) for row in exported
    } == {id: (one.get("Address"), one.get("Attributes")) for id, one in stored.items()}
