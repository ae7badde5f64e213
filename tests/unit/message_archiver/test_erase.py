"""The operator's command lists and deletes everything of one endpoint or user."""

import json
from typing import Any

import boto3
import pytest
from moto import mock_aws

from message_archiver import erase
from message_archiver.erasure import QueryFailed, endpoints_of_user
from message_archiver.index import files_of, row_of
from message_archiver.keys import message_key
from shared.messages.content import SmsContent
from shared.sent_messages.rendering import Fidelity, Message
from shared.sent_messages.sends import read_send
from tests.builders.architectures import service_error
from tests.builders.archive import SENT_AT, campaign_send

BUCKETS = ["--archive-bucket", "archive", "--index-bucket", "index"]


@pytest.fixture
def s3(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield buckets()


def buckets(**archive: Any) -> Any:
    client = boto3.client("s3", region_name="us-east-1")
    client.create_bucket(Bucket="archive", **archive)
    client.create_bucket(Bucket="index")
    for name in ("archive", "index"):
        client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return client


def fill(s3: Any, *endpoint_ids: str, hour: int = 10) -> list[str]:
    """Archive a message for each endpoint, with one index file."""
    keys, rows = [], []
    for endpoint_id in endpoint_ids:
        send = read_send(campaign_send(endpoint_id, at=SENT_AT.replace(hour=hour)))
        assert send is not None
        message = Message(send, "SMS", SmsContent("Hi"), Fidelity.VERIFIED, send.address)
        keys.append(message_key(send))
        rows.append(row_of(message))
        s3.put_object(Bucket="archive", Key=keys[-1], Body=b"Hi")
    for key, some in files_of(rows).items():
        lines = "".join(json.dumps(row) + "\n" for row in some)
        s3.put_object(Bucket="index", Key=key, Body=lines.encode())
    return keys


def run(*arguments: str) -> tuple[int, str]:
    lines: list[str] = []
    status = erase.main([*arguments, *BUCKETS], out=lines.append)
    return status, "\n".join(lines)


def versions(s3: Any, bucket: str) -> list[str]:
    answer = s3.list_object_versions(Bucket=bucket)
    return [one["Key"] for kind in ("Versions", "DeleteMarkers") for one in answer.get(kind, [])]


def endpoints_in_index(s3: Any) -> list[str]:
    found = []
    for one in s3.list_objects_v2(Bucket="index").get("Contents", []):
        body = s3.get_object(Bucket="index", Key=one["Key"])["Body"].read().decode()
        found += [json.loads(line)["endpoint_id"] for line in body.splitlines()]
    return sorted(found)


def test_list_shows_the_messages_and_deletes_nothing(s3):
    [mine, other] = fill(s3, "e1", "e2")

    status, written = run("list", "--endpoint", "e1")

    assert status == 0
    assert mine in written and other not in written
    assert len(versions(s3, "archive")) == 2


def test_a_dry_run_says_what_would_be_deleted_and_deletes_nothing(s3):
    fill(s3, "e1", "e2", "e1")

    status, written = run("delete", "--endpoint", "e1", "--dry-run")

    assert status == 0
    assert "would delete 2 versions and 1 rows of the index" in written
    assert len(versions(s3, "archive")) == 3
    assert endpoints_in_index(s3) == ["e1", "e2"]


def test_delete_leaves_no_version_and_no_row_and_nothing_of_others_is_touched(s3):
    [mine, other] = fill(s3, "e1", "e2")
    fill(s3, "e1", hour=11)
    s3.put_object(Bucket="archive", Key=mine, Body=b"older version")
    s3.delete_object(Bucket="archive", Key=mine)

    status, written = run("delete", "--endpoint", "e1")

    assert status == 0
    assert "deleted 4 versions and 2 rows" in written
    assert versions(s3, "archive") == [other]
    assert endpoints_in_index(s3) == ["e2"]
    assert len(versions(s3, "index")) == 1


@pytest.mark.parametrize("endpoint_id", ["e", "e1/", "E1", "../e1"])
def test_an_id_that_begins_like_another_deletes_nothing_of_it(s3, endpoint_id):
    fill(s3, "e1")

    status, written = run("delete", "--endpoint", endpoint_id)

    assert status == 0
    assert "deleted 0 versions and 0 rows" in written
    assert len(versions(s3, "archive")) == 1
    assert endpoints_in_index(s3) == ["e1"]


def test_the_progress_is_shown_for_versions_and_index_files(s3, capsys):
    fill(s3, "e1", "e2")

    run("delete", "--endpoint", "e1")

    shown = capsys.readouterr().err
    assert "versions: 1 of 1" in shown and "index files: 1 of 1" in shown


class Kept:
    """An S3 client whose versions are locked."""

    def __init__(self, s3: Any, mode: str) -> None:
        self._s3, self._mode = s3, mode

    def __getattr__(self, name: str) -> Any:
        return getattr(self._s3, name)

    def get_object_lock_configuration(self, **_: Any) -> Any:
        return {"ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled"}}

    def get_object_retention(self, **_: Any) -> Any:
        return {"Retention": {"Mode": self._mode, "RetainUntilDate": SENT_AT.replace(year=2099)}}

    def delete_objects(self, Bucket: str, Delete: Any, **given: Any) -> Any:
        bypasses = given.get("BypassGovernanceRetention") and self._mode == "GOVERNANCE"
        assert Bucket == "archive" or not given, "the index has no lock to bypass"
        if Bucket == "index" or bypasses:
            return self._s3.delete_objects(Bucket=Bucket, Delete=Delete)
        return {"Errors": [{**one, "Code": "AccessDenied"} for one in Delete["Objects"]]}


