"""A conditional write is recognised by its writer's mark, whatever becomes of the answers."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from moto import mock_aws

from shared.claims import Written, is_own, take, write
from tests.builders.architectures import service_error
from tests.builders.tables import PK_AND_SK

TABLE = "claims"
KEY = {"pk": {"S": "month"}, "sk": {"S": "claim"}}


@pytest.fixture
def dynamodb(monkeypatch: Any) -> Iterator[Any]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    with mock_aws():
        client = boto3.client("dynamodb")
        client.create_table(TableName=TABLE, **PK_AND_SK)
        yield client


def claim(holder: str, **more: str) -> dict[str, Any]:
    texts = {"holder": holder, **more}
    return {**KEY, **{name: {"S": text} for name, text in texts.items()}}


def stored(dynamodb: Any) -> Any:
    return dynamodb.get_item(TableName=TABLE, Key=KEY)["Item"]


def test_the_first_holder_gets_the_claim_and_the_second_sees_whose_it_is(dynamodb: Any) -> None:
    ours, theirs = claim("ann"), claim("bob")

    assert take(dynamodb, TABLE, ours, holder="holder") == Written(True, ours)
    assert take(dynamodb, TABLE, theirs, holder="holder") == Written(False, ours)
    assert stored(dynamodb) == ours


def test_a_holder_whose_answer_was_lost_finds_its_own_claim_with_all_that_was_added(
    dynamodb: Any,
) -> None:
    def lost(**request: Any) -> None:
        dynamodb.put_item(**request)
        raise ReadTimeoutError(endpoint_url="https://dynamodb.example")

    with pytest.raises(ReadTimeoutError):
        take(SimpleNamespace(put_item=lost), TABLE, claim("ann", job="7"), holder="holder")  # type: ignore[arg-type]  # one method of it

    assert take(dynamodb, TABLE, claim("ann"), holder="holder") == (True, claim("ann", job="7"))
    assert stored(dynamodb) == claim("ann", job="7")


def test_a_claim_is_taken_from_the_holder_that_is_named_and_from_no_other(dynamodb: Any) -> None:
    take(dynamodb, TABLE, claim("ann"), holder="holder")
    from_ann: dict[str, Any] = {
        "holder": "holder",
        "condition": "#holder = :ann",
        "names": {"#holder": "holder"},
        "values": {":ann": {"S": "ann"}},
    }

    assert take(dynamodb, TABLE, claim("bob"), **from_ann) == (True, claim("bob"))
    assert take(dynamodb, TABLE, claim("cy"), **from_ann) == (False, claim("bob"))


def test_a_change_of_a_claim_that_is_gone_is_not_made(dynamodb: Any) -> None:
    gone = take(
        dynamodb,
        TABLE,
        claim("bob"),
        holder="holder",
        condition="holder = :ann",
        values={":ann": {"S": "ann"}},
    )

    assert gone == (False, {})


def test_an_update_that_botocore_repeats_is_the_writers_own(dynamodb: Any) -> None:
    def add(mark: str) -> Written:
        return write(
            dynamodb.update_item,
            {"writer": {"S": mark}},
            TableName=TABLE,
            Key=KEY,
            UpdateExpression="SET writer = :writer",
            ConditionExpression="attribute_not_exists(writer)",
            ExpressionAttributeValues={":writer": {"S": mark}},
        )

    assert [add(mark).own for mark in ("ann", "ann", "bob")] == [True, True, False]


def test_every_part_of_a_mark_counts() -> None:
    item = {"claimed": {"N": "4"}, "claimed_by": {"S": "a"}}

    assert is_own(item, {"claimed": {"N": "4"}, "claimed_by": {"S": "a"}})
    assert not is_own(item, {"claimed": {"N": "6"}, "claimed_by": {"S": "a"}})


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("ProvisionedThroughputExceededException", 400),
        ("InternalServerError", 500),
        ("AccessDeniedException", 400),
    ],
)
def test_errors_of_dynamodb_are_no_answer_about_the_claim(code: str, status: int) -> None:
    def refuse(**_: Any) -> None:
        raise service_error("PutItem", code, status)

    with pytest.raises(ClientError, match=code):
        take(SimpleNamespace(put_item=refuse), TABLE, claim("ann"), holder="holder")  # type: ignore[arg-type]  # one method of it
