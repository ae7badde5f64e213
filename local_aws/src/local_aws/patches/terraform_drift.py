"""Settings the emulator accepted but did not answer, so that every plan wanted them again."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote
from xml.sax.saxutils import escape

from ministack.core.responses import json_response
from ministack.services import cloudwatch, kinesis, lambda_svc, ses_v2
from ministack.services import stepfunctions as sfn

from local_aws.patches.rewriting import rewrite

REQUIRED = (
    "ministack.services.cloudwatch._alarms",
    "ministack.services.cloudwatch._cbor_alarm",
    "ministack.services.cloudwatch._describe_alarms",
    "ministack.services.cloudwatch._evaluate_alarm",
    "ministack.services.cloudwatch._p",
    "ministack.services.cloudwatch._put_metric_alarm",
    "ministack.services.cloudwatch._xml",
    "ministack.services.kinesis._create_stream",
    "ministack.services.kinesis._streams",
    "ministack.services.lambda_svc._create_esm",
    "ministack.services.ses_v2._identities",
    "ministack.services.ses_v2.handle_request",
    "ministack.services.stepfunctions._create_state_machine",
    "ministack.services.stepfunctions._state_machines",
    "ministack.services.stepfunctions._update_state_machine",
)


def apply() -> None:
    _answer_whole_alarms()
    _keep_state_machine_tracing()
    _keep_stream_tags()
    _default_stream_batches_to_100()
    _keep_identity_configuration_sets()


# -- CloudWatch alarms -------------------------------------------------------------------

# A metric math alarm has these in its Metrics, and none of its own.
_OF_ONE_METRIC = ("MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Period", "Unit")


def _answer_whole_alarms() -> None:
    put, describe, cbor = (
        cloudwatch._put_metric_alarm,
        cloudwatch._describe_alarms,
        cloudwatch._cbor_alarm,
    )

    def put_metric_alarm(params: Any, data: Any, is_cbor: bool, is_json: bool = False) -> Any:
        answer = put(params, data, is_cbor, is_json)
        given = data if is_cbor or is_json else _query_members(params)
        if answer[0] == 200 and "AlarmName" in given:
            alarm = cloudwatch._alarms[given["AlarmName"]]
            alarm["InsufficientDataActions"] = given.get("InsufficientDataActions", [])
            if given.get("Metrics"):
                alarm["Metrics"] = given["Metrics"]
        return answer

    def describe_alarms(params: Any, data: Any, is_cbor: bool, is_json: bool = False) -> Any:
        if is_cbor:
            return describe(params, data, is_cbor, is_json)
        wanted = data if is_json else _query_members(params)
        status, headers, body = describe(params, wanted, False, True)
        if status != 200:
            return describe(params, data, is_cbor, is_json)
        found = json.loads(body)
        found["MetricAlarms"] = [_described(alarm) for alarm in found["MetricAlarms"]]
        if is_json:
            return status, headers, json.dumps(found).encode()
        return cloudwatch._xml(
            200,
            "DescribeAlarmsResponse",
            f"<DescribeAlarmsResult>{_xml_members(found)}</DescribeAlarmsResult>",
        )

    # An alarm on one function must not go off for another one's metrics.
    rewrite(
        cloudwatch,
        "_evaluate_alarm",
        ("for (k_ns, k_mn, _), pts in", "for (k_ns, k_mn, k_dims), pts in"),
        (
            "if k_ns == ns and k_mn == mn:",
            "if (k_ns, k_mn, k_dims) == "
            '(ns, mn, _dims_key(_dims_from_list(alarm.get("Dimensions") or []))):',
        ),
    )
    cloudwatch._put_metric_alarm = put_metric_alarm
    cloudwatch._describe_alarms = describe_alarms
    cloudwatch._cbor_alarm = lambda alarm: cbor(_described(alarm))


def _described(alarm: dict[str, Any]) -> dict[str, Any]:
    """The alarm without what it was not given: one metric's settings, or both statistics."""
    hidden = set(_OF_ONE_METRIC if alarm.get("Metrics") else ())
    if alarm.get("ExtendedStatistic"):
        hidden.add("Statistic")
    return {
        key: value
        for key, value in alarm.items()
        if key not in hidden and value is not None and not (key == "AlarmDescription" and not value)
    }


