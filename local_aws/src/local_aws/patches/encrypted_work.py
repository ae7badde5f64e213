"""What AWS decrypts for a function or an execution, it decrypts with the role's own permissions.

Lambda Developer Guide, "Securing Lambda environment variables"; Step Functions Developer Guide,
"Data at rest encryption"; CloudWatch Logs API Reference, AssociateKmsKey.
"""

from __future__ import annotations

import json
from typing import Any

from ministack.core.responses import error_response_json, get_region, json_response
from ministack.services import cloudwatch_logs, lambda_svc
from ministack.services import stepfunctions as sfn

from local_aws.patches.encryption import (
    BOTH,
    READ,
    conditions,
    customer_key,
    key_of,
    role_refusal,
)
from local_aws.patches.rewriting import rewrite

REQUIRED = (
    "ministack.services.cloudwatch_logs._log_groups",
    "ministack.services.lambda_svc._build_config",
    "ministack.services.lambda_svc._execute_function_dispatch",
    "ministack.services.lambda_svc._functions",
    "ministack.services.lambda_svc._invoke",
    "ministack.services.lambda_svc._update_config",
    "ministack.services.stepfunctions._describe_execution",
    "ministack.services.stepfunctions._executions",
    "ministack.services.stepfunctions._fail_execution",
    "ministack.services.stepfunctions._run_execution",
    "ministack.services.stepfunctions._state_machines",
)

Json = dict[str, Any]
_ERROR = "KMSAccessDeniedException"


def apply() -> None:
    _decrypt_environments()
    _keep_no_key_without_environment()
    _decrypt_executions()
    _leave_out_data()
    _associate_log_groups()


# -- functions ---------------------------------------------------------------------------


def environment_refusal(config: Json) -> str | None:
    """Why Lambda cannot decrypt the function's environment variables; None when it can."""
    if not _variables(config):
        return None
    record = customer_key(config.get("KMSKeyArn") or "")
    if record is None:
        return None
    keys = conditions("lambda", config.get("FunctionArn", ""), get_region())
    refused = role_refusal(config.get("Role", ""), record, READ, keys)
    return refused and (
        "Lambda was unable to decrypt the environment variables because KMS access was denied. "
        "Please check the function's KMS key settings. KMS Exception: AccessDeniedException "
        f"KMS Message: {refused}"
    )


def _decrypt_environments() -> None:
    dispatch, invoke = lambda_svc._execute_function_dispatch, lambda_svc._invoke

    def dispatched(func: Json, config: Json, event: Any, request_id: str, started: float) -> Any:
        refused = environment_refusal(config)
        if refused:
            body = {"errorMessage": refused, "errorType": _ERROR}
            return {"body": body, "error": True, "log": ""}
        return dispatch(func, config, event, request_id, started)

    async def invoked(name: str, event: Any, headers: Json, *rest: Any, **named: Any) -> Any:
        kind = headers.get("x-amz-invocation-type") or "RequestResponse"
        config = (lambda_svc._functions.get(name) or {}).get("config") or {}
        refused = environment_refusal(config) if kind == "RequestResponse" else None
        if refused:
            return error_response_json(_ERROR, refused, 502)
        return await invoke(name, event, headers, *rest, **named)

    lambda_svc._execute_function_dispatch, lambda_svc._invoke = dispatched, invoked


def _keep_no_key_without_environment() -> None:
    """Lambda forgets the key of a function without environment variables.

    Source: the AWS provider's documentation of aws_lambda_function, kms_key_arn.
    """
    build, update = lambda_svc._build_config, lambda_svc._update_config

    def build_config(name: str, data: Json, *rest: Any) -> Json:
        config: Json = build(name, data, *rest)
        if not _variables(config):
            config["KMSKeyArn"] = ""
        return config

    def update_config(name: str, data: Json) -> Any:
        config = (lambda_svc._functions.get(name) or {}).get("config") or {}
        if not _variables(config | data):
            data = data | {"KMSKeyArn": ""}
        return update(name, data)

    lambda_svc._build_config, lambda_svc._update_config = build_config, update_config


def _variables(config: Json) -> Any:
    return (config.get("Environment") or {}).get("Variables")


# -- executions --------------------------------------------------------------------------


def _decrypt_executions() -> None:
    run = sfn._run_execution

    def run_execution(arn: str) -> None:
        execution = sfn._executions.get(arn) or {}
        machine_arn = execution.get("stateMachineArn", "")
        record = customer_key(key_of(machine_arn)) if machine_arn else None
        if record is not None:
            role = (sfn._state_machines.get(machine_arn) or {}).get("roleArn", "")
            keys = conditions("states", machine_arn, get_region())
            refused = role_refusal(role, record, BOTH, keys)
            if refused:
                sfn._fail_execution(execution, "States.Runtime", refused)
                return
        run(arn)

    sfn._run_execution = run_execution


def _leave_out_data() -> None:
    """DescribeExecution with METADATA_ONLY answers nothing that is encrypted."""
    describe = sfn._describe_execution

    def described(data: Json) -> Any:
        status, headers, body = describe(data)
        if status != 200 or data.get("includedData") != "METADATA_ONLY":
            return status, headers, body
        answer = json.loads(body)
        for member in ("input", "output", "error", "cause"):
            answer.pop(member, None)
        answer |= {"inputDetails": {"included": False}, "outputDetails": {"included": False}}
        return json_response(answer)

    sfn._describe_execution = described


# -- log groups --------------------------------------------------------------------------


def associate_key(data: Json) -> Any:
    return _set_key(data, data.get("kmsKeyId"))


def disassociate_key(data: Json) -> Any:
    return _set_key(data, None)


def _set_key(data: Json, key: str | None) -> Any:
    group = cloudwatch_logs._log_groups.get(data.get("logGroupName", ""))
    if group is None:
        message = f"The specified log group does not exist: {data.get('logGroupName')}"
        return error_response_json("ResourceNotFoundException", message, 400)
    group["kmsKeyId"] = key
    return json_response({})


def _associate_log_groups() -> None:
    rewrite(
        cloudwatch_logs,
        "handle_request",
        (
            '"CreateLogGroup": _create_log_group,',
            '"CreateLogGroup": _create_log_group,\n'
            '        "AssociateKmsKey": _associate_key,\n'
            '        "DisassociateKmsKey": _disassociate_key,',
        ),
        _associate_key=associate_key,
        _disassociate_key=disassociate_key,
    )
