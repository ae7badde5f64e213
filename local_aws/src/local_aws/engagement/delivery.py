"""Deliver a record to an SNS topic, a Firehose stream or a log group, if its owner allows it.

AWS drops what it may not deliver; here it is dropped too, and the server's log says why.
"""

from __future__ import annotations

import base64
import json
import logging
import time
from collections.abc import Mapping
from typing import Any

from local_aws.patches.encryption import topic_allows
from local_aws.patches.service_access import role_allows, role_trusts

REQUIRED = (
    "ministack.services.cloudwatch_logs._create_log_stream",
    "ministack.services.cloudwatch_logs._put_log_events",
    "ministack.services.firehose._put_record",
    "ministack.services.sns.publish_internal",
)

logger = logging.getLogger("local_aws.delivery")


class NotAllowed(Exception):
    """The policy of the target, or the role given for it, does not let the service deliver."""


def to_topic(topic_arn: str, text: str, *, service: str, source_arn: str) -> None:
    """Publish as the service principal ``service``; the topic's policy and key must allow it."""
    from ministack.services import sns

    if not topic_allows(topic_arn, service, source_arn):
        raise NotAllowed(f"the policy or key of {topic_arn} does not let {service} publish")
    sns.publish_internal(topic_arn, text)


def to_topic_as(role_arn: str, topic_arn: str, text: str, *, service: str) -> None:
    """Publish with a role of the topic's account, which the service must be able to assume."""
    from ministack.services import sns

    _require(role_arn, service, "sns:Publish", topic_arn)
    sns.publish_internal(topic_arn, text)


def to_destination(
    destination: Mapping[str, Any], record: Mapping[str, Any], *, service: str, source_arn: str
) -> None:
    """Send one record to an SMS v2 event destination (the shape of ``EventDestination``).

    Raises:
        NotAllowed: the topic's policy or the named role refuses, or the target is not there.
    """
    text = json.dumps(record)
    if sns_destination := destination.get("SnsDestination"):
        to_topic(sns_destination["TopicArn"], text, service=service, source_arn=source_arn)
    elif firehose_destination := destination.get("KinesisFirehoseDestination"):
        stream = firehose_destination["DeliveryStreamArn"]
        role = firehose_destination["IamRoleArn"]
        _require(role, service, "firehose:PutRecord", stream, source_arn)
        from ministack.services import firehose

        data = base64.b64encode(f"{text}\n".encode()).decode()
        status, _, answer = firehose._put_record(
            {"DeliveryStreamName": stream.rpartition("/")[2], "Record": {"Data": data}}
        )
        if status != 200:
            raise NotAllowed(f"{stream} answered {answer!r}")
    elif logs_destination := destination.get("CloudWatchLogsDestination"):
        _to_log_group(logs_destination, text, service, source_arn)


def _to_log_group(destination: Mapping[str, Any], text: str, service: str, source_arn: str) -> None:
    from ministack.services import cloudwatch_logs

    group_arn = destination["LogGroupArn"].removesuffix(":*")
    for action in ("logs:CreateLogStream", "logs:PutLogEvents"):
        stream_arn = f"{group_arn}:log-stream:events"
        _require(destination["IamRoleArn"], service, action, stream_arn, source_arn)
    stream = {"logGroupName": group_arn.partition(":log-group:")[2], "logStreamName": "events"}
    cloudwatch_logs._create_log_stream(stream)
    event = {"timestamp": int(time.time() * 1000), "message": text}
    status, _, answer = cloudwatch_logs._put_log_events({**stream, "logEvents": [event]})
    if status != 200:
        raise NotAllowed(f"{group_arn} answered {answer!r}")


def _require(role_arn: str, service: str, action: str, resource: str, source_arn: str = "") -> None:
    if not (role_trusts(role_arn, service, source_arn) and role_allows(role_arn, action, resource)):
        raise NotAllowed(f"{role_arn} cannot be used by {service} for {action} on {resource}")