@pytest.mark.parametrize(
    ("mode", "way_out"),
    [
        ("GOVERNANCE", "--bypass-governance deletes it before that date"),
        ("COMPLIANCE", "nobody can delete it before that date"),
    ],
)
def test_a_locked_message_is_kept_with_its_row_and_reported(s3, monkeypatch, mode, way_out):
    fill(s3, "e1")
    monkeypatch.setattr(erase.boto3, "client", lambda _: Kept(s3, mode))

    status, written = run("delete", "--endpoint", "e1")

    assert status == 3
    assert f"Object Lock, {mode} until 2099-05-03: {way_out}" in written
    assert "deleted 0 versions and 0 rows" in written
    assert endpoints_in_index(s3) == ["e1"]


@pytest.mark.parametrize(("mode", "status"), [("GOVERNANCE", 0), ("COMPLIANCE", 3)])
def test_governance_mode_can_be_bypassed_and_compliance_mode_cannot(s3, monkeypatch, mode, status):
    fill(s3, "e1")
    monkeypatch.setattr(erase.boto3, "client", lambda _: Kept(s3, mode))

    assert run("delete", "--endpoint", "e1", "--bypass-governance")[0] == status
    assert (endpoints_in_index(s3) == []) == (status == 0)


def test_a_call_that_aws_refuses_ends_the_command_with_the_name_of_the_call(s3, monkeypatch):
    fill(s3, "e1")

    class Refusing(Kept):
        def delete_objects(self, **_: Any) -> Any:
            raise service_error("DeleteObjects", "AccessDenied", 403)

    monkeypatch.setattr(erase.boto3, "client", lambda _: Refusing(s3, "GOVERNANCE"))

    status, written = run("delete", "--endpoint", "e1", "--bypass-governance")

    assert status == 1
    assert "AWS refuses DeleteObjects: AccessDenied" in written
    assert endpoints_in_index(s3) == ["e1"]


@pytest.mark.parametrize(
    ("operation", "code", "way_out"),
    [
        ("DeleteObjects", "AccessDenied", "erase_policy_json"),
        ("StartQueryExecution", "AccessDeniedException", "erase_policy_json"),
        ("StartQueryExecution", "InvalidRequestException", "workgroup_name"),
        ("ListObjectVersions", "NoSuchBucket", "archive_bucket_name"),
    ],
)
def test_a_refused_call_is_answered_with_its_code_and_the_way_out(
    monkeypatch, operation, code, way_out
):
    def refuses(_: str) -> Any:
        raise service_error(operation, code, 400)

    monkeypatch.setattr(erase.boto3, "client", refuses)

    status, written = run("list", "--endpoint", "e1")

    assert status == 1
    assert written.startswith(f"AWS refuses {operation}: {code}. ")
    assert way_out in written


class Interrupted:
    """An S3 client that refuses one operation."""

    def __init__(self, s3: Any, operation: str) -> None:
        self._s3, self._operation = s3, operation

    def __getattr__(self, name: str) -> Any:
        return refused if name == self._operation else getattr(self._s3, name)


