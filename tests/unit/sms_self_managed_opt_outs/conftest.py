"""Tables in memory."""

from __future__ import annotations

import boto3
import pytest
from moto import mock_aws

from tests.builders.opt_outs import Account
from tests.builders.tables import PK_AND_SK


@pytest.fixture
def dynamodb(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        client = boto3.client("dynamodb")
        for table in ("preferences", "index"):
            client.create_table(TableName=table, **PK_AND_SK)
        yield client


@pytest.fixture
def account(dynamodb):
    return Account(dynamodb)
