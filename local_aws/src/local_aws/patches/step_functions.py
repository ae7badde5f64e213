"""State machines run tasks as the execution role, end in time, and are checked at creation."""

from __future__ import annotations

import contextvars
import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from ministack.core.responses import error_response_json, json_response, now_iso
from ministack.services import stepfunctions as sfn

from local_aws.patches import sdk_calls
from local_aws.patches.rewriting import rewrite
from local_aws.patches.service_access import role_client, role_trusts

REQUIRED = (
    "ministack.services.stepfunctions._ExecutionError",
    "ministack.services.stepfunctions._SERVICE_DISPATCH",
    "ministack.services.stepfunctions._add_event",
    "ministack.services.stepfunctions._call_lambda",
    "ministack.services.stepfunctions._create_state_machine",
    "ministack.services.stepfunctions._delete_state_machine",
    "ministack.services.stepfunctions._describe_execution",
    "ministack.services.stepfunctions._emit_execution_status_event",
    "ministack.services.stepfunctions._error_matches",
    "ministack.services.stepfunctions._execute_map",
    "ministack.services.stepfunctions._execute_parallel",
    "ministack.services.stepfunctions._execute_pass",
    "ministack.services.stepfunctions._execute_task",
    "ministack.services.stepfunctions._executions",
    "ministack.services.stepfunctions._fail_execution",
    "ministack.services.stepfunctions._invoke_aws_sdk_integration",
    "ministack.services.stepfunctions._invoke_nested_start_execution",
    "ministack.services.stepfunctions._invoke_nested_start_execution_sync",
    "ministack.services.stepfunctions._nested_start_execution_request",
    "ministack.services.stepfunctions._prefix_sdk_error",
    "ministack.services.stepfunctions._run_execution",
    "ministack.services.stepfunctions._start_execution",
    "ministack.services.stepfunctions._state_machines",
    "ministack.services.stepfunctions._update_state_machine",
    "ministack.services.stepfunctions._validate_definition_jsonata",
    "ministack.services.stepfunctions._with_retry_and_catch",
)

SESSION = "states"
MAX_PAYLOAD_BYTES = 262144  # "Quotas for state machine executions": input or output of a state

# The execution whose steps this thread runs; Map and Parallel threads inherit it.
_execution: contextvars.ContextVar[dict[str, Any] | None] = contextvars.ContextVar(
    "local_aws_execution", default=None
)


def apply() -> None:
    _run_tasks_as_the_role()
    _respect_retry_delays()  # edits functions that the next two wrap
    _end_executions_as_aws_does()
    _limit_payloads()
    _catch_what_states_all_catches()
    _check_definitions()
    _start_executions_once()
    _delete_machines_idempotently()


def execution_role() -> str:
    """The role of the execution that the current thread works for."""
    execution = _execution.get() or {}
    machine = sfn._state_machines.get(execution.get("stateMachineArn", "")) or {}
    return str(machine.get("roleArn", ""))


def still_running() -> bool:
    execution = _execution.get()
    return execution is None or execution["status"] == "RUNNING"


# -- tasks -------------------------------------------------------------------------------


def _run_tasks_as_the_role() -> None:
    sfn._call_lambda = _call_lambda
    sfn._invoke_aws_sdk_integration = _call_sdk
    sfn._invoke_nested_start_execution = _start_child
    sfn._invoke_nested_start_execution_sync = _run_child
    for service, action in (
        ("sqs", "sendMessage"),
        ("sns", "publish"),
        ("events", "putEvents"),
        ("dynamodb", "putItem"),
        ("dynamodb", "getItem"),
        ("dynamodb", "updateItem"),
        ("dynamodb", "deleteItem"),
    ):
        sfn._SERVICE_DISPATCH[f"arn:aws:states:::{service}:{action}"] = _optimized(service, action)


_OPTIMIZED_PREFIX = {"sqs": "SQS", "sns": "SNS", "events": "EventBridge", "dynamodb": "DynamoDB"}


def _optimized(service: str, action: str) -> Callable[[str, Any], Any]:
    def run(resource: str, parameters: Any) -> Any:
        return _task_call(service, action, parameters, _OPTIMIZED_PREFIX[service])

    return run


