"""Events reach only targets that let them in; what cannot be delivered goes to a dead-letter queue.

A delivery that fails here fails for good (no permission, no such target), which AWS does not
retry; so a target's RetryPolicy has nothing to act upon. What a function does with an event it
accepted is another matter: asynchronous invocations are retried by Lambda itself.
"""

from __future__ import annotations

import base64
import contextvars
import json
import logging
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ministack.core.responses import error_response_json, get_account_id
from ministack.services import eventbridge, firehose, lambda_svc, s3, sns, sqs
from ministack.services import stepfunctions as sfn

from local_aws.patches import sdk_calls
from local_aws.patches.encryption import role_may_decrypt, topic_allows
from local_aws.patches.rewriting import rewrite
from local_aws.patches.service_access import (
    function_allows,
    role_allows,
    role_trusts,
)

REQUIRED = (
    "ministack.services.eventbridge._dispatch_to_lambda",
    "ministack.services.eventbridge._dispatch_to_sns",
    "ministack.services.eventbridge._dispatch_to_sqs",
    "ministack.services.eventbridge._dispatch_to_stepfunctions",
    "ministack.services.eventbridge._invoke_target",
    "ministack.services.eventbridge._pattern_event_view",
    "ministack.services.firehose._put_record",
    "ministack.services.firehose._streams",
    "ministack.services.lambda_svc._create_esm",
    "ministack.services.lambda_svc._execution_record_for_config",
    "ministack.services.lambda_svc._get_func_record_for_ref",
    "ministack.services.lambda_svc._iter_all_esms",
    "ministack.services.lambda_svc._route_async_failure",
    "ministack.services.lambda_svc.invoke_async_with_retry",
    "ministack.services.s3._deliver_event_to_lambda",
    "ministack.services.s3._fire_s3_event",
    "ministack.services.sns._deliver_to_lambda",
    "ministack.services.sns._deliver_to_sqs",
    "ministack.services.sns._topic_by_arn_any_scope",
    "ministack.services.sqs._ensure_msg_fields",
    "ministack.services.sqs._md5_msg_attrs",
    "ministack.services.sqs._queue_by_arn",
    "ministack.services.sqs.esm_wake",
    "ministack.services.sqs.queue_policy_allows",
    "ministack.services.stepfunctions._resolve_state_machine_arn",
    "ministack.services.stepfunctions._start_execution",
)

logger = logging.getLogger(__name__)
EVENTS, SCHEDULER = "events.amazonaws.com", "scheduler.amazonaws.com"


def apply() -> None:
    _check_event_targets()
    _check_topic_subscribers()
    _check_bucket_notifications()
    _report_async_failures()
    _check_event_source_mappings()


def enqueue(queue_arn: str, body: str, attributes: dict[str, str]) -> None:
    """Append a message to the queue, without any check."""
    queue = sqs._queue_by_arn(queue_arn)
    if queue is None:
        logger.warning("dead-letter queue %s does not exist: the event is lost", queue_arn)
        return
    message: dict[str, Any] = {
        "id": str(uuid.uuid4()),
        "body": body,
        "visible_at": time.time(),
        "message_attributes": {
            name: {"DataType": "String", "StringValue": value}
            for name, value in attributes.items()
            if value
        },
    }
    message["md5_attrs"] = sqs._md5_msg_attrs(message["message_attributes"])
    sqs._ensure_msg_fields(message)
    queue["messages"].append(message)
    sqs.esm_wake.set()


# -- EventBridge and Scheduler -----------------------------------------------------------


@dataclass(frozen=True)
class _Delivery:
    """One event on its way to one target of a rule or schedule."""

    target: dict[str, Any]
    source_arn: str
    service: str
    event: dict[str, Any]
    key: str = ""  # that the schedule's own data is encrypted with
    # What became of it: executionArn or answer where there is one, code and reason of a failure.
    report: dict[str, Any] = field(default_factory=dict)

    @property
    def role_arn(self) -> str:
        return str(self.target.get("RoleArn") or "")


_delivery: contextvars.ContextVar[_Delivery | None] = contextvars.ContextVar(
    "local_aws_delivery", default=None
)


