"""What an AWS service may do on somebody's behalf: role sessions, trust, resource policies.

The emulator checks IAM where a request arrives over HTTP. Services that act for a user inside
it (Step Functions, EventBridge, Scheduler, the event source pollers) skip that edge; the other
patches ask the questions of this module instead.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import threading
from collections.abc import Callable, Mapping
from typing import Any

import botocore.config
import botocore.session
from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id, get_region
from ministack.services import iam, lambda_svc, sts

from local_aws.patches.rewriting import rewrite

REQUIRED = (
    "ministack.core.iam_evaluator.EvalContext",
    "ministack.core.iam_evaluator._gather_role_policies",
    "ministack.core.iam_evaluator._permissions_boundary",
    "ministack.core.iam_evaluator.combine_resource_policy",
    "ministack.core.iam_evaluator.evaluate",
    "ministack.core.iam_evaluator.evaluate_resource_policy",
    "ministack.services.iam._roles",
    "ministack.services.lambda_svc.function_policy_for_arn",
    "ministack.services.sts._evict_expired_sessions",
    "ministack.services.sts._sessions",
    "ministack.services.sts.register_session",
)


# Whether a role may use the key of a resource for an action on it; `encryption` adds its check.
KEY_CHECKS: list[Callable[[str, str, str], bool]] = []


def role_allows(role_arn: str, action: str, resource: str) -> bool:
    """Whether the role's policies (and its boundary) allow the action on the resource, and the
    use of the resource's key."""
    context, policies, limits = _evaluation(role_arn, action, resource, {})
    allowed = iam_evaluator.evaluate(context, policies, *limits).decision == "Allow"
    return allowed and all(check(role_arn, action, resource) for check in KEY_CHECKS)


def role_allowed_by_key(
    role_arn: str, action: str, key_arn: str, key_policy: Any, keys: Mapping[str, str]
) -> bool:
    """Whether the role's policies and the key's policy allow a KMS action; ``keys`` are the
    condition keys of the request, in lower case."""
    context, policies, limits = _evaluation(role_arn, action, key_arn, keys)
    identity = iam_evaluator.evaluate(context, policies, *limits)
    account = context.principal_account
    both = iam_evaluator.combine_resource_policy(
        identity, context, key_policy, account, required=True, limits=tuple(limits)
    )
    return bool(both.decision == "Allow")


def _evaluation(
    role_arn: str, action: str, resource: str, keys: Mapping[str, str]
) -> tuple[Any, Any, Any]:
    """The context of a call by a session of the role, the role's policies and their limits."""
    account, name = _account_and_name(role_arn)
    context = iam_evaluator.EvalContext(
        principal_arn=f"arn:aws:sts::{account}:assumed-role/{name}/service",
        principal_type="AssumedRole",
        principal_account=account,
        action=action,
        resource_arn=resource,
        region=get_region(),
        secure_transport=True,
        service_context=dict(keys),
    )
    policies = iam_evaluator._gather_role_policies(name, account)
    return context, policies, iam_evaluator._permissions_boundary(iam._roles, name, account)


def role_exists(role_arn: str) -> bool:
    account, name = _account_and_name(role_arn)
    return iam._roles.get_scoped(account, None, name) is not None


def role_arn_of_session(session_arn: str) -> str:
    """The ARN of the role, path included, of an ``arn:…:assumed-role/<name>/<session>``."""
    account, name = session_arn.split(":")[4], session_arn.split("/")[1]
    role = iam._roles.get_scoped(account, None, name)
    return str(role["Arn"]) if role else f"arn:aws:iam::{account}:role/{name}"


