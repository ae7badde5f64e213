"""How much BatchGetItem reads at once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from builders.ministack_server import MinistackServer, ministack_server

KILOBYTES = 390


@pytest.fixture(scope="module")
def aws() -> Iterator[MinistackServer]:
    with ministack_server() as server:
        server.client("dynamodb").create_table(
            TableName="large",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        yield server


def test_what_does_not_fit_into_an_answer_is_asked_for_again(aws: MinistackServer) -> None:
    dynamodb = aws.client("dynamodb")
    keys = [{"pk": {"S": f"{number}"}} for number in range(60)]
    text = "x" * KILOBYTES * 1024
    for key in keys:
        dynamodb.put_item(TableName="large", Item={**key, "text": {"S": text}})
    asked = {"large": {"Keys": keys, "ProjectionExpression": "pk", "ConsistentRead": True}}

    answers = []
    while asked:
        answers.append(dynamodb.batch_get_item(RequestItems=asked))
        asked = answers[-1]["UnprocessedKeys"]

    assert [len(answer["Responses"]["large"]) for answer in answers] == [42, 18]
    again = answers[0]["UnprocessedKeys"]["large"]
    assert (again["ProjectionExpression"], again["ConsistentRead"]) == ("pk", True)
    read = [item for answer in answers for item in answer["Responses"]["large"]]
    assert sorted(read, key=str) == sorted(keys, key=str)