def _check_event_targets() -> None:
    rewrite(
        eventbridge,
        "_invoke_target",
        (
            'elif spec.service == "sns":',
            'elif spec.service == "firehose":\n'
            "            _dispatch_to_firehose(arn, event_payload)\n"
            '        elif spec.service == "sns":',
        ),
        _dispatch_to_firehose=_dispatch_to_firehose,
    )
    invoke = eventbridge._invoke_target

    def invoke_target(target: Any, event: Any, rule: Any, view: Any = None) -> dict[str, Any]:
        source = str((rule or {}).get("Arn", ""))
        service = SCHEDULER if ":scheduler:" in source else EVENTS
        key = str((rule or {}).get("KmsKeyArn") or "")
        delivery = _Delivery(target, source, service, event, key)
        token = _delivery.set(delivery)
        try:
            if str(target.get("Arn", "")).startswith("arn:aws:scheduler:::aws-sdk:"):
                _call_universal_target(target)
            else:
                invoke(target, event, rule, view)
        finally:
            _delivery.reset(token)
        return delivery.report

    eventbridge._invoke_target = invoke_target
    to_sqs, to_sns = eventbridge._dispatch_to_sqs, eventbridge._dispatch_to_sns

    def dispatch_to_lambda(arn: str, payload: str) -> None:
        function, config, _ = lambda_svc._get_func_record_for_ref(arn)

        def send() -> None:
            event = json.loads(payload)
            record = lambda_svc._execution_record_for_config(function, config)
            lambda_svc.invoke_async_with_retry(record, event)

        _deliver(arn, payload, "lambda:InvokeFunction", function and config, function_allows, send)

    def dispatch_to_sqs(spec: Any, payload: str, parameters: Any = None) -> None:
        _deliver(
            str(spec),
            payload,
            "sqs:SendMessage",
            sqs._queue_by_arn(str(spec)),
            _queue_allows,
            lambda: to_sqs(spec, payload, parameters),
        )

    def dispatch_to_sns(arn: str, payload: str) -> None:
        _deliver(
            arn,
            payload,
            "sns:Publish",
            sns._topic_by_arn_any_scope(arn),
            topic_allows,
            lambda: to_sns(arn, payload),
        )

    def dispatch_to_stepfunctions(arn: str, payload: str) -> None:
        def send() -> None:
            _, _, answer = sfn._start_execution({"stateMachineArn": arn, "input": payload})
            if delivery := _delivery.get():
                delivery.report["executionArn"] = json.loads(answer).get("executionArn")

        _deliver(
            arn,
            payload,
            "states:StartExecution",
            sfn._resolve_state_machine_arn(arn),
            _only_by_role,
            send,
        )

    eventbridge._dispatch_to_lambda = dispatch_to_lambda
    eventbridge._dispatch_to_sqs = dispatch_to_sqs
    eventbridge._dispatch_to_sns = dispatch_to_sns
    eventbridge._dispatch_to_stepfunctions = dispatch_to_stepfunctions


def _dispatch_to_firehose(arn: str, payload: str) -> None:
    name = arn.rpartition("/")[2]

    def send() -> None:
        data = base64.b64encode(payload.encode()).decode()
        firehose._put_record({"DeliveryStreamName": name, "Record": {"Data": data}})

    # EventBridge adds no line end.
    found = firehose._streams.get(name)
    _deliver(arn, payload, "firehose:PutRecord", found, _only_by_role, send)


def _only_by_role(target_arn: str, service: str, source_arn: str) -> bool:
    """State machines and Firehose streams have no resource policy that could let a service in."""
    return False


def _queue_allows(queue_arn: str, service: str, source_arn: str) -> bool:
    return bool(sqs.queue_policy_allows(queue_arn, service, source_arn, get_account_id()))


def _deliver(
    arn: str,
    payload: str,
    action: str,
    found: Any,
    policy_allows: Callable[[str, str, str], bool],
    send: Callable[[], None],
) -> None:
    delivery = _delivery.get()
    if delivery is None:
        send()  # Not an EventBridge target after all: the caller has done its own checks.
        return
    if not found:
        _dead_letter(delivery, payload, "NO_RESOURCE", f"{arn} does not exist")
    elif not _may_send(delivery, arn, action, policy_allows):
        reason = f"{delivery.service} is not authorized to perform {action} on {arn}"
        _dead_letter(delivery, payload, "NO_PERMISSIONS", reason)
    else:
        send()


def _may_send(
    delivery: _Delivery, arn: str, action: str, policy_allows: Callable[[str, str, str], bool]
) -> bool:
    if not delivery.role_arn:
        return policy_allows(arn, delivery.service, delivery.source_arn)
    return _assumable(delivery) and role_allows(delivery.role_arn, action, arn)


def _assumable(delivery: _Delivery) -> bool:
    source = delivery.source_arn
    if delivery.service == SCHEDULER:  # The source of a schedule's calls is its group.
        source = source.replace(":schedule/", ":schedule-group/").rsplit("/", 1)[0]
    # EventBridge Scheduler User Guide, "Encryption at rest": the execution role decrypts the input.
    return role_trusts(delivery.role_arn, delivery.service, source) and role_may_decrypt(
        delivery.role_arn, delivery.key, "scheduler"
    )