def _call_sdk(resource: str, parameters: Any) -> Any:
    """``arn:aws:states:::aws-sdk:<service>:<operation>``."""
    parts = resource.replace(".waitForTaskToken", "").split(":")
    if len(parts) != 8:
        raise sfn._ExecutionError("States.Runtime", f"Invalid integration {resource}")
    service = parts[6].lower()
    return _task_call(service, parts[7], parameters, _sdk_prefix(service))


def _sdk_prefix(service: str) -> str:
    known = {
        "pinpointsmsvoicev2": "PinpointSmsVoiceV2",
        "sesv2": "SesV2",
        "pinpointemail": "PinpointEmail",
        "customerprofiles": "CustomerProfiles",
    }
    return known.get(service) or str(sfn._prefix_sdk_error(service, "x")).split(".", 1)[0]


def _task_call(service: str, action: str, parameters: Any, prefix: str) -> Any:
    try:
        return sdk_calls.call(execution_role(), SESSION, service, action, parameters)
    except sdk_calls.CallFailed as error:
        raise sfn._ExecutionError(error_name(prefix, error.code), str(error)) from error


def error_name(prefix: str, code: str) -> str:
    """The name a state machine sees: ``DynamoDb.ConditionalCheckFailedException``."""
    if code.startswith("States."):
        return code
    plain = code.rsplit(".", 1)[-1]
    return f"{prefix}.{plain if plain.endswith('Exception') else plain + 'Exception'}"


def _call_lambda(function: str, event: Any) -> Any:
    """Invoke as the execution role; the function's own error keeps its class name."""
    try:
        answer = role_client(execution_role(), "lambda", SESSION).invoke(
            FunctionName=function, Payload=json.dumps(event).encode()
        )
    except ClientError as error:
        details = error.response["Error"]
        name = error_name("Lambda", details.get("Code", "Unknown"))
        raise sfn._ExecutionError(name, details.get("Message", "")) from error
    except BotoCoreError as error:
        raise sfn._ExecutionError("Lambda.SdkClientException", str(error)) from error
    text = answer["Payload"].read()
    payload = json.loads(text) if text else None
    if answer.get("FunctionError"):
        kind = payload.get("errorType") if isinstance(payload, dict) else None
        raise sfn._ExecutionError(kind or "Lambda.Unknown", text.decode("utf-8", "replace"))
    return payload


def _start_child(resource: str, parameters: Any) -> Any:
    request = sfn._nested_start_execution_request(parameters)
    return _task_call("sfn", "startExecution", request, "StepFunctions")


def _run_child(resource: str, parameters: Any) -> Any:
    """``startExecution.sync``: wait for the child by describing it, as the role."""
    arn = _start_child(resource, parameters)["ExecutionArn"]
    delay = 0.02
    while True:
        child = _task_call("sfn", "describeExecution", {"executionArn": arn}, "StepFunctions")
        if child["Status"] != "RUNNING":
            break
        if not still_running():
            raise sfn._ExecutionError("States.Timeout", "The parent execution has ended")
        time.sleep(delay)
        delay = min(delay * 1.5, 0.25)
    if child["Status"] != "SUCCEEDED":
        raise sfn._ExecutionError("States.TaskFailed", json.dumps(child))
    if resource.endswith(":2"):
        child["Input"] = json.loads(child.get("Input") or "{}")
        child["Output"] = json.loads(child.get("Output") or "null")
    return child


# -- the end of an execution -------------------------------------------------------------


