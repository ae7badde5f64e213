"""Import jobs, step by step as the state machine runs them."""

import gzip
import json
import threading
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from engagement_hub.customer_role import RoleNotAssumable
from engagement_hub.engagement import import_files
from engagement_hub.hub import Hub
from engagement_hub.store.entities import Kind
from engagement_hub.work_bucket import WorkBucket
from engagement_hub.workers import import_job as steps
from engagement_hub.workers.purge import purge_members
from tests.builders.hub_workers import (
    APP,
    Context,
    RunningOut,
    endpoints,
    give_up,
    hub_on_moto,
    import_job,
    job,
    purges,
    put_file,
    sms,
)

HEADER = "ChannelType,Address,Id,User.UserAttributes.FirstName\n"
CONTEXT: Any = Context()


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with hub_on_moto(monkeypatch) as hub:
        yield hub


def run(hub: Hub, event: dict[str, str], *, each_step: int = 1) -> dict[str, Any]:
    """Run the steps of import.asl.json, every step `each_step` times."""

    def repeat(step: Any, event: dict[str, Any]) -> Any:
        for _ in range(each_step):
            answer = step(hub, event, CONTEXT)
        return answer

    opened = repeat(steps.open_job, event)
    for file in hub.bucket.read_json(opened["ManifestKey"]):
        repeat(steps.parse_object, {**event, "File": file})
    pieces = repeat(steps.count_pieces, event)
    for key in list(hub.bucket.keys(pieces["Prefix"])):
        repeat(steps.register_piece, {**event, "Key": key})
    repeat(steps.close_job, event)
    return job(hub, job_id=event["JobId"])


def members(hub: Hub, list_id: str | None = None) -> list[tuple[str, str]]:
    """The members of a list, by default of the list that the segment has."""
    if list_id is None:
        list_id = hub.entities.require(APP, Kind.SEGMENT, "seg1")["Members"]
    found = [one for shard in range(4) for one in hub.endpoints.members(APP, list_id, shard).items]
    return sorted((str(member.kind), member.id) for member in found)


def rejects(hub: Hub) -> list[dict[str, Any]]:
    return [
        line for key in hub.bucket.keys("jobs/job1/rejects/") for line in hub.bucket.read_lines(key)
    ]


def test_every_row_of_a_csv_file_becomes_an_endpoint(hub):
    put_file("people.csv", HEADER + "SMS,+14255550100,e1,Ann\nSMS,+14255550101,e2,Bob\n")

    done = run(hub, import_job(hub))

    assert done["JobStatus"] == "COMPLETED"
    assert done["CompletionDate"]
    found = hub.endpoints.get_many(APP, ["e1", "e2"])
    assert {one["Address"] for one in found.values()} == {"+14255550100", "+14255550101"}


def test_the_counters_tell_pieces_rows_and_failures(hub, monkeypatch):
    monkeypatch.setattr(steps, "PIECE_ROWS", 2)
    rows = "".join(f"SMS,+1425555010{n},e{n},A\n" for n in range(5))
    put_file("people.csv", HEADER + rows + "FAX,+14255550199,e9,Z\n")

    done = run(hub, import_job(hub))

    counters = ("TotalPieces", "CompletedPieces", "FailedPieces", "TotalProcessed", "TotalFailures")
    assert {name: done[name] for name in counters} == {
        "TotalPieces": 3,
        "CompletedPieces": 3,
        "FailedPieces": 0,
        "TotalProcessed": 6,
        "TotalFailures": 1,
    }


def test_steps_that_run_twice_count_once(hub, monkeypatch):
    monkeypatch.setattr(steps, "PIECE_ROWS", 2)
    rows = "".join(f"SMS,+1425555010{n},e{n},A\n" for n in range(5))
    put_file("people.csv", HEADER + rows + "FAX,+14255550199,e9,Z\n")

    done = run(hub, import_job(hub, DefineSegment=True, SegmentId="seg1"), each_step=3)

    assert (done["TotalPieces"], done["CompletedPieces"], done["TotalProcessed"]) == (3, 3, 6)
    assert done["TotalFailures"] == 1
    assert hub.entities.require(APP, Kind.SEGMENT, "seg1")["Version"] == 1


