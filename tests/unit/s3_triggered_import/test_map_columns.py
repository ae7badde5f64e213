"""The step that writes a copy of a file with the columns of an import."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import boto3
import pytest
from moto import mock_aws

from s3_triggered_import.job import BadImportRequest
from tests.builders.architectures import CONTEXT, load_function

MAPPING = {"columns": {"Phone": "Address"}, "constants": {"ChannelType": "SMS"}}


@pytest.fixture
def step(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    with mock_aws():
        module = load_function(
            monkeypatch,
            "s3_triggered_import.functions.map_columns",
            {
                "COLUMN_MAPPING": json.dumps(MAPPING | {"encoding": "utf-8"}),
                "MAPPED_PREFIX": "mapped/",
            },
        )
        monkeypatch.setattr(module, "s3", boto3.client("s3", region_name="us-east-1"))
        module.s3.create_bucket(Bucket="files")
        module.s3.put_bucket_versioning(
            Bucket="files", VersioningConfiguration={"Status": "Enabled"}
        )
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
        "RejectedRows": 1,
        "Reasons": [
            "import/a/people.csv, row 3: The row has 3 values and the header 2 columns. "
            "Put values that hold a separator or a line break in double quotes."
        ],
        "RowsWithoutAddress": 1,
    }


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