_NUMBERS = {"Period": int, "MaxRecords": int}


def _query_members(params: dict[str, Any]) -> dict[str, Any]:
    """The nested structure that a Query request flattens into ``A.member.1.B`` parameters."""
    tree: dict[str, Any] = {}
    for name in params:
        node, parts = tree, name.split(".")
        for part in parts[:-1]:
            node = node.setdefault(part, {})
        node[parts[-1]] = cloudwatch._p(params, name)
    nested: dict[str, Any] = _lists_of_members(tree)
    return nested


def _lists_of_members(node: Any, name: str = "") -> Any:
    if not isinstance(node, dict):
        if name == "ReturnData":
            return node == "true"
        return _NUMBERS[name](node) if name in _NUMBERS else node
    if set(node) == {"member"} and isinstance(node["member"], dict):
        return [
            _lists_of_members(v) for _, v in sorted(node["member"].items(), key=lambda i: int(i[0]))
        ]
    return {key: _lists_of_members(value, key) for key, value in node.items()}


def _xml_members(value: Any, name: str = "") -> str:
    if isinstance(value, dict):
        return "".join(
            f"<{k}>{_xml_members(v, k)}</{k}>" for k, v in value.items() if v is not None
        )
    if isinstance(value, list):
        return "".join(f"<member>{_xml_members(item)}</member>" for item in value)
    if isinstance(value, bool):
        return str(value).lower()
    if name.endswith("Timestamp"):
        return datetime.fromtimestamp(float(value), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return escape(str(value))


# -- other settings ----------------------------------------------------------------------


def _keep_state_machine_tracing() -> None:
    create, update = sfn._create_state_machine, sfn._update_state_machine

    def create_state_machine(data: dict[str, Any]) -> Any:
        answer = create(data)
        if answer[0] == 200:
            arn = json.loads(answer[2])["stateMachineArn"]
            tracing = data.get("tracingConfiguration") or {"enabled": False}
            sfn._state_machines[arn].setdefault("tracingConfiguration", tracing)
        return answer

    def update_state_machine(data: dict[str, Any]) -> Any:
        answer = update(data)
        if answer[0] == 200 and "tracingConfiguration" in data:
            machine = sfn._state_machines[data["stateMachineArn"]]
            machine["tracingConfiguration"] = data["tracingConfiguration"]
        return answer

    sfn._create_state_machine, sfn._update_state_machine = (
        create_state_machine,
        update_state_machine,
    )


def _keep_stream_tags() -> None:
    create = kinesis._create_stream

    def create_stream(data: dict[str, Any]) -> Any:
        answer = create(data)
        if answer[0] == 200:
            kinesis._streams[data["StreamName"]]["tags"].update(data.get("Tags") or {})
        return answer

    kinesis._create_stream = create_stream


def _default_stream_batches_to_100() -> None:
    rewrite(
        lambda_svc,
        "_create_esm",
        (
            'data.get("BatchSize", 10)',
            'data.get("BatchSize", 10 if event_source_spec.service == "sqs" else 100)',
        ),
    )


Handler = Callable[[str, str, Any, bytes, Any], Awaitable[Any]]


def _keep_identity_configuration_sets() -> None:
    handle: Handler = ses_v2.handle_request

    async def handle_request(method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
        found = re.fullmatch(r"(?:/v2/email)?/identities(?:/([^/]+)(/configuration-set)?)?/?", path)
        if found is None:
            return await handle(method, path, headers, body, query)
        if found[2] and method == "PUT":
            identity = ses_v2._identities.get(unquote(found[1]))
            if identity is not None:
                identity["ConfigurationSetName"] = json.loads(body or b"{}").get(
                    "ConfigurationSetName"
                )
                return json_response({})
        answer = await handle(method, path, headers, body, query)
        if method == "POST" and not found[1] and answer[0] == 200:
            data = json.loads(body)
            if data.get("ConfigurationSetName"):
                identity = ses_v2._identities[data["EmailIdentity"]]
                identity["ConfigurationSetName"] = data["ConfigurationSetName"]
        return answer

    ses_v2.handle_request = handle_request