def test_a_rejected_row_is_told_with_file_row_column_and_reason(hub):
    put_file("people.csv", HEADER + "SMS,+14255550100,e1,Ann\nFAX,+14255550199,e9,Z\n")

    done = run(hub, import_job(hub))

    assert done["JobStatus"] == "COMPLETED"
    assert "people.csv, row 3, column ChannelType" in done["Failures"][0]
    assert "s3://work/jobs/job1/rejects/" in done["Failures"][-1]
    [reject] = rejects(hub)
    assert (reject["File"], reject["Row"], reject["Column"]) == ("people.csv", 3, "ChannelType")
    assert "+14255550199" not in json.dumps(reject) + json.dumps(done["Failures"])


def test_at_most_a_hundred_failures_are_told_and_all_are_counted(hub):
    put_file("people.csv", HEADER + "FAX,+14255550199,e9,Z\n" * 150)

    done = run(hub, import_job(hub))

    assert len(done["Failures"]) == 100
    assert done["TotalFailures"] == 150
    assert len(rejects(hub)) == 150


def test_a_file_over_the_limit_is_refused_unread(hub, monkeypatch):
    put_file("in/a.csv", HEADER + "SMS,+14255550100,e1,Ann\n" * 20)
    put_file("in/b.csv", HEADER + "SMS,+14255550101,e2,Bob\n")
    monkeypatch.setattr(steps, "FILE_BYTES", 200)

    done = run(hub, import_job(hub, S3Url="s3://files/in/"))

    assert done["JobStatus"] == "FAILED"
    assert "in/a.csv: The file holds more than 1 GB" in done["Failures"][0]
    assert set(hub.endpoints.get_many(APP, ["e1", "e2"])) == {"e2"}


def test_a_small_file_that_unpacks_over_the_limit_imports_no_row(hub, monkeypatch):
    monkeypatch.setattr(steps, "PIECE_ROWS", 100)
    monkeypatch.setattr(import_files, "FILE_BYTES", 1_000_000)
    bomb = gzip.compress((HEADER + "SMS,+14255550100,e1,Ann\n" * 60_000).encode())
    put_file("people.csv", bomb)

    done = run(hub, import_job(hub))

    assert len(bomb) < 20_000
    assert (done["JobStatus"], done["FailedPieces"], done["TotalPieces"]) == ("FAILED", 1, 1)
    assert "more than 1 GB" in done["Failures"][0]
    assert hub.endpoints.get(APP, "e1") is None
    assert list(hub.bucket.keys("jobs/job1/pieces/")) == []


def test_a_file_that_takes_longer_than_a_function_has_imports_no_row(hub, monkeypatch):
    monkeypatch.setattr(steps, "PIECE_ROWS", 2)
    put_file("people.csv", HEADER + "".join(f"SMS,+1425555010{n},e{n},A\n" for n in range(9)))
    event = import_job(hub)
    opened = steps.open_job(hub, event, CONTEXT)
    [file] = hub.bucket.read_json(opened["ManifestKey"])

    steps.parse_object(hub, {**event, "File": file}, RunningOut(looks=2))
    pieces = steps.count_pieces(hub, event, CONTEXT)
    steps.close_job(hub, event, CONTEXT)

    assert pieces["Pieces"] == 0
    assert list(hub.bucket.keys("jobs/job1/pieces/")) == []
    assert job(hub)["JobStatus"] == "FAILED"
    assert "Split it" in job(hub)["Failures"][0]


def test_pieces_are_written_while_the_file_is_parsed_and_a_lost_write_fails_the_step(
    hub, monkeypatch
):
    monkeypatch.setattr(steps, "PIECE_ROWS", 2)
    put_file("people.csv", HEADER + "".join(f"SMS,+1425555010{n},e{n},A\n" for n in range(9)))
    event = import_job(hub)
    opened = steps.open_job(hub, event, CONTEXT)
    [file] = hub.bucket.read_json(opened["ManifestKey"])
    write, together = hub.bucket.write_lines, threading.Barrier(steps.PUT_THREADS, timeout=10)

    def meet(key, rows):
        if key.endswith("000004.jsonl"):
            raise ConnectionError("reset")
        together.wait()  # passes only where PUT_THREADS writes are under way at a time
        write(key, rows)

    monkeypatch.setattr(WorkBucket, "write_lines", lambda _, key, rows: meet(key, rows))
    with pytest.raises(ConnectionError):
        steps.parse_object(hub, {**event, "File": file}, CONTEXT)
    monkeypatch.undo()

    assert len(list(hub.bucket.keys("jobs/job1/pieces/"))) == 4