def _end_executions_as_aws_does() -> None:
    # The pause lets a caller describe the execution before its first step; nobody needs that.
    rewrite(sfn, "_run_execution", ("time.sleep(0.15)", "pass"))
    run = sfn._run_execution

    def run_execution(arn: str) -> None:
        execution = sfn._executions.get(arn)
        if execution is None:
            return
        _execution.set(execution)
        machine = sfn._state_machines.get(execution["stateMachineArn"]) or {}
        if not role_trusts(
            machine.get("roleArn", ""), "states.amazonaws.com", execution["stateMachineArn"]
        ):
            sfn._fail_execution(
                execution,
                "States.Runtime",
                f"The role {machine.get('roleArn')} does not trust states.amazonaws.com",
            )
            return
        seconds = _timeout_seconds(machine.get("definition", "{}"))
        timer = None
        if seconds:
            timer = threading.Timer(seconds, contextvars.copy_context().run, [_time_out, execution])
            timer.daemon = True
            timer.start()
        try:
            run(arn)
        finally:
            if timer:
                timer.cancel()

    sfn._run_execution = run_execution

    fail = sfn._fail_execution

    def fail_execution(execution: dict[str, Any], error: str, cause: str) -> None:
        if execution["status"] != "RUNNING":
            return  # It was stopped or timed out while its last step was still at work.
        fail(execution, error, cause)
        execution["output"] = None

    sfn._fail_execution = fail_execution

    task = sfn._execute_task

    def execute_task(state: Any, data: Any, execution: Any, context: Any) -> Any:
        if not still_running():
            raise sfn._ExecutionError("States.Timeout", "The execution has ended")
        return task(state, data, execution, context)

    sfn._execute_task = execute_task


def _timeout_seconds(definition: str) -> float:
    try:
        return float(json.loads(definition).get("TimeoutSeconds") or 0)
    except (ValueError, AttributeError):
        return 0


def _time_out(execution: dict[str, Any]) -> None:
    if execution["status"] != "RUNNING":
        return
    execution.update(status="TIMED_OUT", error="States.Timeout", stopDate=now_iso())
    sfn._add_event(execution, "ExecutionTimedOut", {"executionTimedOutEventDetails": {}})
    sfn._emit_execution_status_event(execution)


# -- payloads and retries ----------------------------------------------------------------


def _limit_payloads() -> None:
    for name in ("_execute_pass", "_execute_task", "_execute_parallel", "_execute_map"):
        setattr(sfn, name, _limited(getattr(sfn, name)))


def _limited(execute: Callable[..., Any]) -> Callable[..., Any]:
    def run(state: dict[str, Any], *rest: Any) -> Any:
        output, following = execute(state, *rest)
        require_a_payload_within_limits(str(state.get("Type")), output)
        return output, following

    return run


def require_a_payload_within_limits(kind: str, payload: Any) -> None:
    """Fail the state as Step Functions does when its payload is too large."""
    if len(json.dumps(payload).encode()) > MAX_PAYLOAD_BYTES:
        raise sfn._ExecutionError(
            "States.DataLimitExceeded",
            f"A {kind} state returned a result with a size exceeding the maximum number of bytes "
            "service limit.",
        )


def _catch_what_states_all_catches() -> None:
    """States.ALL and States.TaskFailed match neither of the two; only their own names do.

    Source: "Handling errors in Step Functions workflows", error names.
    """
    matches = sfn._error_matches

    def error_matches(error_equals: list[str], error: str) -> bool:
        if error in ("States.DataLimitExceeded", "States.Runtime"):
            return error in error_equals
        return bool(matches(error_equals, error))

    sfn._error_matches = error_matches


def retry_delay(retrier: dict[str, Any], count: int) -> float:
    """Seconds before the next attempt, ``count`` retries having been made."""
    delay = (
        float(retrier.get("IntervalSeconds", 1)) * float(retrier.get("BackoffRate", 2.0)) ** count
    )
    delay = min(delay, float(retrier.get("MaxDelaySeconds", delay)))
    return random.uniform(0, delay) if retrier.get("JitterStrategy") == "FULL" else delay


def _respect_retry_delays() -> None:
    rewrite(
        sfn,
        "_with_retry_and_catch",
        (
            '_scaled_sleep(min(interval * (retrier.get("BackoffRate", 2.0) ** count), 60))',
            "_scaled_sleep(_retry_delay(retrier, count))",
        ),
        _retry_delay=retry_delay,
    )
    rewrite(
        sfn,
        "_execute_task",
        ("_scaled_sleep(min(sleep_sec, 60))", "_scaled_sleep(_retry_delay(retrier, count))"),
        _retry_delay=retry_delay,
    )