def _call_universal_target(target: dict[str, Any]) -> None:
    """A schedule's ``arn:aws:scheduler:::aws-sdk:<service>:<operation>``."""
    delivery = _delivery.get()
    if delivery is None:
        return
    payload = str(target.get("Input") or "{}")
    service, action = target["Arn"].split(":")[-2:]
    try:
        if not _assumable(delivery):
            raise sdk_calls.CallFailed("AccessDeniedException", "The role cannot be assumed")
        delivery.report["answer"] = sdk_calls.call(
            delivery.role_arn, "scheduler", service, action, json.loads(payload)
        )
    except (sdk_calls.CallFailed, ValueError) as error:
        _dead_letter(delivery, payload, getattr(error, "code", "SDK_CLIENT_ERROR"), str(error))


def _dead_letter(delivery: _Delivery, payload: str, code: str, reason: str) -> None:
    logger.warning("%s: %s (%s)", delivery.source_arn, reason, code)
    delivery.report.update(code=code, reason=reason)
    queue = (delivery.target.get("DeadLetterConfig") or {}).get("Arn")
    if not queue:
        return
    target = str(delivery.target.get("Arn", ""))
    if delivery.service == SCHEDULER:
        allowed = _assumable(delivery) and role_allows(delivery.role_arn, "sqs:SendMessage", queue)
        body = payload
        names = {"SCHEDULE_ARN": delivery.source_arn}
    else:
        allowed = _queue_allows(queue, EVENTS, delivery.source_arn)
        body = json.dumps(eventbridge._pattern_event_view(delivery.event).event_with_detail())
        names = {"RULE_ARN": delivery.source_arn}
    if not allowed:
        logger.warning("%s may not write to its dead-letter queue %s", delivery.source_arn, queue)
        return
    names |= {"TARGET_ARN": target, "ERROR_CODE": code, "ERROR_MESSAGE": reason}
    enqueue(queue, body, names)


# -- SNS and S3 --------------------------------------------------------------------------


def _check_topic_subscribers() -> None:
    to_sqs = sns._deliver_to_sqs

    def deliver_to_sqs(
        endpoint: str, envelope: str, raw: bool, raw_message: str, **rest: Any
    ) -> None:
        topic = rest.get("topic_arn", "")
        account = topic.split(":")[4] if topic else get_account_id()
        if sqs._queue_by_arn(endpoint) is None:
            refusal = "the queue does not exist"
        elif not sqs.queue_policy_allows(endpoint, "sns.amazonaws.com", topic, account):
            refusal = "the queue's policy does not allow sns.amazonaws.com"
        else:
            to_sqs(endpoint, envelope, raw, raw_message, **rest)
            return
        _redrive(topic, endpoint, raw_message if raw else envelope, refusal)

    def deliver_to_lambda(
        endpoint: str, envelope: str, topic_arn: str, subscription_arn: str, *_: Any
    ) -> None:
        function, config, _name = lambda_svc._get_func_record_for_ref(endpoint)
        if not function or not config:
            _redrive(topic_arn, endpoint, envelope, "the function does not exist")
        elif not function_allows(endpoint, "sns.amazonaws.com", topic_arn):
            refusal = "the function's policy does not allow sns.amazonaws.com"
            _redrive(topic_arn, endpoint, envelope, refusal)
        else:
            record = {
                "EventVersion": "1.0",
                "EventSubscriptionArn": subscription_arn,
                "EventSource": "aws:sns",
                "Sns": json.loads(envelope),
            }
            lambda_svc.invoke_async_with_retry(
                lambda_svc._execution_record_for_config(function, config), {"Records": [record]}
            )

    sns._deliver_to_sqs = deliver_to_sqs
    sns._deliver_to_lambda = deliver_to_lambda


def _redrive(topic_arn: str, endpoint: str, body: str, reason: str) -> None:
    """Put a message that a subscriber did not take into the subscription's dead-letter queue."""
    logger.warning("%s did not take a message of %s: %s", endpoint, topic_arn, reason)
    topic = sns._topic_by_arn_any_scope(topic_arn) or {}
    for subscription in topic.get("subscriptions", []):
        policy = (subscription.get("attributes") or {}).get("RedrivePolicy")
        if subscription.get("endpoint") != endpoint or not policy:
            continue
        queue = json.loads(policy).get("deadLetterTargetArn", "")
        if _queue_allows(queue, "sns.amazonaws.com", topic_arn):
            attributes = {
                "ErrorCode": "403",
                "ErrorMessage": reason,
                "RequestID": str(uuid.uuid4()),
            }
            enqueue(queue, body, attributes)
        else:
            logger.warning("%s may not write to its dead-letter queue %s", topic_arn, queue)