def test_a_file_that_is_no_text_fails_the_job_and_keeps_the_rows_of_the_others(hub):
    put_file("in/a.csv", b"\x89PNG\r\n\x1a\n" + bytes(200))
    put_file("in/b.csv", HEADER + "SMS,+14255550100,e1,Ann\n")

    done = run(hub, import_job(hub, S3Url="s3://files/in/"))

    assert done["JobStatus"] == "FAILED"
    assert (done["FailedPieces"], done["CompletedPieces"]) == (1, 1)
    assert "in/a.csv" in done["Failures"][0]
    assert hub.endpoints.get(APP, "e1") is not None


def test_files_of_the_other_format_and_folder_markers_are_skipped(hub):
    put_file("in/", "")
    put_file("in/a.json", '{"Address": "+14255550101"}\n')
    put_file("in/b.csv", HEADER + "SMS,+14255550100,e1,Ann\n")

    done = run(hub, import_job(hub, S3Url="s3://files/in"))

    assert done["JobStatus"] == "COMPLETED"
    assert done["TotalProcessed"] == 1


def test_an_exact_key_does_not_take_in_keys_that_begin_with_it(hub):
    put_file("people.csv", HEADER + "SMS,+14255550100,e1,Ann\n")
    put_file("people.csv.old", HEADER + "SMS,+14255550101,e2,Bob\n")

    done = run(hub, import_job(hub))

    assert done["TotalProcessed"] == 1


def test_a_job_that_the_client_knows_as_failed_imports_no_row(hub):
    put_file("people.csv", HEADER + "SMS,+14255550100,e1,Ann\n")
    event = import_job(hub)
    give_up(hub, Kind.IMPORT_JOB)

    done = run(hub, event)

    assert (done["JobStatus"], done["Failures"]) == ("FAILED", ["It could not be started."])
    assert hub.endpoints.get_many(APP, ["e1"]) == {}


def test_a_second_execution_of_a_completed_job_changes_nothing(hub):
    put_file("people.csv", HEADER + "SMS,+14255550100,e1,Ann\n")
    event = import_job(hub, DefineSegment=True, SegmentId="seg1")
    done = run(hub, event)
    put_file("people.csv", HEADER + "SMS,+14255550101,e2,Bob\n")

    again = run(hub, event)

    assert again == done
    assert hub.endpoints.get_many(APP, ["e2"]) == {}


def test_an_address_without_files_fails_the_job_and_says_so(hub):
    done = run(hub, import_job(hub, S3Url="s3://files/nothing/"))

    assert done["JobStatus"] == "FAILED"
    assert done["Failures"] == ["There are no CSV files under s3://files/nothing/."]


def test_a_bucket_that_is_not_there_fails_the_job_with_the_reason(hub):
    done = run(hub, import_job(hub, S3Url="s3://no-such-bucket/people.csv"))

    assert done["JobStatus"] == "FAILED"
    assert "NoSuchBucket" in done["Failures"][0]


def test_a_role_that_cannot_be_assumed_fails_the_job_with_the_way_out(hub):
    class Refusing:
        def session(self, role_arn: str, app_id: str) -> boto3.Session:
            raise RoleNotAssumable("its trust policy must admit this account")

    hub.roles = Refusing()

    done = run(hub, import_job(hub))

    assert done["JobStatus"] == "FAILED"
    assert "trust policy" in done["Failures"][0]


def test_the_imported_segment_holds_the_endpoints_and_its_definition(hub):
    put_file("people.csv", HEADER + "SMS,+14255550100,e1,Ann\nEMAIL,bob@example.com,e2,Bob\n")

    run(hub, import_job(hub, DefineSegment=True, SegmentId="seg1", SegmentName="people"))

    segment = hub.entities.require(APP, Kind.SEGMENT, "seg1")
    assert (segment["Name"], segment["SegmentType"], segment["Version"]) == ("people", "IMPORT", 1)
    assert segment["ImportDefinition"]["Size"] == 2
    assert segment["ImportDefinition"]["ChannelCounts"] == {"SMS": 1, "EMAIL": 1}
    assert members(hub) == [("endpoint", "e1"), ("endpoint", "e2")]


