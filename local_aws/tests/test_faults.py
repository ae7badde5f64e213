"""Faults that are asked for: errors, lost answers, delays, killed functions, quotas."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, HTTPClientError

from builders.local_server import LocalServer, allow, zipped
from local_aws import credentials

CALL = """
import boto3
def handler(event, context):
    boto3.client("sqs").send_message(QueueUrl=event["queue"], MessageBody="hello")
    return "done"
"""


@pytest.fixture(autouse=True)
def without_faults(local_aws: LocalServer) -> Iterator[None]:
    yield
    local_aws.post("reset")


@pytest.fixture
def table(local_aws: LocalServer) -> str:
    local_aws.client("dynamodb").create_table(
        TableName="items",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return "items"


def put(client: Any, key: str, table: str = "items") -> Any:
    return client.put_item(TableName=table, Item={"pk": {"S": key}})


def there(client: Any, key: str) -> bool:
    return "Item" in client.get_item(TableName="items", Key={"pk": {"S": key}})


def test_an_error_is_answered_to_one_operation_of_one_service_once(
    local_aws: LocalServer, table: str
) -> None:
    dynamodb = local_aws.client("dynamodb")
    local_aws.post(
        "faults",
        {
            "service": "dynamodb",
            "kind": "error",
            "operation": "PutItem",
            "status": 400,
            "code": "ProvisionedThroughputExceededException",
        },
    )

    assert not there(dynamodb, "a")  # another operation
    with pytest.raises(dynamodb.exceptions.ProvisionedThroughputExceededException):
        put(dynamodb, "a")
    put(dynamodb, "a")

    assert there(dynamodb, "a")
    [fault] = local_aws.get("faults")[1]
    assert (fault["met"], fault["done"]) == (2, 1)


def test_only_a_call_with_the_text_in_its_body_meets_a_fault(
    local_aws: LocalServer, table: str
) -> None:
    dynamodb = local_aws.client("dynamodb")
    fault = {"service": "dynamodb", "kind": "error", "code": "InternalServerError"}
    local_aws.post("faults", {**fault, "contains": '"b"', "times": None})

    put(dynamodb, "a")
    with pytest.raises(dynamodb.exceptions.InternalServerError):
        put(dynamodb, "b")

    assert there(dynamodb, "a")


def test_every_third_call_after_the_first_two_fails_until_faults_end(
    local_aws: LocalServer, table: str
) -> None:
    dynamodb = local_aws.client("dynamodb")
    fault = {"service": "dynamodb", "kind": "error", "code": "InternalServerError"}
    local_aws.post("faults", {**fault, "skip": 2, "every": 3, "times": 2})

    failed = []
    for number in range(9):
        try:
            put(dynamodb, str(number))
        except ClientError:
            failed.append(number)

    assert failed == [2, 5]


@pytest.mark.parametrize(("kind", "carried_out"), [("reset-before", False), ("reset-after", True)])
def test_a_connection_closes_before_or_after_the_call_is_carried_out(
    local_aws: LocalServer, table: str, kind: str, carried_out: bool
) -> None:
    dynamodb = local_aws.client("dynamodb")
    local_aws.post("faults", {"service": "dynamodb", "kind": kind, "operation": "PutItem"})

    with pytest.raises((ConnectionClosedError, HTTPClientError)):
        put(dynamodb, "a")

    assert there(dynamodb, "a") is carried_out


def test_a_delayed_call_is_carried_out_when_its_client_has_given_up(
    local_aws: LocalServer, table: str
) -> None:
    impatient = boto3.client(
        "dynamodb",
        endpoint_url=local_aws.url,
        region_name="us-east-1",
        aws_access_key_id=credentials.ACCESS_KEY_ID,
        aws_secret_access_key=credentials.SECRET_ACCESS_KEY,
        config=Config(read_timeout=0.2, retries={"total_max_attempts": 1}),
    )
    fault = {"service": "dynamodb", "kind": "delay", "operation": "PutItem", "seconds": 0.6}
    local_aws.post("faults", fault)

    with pytest.raises(HTTPClientError):
        put(impatient, "a")

    dynamodb = local_aws.client("dynamodb")
    deadline = time.monotonic() + 5
    while not there(dynamodb, "a") and time.monotonic() < deadline:
        time.sleep(0.05)
    assert there(dynamodb, "a")


def test_an_error_of_an_api_gateway_needs_no_class(local_aws: LocalServer) -> None:
    local_aws.post(
        "faults", {"service": "mobiletargeting", "kind": "error", "status": 429, "message": "Slow"}
    )

    with pytest.raises(ClientError) as refused:
        local_aws.client("pinpoint").get_apps()

    assert refused.value.response["Error"]["Code"] == "429"


@pytest.mark.parametrize(("kind", "sent"), [("kill-before", 0), ("kill-after", 1)])
def test_a_function_is_killed_at_one_of_its_calls(
    local_aws: LocalServer, kind: str, sent: int
) -> None:
    sqs, functions = local_aws.client("sqs"), local_aws.client("lambda")
    queue = sqs.create_queue(QueueName="orders")["QueueUrl"]
    role = local_aws.role(
        "caller", {"Service": "lambda.amazonaws.com"}, allow("sqs:SendMessage", "*")
    )
    functions.create_function(
        FunctionName="caller",
        Runtime="python3.13",
        Handler="index.handler",
        Role=role,
        Code={"ZipFile": zipped(CALL)},
        Timeout=20,
    )
    local_aws.post("faults", {"service": "sqs", "kind": kind, "function": "caller"})
    event = json.dumps({"queue": queue}).encode()

    killed = functions.invoke(FunctionName="caller", Payload=event)
    count = sqs.get_queue_attributes(
        QueueUrl=queue, AttributeNames=["ApproximateNumberOfMessages"]
    )["Attributes"]["ApproximateNumberOfMessages"]
    again = functions.invoke(FunctionName="caller", Payload=event)

    assert killed.get("FunctionError")
    assert int(count) == sent
    assert not again.get("FunctionError")


def test_an_unknown_setting_is_refused_with_what_there_is(local_aws: LocalServer) -> None:
    status, answer = local_aws.post("faults", {"service": "sqs", "kind": "error", "often": 3})

    assert status == 400
    assert "not often" in answer["error"]
    assert local_aws.post("faults", {"service": "sqs", "kind": "burn"})[0] == 400
    assert local_aws.post("faults", {"service": "sqs", "kind": "error", "every": 0})[0] == 400


def test_a_cold_table_throttles_what_exceeds_its_write_units(
    local_aws: LocalServer, table: str
) -> None:
    dynamodb = local_aws.client("dynamodb")
    local_aws.post("quotas", {"table_write_units": 20})
    batch = [{"PutRequest": {"Item": {"pk": {"S": f"b{n}"}}}} for n in range(25)]

    answer = dynamodb.batch_write_item(RequestItems={"items": batch})
    with pytest.raises(ClientError) as refused:
        put(dynamodb, "x" * 2_000)
    with pytest.raises(dynamodb.exceptions.TransactionCanceledException) as cancelled:
        dynamodb.transact_write_items(
            TransactItems=[
                {"Put": {"TableName": "items", "Item": {"pk": {"S": f"t{n}"}}}} for n in range(10)
            ]
        )

    assert 0 < len(answer["UnprocessedItems"]["items"]) <= 5
    assert refused.value.response["Error"]["Code"] == "ThrottlingException"
    reasons = {reason["Code"] for reason in cancelled.value.response["CancellationReasons"]}
    assert "ThrottlingError" in reasons
    assert local_aws.get("quotas")[1]["throttled_writes"] > 0


def test_a_young_account_runs_few_functions_at_once(local_aws: LocalServer) -> None:
    usual = local_aws.get("quotas")[1]["lambda_concurrency"]

    young = local_aws.post("quotas", {"lambda_concurrency": 10})[1]["lambda_concurrency"]
    reset = local_aws.post("quotas", {"lambda_concurrency": None})[1]["lambda_concurrency"]

    assert (young, reset) == (10, usual)
    assert local_aws.post("quotas", {"lambda_concurrency": 0})[0] == 400
