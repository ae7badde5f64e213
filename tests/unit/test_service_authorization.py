"""The check of policies against the Service Authorization Reference."""

from __future__ import annotations

from typing import Any

import pytest

from tests.builders.service_authorization import Policy, faults

TABLE = "arn:aws:dynamodb:us-east-1:000000000000:table/orders"


def role_with(*statements: dict[str, Any]) -> list[Policy]:
    allowed = [{"Sid": "Work", "Effect": "Allow", **statement} for statement in statements]
    return [Policy("worker", {"Statement": allowed}, identity=True)]


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ({"Action": "dynamodb:PutItems", "Resource": TABLE}, "PutItems does not exist"),
        ({"Action": "nothing:Get", "Resource": "*"}, "nothing:Get does not exist"),
        ({"Action": "dynamodb:*", "Resource": TABLE}, "dynamodb:* is a wildcard"),
        ({"Action": "dynamodb:PutItem", "Resource": "*"}, "dynamodb:PutItem on *"),
        (
            {"Action": "dynamodb:PutItem", "Resource": "arn:aws:s3:::orders"},
            "dynamodb:PutItem acts on none of",
        ),
        (
            {"Action": "s3:GetObject", "Resource": "arn:aws:s3:::orders"},
            "s3:GetObject acts on none of",
        ),
        (
            {"Action": "dynamodb:PutItem", "Resource": [TABLE, "arn:aws:s3:::orders/*"]},
            "no action of the statement acts on arn:aws:s3:::orders/*",
        ),
        (
            {"Action": "ses:GetAccount", "Resource": "arn:aws:ses:us-east-1:1:identity/x"},
            "AWS allows it on * only",
        ),
        (
            {
                "Action": "dynamodb:PutItem",
                "Resource": TABLE,
                "Condition": {"StringEquals": {"ses:FromAddress": "a@example.com"}},
            },
            "dynamodb:PutItem has no condition key ses:FromAddress",
        ),
        (
            {
                "Action": "scheduler:CreateSchedule",
                "Resource": "arn:aws:scheduler:us-east-1:1:schedule/default/x",
            },
            "scheduler:CreateSchedule also needs iam:PassRole",
        ),
    ],
)
def test_a_statement_that_aws_does_not_know_is_found(statement: dict[str, Any], fault: str) -> None:
    found = faults(role_with(statement))

    assert len(found) >= 1
    assert any(fault in sentence for sentence in found), found


def test_exact_actions_on_their_resources_with_their_keys_are_right() -> None:
    policies = role_with(
        {"Action": ["dynamodb:PutItem", "dynamodb:GetItem"], "Resource": TABLE},
        {
            "Action": "ses:SendEmail",
            "Resource": "arn:aws:ses:us-east-1:1:identity/example.com",
            "Condition": {"StringEquals": {"ses:FromAddress": "a@example.com"}},
        },
        {
            "Action": "s3:GetObject",
            "Resource": "arn:aws:s3:::orders/in/*",
            "Condition": {"StringEquals": {"aws:SourceAccount": "1"}},
        },
        {"Action": "ses:GetAccount", "Resource": "*"},
    )

    assert faults(policies) == []


def test_a_policy_of_a_resource_may_deny_by_wildcard() -> None:
    deny = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": ["arn:aws:s3:::orders", "arn:aws:s3:::orders/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }

    assert faults([Policy("bucket", {"Statement": deny}, identity=False)]) == []