def import_again(hub: Hub, content: str) -> dict[str, Any]:
    """Import a second file into the segment."""
    put_file("more.csv", content)
    return run(hub, import_job(hub, "job2", S3Url="s3://files/more.csv", SegmentId="seg1"))


def test_a_second_import_into_a_segment_fills_it_anew(hub):
    put_file("people.csv", HEADER + "SMS,+14255550100,e1,Ann\nEMAIL,cy@example.com,e3,Cy\n")
    run(hub, import_job(hub, DefineSegment=True, SegmentId="seg1", SegmentName="people"))

    import_again(hub, HEADER + "SMS,+14255550101,e2,Bob\n")

    segment = hub.entities.require(APP, Kind.SEGMENT, "seg1")
    assert (segment["Name"], segment["Version"]) == ("people", 2)
    assert segment["ImportDefinition"]["Size"] == 1
    assert segment["ImportDefinition"]["ChannelCounts"] == {"SMS": 1}
    assert members(hub) == [("endpoint", "e2")]


def test_the_list_that_an_import_replaced_is_deleted_after_its_readers(hub):
    put_file("people.csv", HEADER + "SMS,+14255550100,e1,Ann\n")
    run(hub, import_job(hub, DefineSegment=True, SegmentId="seg1"))
    assert purges(hub) == []

    import_again(hub, HEADER + "SMS,+14255550101,e2,Bob\n")

    [purge] = purges(hub)
    assert purge["WaitSeconds"] == 6 * 3600
    assert purge_members(hub, purge, CONTEXT) == {"Done": True}
    assert members(hub) == [("endpoint", "e2")]
    assert members(hub, "job1") == []


def test_an_import_does_not_bring_back_the_segment_that_was_deleted_before_its_end(hub):
    put_file("people.csv", HEADER + "SMS,+14255550100,e1,Ann\n")
    run(hub, import_job(hub, DefineSegment=True, SegmentId="seg1"))
    event = import_job(hub, "job2", DefineSegment=True, SegmentId="seg1", FillsSegment=True)
    hub.entities.delete(APP, Kind.SEGMENT, "seg1")

    done = run(hub, event)

    job = hub.entities.require(APP, Kind.IMPORT_JOB, "job2")
    assert hub.entities.get(APP, Kind.SEGMENT, "seg1") is None
    assert done["JobStatus"] == "FAILED"
    assert "was deleted during the import" in job["Failures"][0]
    assert [purge["List"] for purge in purges(hub)] == ["job2"]


def test_a_failed_import_leaves_the_segment_as_it_was_and_its_own_list_is_deleted(hub):
    put_file("people.csv", HEADER + "SMS,+14255550100,e1,Ann\n")
    run(hub, import_job(hub, DefineSegment=True, SegmentId="seg1"))
    before = hub.entities.require(APP, Kind.SEGMENT, "seg1")
    put_file("in/a.csv", b"\x89PNG\r\n\x1a\n" + bytes(200))
    put_file("in/b.csv", HEADER + "SMS,+14255550101,e2,Bob\n")

    done = run(hub, import_job(hub, "job2", S3Url="s3://files/in/", SegmentId="seg1"))

    assert done["JobStatus"] == "FAILED"
    assert hub.entities.require(APP, Kind.SEGMENT, "seg1") == before
    assert members(hub) == [("endpoint", "e1")]
    assert members(hub, "job2") == [("endpoint", "e2")]
    [purge] = purges(hub)
    purge_members(hub, purge, CONTEXT)
    assert members(hub, "job2") == []


def test_a_list_that_its_segment_has_is_not_deleted(hub):
    put_file("people.csv", HEADER + "SMS,+14255550100,e1,Ann\n")
    run(hub, import_job(hub, DefineSegment=True, SegmentId="seg1"))

    event = {"ApplicationId": APP, "SegmentId": "seg1", "List": "job1"}
    assert purge_members(hub, event, CONTEXT) == {"Done": True}

    assert members(hub) == [("endpoint", "e1")]


