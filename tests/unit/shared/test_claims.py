"""A claim is recognised by its holder, whatever becomes of the answers."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from moto import mock_aws

from shared.claims import take
from shared.transient import ServiceUnavailable
from tests.builders.architectures import service_error
from tests.builders.tables import PK_AND_SK

TABLE = "claims"


@pytest.fixture
def dynamodb(monkeypatch: Any) -> Iterator[Any]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    with mock_aws():
        client = boto3.client("dynamodb")
        client.create_table(TableName=TABLE, **PK_AND_SK)
        yield client


def claim(holder: str, **more: str) -> dict[str, Any]:
    texts = {"pk": "month", "sk": "claim", "holder": holder, **more}
    return {name: {"S": text} for name, text in texts.items()}


def stored(dynamodb: Any) -> Any:
    key = {"pk": {"S": "month"}, "sk": {"S": "claim"}}
    return dynamodb.get_item(TableName=TABLE, Key=key)["Item"]


def test_the_first_holder_gets_the_claim_and_the_second_sees_whose_it_is(dynamodb: Any) -> None:
    ours, theirs = claim("ann"), claim("bob")

    assert take(dynamodb, TABLE, ours) == ours
    assert take(dynamodb, TABLE, theirs) == ours
    assert stored(dynamodb) == ours


def test_a_holder_whose_answer_was_lost_finds_its_own_claim_with_all_that_was_added(
    dynamodb: Any,
) -> None:
    def lost(**request: Any) -> None:
        dynamodb.put_item(**request)
        raise ReadTimeoutError(endpoint_url="https://dynamodb.example")

    with pytest.raises(ServiceUnavailable):
        take(SimpleNamespace(put_item=lost), TABLE, claim("ann", job="7"))  # type: ignore[arg-type]  # one method of it

    assert take(dynamodb, TABLE, claim("ann"))["holder"] == {"S": "ann"}
    assert stored(dynamodb)["job"] == {"S": "7"}


def test_a_claim_is_taken_from_the_holder_that_is_named_and_from_no_other(dynamodb: Any) -> None:
    take(dynamodb, TABLE, claim("ann"))
    bob, cy = claim("bob"), claim("cy")

    assert take(dynamodb, TABLE, bob, instead_of={"holder": {"S": "ann"}}) == bob
    assert take(dynamodb, TABLE, cy, instead_of={"holder": {"S": "ann"}}) == bob


@pytest.mark.parametrize(
    ("code", "status", "raised"),
    [
        ("ProvisionedThroughputExceededException", 400, ServiceUnavailable),
        ("InternalServerError", 500, ServiceUnavailable),
        ("AccessDeniedException", 400, ClientError),
        # The claim was deleted between the failed condition and its answer.
        ("ConditionalCheckFailedException", 400, ServiceUnavailable),
    ],
)
def test_what_dynamodb_did_not_decide_is_told_from_what_it_refuses(
    code: str, status: int, raised: type[Exception]
) -> None:
    def refuse(**_: Any) -> None:
        raise service_error("PutItem", code, status)

    with pytest.raises(raised):
        take(SimpleNamespace(put_item=refuse), TABLE, claim("ann"))  # type: ignore[arg-type]  # one method of it