def _check_bucket_notifications() -> None:
    rewrite(
        s3,
        "_fire_s3_event",
        (
            '"sequencer": sequencer or "0"}',
            '"sequencer": sequencer or "0", **({"version-id": version_id} if version_id else {})}',
        ),
    )
    deliver = s3._deliver_event_to_lambda

    def deliver_event_to_lambda(arn: str, payload: dict[str, Any], region: str) -> None:
        bucket = payload["Records"][0]["s3"]["bucket"]["arn"] if payload.get("Records") else ""
        if function_allows(arn, "s3.amazonaws.com", bucket):
            deliver(arn, payload, region)
        else:
            logger.warning("%s's policy does not allow s3.amazonaws.com for %s", arn, bucket)

    s3._deliver_event_to_lambda = deliver_event_to_lambda


# -- asynchronous invocations ------------------------------------------------------------

_SEND_ACTION = {
    "sqs": "sqs:SendMessage",
    "sns": "sns:Publish",
    "lambda": "lambda:InvokeFunction",
    "events": "events:PutEvents",
}


def _report_async_failures() -> None:
    """Failed events go to the destination and to the dead-letter queue, if the role allows it."""
    route = lambda_svc._route_async_failure

    def route_async_failure(target: str, name: str, event: Any, result: dict[str, Any]) -> None:
        function = lambda_svc._functions.get(name) or {}
        config = function.get("config") or {}
        queue = (config.get("DeadLetterConfig") or {}).get("TargetArn") or ""
        if target != queue and _role_may_send(config, target):
            route(target, name, event, result)
        if queue and _role_may_send(config, queue):
            body = result.get("body") if isinstance(result.get("body"), dict) else {}
            attributes = {
                "RequestID": str(uuid.uuid4()),
                "ErrorCode": "200",
                "ErrorMessage": str((body or {}).get("errorMessage", ""))[:1024],
            }
            if ":sqs:" in queue:
                enqueue(queue, json.dumps(event), attributes)
            else:
                sns.publish_internal(queue, json.dumps(event))

    lambda_svc._route_async_failure = route_async_failure


def _role_may_send(config: dict[str, Any], target: str) -> bool:
    action = _SEND_ACTION.get(target.split(":")[2] if target.count(":") > 4 else "", "")
    if action and role_allows(config.get("Role", ""), action, target):
        return True
    logger.warning("%s may not %s on %s", config.get("Role"), action, target)
    return False


# -- event source mappings ---------------------------------------------------------------

_POLL_ACTIONS = {
    "sqs": ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"),
    "kinesis": ("kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:DescribeStream"),
    "dynamodb": (
        "dynamodb:GetRecords",
        "dynamodb:GetShardIterator",
        "dynamodb:DescribeStream",
        "dynamodb:ListStreams",
    ),
}


def _missing_permission(source_arn: str, role_arn: str) -> str | None:
    """The first action the poller needs and the role lacks."""
    service = source_arn.split(":")[2] if source_arn.count(":") > 4 else ""
    return next(
        (a for a in _POLL_ACTIONS.get(service, ()) if not role_allows(role_arn, a, source_arn)),
        None,
    )


def _check_event_source_mappings() -> None:
    every, create = lambda_svc._iter_all_esms, lambda_svc._create_esm

    def iter_all_esms() -> Iterator[Any]:
        for account, region, mapping in every():
            function = lambda_svc._functions.get_scoped(account, region, mapping["FunctionName"])
            role = ((function or {}).get("config") or {}).get("Role", "")
            missing = _missing_permission(mapping.get("EventSourceArn", ""), role)
            if missing:
                mapping["LastProcessingResult"] = f"PROBLEM: the role lacks {missing}"
            else:
                yield account, region, mapping

    def create_esm(data: dict[str, Any]) -> Any:
        name = str(data.get("FunctionName", ""))
        function, config, _ = lambda_svc._get_func_record_for_ref(name)
        source = str(data.get("EventSourceArn", ""))
        missing = _missing_permission(source, (config or {}).get("Role", "")) if function else None
        if missing:
            call = f"{missing.split(':')[1]} on {missing.split(':')[0].upper()}"
            return error_response_json(
                "InvalidParameterValueException",
                f"The provided execution role does not have permissions to call {call}",
                400,
            )
        return create(data)

    lambda_svc._iter_all_esms = iter_all_esms
    lambda_svc._create_esm = create_esm