def test_twenty_imports_into_a_segment_do_not_make_it_larger(hub):
    put_file("people.csv", HEADER + "SMS,+14255550100,e1,Ann\n")
    sizes = set()
    for n in range(10, 30):
        run(hub, import_job(hub, f"job{n}", DefineSegment=True, SegmentId="seg1"))
        sizes.add(len(json.dumps(hub.entities.require(APP, Kind.SEGMENT, "seg1"))))

    assert max(sizes) - min(sizes) < 10  # the name of the list before the first is null


def test_without_registering_endpoints_that_exist_stay_as_they_are(hub):
    endpoints(hub, e1=sms("+14255550100", Attributes={"Plan": ["gold"]}))
    put_file("people.csv", "ChannelType,Address,Id,Attributes.Plan\nSMS,+14255550100,e1,free\n")

    run(hub, import_job(hub, RegisterEndpoints=False, DefineSegment=True, SegmentId="seg1"))

    assert hub.endpoints.get(APP, "e1")["Attributes"] == {"Plan": ["gold"]}
    assert hub.entities.require(APP, Kind.SEGMENT, "seg1")["ImportDefinition"]["Size"] == 1


@pytest.mark.parametrize("order", [1, -1])
def test_an_exported_endpoint_that_lost_its_address_stays_inactive_when_imported(hub, order):
    rows = ["SMS,+14255550100,old,INACTIVE", "SMS,+14255550100,new,ACTIVE"][::order]
    put_file("people.csv", "\n".join(["ChannelType,Address,Id,EndpointStatus", *rows]))

    done = run(hub, import_job(hub))

    assert (done["JobStatus"], done["TotalFailures"]) == ("COMPLETED", 0)
    found = hub.endpoints.get_many(APP, ["old", "new"])
    statuses = {id: one["EndpointStatus"] for id, one in found.items()}
    assert statuses == {"old": "INACTIVE", "new": "ACTIVE"}


def test_a_file_of_user_ids_makes_a_segment_of_users(hub):
    put_file("users.csv", "User.UserId\nann\nbob\n")

    done = run(hub, import_job(hub, S3Url="s3://files/users.csv", SegmentId="seg1"))

    assert done["JobStatus"] == "COMPLETED"
    assert members(hub) == [("user", "ann"), ("user", "bob")]


def test_a_row_that_breaks_a_rule_at_registration_is_rejected_alone(hub):
    attributes = {f"kept{n}": ["x"] for n in range(250)}
    endpoints(hub, full=sms("+14255550100", Attributes=attributes))
    put_file("people.csv", "Id,Attributes.OneMore\nfull,x\ne2,x\n")

    done = run(hub, import_job(hub))

    assert (done["TotalProcessed"], done["TotalFailures"]) == (2, 1)
    assert hub.endpoints.get(APP, "e2") is not None
    assert done["JobStatus"] == "COMPLETED"
    assert "people.csv, row 2" in done["Failures"][0]


def test_a_piece_given_up_fails_the_job_and_is_named(hub):
    put_file("people.csv", HEADER + "SMS,+14255550100,e1,Ann\n")
    event = import_job(hub)
    opened = steps.open_job(hub, event, CONTEXT)
    [file] = hub.bucket.read_json(opened["ManifestKey"])
    steps.parse_object(hub, {**event, "File": file}, CONTEXT)

    error = {"Error": "States.Timeout", "Cause": "anything"}
    steps.piece_failed(
        hub, {**event, "Key": "jobs/job1/pieces/000000-000000.jsonl", "Error": error}, CONTEXT
    )
    steps.close_job(hub, event, CONTEXT)

    assert job(hub)["JobStatus"] == "FAILED"
    assert (job(hub)["TotalPieces"], job(hub)["FailedPieces"]) == (1, 1)
    assert "States.Timeout" in job(hub)["Failures"][0]


def test_a_job_broken_off_is_failed_with_the_name_of_the_error_only(hub):
    event: Any = import_job(hub)

    steps.close_job(hub, {**event, "Error": {"Error": "Boom", "Cause": "+14255550100"}}, CONTEXT)

    assert job(hub)["JobStatus"] == "FAILED"
    assert job(hub)["Failures"] == ["The import could not be carried out (Boom)."]
