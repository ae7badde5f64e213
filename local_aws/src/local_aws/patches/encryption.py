"""A customer managed key serves only principals that it grants use, while it is enabled.

A caller, and a role that a service works with, needs the key of the queue, topic, bucket, table,
stream or state machine beside the call itself; a service that acts for itself needs the key's
policy. `encrypted_work` does the same for what functions and state machines do by themselves.

AWS managed keys (``alias/aws/…``) need no grant from roles of the account and take none for
services: EventBridge, SNS, S3 and CloudWatch cannot deliver to a queue or topic that has one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.responses import get_region
from ministack.services import cloudwatch, dynamodb, kinesis, kms, s3, sns, sqs
from ministack.services import stepfunctions as sfn

from local_aws.patches.rewriting import rewrite
from local_aws.patches.service_access import KEY_CHECKS, role_allowed_by_key, service_allowed

REQUIRED = (
    "ministack.core.iam_evaluator.AuthError",
    "ministack.core.iam_evaluator._signed_request",
    "ministack.core.iam_evaluator.enforce",
    "ministack.services.cloudwatch._dispatch_alarm_actions",
    "ministack.services.dynamodb._tables",
    "ministack.services.kinesis._shard_iterators",
    "ministack.services.kinesis._streams",
    "ministack.services.kms._grants",
    "ministack.services.kms._resolve_key",
    "ministack.services.s3._bucket_encryption",
    "ministack.services.sns._topic_by_arn_any_scope",
    "ministack.services.sns.topic_policy_for_arn",
    "ministack.services.sns.topic_policy_allows",
    "ministack.services.sqs._queue_by_arn",
    "ministack.services.sqs.queue_policy_allows",
    "ministack.services.stepfunctions._state_machines",
)

READ, WRITE = ("kms:Decrypt",), ("kms:GenerateDataKey",)
BOTH = ("kms:GenerateDataKey", "kms:Decrypt")
# What a caller needs of the key beside the call itself, by the developer guides of each service.
_KEY_ACTIONS = {
    "sqs:SendMessage": BOTH,
    "sqs:ReceiveMessage": READ,
    "sns:Publish": BOTH,
    "s3:PutObject": WRITE,
    "s3:GetObject": READ,
    "kinesis:PutRecord": WRITE,
    "kinesis:PutRecords": WRITE,
    "kinesis:GetRecords": READ,
    "kinesis:SubscribeToShard": READ,
    # DynamoDB decrypts the key of the table for the principal that reads or writes an item.
    **dict.fromkeys(
        (
            *("dynamodb:BatchGetItem", "dynamodb:BatchWriteItem", "dynamodb:ConditionCheckItem"),
            *("dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"),
            *("dynamodb:Scan", "dynamodb:UpdateItem", "dynamodb:PartiQLSelect"),
            *("dynamodb:PartiQLInsert", "dynamodb:PartiQLUpdate", "dynamodb:PartiQLDelete"),
        ),
        READ,
    ),
    # Step Functions Developer Guide, "Data at rest encryption".
    "states:StartExecution": BOTH,
    "states:StartSyncExecution": BOTH,
    "states:DescribeExecution": READ,
    "states:DescribeStateMachine": READ,
    "states:DescribeStateMachineForExecution": READ,
    "states:GetExecutionHistory": READ,
}
# These answer without data that is encrypted when the caller asks for metadata only.
_METADATA = (
    "states:DescribeExecution",
    "states:DescribeStateMachine",
    "states:DescribeStateMachineForExecution",
)
# Operations that hand a key over: where the body names it, and what the caller needs of it. A
# grant is made for the service, by the caller.
_HANDED_OVER = {
    "dynamodb:CreateTable": ("SSESpecification.KMSMasterKeyId", "kms:DescribeKey kms:CreateGrant"),
    "dynamodb:UpdateTable": ("SSESpecification.KMSMasterKeyId", "kms:DescribeKey kms:CreateGrant"),
    "firehose:CreateDeliveryStream": (
        "DeliveryStreamEncryptionConfigurationInput.KeyARN",
        "kms:CreateGrant",
    ),
    "firehose:StartDeliveryStreamEncryption": (
        "DeliveryStreamEncryptionConfigurationInput.KeyARN",
        "kms:CreateGrant",
    ),
    "lambda:CreateFunction": ("KMSKeyArn", "kms:Encrypt kms:CreateGrant"),
    "lambda:UpdateFunctionConfiguration": ("KMSKeyArn", "kms:Encrypt kms:CreateGrant"),
    "scheduler:CreateSchedule": ("KmsKeyArn", "kms:DescribeKey kms:GenerateDataKey kms:Decrypt"),
    "scheduler:UpdateSchedule": ("KmsKeyArn", "kms:DescribeKey kms:GenerateDataKey kms:Decrypt"),
    "states:CreateStateMachine": (
        "encryptionConfiguration.kmsKeyId",
        "kms:DescribeKey kms:GenerateDataKey kms:Decrypt",
    ),
    "states:UpdateStateMachine": (
        "encryptionConfiguration.kmsKeyId",
        "kms:DescribeKey kms:GenerateDataKey kms:Decrypt",
    ),
}
_LOG_ACTIONS = ("logs:CreateLogGroup", "logs:AssociateKmsKey")
_READ_BODIES = (*_HANDED_OVER, *_METADATA, *_LOG_ACTIONS, "kinesis:GetRecords")
_DISABLED = {
    "s3": "KMS.DisabledException",
    "sqs": "KmsDisabled",
    "sns": "KMSDisabled",
    "kinesis": "KMSDisabledException",
    "dynamodb": "AccessDeniedException",
    "states": "KmsInvalidStateException",
}
_DENIED = {
    "s3": "AccessDenied",
    "dynamodb": "AccessDeniedException",
    "firehose": "InvalidKMSResourceException",
    "lambda": "AccessDeniedException",
    "scheduler": "AccessDeniedException",
    "states": "KmsAccessDeniedException",
}
# The encryption context by which a key's policy can tell resources apart.
_CONTEXT = {
    "dynamodb": "aws:dynamodb:tablename",
    "kinesis": "aws:kinesis:arn",
    "lambda": "aws:lambda:functionarn",
    "sns": "aws:sns:topicarn",
    "sqs": "aws:sqs:arn",
    "states": "aws:states:statemachinearn",
}


def apply() -> None:
    _check_callers()
    _check_services()
    KEY_CHECKS.append(_role_may_use_key)


def key_of(resource_arn: str) -> str:
    """The key id, ARN or alias that encrypts the queue, topic, bucket, table, Kinesis stream or
    state machine (or the machine of an execution); empty without one."""
    service = service_of(resource_arn)
    if service == "s3":
        configuration = s3._bucket_encryption.get(resource_arn.split(":")[5].split("/")[0]) or ""
        found = re.search(r"<KMSMasterKeyID>([^<]+)<", configuration)
        return found[1] if found else ""
    if service == "kinesis":
        stream = kinesis._streams.get(resource_arn.rpartition("/")[2]) or {}
        return str(stream.get("KeyId") or "") if stream.get("EncryptionType") == "KMS" else ""
    if service == "dynamodb":
        name = resource_arn.split("/")[1] if "/" in resource_arn else ""
        settings = (dynamodb._tables.get(name) or {}).get("SSEDescription") or {}
        return str(settings.get("KMSMasterKeyArn") or "")
    if service == "states":
        machine = sfn._state_machines.get(machine_of(resource_arn)) or {}
        return str((machine.get("encryptionConfiguration") or {}).get("kmsKeyId") or "")
    holder: Any = None
    if service == "sqs":
        holder = sqs._queue_by_arn(resource_arn)
    elif service == "sns":
        holder = sns._topic_by_arn_any_scope(resource_arn)
    return str(((holder or {}).get("attributes") or {}).get("KmsMasterKeyId") or "")


def service_of(resource_arn: str) -> str:
    return resource_arn.split(":")[2] if resource_arn.count(":") > 4 else ""


def machine_of(arn: str) -> str:
    """The state machine of an execution's ARN, or of its own."""
    parts = arn.split(":")
    if len(parts) < 7 or parts[5] == "stateMachine":
        return arn
    return ":".join([*parts[:5], "stateMachine", parts[6].split("/")[0]])


