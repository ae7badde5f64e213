"""Hands calls on to the part of Amazon Pinpoint that AWS goes on answering.

One piece of code for all operations, by botocore's model: it makes the parameters of AWS's client
out of a request as it came over the wire, and the answer on the wire out of the client's result.

A call is made once. Where its outcome is unknown, the error says so.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore import xform_name
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    ParamValidationError,
)

from engagement_hub.engagement.errors import (
    AnsweredByAws,
    BadRequest,
    InternalServerError,
    MethodNotAllowed,
    NotReached,
)
from shared.aws import aws_client
from shared.instants import iso
from shared.send_outcome import ONE_ATTEMPT

if TYPE_CHECKING:
    from mypy_boto3_pinpoint import PinpointClient

__all__ = ["Forwarding"]

_PROJECT = "application-id"


@dataclass(slots=True)
class Forwarding:
    """Calls AWS with the hub's own role.

    `project_id` is the project of Amazon Pinpoint that represents every project of the hub; None
    without one. Calls are about it, and their answers about the hub's project again.
    """

    project_id: str | None
    client: PinpointClient | None = None

    def prepare(self) -> PinpointClient:
        """Make the client, if it is not made. Threads must not make it: call this before them."""
        if self.client is None:
            self.client = aws_client("pinpoint", config=ONE_ATTEMPT)
        return self.client

    def call(
        self,
        operation: str,
        *,
        labels: Mapping[str, str],
        query: Mapping[str, Any],
        body: Mapping[str, Any],
    ) -> Any:
        """Call AWS once; return its answer as it is on the wire, None for an answer without one.

        Args:
            labels: labels of the path, by their names on the wire.
            query: parameters of the query, likewise.
            body: the payload.

        Raises:
            AnsweredByAws: AWS's own error.
            BadRequest: the request does not fit the model of the AWS SDK.
            MethodNotAllowed: the operation is about a project, and the hub has no project at AWS.
            NotReached: AWS did nothing.
            InternalServerError: no answer, so that the outcome is unknown.
        """
        client = self.prepare()
        model = client.meta.service_model.operation_model(operation)
        parameters = _parameters(model.input_shape, self._at_aws(operation, labels), query, body)
        try:
            result = getattr(client, xform_name(operation))(**parameters)
        except ClientError as error:
            raise _answered(error) from error
        except ParamValidationError:
            # botocore's text quotes the parameters, and so would the chain of errors.
            raise BadRequest(f"The request does not fit AWS's model of {operation}.") from None
        except (ConnectTimeoutError, EndpointConnectionError) as error:
            raise NotReached(
                f"AWS could not be reached for {operation}, so that nothing was done."
            ) from error
        except HTTPClientError as error:
            raise InternalServerError(
                f"AWS did not answer {operation} in time: it may have been carried out."
            ) from error
        answer = _payload(model.output_shape, result)
        about = labels.get(_PROJECT)
        if about is not None and isinstance(answer, dict) and "ApplicationId" in answer:
            answer["ApplicationId"] = about
        return answer

    def _at_aws(self, operation: str, labels: Mapping[str, str]) -> Mapping[str, str]:
        if _PROJECT not in labels:
            return labels
        if self.project_id is None:
            raise MethodNotAllowed(
                f"{operation} is about a project, and this hub has no project at AWS. Give the "
                'module engagement_hub forward_project = { id = "…" }: a project of Amazon '
                "Pinpoint."
            )
        return {**labels, _PROJECT: self.project_id}


def _answered(error: ClientError) -> AnsweredByAws:
    described = error.response.get("Error", {})
    return AnsweredByAws(
        described.get("Code") or InternalServerError.code,
        error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") or 500,
        described.get("Message") or "AWS gave no reason.",
    )


def _parameters(
    shape: Any, labels: Mapping[str, str], query: Mapping[str, Any], body: Mapping[str, Any]
) -> dict[str, Any]:
    payload = shape.serialization.get("payload")
    parameters: dict[str, Any] = {}
    for name, member in shape.members.items():
        place = member.serialization
        match place.get("location"):
            case "uri":
                parameters[name] = labels[place["name"]]
            case "querystring" if place["name"] in query:
                parameters[name] = query[place["name"]]
            case _ if name == payload:
                parameters[name] = _converted(member, body, _to_sdk)
    return parameters


def _payload(shape: Any, result: Mapping[str, Any]) -> Any:
    name = None if shape is None else shape.serialization.get("payload")
    return None if name is None else _converted(shape.members[name], result[name], _to_wire)


def _converted(shape: Any, value: Any, scalar: Any) -> Any:
    """Return a value of one side for the other; `scalar` converts what has no parts."""
    match shape.type_name:
        case "structure":
            converted = {}
            for name, member in shape.members.items():
                on_wire = member.serialization.get("name", name)
                given, wanted = (on_wire, name) if scalar is _to_sdk else (name, on_wire)
                if given in value:
                    converted[wanted] = _converted(member, value[given], scalar)
            return converted
        case "list":
            return [_converted(shape.member, one, scalar) for one in value]
        case "map":
            return {key: _converted(shape.value, one, scalar) for key, one in value.items()}
        case kind:
            return scalar(kind, value)


def _to_sdk(kind: str, value: Any) -> Any:
    return base64.b64decode(value) if kind == "blob" else value


def _to_wire(kind: str, value: Any) -> Any:
    if kind == "blob":
        return base64.b64encode(value).decode()
    return iso(value) if isinstance(value, datetime) else value
