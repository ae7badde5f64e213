"""Distributed Map: readers, batches, writers, tolerance, permissions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from builders.ministack_server import MinistackServer, ministack_server

BUCKET = "map-data"
READ = {
    "Effect": "Allow",
    "Action": ["s3:GetObject", "s3:ListBucket", "s3:PutObject"],
    "Resource": "*",
}
CODE = """
import time
def handler(event, context):
    if event.get("bad"):
        raise ValueError("bad item")
    return event
"""


@pytest.fixture(scope="module")
def aws() -> Iterator[MinistackServer]:
    with ministack_server() as server:
        s3 = server.client("s3")
        s3.create_bucket(Bucket=BUCKET)
        s3.put_object(Bucket=BUCKET, Key="in/a.csv", Body="\ufeffId,Name\n1,Ann\n2,Bob\n".encode())
        s3.put_object(Bucket=BUCKET, Key="in/b.jsonl", Body=b'{"n":1}\n{"n":2}\n{"n":3}\n')
        s3.put_object(Bucket=BUCKET, Key="in/c.json", Body=b'[{"n":1},{"n":2}]')
        server.function("item", CODE, server.role("item", "lambda.amazonaws.com"))
        invoke = {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": "*"}
        server.role("maps", "states.amazonaws.com", [READ, invoke])
        yield server


ROLE = "arn:aws:iam::000000000000:role/maps"
ECHO = {"StartAt": "Echo", "States": {"Echo": {"Type": "Pass", "End": True}}}
CALL = {
    "StartAt": "Call",
    "States": {
        "Call": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {"FunctionName": "item", "Payload.$": "$"},
            "OutputPath": "$.Payload",
            "End": True,
        }
    },
}


def mapped(
    processor: dict[str, Any] | None = None, language: str = "JSONPath", **state: Any
) -> dict[str, Any]:
    processor = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}} | (
        processor or ECHO
    )
    return {
        "StartAt": "Each",
        "QueryLanguage": language,
        "States": {"Each": {"Type": "Map", "ItemProcessor": processor, "End": True, **state}},
    }


def reader(key: str, kind: str, **config: Any) -> dict[str, Any]:
    return {
        "Resource": "arn:aws:states:::s3:getObject",
        "ReaderConfig": {"InputType": kind, **config},
        "Parameters": {"Bucket": BUCKET, "Key": key},
    }


def test_a_csv_header_has_no_byte_order_mark(aws: MinistackServer) -> None:
    source = reader("in/a.csv", "CSV", CSVHeaderLocation="FIRST_ROW")

    ended = aws.run(aws.machine("csv", ROLE, mapped(ItemReader=source)))

    assert json.loads(ended["output"]) == [{"Id": "1", "Name": "Ann"}, {"Id": "2", "Name": "Bob"}]


def test_items_come_in_batches_with_what_they_share(aws: MinistackServer) -> None:
    batcher = {"MaxItemsPerBatch": 2, "BatchInput": {"job.$": "$.job"}}
    machine = mapped(ItemReader=reader("in/b.jsonl", "JSONL"), ItemBatcher=batcher)

    ended = aws.run(aws.machine("batches", ROLE, machine), {"job": "j1"})

    assert json.loads(ended["output"]) == [
        {"BatchInput": {"job": "j1"}, "Items": [{"n": 1}, {"n": 2}]},
        {"BatchInput": {"job": "j1"}, "Items": [{"n": 3}]},
    ]


def test_results_are_written_with_a_manifest(aws: MinistackServer) -> None:
    writer = {
        "Resource": "arn:aws:states:::s3:putObject",
        "Parameters": {"Bucket": BUCKET, "Prefix": "out"},
    }
    machine = mapped(CALL, ItemsPath="$.items", ResultWriter=writer, ToleratedFailurePercentage=50)

    ended = aws.run(aws.machine("writes", ROLE, machine), {"items": [{"n": 1}, {"bad": True}]})

    details = json.loads(ended["output"])["ResultWriterDetails"]
    s3 = aws.client("s3")
    manifest = json.loads(
        s3.get_object(Bucket=details["Bucket"], Key=details["Key"])["Body"].read()
    )
    written = {
        status: json.loads(s3.get_object(Bucket=BUCKET, Key=files[0]["Key"])["Body"].read())
        for status, files in manifest["ResultFiles"].items()
        if files
    }
    assert details["Key"].startswith("out/") and details["Key"].endswith("/manifest.json")
    assert [json.loads(r["Output"]) for r in written["SUCCEEDED"]] == [{"n": 1}]
    assert [r["Error"] for r in written["FAILED"]] == ["ValueError"]


def test_reading_needs_the_permission_of_the_execution_role(aws: MinistackServer) -> None:
    role = aws.role("blind", "states.amazonaws.com")
    machine = mapped(ItemReader=reader("in/c.json", "JSON"))

    ended = aws.run(aws.machine("blind", role, machine))

    assert ended["error"] == "States.ItemReaderFailed"
    assert "s3:GetObject" in ended["cause"]


def test_expressions_work_in_every_field(aws: MinistackServer) -> None:
    machine = mapped(
        language="JSONata",
        ItemReader={
            "Resource": "arn:aws:states:::s3:listObjectsV2",
            "Arguments": {
                "Bucket": "{% $states.input.bucket %}",
                "Prefix": "{% $states.input.prefix %}",
            },
        },
        ItemSelector={
            "key": "{% $states.context.Map.Item.Value.Key %}",
            "job": "{% $states.input.job %}",
        },
        ItemBatcher={"MaxItemsPerBatch": 2, "BatchInput": {"job": "{% $states.input.job %}"}},
        MaxConcurrency="{% $states.input.most %}",
        Output={
            "batches": "{% $count($states.result) %}",
            "first": "{% $states.result[0].Items[0].key %}",
        },
    )

    ended = aws.run(
        aws.machine("expressions", ROLE, machine),
        {"bucket": BUCKET, "prefix": "in/", "job": "j", "most": 3},
    )

    assert json.loads(ended["output"]) == {"batches": 2, "first": "in/a.csv"}


@pytest.mark.parametrize(
    ("tolerance", "status"),
    [
        ({}, "FAILED"),
        ({"ToleratedFailureCountPath": "$.some"}, "SUCCEEDED"),
        ({"ToleratedFailurePercentagePath": "$.none"}, "FAILED"),
    ],
)
def test_failures_are_tolerated_as_the_input_says(
    aws: MinistackServer, tolerance: dict[str, Any], status: str
) -> None:
    items = [{"n": 1}, {"bad": True}, {"n": 2}]
    name = "tolerant-" + ("".join(tolerance) or "not")
    machine = aws.machine(name[:60], ROLE, mapped(CALL, ItemsPath="$.items", **tolerance))

    ended = aws.run(machine, {"items": items, "some": 1, "none": 0})

    assert ended["status"] == status
    if status == "FAILED":
        assert ended["error"] == "States.ExceedToleratedFailureThreshold"
        assert "ValueError" in ended["cause"]


def test_a_child_sees_its_own_input_as_that_of_the_execution(aws: MinistackServer) -> None:
    show = {
        "StartAt": "S",
        "States": {
            "S": {"Type": "Pass", "Parameters": {"in.$": "$$.Execution.Input"}, "End": True}
        },
    }

    ended = aws.run(
        aws.machine("own", ROLE, mapped(show, ItemsPath="$.items")), {"items": [{"n": 1}]}
    )

    assert json.loads(ended["output"]) == [{"in": {"n": 1}}]


@pytest.mark.parametrize("mode", ["INLINE", "DISTRIBUTED"])
def test_a_map_runs_as_many_items_at_once_as_its_input_says(
    aws: MinistackServer, mode: str
) -> None:
    processor = {
        "ProcessorConfig": {"Mode": mode}
        | ({"ExecutionType": "STANDARD"} if mode == "DISTRIBUTED" else {}),
        "StartAt": "Enter",
        "States": {
            "Enter": {
                "Type": "Pass",
                "Parameters": {"in.$": "$$.State.EnteredTime"},
                "Next": "Rest",
            },
            "Rest": {"Type": "Wait", "Seconds": 1, "Next": "Leave"},
            "Leave": {
                "Type": "Pass",
                "Parameters": {"in.$": "$.in", "out.$": "$$.State.EnteredTime"},
                "End": True,
            },
        },
    }
    state = {
        "Type": "Map",
        "ItemsPath": "$.items",
        "MaxConcurrencyPath": "$.most",
        "ItemProcessor": processor,
        "End": True,
    }
    machine = aws.machine(f"most-{mode}", ROLE, {"StartAt": "Each", "States": {"Each": state}})

    ended = aws.run(machine, {"items": [1, 2], "most": 1})

    stays = sorted((item["in"], item["out"]) for item in json.loads(ended["output"]))
    assert len(stays) == 2
    assert all(out <= entered for (_, out), (entered, _) in pairwise(stays))


def many(count: int) -> dict[str, Any]:
    return {"items": [{"text": "x" * 200, "n": n} for n in range(count)]}


@pytest.mark.parametrize("field", [{}, {"ResultPath": None}], ids=["kept", "dropped"])
def test_results_of_more_than_256_kb_end_the_map_even_when_they_are_dropped(
    aws: MinistackServer, field: dict[str, Any]
) -> None:
    grow = {"Type": "Pass", "Parameters": {"text": "x" * 2_000}, "End": True}
    machine = mapped({"StartAt": "Grow", "States": {"Grow": grow}}, ItemsPath="$.items", **field)

    ended = aws.run(aws.machine(f"large-{len(field)}", ROLE, machine), many(200))

    assert (ended["status"], ended["error"]) == ("FAILED", "States.DataLimitExceeded")


@pytest.mark.parametrize(
    ("caught", "status"),
    [("States.ALL", "FAILED"), ("States.TaskFailed", "FAILED"), (None, "SUCCEEDED")],
)
def test_too_much_data_is_caught_by_its_own_name_only(
    aws: MinistackServer, caught: str | None, status: str
) -> None:
    catch = [{"ErrorEquals": [caught or "States.DataLimitExceeded"], "Next": "Caught"}]
    grow = {"Type": "Pass", "Parameters": {"text": "x" * 2_000}, "End": True}
    machine = mapped(
        {"StartAt": "Grow", "States": {"Grow": grow}}, ItemsPath="$.items", Catch=catch
    )
    machine["States"]["Caught"] = {"Type": "Succeed"}

    ended = aws.run(aws.machine(f"caught-{caught}".replace(".", "-"), ROLE, machine), many(200))

    assert ended["status"] == status


def test_results_that_are_written_may_be_large(aws: MinistackServer) -> None:
    writer = {
        "Resource": "arn:aws:states:::s3:putObject",
        "Parameters": {"Bucket": BUCKET, "Prefix": "large"},
    }
    grow = {"Type": "Pass", "Parameters": {"text": "x" * 2_000}, "End": True}
    machine = mapped(
        {"StartAt": "Grow", "States": {"Grow": grow}}, ItemsPath="$.items", ResultWriter=writer
    )

    ended = aws.run(aws.machine("written", ROLE, machine), many(200))

    assert ended["status"] == "SUCCEEDED"
