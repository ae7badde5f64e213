"""Every request is signed by a known key, and nobody passes a role they may not pass."""

from __future__ import annotations

import contextvars
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote

from ministack import app
from ministack.core import iam_actions, iam_evaluator
from ministack.core.responses import get_account_id
from ministack.services import apigateway, iam, sts

from local_aws.patches.service_access import role_arn_of_session, role_exists, role_trusts

REQUIRED = (
    "ministack.app._enforce_execute_api",
    "ministack.app._enforce_data_plane",
    "ministack.core.iam_actions.extract_iam_action",
    "ministack.core.iam_evaluator.AuthError",
    "ministack.core.iam_evaluator.EvalContext",
    "ministack.core.iam_evaluator.EvalResult",
    "ministack.core.iam_evaluator._resolve_condition_key",
    "ministack.core.iam_evaluator._request_origin",
    "ministack.core.iam_evaluator._resource_policy",
    "ministack.core.iam_evaluator._signed_request",
    "ministack.core.iam_evaluator.enforce",
    "ministack.core.iam_evaluator.evaluate_resource_policy",
    "ministack.core.iam_evaluator.is_root_access_key",
    "ministack.services.apigateway.find_api_scope",
    "ministack.services.iam._IAM_HANDLERS",
    "ministack.services.iam._error",
    "ministack.services.iam._p",
    "ministack.services.iam._roles",
    "ministack.services.sts.is_root_access_key",
)


def apply() -> None:
    _refuse_root_keys()
    _count_loopback_as_tls()
    _name_the_role_as_principal()
    _ask_of_batches_what_their_parts_need()
    _check_passed_roles()
    _authorize_http_apis()
    _limit_inline_policies()
    _limit_managed_policies()


def _refuse_root_keys() -> None:
    """``test``, an empty key and account numbers are no keys: they would skip every check."""

    def is_root_access_key(access_key_id: str) -> bool:
        return False

    iam_evaluator.is_root_access_key = is_root_access_key
    sts.is_root_access_key = is_root_access_key


def _count_loopback_as_tls() -> None:
    """Policies that deny plain HTTP would refuse everybody: the server has no certificate."""
    pin = iam_evaluator.pin_request_origin

    def pin_request_origin(source_ip: str, secure_transport: bool) -> None:
        pin(source_ip, True)

    app.pin_request_origin = pin_request_origin
    # A service that delivers by itself, outside of any request, uses TLS too.
    outside = iam_evaluator._request_origin.get()[0]
    iam_evaluator._request_origin = contextvars.ContextVar(
        "request_origin", default=(outside, True)
    )


def _name_the_role_as_principal() -> None:
    """aws:PrincipalArn of a role session is the ARN of the role, with its path.

    Source: IAM User Guide, "AWS global condition context keys", aws:PrincipalArn.
    """
    resolve = iam_evaluator._resolve_condition_key

    def resolve_condition_key(key: str, context: Any) -> Any:
        value = resolve(key, context)
        if key.lower() == "aws:principalarn" and ":assumed-role/" in str(value):
            return role_arn_of_session(value)
        return value

    iam_evaluator._resolve_condition_key = resolve_condition_key


# Service Authorization Reference, "Amazon SQS" and "Amazon SNS": batches have no permission of
# their own.
_PERMISSIONS = {
    "sns:PublishBatch": "sns:Publish",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:SendMessageBatch": "sqs:SendMessage",
}


def _ask_of_batches_what_their_parts_need() -> None:
    extract = iam_actions.extract_iam_action

    def extract_iam_action(*arguments: Any, **named: Any) -> Any:
        action = extract(*arguments, **named)
        return _PERMISSIONS.get(action, action)

    iam_actions.extract_iam_action = extract_iam_action


# -- iam:PassRole ------------------------------------------------------------------------


@dataclass(frozen=True)
class PassedRole:
    """A role handed to a service, the resource that will use it, and the service's refusal."""

    role_arn: str
    service: str
    source_arn: str
    code: str
    message: str


