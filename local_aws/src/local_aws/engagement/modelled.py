"""Serve an AWS API by its botocore model: parse, validate, call, serialise, answer errors.

One :class:`Service` per API. It knows two wire protocols, ``rest-json`` and ``json`` (target
header), which are those of the APIs added here.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cached_property
from typing import Any
from urllib.parse import unquote

from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel

Answer = tuple[int, dict[str, str], bytes]
# A shape has other attributes per kind (members, member, key), which its base class lacks.
AnyShape = Any
Operation = Callable[[dict[str, Any]], dict[str, Any]]


class ModelledError(Exception):
    """An error that the service's model declares: its code, and members beside the message."""

    def __init__(self, code: str, message: str, **members: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.members = members


class Service:
    """One API: its model and the Python functions behind its operations.

    Args:
        name: botocore's service name, for example ``pinpoint``.
        invalid: the code of the error for a request that breaks the model.
        absent: what an operation without a function answers; gets the operation's name.
    """

    def __init__(self, name: str, *, invalid: str, absent: Callable[[str], ModelledError]) -> None:
        self.name = name
        self.operations: dict[str, Operation] = {}
        self._invalid = invalid
        self._absent = absent

    @cached_property
    def model(self) -> ServiceModel:
        return ServiceModel(Loader().load_service_model(self.name, "service-2"), self.name)

    def operation(self, function: Operation) -> Operation:
        """Decorator: ``def create_app`` serves CreateApp."""
        name = "".join(part.capitalize() for part in function.__name__.split("_"))
        known = {operation.lower(): operation for operation in self.model.operation_names}
        self.operations[known[name.lower()]] = function
        return function

    async def handle(
        self, method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
    ) -> Answer:
        """ministack's handler signature. ``path`` is decoded once, as ministack passes it on."""
        try:
            operation, labels = self._route(method, path, headers, query)
            function = self.operations.get(operation.name)
            if function is None:
                raise self._absent(operation.name)
            request = self._parse(operation, labels, headers, body, query)
            return self._answer(operation, function(request))
        except ModelledError as error:
            return self._error(error)

    def _route(
        self, method: str, path: str, headers: Mapping[str, str], query: Mapping[str, Any]
    ) -> tuple[OperationModel, dict[str, str]]:
        if self.model.protocol == "json":
            name = headers.get("x-amz-target", "").rpartition(".")[2]
            if name not in self.model.operation_names:
                raise self._unknown(repr(name))
            return self.model.operation_model(name), {}
        for verb, pattern, name in self._routes:
            if verb == method and (found := pattern.fullmatch(path.rstrip("/"))):
                labels = {
                    self._labels[key]: unquote(value) for key, value in found.groupdict().items()
                }
                return self.model.operation_model(name), labels
        raise self._unknown(f"{method} {path}")

    def _unknown(self, what: str) -> ModelledError:
        return ModelledError(self._invalid, f"There is no operation {what} in {self.name}.")

    _labels: dict[str, str]

    @cached_property
    def _routes(self) -> list[tuple[str, re.Pattern[str], str]]:
        """Method, path pattern and name of every operation, the most literal path first."""
        self._labels = {}
        routes = []
        for name in self.model.operation_names:
            http = self.model.operation_model(name).http
            pattern = ""
            for part in re.split(r"(\{[^}]+\})", http["requestUri"].partition("?")[0]):
                if part.startswith("{"):
                    label = re.sub(r"\W", "_", part.strip("{}+"))
                    self._labels[label] = part.strip("{}+")
                    # A tag's ARN holds slashes, and ministack has decoded the path.
                    of_arn = label in ("resource_arn", "resourceArn")
                    pattern += f"(?P<{label}>{'.+' if of_arn else '[^/]+'})"
                else:
                    pattern += re.escape(part)
            routes.append((http["method"], re.compile(pattern), name))
        return sorted(routes, key=lambda route: route[1].pattern.count("(?P"))

    def _parse(
        self,
        operation: OperationModel,
        labels: Mapping[str, str],
        headers: Mapping[str, str],
        body: bytes,
        query: Mapping[str, Any],
    ) -> dict[str, Any]:
        shape = operation.input_shape
        if shape is None:
            return {}
        try:
            data = json.loads(body) if body else {}
        except ValueError as error:
            raise ModelledError(self._invalid, f"The request body is not JSON: {error}") from None
        if not isinstance(data, dict):
            raise ModelledError(self._invalid, "The request body must be a JSON object.")
        payload = shape.serialization.get("payload")
        request: dict[str, Any] = {}
        for member, member_shape in shape.members.items():
            wire = member_shape.serialization.get("name", member)
            value: Any
            match member_shape.serialization.get("location"):
                case "uri":
                    value = labels.get(wire)
                case "header":
                    value = headers.get(wire.lower())
                case "querystring":
                    values = query.get(wire)
                    value = values if member_shape.type_name == "list" or not values else values[0]
                    if member_shape.type_name == "integer" and value and value.isdecimal():
                        value = int(value)
                case _ if member == payload:
                    value = data if body else None
                case _:
                    value = data.get(wire)
            if value is not None:
                request[member] = value
        problems = list(violations(shape, request, ""))
        if problems:
            plural = "s" if len(problems) > 1 else ""
            raise ModelledError(
                self._invalid,
                f"{len(problems)} validation error{plural} detected: {'; '.join(problems)}",
            )
        return request

    def _answer(self, operation: OperationModel, result: Mapping[str, Any]) -> Answer:
        shape: AnyShape = operation.output_shape
        body = b""
        if shape is not None and (shape.members or self.model.protocol == "json"):
            out = serialised(shape, result)
            payload = shape.serialization.get("payload")
            body = json.dumps(out.get(payload, {}) if payload else out).encode()
        return operation.http.get("responseCode", 200), {"Content-Type": self._content_type}, body

    def _error(self, error: ModelledError) -> Answer:
        # SMS v2's error shapes give no status: JSON services answer 400 for a caller's mistake.
        members: dict[str, Any] = {"Message": error.message, **error.members}
        status = 400
        if error.code in self.model.shape_names:
            shape: AnyShape = self.model.shape_for(error.code)
            status = shape.metadata.get("error", {}).get("httpStatusCode", 400)
            if "RequestID" in shape.members:
                members["RequestID"] = str(uuid.uuid4())
        members["__type"] = error.code
        headers = {"Content-Type": self._content_type, "x-amzn-ErrorType": error.code}
        return status, headers, json.dumps(members).encode()

    @property
    def _content_type(self) -> str:
        return "application/x-amz-json-1.0" if self.model.protocol == "json" else "application/json"


_KINDS: dict[str, tuple[type, ...]] = {
    "structure": (dict,), "map": (dict,), "list": (list,), "string": (str,), "blob": (str,),
    "boolean": (bool,), "integer": (int,), "long": (int,), "double": (int, float),
    "float": (int, float), "timestamp": (int, float, str),
}  # fmt: skip


def violations(shape: AnyShape, value: Any, path: str) -> list[str]:
    """What in ``value`` breaks ``shape``: one sentence each, in AWS's usual words.

    Members that the model does not know are let pass, as AWS does.
    """
    at = f"Value at '{path}' failed to satisfy constraint: Member must"
    kind = shape.type_name
    if not _is_a(kind, value):
        return [f"{at} be of type {kind}"]
    found: list[str] = []
    if kind == "structure":
        for name in shape.required_members:
            if value.get(name) is None:
                inner = f"{path}.{name}" if path else name
                found.append(
                    f"Value null at '{inner}' failed to satisfy constraint: Member must not be null"
                )
        for name, member in shape.members.items():
            if (inner_value := value.get(name)) is not None:
                found += violations(member, inner_value, f"{path}.{name}" if path else name)
        return found
    if kind == "list":
        for number, item in enumerate(value, 1):
            found += violations(shape.member, item, f"{path}.{number}.member")
    elif kind == "map":
        for key, item in value.items():
            found += violations(shape.key, key, f"{path}.{key}.key")
            found += violations(shape.value, item, f"{path}.{key}")
    elif kind == "blob":
        try:
            base64.b64decode(value, validate=True)
        except binascii.Error:
            found.append(f"{at} be base64")
    return found + _out_of_bounds(shape, value, at)


def _is_a(kind: str, value: Any) -> bool:
    return isinstance(value, _KINDS[kind]) and (kind == "boolean" or not isinstance(value, bool))


def _out_of_bounds(shape: AnyShape, value: Any, at: str) -> list[str]:
    limits = shape.metadata
    found = []
    if shape.type_name in ("string", "list", "map"):
        size, measure = len(value), "have length"
    elif shape.type_name in ("integer", "long"):
        size, measure = value, "have value"
    else:
        return []
    if "min" in limits and size < limits["min"]:
        found.append(f"{at} {measure} greater than or equal to {limits['min']}")
    if "max" in limits and size > limits["max"]:
        found.append(f"{at} {measure} less than or equal to {limits['max']}")
    if shape.type_name == "string":
        if (allowed := limits.get("enum")) and value not in allowed:
            found.append(f"{at} satisfy enum value set: [{', '.join(allowed)}]")
        # The models' patterns are Java's; the few that Python cannot read are let pass.
        pattern = limits.get("pattern")
        if pattern and _compiled(pattern) and not re.fullmatch(pattern, value, re.DOTALL):
            found.append(f"{at} satisfy regular expression pattern: {pattern}")
    return found


def _compiled(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True


def serialised(shape: AnyShape, value: Any) -> Any:
    """``value`` as JSON for ``shape``: only its members, no nulls, timestamps as epoch seconds.

    Raises:
        KeyError: a member that the model calls required is missing; our mistake, not the caller's.
    """
    match shape.type_name:
        case "structure":
            for name in shape.required_members:
                if value.get(name) is None:
                    raise KeyError(f"{shape.name}.{name} is missing in an answer")
            return {
                member.serialization.get("name", name)
                if member.serialization.get("location") is None
                else name: serialised(member, value[name])
                for name, member in shape.members.items()
                if value.get(name) is not None
            }
        case "list":
            return [serialised(shape.member, item) for item in value]
        case "map":
            return {key: serialised(shape.value, item) for key, item in value.items()}
        case "timestamp" if isinstance(value, datetime):
            return value.timestamp()
    return value