def customer_key(key: str) -> Any:
    """The record of a customer managed key; None for AWS's keys, and for none."""
    return None if not key or "alias/aws/" in key else kms._resolve_key(key)


def usable(record: Any) -> bool:
    return bool(record.get("KeyState", "Enabled") == "Enabled")


def conditions(service: str, resource_arn: str, region: str) -> dict[str, str]:
    """The condition keys of a service's call to KMS for a caller."""
    name = _CONTEXT.get(service)
    value = machine_of(resource_arn) if service == "states" else resource_arn
    if service == "dynamodb":
        value = resource_arn.split("/")[1] if "/" in resource_arn else ""
    context = {f"kms:encryptioncontext:{name}": value} if name else {}
    return {"kms:viaservice": f"{service}.{region}.amazonaws.com"} | context


def granted(record: Any, role_arn: str, action: str) -> bool:
    """Whether a grant of the key gives the role the operation."""
    operation = action.removeprefix("kms:")
    return any(
        grant["KeyId"] == record["Arn"]
        and grant["GranteePrincipal"] == role_arn
        and operation in grant["Operations"]
        for grant in list(kms._grants.values())
    )


def role_refusal(
    role_arn: str, record: Any, actions: tuple[str, ...], keys: Mapping[str, str]
) -> str | None:
    """Why the role may not use the key; None when it may."""
    if not usable(record):
        return f"{record['Arn']} is {record['KeyState'].lower()}."
    for action in actions:
        if granted(record, role_arn, action):
            continue
        if not role_allowed_by_key(role_arn, action, record["Arn"], record.get("Policy"), keys):
            return f"User: {role_arn} is not authorized to perform: {action} on resource: " + str(
                record["Arn"]
            )
    return None