def _check_passed_roles() -> None:
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
        if not access_key_id and request is None and service in ("s3", "lambda"):
            return _anonymous_refusal(iam_action, service, region, resource_arn, service_context)
        denied = enforce(access_key_id, iam_action, service, region, resource_arn, service_context)
        if denied or request is None:
            return denied
        for passed in passed_roles(iam_action, request.raw_path, request.body, region):
            context = {"iam:passedtoservice": passed.service}
            refused = enforce(
                access_key_id, "iam:PassRole", "iam", region, passed.role_arn, context
            )
            if refused:
                caller = getattr(refused, "principal_arn", "")
                return iam_evaluator.AuthError(
                    "AccessDeniedException",
                    f"User: {caller} is not authorized to perform: iam:PassRole on resource: "
                    f"{passed.role_arn} because no identity-based policy allows the iam:PassRole "
                    "action",
                )
            if role_exists(passed.role_arn) and not role_trusts(
                passed.role_arn, passed.service, passed.source_arn
            ):
                return iam_evaluator.AuthError(passed.code, passed.message)
        return None

    iam_evaluator.enforce = checked


def _anonymous_refusal(
    action: str, service: str, region: str, resource: str, service_context: dict[str, Any] | None
) -> Any:
    """None where the resource's own policy lets everybody in (a public object, an open URL)."""
    found = iam_evaluator._resource_policy(service, resource)
    context = iam_evaluator.EvalContext(
        principal_arn="anonymous",
        principal_type="Anonymous",
        principal_account="",
        action=action,
        resource_arn=resource,
        region=region,
        service_context={k.lower(): v for k, v in (service_context or {}).items()},
    )
    if found and iam_evaluator.evaluate_resource_policy(found[0], context).decision == "Allow":
        return None
    return iam_evaluator.EvalResult("ImplicitDeny", principal_arn="anonymous")


def passed_roles(action: str, raw_path: str, body: bytes, region: str) -> Iterator[PassedRole]:
    """The roles that a request hands over, by the API reference of each operation."""
    if action not in _ROLE_READERS:
        return
    try:
        data = json.loads(body or b"{}")
    except ValueError:
        return  # The service itself answers what is wrong with the body.
    if isinstance(data, dict):
        path = unquote(raw_path.split("?", 1)[0])
        arn = f"{region}:{get_account_id()}"
        for passed in _ROLE_READERS[action](data, path, arn):
            if passed.role_arn:
                yield passed


def _function_role(data: dict[str, Any], path: str, where: str) -> Iterator[PassedRole]:
    name = data.get("FunctionName") or path.rstrip("/").split("/")[-2]
    yield PassedRole(
        data.get("Role", ""),
        "lambda.amazonaws.com",
        f"arn:aws:lambda:{where}:function:{name}",
        "InvalidParameterValueException",
        "The role defined for the function cannot be assumed by Lambda.",
    )


def _machine_role(data: dict[str, Any], path: str, where: str) -> Iterator[PassedRole]:
    role = data.get("roleArn", "")
    arn = data.get("stateMachineArn") or f"arn:aws:states:{where}:stateMachine:{data.get('name')}"
    yield PassedRole(
        role,
        "states.amazonaws.com",
        arn,
        "AccessDeniedException",
        "Neither the global service principal states.amazonaws.com, nor the regional one is "
        f"authorized to assume the provided role: {role}.",
    )


def _target_roles(data: dict[str, Any], path: str, where: str) -> Iterator[PassedRole]:
    bus = str(data.get("EventBusName") or "default").rsplit("/", 1)[-1]
    rule = data.get("Rule") if bus == "default" else f"{bus}/{data.get('Rule')}"
    for target in data.get("Targets") or []:
        role = target.get("RoleArn", "")
        yield PassedRole(
            role,
            "events.amazonaws.com",
            f"arn:aws:events:{where}:rule/{rule}",
            "ValidationException",
            f"Provided role '{role}' cannot be assumed by principal 'events.amazonaws.com'.",
        )


def _schedule_role(data: dict[str, Any], path: str, where: str) -> Iterator[PassedRole]:
    group = data.get("GroupName") or "default"
    yield PassedRole(
        (data.get("Target") or {}).get("RoleArn", ""),
        "scheduler.amazonaws.com",
        f"arn:aws:scheduler:{where}:schedule-group/{group}",
        "ValidationException",
        "The execution role you provide must allow AWS EventBridge Scheduler to assume the role.",
    )


def _stream_roles(data: dict[str, Any], path: str, where: str) -> Iterator[PassedRole]:
    for key in (
        "ExtendedS3DestinationConfiguration",
        "S3DestinationConfiguration",
        "KinesisStreamSourceConfiguration",
    ):
        role = (data.get(key) or {}).get("RoleARN", "")
        yield PassedRole(
            role,
            "firehose.amazonaws.com",
            f"arn:aws:firehose:{where}:deliverystream/{data.get('DeliveryStreamName')}",
            "InvalidArgumentException",
            f"Firehose is unable to assume role {role}. Please check the role provided.",
        )


