"""Customer managed keys of queues, topics, buckets and Kinesis streams let in only those whom
they grant use, and nobody while they are disabled.

AWS managed keys (``alias/aws/…``) need no grant from roles of the account and take none for
services: EventBridge, SNS, S3 and CloudWatch cannot deliver to a queue or topic that has one.
"""

from __future__ import annotations

import re
from typing import Any

from ministack.core import iam_evaluator
from ministack.services import cloudwatch, kinesis, kms, s3, sns, sqs

from local_aws.patches.rewriting import rewrite
from local_aws.patches.service_access import service_allowed

REQUIRED = (
    "ministack.core.iam_evaluator.AuthError",
    "ministack.core.iam_evaluator.enforce",
    "ministack.services.cloudwatch._dispatch_alarm_actions",
    "ministack.services.kinesis._streams",
    "ministack.services.kms._resolve_key",
    "ministack.services.s3._bucket_encryption",
    "ministack.services.sns._topic_by_arn_any_scope",
    "ministack.services.sns.topic_policy_for_arn",
    "ministack.services.sns.topic_policy_allows",
    "ministack.services.sqs._queue_by_arn",
    "ministack.services.sqs.queue_policy_allows",
)

# What a caller needs of the key beside the call itself, by the developer guides of each service.
_KEY_ACTIONS = {
    "sqs:SendMessage": ("kms:GenerateDataKey", "kms:Decrypt"),
    "sqs:ReceiveMessage": ("kms:Decrypt",),
    "sns:Publish": ("kms:GenerateDataKey", "kms:Decrypt"),
    "s3:PutObject": ("kms:GenerateDataKey",),
    "s3:GetObject": ("kms:Decrypt",),
    "kinesis:PutRecord": ("kms:GenerateDataKey",),
    "kinesis:PutRecords": ("kms:GenerateDataKey",),
    "kinesis:GetRecords": ("kms:Decrypt",),
}
_DISABLED = {
    "s3": "KMS.DisabledException",
    "sqs": "KmsDisabled",
    "sns": "KMSDisabled",
    "kinesis": "KMSDisabledException",
}


def apply() -> None:
    _check_callers()
    _check_services()


def key_of(resource_arn: str) -> str:
    """The key id, ARN or alias that encrypts the queue, topic, bucket or Kinesis stream; empty
    without one."""
    service = resource_arn.split(":")[2] if resource_arn.count(":") > 4 else ""
    if service == "s3":
        configuration = s3._bucket_encryption.get(resource_arn.split(":")[5].split("/")[0]) or ""
        found = re.search(r"<KMSMasterKeyID>([^<]+)<", configuration)
        return found[1] if found else ""
    if service == "kinesis":
        stream = kinesis._streams.get(resource_arn.rpartition("/")[2]) or {}
        return str(stream.get("KeyId") or "") if stream.get("EncryptionType") == "KMS" else ""
    holder: Any = None
    if service == "sqs":
        holder = sqs._queue_by_arn(resource_arn)
    elif service == "sns":
        holder = sns._topic_by_arn_any_scope(resource_arn)
    return str(((holder or {}).get("attributes") or {}).get("KmsMasterKeyId") or "")


def _is_aws_managed(key: str) -> bool:
    return "alias/aws/" in key


def _check_callers() -> None:
    enforce = iam_evaluator.enforce

    def checked(
        access_key_id: str,
        iam_action: str,
        service: str,
        region: str,
        resource_arn: str = "*",
        service_context: dict[str, Any] | None = None,
    ) -> Any:
        denied = enforce(access_key_id, iam_action, service, region, resource_arn, service_context)
        key = "" if denied or iam_action not in _KEY_ACTIONS else key_of(resource_arn)
        record = None if not key or _is_aws_managed(key) else kms._resolve_key(key)
        if record is None:
            return denied
        if record.get("KeyState", "Enabled") != "Enabled":
            message = f"{record['Arn']} is {record['KeyState'].lower()}."
            return iam_evaluator.AuthError(_DISABLED.get(service, "KMSDisabledException"), message)
        context = {"kms:viaservice": f"{service}.{region}.amazonaws.com"}
        for action in _KEY_ACTIONS[iam_action]:
            refused = enforce(access_key_id, action, "kms", region, record["Arn"], context)
            if refused:
                caller = getattr(refused, "principal_arn", "")
                code = "AccessDenied" if service == "s3" else "KMSAccessDeniedException"
                return iam_evaluator.AuthError(
                    code,
                    f"User: {caller} is not authorized to perform: {action} on resource: "
                    f"{record['Arn']}",
                )
        return None

    iam_evaluator.enforce = checked


def service_may_encrypt(resource_arn: str, service: str, source_arn: str) -> bool:
    """Whether the key of the queue or topic, if any, lets the service write to it."""
    key = key_of(resource_arn)
    if not key:
        return True
    record = None if _is_aws_managed(key) else kms._resolve_key(key)
    return (
        record is not None
        and record.get("KeyState", "Enabled") == "Enabled"
        and all(
            service_allowed(record.get("Policy"), action, record["Arn"], service, source_arn)
            for action in ("kms:GenerateDataKey", "kms:Decrypt")
        )
    )


def topic_allows(topic_arn: str, service: str, source_arn: str) -> bool:
    """Whether the topic's policy and key let the service publish for the source."""
    # Not the emulator's own check: it passes every service by the default policy's SourceOwner.
    found = sns.topic_policy_for_arn(topic_arn)
    return (
        found is not None
        and service_allowed(found[0], "sns:Publish", topic_arn, service, source_arn)
        and service_may_encrypt(topic_arn, service, source_arn)
    )


def _check_services() -> None:
    queue_allows, stock_topic_allows = sqs.queue_policy_allows, sns.topic_policy_allows

    def queue_policy_allows(queue: str, service: str, source: str, account: str) -> bool:
        allowed = queue_allows(queue, service, source, account)
        return bool(allowed) and service_may_encrypt(queue, service, source)

    def topic_policy_allows(topic: str, service: str, source: str, account: str) -> bool:
        allowed = stock_topic_allows(topic, service, source, account)
        return bool(allowed) and service_may_encrypt(topic, service, source)

    sqs.queue_policy_allows, sns.topic_policy_allows = queue_policy_allows, topic_policy_allows

    def may_publish(topic: str, alarm: dict[str, Any]) -> bool:
        account = topic.split(":")[4]
        return topic_policy_allows(
            topic, "cloudwatch.amazonaws.com", alarm.get("AlarmArn", ""), account
        )

    rewrite(
        cloudwatch,
        "_dispatch_alarm_actions",
        ("if _is_sns_action_arn(a)]", "if _is_sns_action_arn(a) and _may_publish(a, alarm)]"),
        _may_publish=may_publish,
    )
