"""The step that copies a version of a file, with the columns of an import where they are mapped."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier
from types import ModuleType
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from s3_triggered_import.dropped_file import run_input
from s3_triggered_import.job import BadImportRequest
from shared.dropped_files import dropped_file
from tests.builders.architectures import CONTEXT, load_function, service_error

MAPPING = {"columns": {"Phone": "Address"}, "constants": {"ChannelType": "SMS"}}


def honour_copy_conditions(s3: Any) -> None:
    """Refuse a copy of another content as S3 does; moto ignores x-amz-copy-source-if-match."""
    copy_object = s3.copy_object

    def conditional(*, CopySourceIfMatch: str | None = None, **request: Any) -> Any:
        source = request["CopySource"]
        etag = s3.head_object(Bucket=source["Bucket"], Key=source["Key"])["ETag"].strip('"')
        if CopySourceIfMatch not in (None, etag):
            raise service_error("CopyObject", "PreconditionFailed", 412)
        return copy_object(**request)

    s3.copy_object = conditional


@contextmanager
def loaded(
    monkeypatch: pytest.MonkeyPatch, *, maps: bool, versioned: bool = True
) -> Iterator[ModuleType]:
    settings = {"COPY_PREFIX": "mapped/"}
    monkeypatch.delenv("COLUMN_MAPPING", raising=False)
    if maps:
        settings["COLUMN_MAPPING"] = json.dumps(MAPPING | {"encoding": "utf-8"})
    with mock_aws():
        module = load_function(monkeypatch, "s3_triggered_import.functions.copy_file", settings)
        monkeypatch.setattr(module, "s3", boto3.client("s3", region_name="us-east-1"))
        module.s3.create_bucket(Bucket="files")
        honour_copy_conditions(module.s3)
        if versioned:
            module.s3.put_bucket_versioning(
                Bucket="files", VersioningConfiguration={"Status": "Enabled"}
            )
        yield module


@pytest.fixture
def step(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    with loaded(monkeypatch, maps=True) as module:
        yield module


def run(step: ModuleType, content: bytes, key: str = "import/a/people.csv") -> dict[str, Any]:
    step.s3.put_object(Bucket="files", Key=key, Body=content)
    event = {"Input": {"S3URL": f"s3://files/{key}"}, "Execution": "run-1"}
    answer: dict[str, Any] = step.lambda_handler(event, CONTEXT)
    return answer


def keys(step: ModuleType) -> list[str]:
    return [thing["Key"] for thing in step.s3.list_objects_v2(Bucket="files")["Contents"]]


def test_the_copy_is_outside_the_watched_prefix_under_the_run_and_the_files_name(
    step: ModuleType,
) -> None:
    answer = run(step, b"Phone;Shoe\n+12065550101;42\nx;y;z\n;43\n")

    copy = step.s3.get_object(Bucket="files", Key="mapped/run-1/people.csv")
    assert copy["Body"].read() == b"Address,ChannelType\n+12065550101,SMS\n\n\n"
    assert answer == {
        "Refused": False,
        "S3URL": "s3://files/mapped/run-1/people.csv",
        "Bucket": "files",
        "Key": "mapped/run-1/people.csv",
        "OriginalKey": "import/a/people.csv",
        "VersionId": copy["VersionId"],
        "Rows": {
            "Rejected": 1,
            "Reasons": [
                "import/a/people.csv, row 3: The row has 3 values and the header 2 columns. "
                "Put values that hold a separator or a line break in double quotes."
            ],
            "WithoutAddress": 1,
        },
    }


@pytest.mark.parametrize("maps", [True, False])
def test_a_copy_whose_answer_was_lost_does_not_stay_beside_the_copy_of_the_next_attempt(
    monkeypatch: pytest.MonkeyPatch, maps: bool
) -> None:
    with loaded(monkeypatch, maps=maps) as step:
        run(step, b"Phone\n+12065550101\n")

        answer = run(step, b"Phone\n+12065550101\n")

        versions = step.s3.list_object_versions(Bucket="files", Prefix="mapped/")["Versions"]
        assert [version["VersionId"] for version in versions] == [answer["VersionId"]]


def test_of_two_attempts_that_write_and_list_at_the_same_time_the_newest_copy_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with loaded(monkeypatch, maps=False) as step:
        step.s3.put_object(Bucket="files", Key="import/people.csv", Body=b"Phone\n+12065550101\n")
        event = {"Input": {"S3URL": "s3://files/import/people.csv"}, "Execution": "run-1"}
        listings: list[list[str]] = []
        list_versions, together = step.s3.list_object_versions, Barrier(2, timeout=10)

        def list_when_both_have_written(**request: Any) -> Any:
            together.wait()
            listed = list_versions(**request)
            listings.append([version["VersionId"] for version in listed["Versions"]])
            together.wait()
            return listed

        monkeypatch.setattr(step.s3, "list_object_versions", list_when_both_have_written)
        with ThreadPoolExecutor(2) as attempts:
            list(attempts.map(lambda _: step.lambda_handler(event, CONTEXT), range(2)))

        left = list_versions(Bucket="files", Prefix="mapped/")["Versions"]
        newest = listings[0][0]
        assert [len(listed) for listed in listings] == [2, 2]
        assert [version["VersionId"] for version in left] == [newest]


def denied(operation: str) -> Any:
    def refuse(**request: Any) -> None:
        error = service_error(operation, "AccessDenied", 403)
        error.response["Error"]["Message"] = f"Not authorized for {request}"
        raise error

    return refuse


@pytest.mark.parametrize(
    ("call", "operation"),
    [("list_object_versions", "ListObjectVersions"), ("delete_object", "DeleteObject")],
)
def test_a_bucket_that_denies_to_tidy_up_keeps_no_file_from_being_imported(
    step: ModuleType, monkeypatch: pytest.MonkeyPatch, call: str, operation: str
) -> None:
    log = io.StringIO()
    monkeypatch.setattr(step.logger.registered_handler, "stream", log)
    run(step, b"Phone\n+12065550101\n", "import/ann@example.com.csv")
    with monkeypatch.context() as policy:
        policy.setattr(step.s3, call, denied(operation))

        answer = run(step, b"Phone\n+12065550102\n", "import/ann@example.com.csv")

    copy = step.s3.get_object(Bucket="files", Key=answer["Key"], VersionId=answer["VersionId"])
    assert b"+12065550102" in copy["Body"].read()
    assert f'"operation":"{operation}","error":"AccessDenied"' in log.getvalue()
    assert "ann@example.com" not in log.getvalue()


def test_a_bucket_without_versioning_is_not_asked_for_versions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with loaded(monkeypatch, maps=False, versioned=False) as step:
        asked: list[Any] = []
        monkeypatch.setattr(
            step.s3, "list_object_versions", lambda **request: asked.append(request)
        )

        answer = run(step, b"Phone\n+12065550101\n")

        assert answer["VersionId"] == "null"
        assert asked == []


def test_a_large_file_is_copied_whole_in_parts(step: ModuleType) -> None:
    rows = 600_000
    answer = run(step, b"Phone\n" + b"+12065550101\n" * rows)

    copy = step.s3.get_object(Bucket="files", Key=answer["Key"])["Body"].read()
    assert copy.count(b"+12065550101,SMS\n") == rows


def test_a_file_that_does_not_fit_is_refused_with_its_reason_and_leaves_no_copy(
    step: ModuleType,
) -> None:
    answer = run(step, b"Fax\n+12065550101\n")

    assert answer["Refused"] is True
    assert answer["Job"]["Outcome"] == "FAILURE"
    assert '"Phone" is missing' in answer["Job"]["ImportResult"]["FailureReason"]
    assert keys(step) == ["import/a/people.csv"]


def test_a_file_that_turns_out_unusable_in_the_middle_leaves_no_copy(step: ModuleType) -> None:
    answer = run(step, b"Phone\n" + b"+12065550101\n" * 900_000 + b"\xff\n")

    assert "not utf-8" in answer["Job"]["ImportResult"]["FailureReason"]
    assert keys(step) == ["import/a/people.csv"]
    assert "Uploads" not in step.s3.list_multipart_uploads(Bucket="files")


def test_an_ending_that_says_gzip_goes_since_the_copy_is_plain(step: ModuleType) -> None:
    assert run(step, b"Phone\n1\n", "import/people.csv.gz")["Key"] == "mapped/run-1/people.csv"


def test_an_input_that_names_no_object_is_refused(step: ModuleType) -> None:
    with pytest.raises(BadImportRequest):
        step.lambda_handler({"Input": {}, "Execution": "run-1"}, CONTEXT)


CONTENTS = [b"Phone\n+1206555010%d\n" % n for n in range(5)]


def overwritten(step: ModuleType, key: str = "import/people.csv") -> list[dict[str, Any]]:
    """Put five contents under one key; return the inputs that their events lead to."""
    inputs = []
    for n, content in enumerate(CONTENTS):
        put = step.s3.put_object(Bucket="files", Key=key, Body=content)
        thing = {"key": key, "size": len(content), "etag": put["ETag"].strip('"'), "sequencer": n}
        if "VersionId" in put:
            thing["version-id"] = put["VersionId"]
        event = {"detail": {"bucket": {"name": "files"}, "object": thing}}
        inputs.append(run_input(dropped_file(event)))
    return inputs


def copies(step: ModuleType, inputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        step.lambda_handler({"Input": one, "Execution": f"run-{n}"}, CONTEXT)
        for n, one in enumerate(inputs)
    ]


@pytest.mark.parametrize("maps", [True, False])
def test_each_version_of_a_key_that_is_overwritten_within_a_second_is_read(
    monkeypatch: pytest.MonkeyPatch, maps: bool
) -> None:
    with loaded(monkeypatch, maps=maps) as step:
        answers = copies(step, overwritten(step))

        read = [step.s3.get_object(Bucket="files", Key=a["Key"])["Body"].read() for a in answers]

    numbers = [content.splitlines()[1].split(b",")[0] for content in CONTENTS]
    assert [body.splitlines()[1].split(b",")[0] for body in read] == numbers


@pytest.mark.parametrize("maps", [True, False])
def test_without_versioning_an_overwritten_content_is_told_to_be_superseded(
    monkeypatch: pytest.MonkeyPatch, maps: bool
) -> None:
    with loaded(monkeypatch, maps=maps, versioned=False) as step:
        answers = copies(step, overwritten(step))
        read = step.s3.get_object(Bucket="files", Key=answers[-1]["Key"])["Body"].read()

    assert [answer["Refused"] for answer in answers] == [True, True, True, True, False]
    result = answers[0]["Job"]["ImportResult"]
    assert result["JobStatus"] == "FAILED"
    assert result["FailureReason"].startswith("SUPERSEDED")
    assert b"+12065550104" in read


def test_a_plain_copy_has_the_content_and_the_name_of_the_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with loaded(monkeypatch, maps=False) as step:
        put = step.s3.put_object(Bucket="files", Key="import/a b+c.csv.gz", Body=b"packed")
        event = {"S3URL": "s3://files/import/a b+c.csv.gz", "VersionId": put["VersionId"]}
        answer = step.lambda_handler({"Input": event, "Execution": "run-1"}, CONTEXT)

        copy = step.s3.get_object(Bucket="files", Key="mapped/run-1/a b+c.csv.gz")
        assert copy["Body"].read() == b"packed"
        assert answer["VersionId"] == copy["VersionId"]
        assert "Rows" not in answer


def test_a_failure_that_is_no_superseded_file_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    with loaded(monkeypatch, maps=False) as step:
        event = {"S3URL": "s3://files/import/none.csv"}  # by hand, without a version

        with pytest.raises(ClientError, match="404|NoSuchKey|specified key"):
            step.lambda_handler({"Input": event, "Execution": "run-1"}, CONTEXT)