def _event_destination_role(data: dict[str, Any], path: str, where: str) -> Iterator[PassedRole]:
    destination = (data.get("EventDestination") or {}).get("KinesisFirehoseDestination") or {}
    role = destination.get("IamRoleArn", "")
    found = re.search(r"/configuration-sets/([^/]+)", path)
    yield PassedRole(
        role,
        "ses.amazonaws.com",
        f"arn:aws:ses:{where}:configuration-set/{found[1] if found else ''}",
        "BadRequestException",
        f"Could not assume IAM role <{role}>.",
    )


_ROLE_READERS = {
    "lambda:CreateFunction": _function_role,
    "lambda:UpdateFunctionConfiguration": _function_role,
    "states:CreateStateMachine": _machine_role,
    "states:UpdateStateMachine": _machine_role,
    "events:PutTargets": _target_roles,
    "scheduler:CreateSchedule": _schedule_role,
    "scheduler:UpdateSchedule": _schedule_role,
    "firehose:CreateDeliveryStream": _stream_roles,
    "ses:CreateConfigurationSetEventDestination": _event_destination_role,
    "ses:UpdateConfigurationSetEventDestination": _event_destination_role,
}


# -- execute-api -------------------------------------------------------------------------

_FORBIDDEN = (403, {"Content-Type": "application/json"}, b'{"message":"Forbidden"}')


def _authorize_http_apis() -> None:
    """An HTTP API accepts only signatures made for ``execute-api``, and says no more than
    ``{"message":"Forbidden"}`` about any refusal."""
    enforce = app._enforce_execute_api

    def enforced(
        api_id: str,
        stage: str,
        method: str,
        execute_path: str,
        headers: dict[str, str],
        query_params: dict[str, list[str]],
        iam_action: str = "execute-api:Invoke",
    ) -> Any:
        if apigateway.find_api_scope(api_id) is None:
            return enforce(api_id, stage, method, execute_path, headers, query_params, iam_action)
        scope = _signed_service(headers.get("authorization", ""), query_params)
        if scope not in (None, "execute-api"):
            return _FORBIDDEN
        refused = enforce(api_id, stage, method, execute_path, headers, query_params, iam_action)
        return _FORBIDDEN if refused else None

    app._enforce_execute_api = enforced


def _signed_service(authorization: str, query: dict[str, list[str]]) -> str | None:
    """The service a SigV4 signature was made for, or None when the request has none."""
    header = re.search(r"Credential=[^/,]+/\d{8}/[^/]+/([^/]+)/aws4_request", authorization)
    if header:
        return header[1]
    values = query.get("X-Amz-Credential") or parse_qs(authorization).get("X-Amz-Credential")
    parts = values[0].split("/") if values else []
    return parts[3] if len(parts) == 5 else None


# White space apart. Source: IAM User Guide, "IAM and STS quotas".
MAX_INLINE_CHARACTERS = 10_240  # of all inline policies of a role
MAX_MANAGED_CHARACTERS = 6_144  # of a managed policy


def _limit_inline_policies() -> None:
    put = iam._IAM_HANDLERS["PutRolePolicy"]

    def put_role_policy(parameters: dict[str, Any]) -> Any:
        name, policy = (str(iam._p(parameters, key)) for key in ("RoleName", "PolicyName"))
        role = iam._roles.get(name)
        if role:
            documents = {**role["InlinePolicies"], policy: iam._p(parameters, "PolicyDocument")}
            if sum(map(_characters, documents.values())) > MAX_INLINE_CHARACTERS:
                return iam._error(
                    409,
                    "LimitExceeded",
                    f"Maximum policy size of {MAX_INLINE_CHARACTERS} bytes exceeded for role "
                    f"{name}",
                    ns="iam",
                )
        return put(parameters)

    iam._IAM_HANDLERS["PutRolePolicy"] = put_role_policy


def _limit_managed_policies() -> None:
    for action in ("CreatePolicy", "CreatePolicyVersion"):
        iam._IAM_HANDLERS[action] = _of_bounded_size(iam._IAM_HANDLERS[action])


def _of_bounded_size(create: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
    def created(parameters: dict[str, Any]) -> Any:
        if _characters(iam._p(parameters, "PolicyDocument")) > MAX_MANAGED_CHARACTERS:
            text = f"Cannot exceed quota for PolicySize: {MAX_MANAGED_CHARACTERS}"
            return iam._error(409, "LimitExceeded", text, ns="iam")
        return create(parameters)

    return created


def _characters(document: Any) -> int:
    text = document if isinstance(document, str) else json.dumps(document)
    return len("".join(text.split()))