def role_may_decrypt(role_arn: str, key: str, service: str) -> bool:
    """Whether the role may decrypt, through the service, what a customer managed key encrypts;
    true without such a key."""
    record = customer_key(key)
    keys = {"kms:viaservice": f"{service}.{get_region()}.amazonaws.com"}
    return record is None or role_refusal(role_arn, record, READ, keys) is None


def _role_may_use_key(role_arn: str, action: str, resource_arn: str) -> bool:
    record = customer_key(key_of(resource_arn)) if action in _KEY_ACTIONS else None
    if record is None:
        return True
    keys = conditions(service_of(resource_arn), resource_arn, get_region())
    return role_refusal(role_arn, record, _KEY_ACTIONS[action], keys) is None


# -- callers -----------------------------------------------------------------------------


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
        # Read first: the evaluator forgets the request once its signature is verified.
        request = iam_evaluator._signed_request.get()
        body = _body(request) if iam_action in _READ_BODIES else {}
        denied = enforce(access_key_id, iam_action, service, region, resource_arn, service_context)
        if denied:
            return denied
        if iam_action == "kinesis:GetRecords":
            resource_arn = _stream_of(body) or resource_arn
        if iam_action in _LOG_ACTIONS:
            return _log_group_refusal(body, resource_arn, region)
        found = _use_of_a_key(iam_action, resource_arn, body)
        record = customer_key(found[0]) if found else None
        if not found or record is None:
            return None
        if not usable(record):
            message = f"{record['Arn']} is {record['KeyState'].lower()}."
            return iam_evaluator.AuthError(_DISABLED.get(service, "KMSDisabledException"), message)
        context = conditions(service, resource_arn, region)
        for action in found[1]:
            grant = {"kms:grantisforawsresource": "true"} if action == "kms:CreateGrant" else {}
            refused = enforce(access_key_id, action, "kms", region, record["Arn"], context | grant)
            caller = getattr(refused, "principal_arn", "")
            if refused and not granted(record, caller, action):
                return iam_evaluator.AuthError(
                    _DENIED.get(service, "KMSAccessDeniedException"),
                    f"User: {caller} is not authorized to perform: {action} on resource: "
                    f"{record['Arn']}",
                )
        return None

    iam_evaluator.enforce = checked


def _stream_of(body: dict[str, Any]) -> str | None:
    """The stream of a shard iterator, which a request need not name beside it."""
    iterator = kinesis._shard_iterators.get(body.get("ShardIterator") or "") or {}
    stream = kinesis._streams.get(iterator.get("stream") or "") or {}
    return str(stream.get("StreamARN") or "") or None


def _body(request: Any) -> dict[str, Any]:
    try:
        body = json.loads(request.body or b"{}") if request else {}
    except ValueError:
        return {}  # The service itself answers what is wrong with the body.
    return body if isinstance(body, dict) else {}


def _use_of_a_key(
    action: str, resource_arn: str, body: dict[str, Any]
) -> tuple[str, tuple[str, ...]] | None:
    """The key that a request uses and the KMS actions that its caller needs; None without one."""
    if action in _HANDED_OVER:
        path, actions = _HANDED_OVER[action]
        value: Any = body
        for member in path.split("."):
            value = value.get(member) if isinstance(value, dict) else None
        return (str(value), tuple(actions.split())) if value else None
    if action not in _KEY_ACTIONS:
        return None
    if action in _METADATA and body.get("includedData") == "METADATA_ONLY":
        return None
    return key_of(resource_arn), _KEY_ACTIONS[action]


# -- services ----------------------------------------------------------------------------


def _log_group_refusal(body: dict[str, Any], group_arn: str, region: str) -> Any:
    """CloudWatch Logs encrypts as itself: the key's policy must let it, for this log group.

    Source: CloudWatch Logs User Guide, "Encrypt log data in CloudWatch Logs using AWS KMS".
    """
    key = body.get("kmsKeyId")
    if not key:
        return None
    record = kms._resolve_key(key)
    service, context = f"logs.{region}.amazonaws.com", "kms:encryptioncontext:aws:logs:arn"
    if (
        record is not None
        and usable(record)
        and all(
            service_allowed(
                record.get("Policy"), action, record["Arn"], service, "", {context: group_arn}
            )
            for action in ("kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey")
        )
    ):
        return None
    return iam_evaluator.AuthError(
        "AccessDeniedException",
        f"The specified KMS key does not exist or is not allowed to be used with Arn '{group_arn}'",
    )


def service_may_encrypt(resource_arn: str, service: str, source_arn: str) -> bool:
    """Whether the key of the queue or topic, if any, lets the service write to it."""
    key = key_of(resource_arn)
    if not key:
        return True
    record = customer_key(key)
    # EventBridge sends KMS no source: SNS Developer Guide, "Enable compatibility between event
    # sources from AWS services and encrypted topics".
    source = "" if service == "events.amazonaws.com" else source_arn
    keys = conditions(service_of(resource_arn), resource_arn, get_region())
    return (
        record is not None
        and usable(record)
        and all(
            service_allowed(record.get("Policy"), action, record["Arn"], service, source, keys)
            for action in BOTH
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
