"""A campaign's name is claimed by one attempt, whatever becomes of DynamoDB's answers."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from moto import mock_aws

from campaign_create.created_campaigns import CreatedCampaigns
from tests.builders.campaign_runs import AnswersLost
from tests.builders.tables import PK_AND_SK


def test_a_claim_whose_answer_was_lost_is_the_attempts_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    with mock_aws():
        client: Any = boto3.client("dynamodb")
        client.create_table(TableName="created", **PK_AND_SK)

        first = CreatedCampaigns(AnswersLost(client), "created").claim("spring")  # type: ignore[arg-type]  # as DynamoDBClient
        second = CreatedCampaigns(client, "created").claim("spring")

        assert (first, second) == (True, False)