def role_trusts(role_arn: str, service: str, source_arn: str) -> bool:
    """Whether the role's trust policy lets the service (``lambda.amazonaws.com``) assume it.

    ``source_arn`` is the resource the service acts for: conditions on ``aws:SourceArn`` and
    ``aws:SourceAccount`` are evaluated with it.
    """
    account, name = _account_and_name(role_arn)
    role = iam._roles.get_scoped(account, None, name) or {}
    document = role.get("AssumeRolePolicyDocument") or {}
    if isinstance(document, str):
        document = json.loads(document)
    statements = document.get("Statement", [])
    if isinstance(statements, dict):
        statements = [statements]
    # A trust policy has no Resource; the evaluator of resource policies wants one.
    policy = {"Statement": [{**statement, "Resource": "*"} for statement in statements]}
    names = (service, service.replace(".", f".{get_region()}.", 1))
    return any(service_allowed(policy, "sts:AssumeRole", "*", name, source_arn) for name in names)


def function_allows(function_arn: str, service: str, source_arn: str) -> bool:
    """Whether the function's resource policy lets the service invoke it for the source."""
    found = lambda_svc.function_policy_for_arn(function_arn)
    return found is not None and service_allowed(
        found[0], "lambda:InvokeFunction", function_arn, service, source_arn
    )


def service_allowed(
    policy: dict[str, Any] | str | None,
    action: str,
    resource: str,
    service: str,
    source_arn: str,
    keys: Mapping[str, str] | None = None,
) -> bool:
    """Whether a resource policy lets an AWS service act on the resource for the source.

    Without a source, the request has neither ``aws:SourceArn`` nor ``aws:SourceAccount``; ``keys``
    are its other condition keys, in lower case.
    """
    source = {"aws:sourcearn": source_arn, "aws:sourceaccount": get_account_id()}
    context = iam_evaluator.EvalContext(
        principal_arn="*",
        principal_type="Service",
        principal_account="",
        action=action,
        resource_arn=resource,
        region=get_region(),
        secure_transport=True,
        service_context=(source if source_arn else {}) | dict(keys or {}),
    )
    result = iam_evaluator.evaluate_resource_policy(policy, context, service=service)
    return bool(result.decision == "Allow")


def _account_and_name(role_arn: str) -> tuple[str, str]:
    parts = role_arn.split(":")
    return (parts[4] if len(parts) > 5 else ""), role_arn.rsplit("/", 1)[-1]


_lock = threading.Lock()


def role_client(role_arn: str, service: str, session_name: str) -> Any:
    """A botocore client of this very server, signed by a session of the role.

    Calls through it pass the same checks as a function's own calls.
    """
    account, name = _account_and_name(role_arn)
    digest = hashlib.sha256(f"{role_arn}/{session_name}".encode()).hexdigest()
    key, secret, token = f"ASIA{digest[:16].upper()}", f"s{digest}", f"t{digest}"
    with _lock:
        if key not in sts._sessions:  # a reset of the emulator forgets it
            sts.register_session(
                key,
                {
                    "Arn": f"arn:aws:sts::{account}:assumed-role/{name}/{session_name}",
                    "UserId": f"{name}:{session_name}",
                    "SecretAccessKey": secret,
                    "SessionToken": token,
                },
            )
        return _client(service, get_region(), key, secret, token)


@functools.lru_cache(maxsize=256)
def _client(service: str, region: str, key: str, secret: str, token: str) -> Any:
    return _botocore_session().create_client(
        service,
        region_name=region,
        endpoint_url=f"http://127.0.0.1:{os.environ.get('GATEWAY_PORT', '4566')}",
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        aws_session_token=token,
        config=botocore.config.Config(
            retries={"total_max_attempts": 1},
            read_timeout=900,
            max_pool_connections=64,
            s3={"addressing_style": "path"},
        ),
    )


@functools.lru_cache(maxsize=1)
def _botocore_session() -> Any:
    return botocore.session.get_session()


def service_names() -> list[str]:
    """The services botocore knows, by client name."""
    with _lock:
        names: list[str] = _botocore_session().get_available_services()
    return names


def apply() -> None:
    # Sessions are registered from many threads, each of which walks over all of them.
    rewrite(sts, "_evict_expired_sessions", ("_sessions.items()", "list(_sessions.items())"))