# -- definitions -------------------------------------------------------------------------

_TERMINAL = ("Succeed", "Fail")
_TYPES = ("Pass", "Task", "Choice", "Wait", "Parallel", "Map", *_TERMINAL)


def definition_problems(machine: Any, where: str = "") -> Iterator[str]:
    """What CreateStateMachine would refuse: unknown states named, no way on, wrong types."""
    states = machine.get("States") if isinstance(machine, dict) else None
    if not isinstance(states, dict) or not states:
        yield f"SCHEMA_VALIDATION_FAILED: {where or '/'} must have States"
        return
    if machine.get("StartAt") not in states:
        start = machine.get("StartAt")
        yield f"MISSING_TRANSITION_TARGET: Missing 'Next' target: {start} at {where}/StartAt"
    for name, state in states.items():
        path = f"{where}/States/{name}"
        kind = state.get("Type")
        if kind not in _TYPES:
            yield f"SCHEMA_VALIDATION_FAILED: Type {kind!r} is unknown at {path}/Type"
            continue
        rules = [state, *state.get("Choices", []), *state.get("Catch", [])]
        for target in [r.get("Next") for r in rules] + [state.get("Default")]:
            if target is not None and target not in states:
                yield f"MISSING_TRANSITION_TARGET: Missing 'Next' target: {target} at {path}"
        if kind not in (*_TERMINAL, "Choice") and not (state.get("End") or state.get("Next")):
            yield f"SCHEMA_VALIDATION_FAILED: a {kind} state needs Next or End at {path}"
        if kind == "Task" and not state.get("Resource"):
            yield f"SCHEMA_VALIDATION_FAILED: a Task needs a Resource at {path}"
        if kind == "Choice" and not state.get("Choices"):
            yield f"SCHEMA_VALIDATION_FAILED: a Choice needs Choices at {path}"
        if kind == "Map":
            yield from definition_problems(
                state.get("ItemProcessor") or state.get("Iterator"), f"{path}/ItemProcessor"
            )
        for index, branch in enumerate(state.get("Branches", [])):
            yield from definition_problems(branch, f"{path}/Branches[{index}]")


def _check_definitions() -> None:
    jsonata = sfn._validate_definition_jsonata

    def validate(definition: Any) -> str | None:
        if not isinstance(definition, str):
            return str(jsonata(definition)) if jsonata(definition) else None
        try:
            machine = json.loads(definition)
        except ValueError as error:
            return f"Invalid State Machine Definition: 'INVALID_JSON_DESCRIPTION: {error}'"
        problems = [*definition_problems(machine)]
        if problems:
            return f"Invalid State Machine Definition: '{', '.join(problems)}'"
        found = jsonata(definition)
        return str(found) if found else None

    sfn._validate_definition_jsonata = validate


# -- starting ----------------------------------------------------------------------------


def _start_executions_once() -> None:
    """A repeated start under the name and input of a running execution answers that one."""
    start = sfn._start_execution

    def start_execution(data: dict[str, Any]) -> Any:
        if len(str(data.get("input") or "").encode()) > MAX_PAYLOAD_BYTES:
            return error_response_json(
                "InvalidExecutionInput", "The input exceeds 262144 bytes", 400
            )
        machine = data.get("stateMachineArn", "")
        arn = f"{machine.replace(':stateMachine:', ':execution:')}:{data.get('name')}"
        running = sfn._executions.get(arn)
        if (
            running
            and running["status"] == "RUNNING"
            and running["input"] == data.get("input", "{}")
        ):
            return json_response({"executionArn": arn, "startDate": running["startDate"]})
        return start(data)

    sfn._start_execution = start_execution


def _delete_machines_idempotently() -> None:
    """Deleting what is gone succeeds: the operation's model has no error for it, and a client that
    lost the first answer asks again."""
    delete = sfn._delete_state_machine

    def deleted(data: dict[str, Any]) -> Any:
        known = data.get("stateMachineArn") in sfn._state_machines
        return delete(data) if known else json_response({})

    sfn._delete_state_machine = deleted
