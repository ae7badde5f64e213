"""Make any AWS call that a state machine or schedule describes, as a given role.

Names are those of the service integrations: a service in lower case without separators
(``pinpointsmsvoicev2``), an operation starting in lower case, PascalCase parameters. botocore's
models say how each value travels.
"""

from __future__ import annotations

import functools
import json
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local_aws.patches.service_access import role_client, service_names

REQUIRED: tuple[str, ...] = ()

# Services whose integration name is neither the client's name nor its service id.
_CLIENT_NAMES = {
    "sfn": "stepfunctions",
    "eventbridge": "events",
    "cloudwatchlogs": "logs",
    "cognitoidentityprovider": "cognito-idp",
    "ses": "ses",
    "applicationautoscaling": "application-autoscaling",
}
# DynamoDB's null marker is renamed, as the SDK for Java renames it.
_RENAMED = {("AttributeValue", "nul"): "NULL"}


class CallFailed(Exception):
    """The call was refused or could not be made; ``code`` is the service's error code."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


@functools.lru_cache(maxsize=256)
def client_name(integration: str) -> str | None:
    """The botocore client of an integration's service name, or None when there is none."""
    if integration in _CLIENT_NAMES:
        return _CLIENT_NAMES[integration]
    return next((name for name in service_names() if name.replace("-", "") == integration), None)


def call(role_arn: str, session: str, service: str, action: str, parameters: Any) -> Any:
    """Call the operation as the role; the answer has PascalCase members and JSON values.

    Raises:
        CallFailed: the service or operation is unknown, a parameter is, or AWS refused.
    """
    name = client_name(service)
    if name is None:
        raise CallFailed("States.Runtime", f"There is no service {service!r} to call.")
    client = role_client(role_arn, name, session)
    wanted = action.lower()
    operation = next(
        (o for o in client.meta.service_model.operation_names if o.lower() == wanted), ""
    )
    if not operation:
        raise CallFailed("States.Runtime", f"{service} has no operation {action!r}.")
    model = client.meta.service_model.operation_model(operation)
    given = _to_wire(parameters or {}, model.input_shape) if model.input_shape else {}
    try:
        answer = client._make_api_call(operation, given)
    except ClientError as error:
        details = error.response.get("Error", {})
        raise CallFailed(details.get("Code", "Unknown"), details.get("Message", "")) from error
    except BotoCoreError as error:
        raise CallFailed("SdkClientException", str(error)) from error
    answer.pop("ResponseMetadata", None)
    return _from_wire(answer, model.output_shape) if model.output_shape else {}


def _to_wire(value: Any, shape: Any) -> Any:
    if shape.type_name == "structure" and isinstance(value, dict):
        if getattr(shape, "is_document_type", False):
            return value
        by_lower = {member.lower(): member for member in shape.members}
        wire = {}
        for key, item in value.items():
            member = _RENAMED.get((shape.name, key.lower())) or by_lower.get(key.lower())
            if member is None:
                raise CallFailed(
                    "States.Runtime",
                    f"The field {key!r} is not supported by {shape.name}; it knows "
                    f"{', '.join(sorted(shape.members))}.",
                )
            wire[member] = _to_wire(item, shape.members[member])
        return wire
    if shape.type_name == "list" and isinstance(value, list):
        return [_to_wire(item, shape.member) for item in value]
    if shape.type_name == "map" and isinstance(value, dict):
        return {key: _to_wire(item, shape.value) for key, item in value.items()}
    if shape.type_name == "blob":
        return value.encode() if isinstance(value, str) else json.dumps(value).encode()
    if shape.type_name == "string" and isinstance(value, dict | list):
        return json.dumps(value)
    return value


def _from_wire(value: Any, shape: Any) -> Any:
    if hasattr(value, "read"):
        value = value.read()
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if shape.type_name == "structure" and isinstance(value, dict):
        return {
            (
                "Nul"
                if (shape.name, key) == ("AttributeValue", "NULL")
                else key[:1].upper() + key[1:]
            ): _from_wire(item, shape.members[key]) if key in shape.members else item
            for key, item in value.items()
        }
    if shape.type_name == "list" and isinstance(value, list):
        return [_from_wire(item, shape.member) for item in value]
    if shape.type_name == "map" and isinstance(value, dict):
        return {key: _from_wire(item, shape.value) for key, item in value.items()}
    return value


def apply() -> None:
    """Nothing to change: this module only makes calls."""