def refused(**_: Any) -> Any:
    raise service_error("PutObject", "PreconditionFailed", 412)


@pytest.mark.parametrize("call", ["put_object", "get_object"])
def test_a_repeated_erasure_deletes_the_rows_that_an_interrupted_one_left(s3, monkeypatch, call):
    [_, other] = fill(s3, "e1", "e2")
    fill(s3, "e1", hour=11)
    with monkeypatch.context() as interrupted:
        interrupted.setattr(erase.boto3, "client", lambda _: Interrupted(s3, call))
        assert run("delete", "--endpoint", "e1")[0] == 1
    assert "e1" in endpoints_in_index(s3)

    status, _ = run("delete", "--endpoint", "e1")

    assert status == 0
    assert endpoints_in_index(s3) == ["e2"]
    assert versions(s3, "archive") == [other]


def test_a_bypass_is_not_asked_of_a_bucket_without_object_lock_which_would_refuse_it(
    s3, monkeypatch
):
    fill(s3, "e1")
    given: list[Any] = []
    monkeypatch.setattr(erase.boto3, "client", lambda _: s3)
    s3.meta.events.register("provide-client-params.s3.DeleteObjects", given_to(given))

    assert run("delete", "--endpoint", "e1", "--bypass-governance")[0] == 0

    assert given and not any("BypassGovernanceRetention" in one for one in given)


def given_to(calls: list[Any]) -> Any:
    return lambda params, **_: calls.append(params)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["list"],
        ["erase", "--endpoint", "e1"],
        ["list", "--endpoint", "e1", "--user", "u"],
        ["list", "--user", "ann"],
        ["list", "--user", "ann", "--workgroup", "w"],
        ["list", "--user", "ann", "--database", "d"],
        ["list", "--endpoint"],
        ["delete", "--endpoint", ""],
        ["delete", "--user", "", "--workgroup", "w", "--database", "d"],
        ["list", "--endpoint", "e1", "--force"],
    ],
)
def test_wrong_arguments_are_refused_before_anything_is_read(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        erase.main([*arguments, *BUCKETS])

    assert ended.value.code == 2
    assert capsys.readouterr().err


class Athena:
    """Answers a query after its states."""

    def __init__(self, *states: str, rows: tuple[str, ...] = ()) -> None:
        self.states = list(states)
        self.rows = rows
        self.queries: list[str] = []
        self.stopped = False

    def start_query_execution(self, QueryString: str, WorkGroup: str) -> Any:
        self.queries.append(QueryString)
        return {"QueryExecutionId": "q"}

    def get_query_execution(self, QueryExecutionId: str) -> Any:
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        return {"QueryExecution": {"Status": {"State": state, "StateChangeReason": "scan limit"}}}

    def stop_query_execution(self, QueryExecutionId: str) -> None:
        self.stopped = True

    def get_paginator(self, _: str) -> Any:
        return self

    def paginate(self, QueryExecutionId: str) -> Any:
        rows = [{"Data": [{"VarCharValue": one}]} for one in ("endpoint_id", *self.rows)]
        return [{"ResultSet": {"Rows": rows[:2]}}, {"ResultSet": {"Rows": rows[2:]}}]


def test_the_endpoints_of_a_user_are_those_of_the_index():
    athena = Athena("QUEUED", "RUNNING", "SUCCEEDED", rows=("e1", "e2", "e3"))

    found = endpoints_of_user(athena, "w", "d", "messages", "o'neil", sleep=lambda _: None)

    assert found == ["e1", "e2", "e3"]
    assert "user_id = 'o''neil'" in athena.queries[0]


@pytest.mark.parametrize("state", ["FAILED", "CANCELLED"])
def test_a_query_that_fails_says_so_and_deletes_nothing(state):
    with pytest.raises(QueryFailed, match=f"{state}: scan limit"):
        endpoints_of_user(Athena(state), "w", "d", "messages", "ann", sleep=lambda _: None)


def test_a_query_without_an_end_is_stopped():
    athena, times = Athena("RUNNING"), iter(range(0, 10_000, 300))

    with pytest.raises(QueryFailed, match="600 s"):
        endpoints_of_user(
            athena,
            "w",
            "d",
            "messages",
            "ann",
            clock=lambda: next(times),
            sleep=lambda _: None,
        )

    assert athena.stopped
