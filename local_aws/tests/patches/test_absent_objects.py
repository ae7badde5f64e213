"""An absent object, for callers with and without permission to list its bucket."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from builders.ministack_server import MinistackServer, ministack_server

READ: dict[str, Any] = {
    "Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::absent/*"
}  # fmt: skip
LIST: dict[str, Any] = {
    "Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::absent"
}  # fmt: skip
LIST_A_PREFIX = {**LIST, "Condition": {"StringLike": {"s3:prefix": "*"}}}


@pytest.fixture(scope="module")
def aws() -> Iterator[MinistackServer]:
    with ministack_server() as server:
        server.client("s3").create_bucket(Bucket="absent")
        server.client("s3").put_object(Bucket="absent", Key="there", Body=b"found")
        yield server


def reader(aws: MinistackServer, user: str, statements: list[dict[str, Any]]) -> Any:
    iam = aws.client("iam")
    iam.create_user(UserName=user)
    iam.put_user_policy(
        UserName=user,
        PolicyName="all",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statements}),
    )
    key = iam.create_access_key(UserName=user)["AccessKey"]
    return aws.client(
        "s3",
        {
            "aws_access_key_id": key["AccessKeyId"],
            "aws_secret_access_key": key["SecretAccessKey"],
        },
    )


@pytest.mark.parametrize(
    ("user", "statements", "get", "head"),
    [
        ("blind", [READ], "AccessDenied", "403"),
        ("half", [READ, LIST_A_PREFIX], "AccessDenied", "403"),
        ("seeing", [READ, LIST], "NoSuchKey", "404"),
    ],
)
def test_an_absent_object_is_404_only_for_a_caller_that_may_list_the_bucket(
    aws: MinistackServer, user: str, statements: list[dict[str, Any]], get: str, head: str
) -> None:
    s3 = reader(aws, user, statements)

    with pytest.raises(ClientError) as refused:
        s3.get_object(Bucket="absent", Key="gone")
    with pytest.raises(ClientError) as refused_head:
        s3.head_object(Bucket="absent", Key="gone")

    assert refused.value.response["Error"]["Code"] == get
    assert refused_head.value.response["Error"]["Code"] == head
    assert s3.get_object(Bucket="absent", Key="there")["Body"].read() == b"found"
