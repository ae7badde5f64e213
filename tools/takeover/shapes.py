"""Fit saved JSON to the shapes of botocore's model.

Saved files have members that the model does not know, names as they travel on the wire, and numbers
that a program wrote as strings.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from functools import cache
from math import isfinite
from typing import Any

from botocore.model import ServiceModel, Shape
from botocore.serialize import create_serializer
from botocore.session import get_session
from botocore.utils import parse_to_aware_datetime

__all__ = ["Unfit", "fitted", "members_of", "service_model", "shape_of", "wire_body"]

_WORDS = {"true": True, "false": False}


class Unfit(ValueError):
    """A member has a value that its shape cannot hold; the text names the member, not the value."""

    def __init__(self, member: str, rule: str) -> None:
        super().__init__(f"{member or 'The body'} {rule}")


@cache
def service_model() -> ServiceModel:
    """Return botocore's model of the Pinpoint API."""
    return get_session().get_service_model("pinpoint")


@cache
def shape_of(name: str) -> Shape:
    """Return a shape of the model."""
    return service_model().shape_for(name)


@cache
def members_of(name: str) -> tuple[str, ...]:
    """List the members of a structure of the model."""
    shape: Any = shape_of(name)
    return tuple(shape.members)


def fitted(
    shape: Shape, value: Any, unknown: Callable[[str], None] = lambda path: None, path: str = ""
) -> Any:
    """Return a value in the form that a client takes.

    Null members are left out, and so are unknown ones. Numbers, booleans and strings are read from
    each other where the text says the same; a single value becomes a list of one.

    Args:
        unknown: gets the path of each member that the model does not know.

    Raises:
        Unfit: a member is of another type.
    """
    fit = _FITS.get(shape.type_name)
    return value if fit is None else fit(shape, value, unknown, path)


def wire_body(operation: str, **parameters: Any) -> dict[str, Any]:
    """Return the JSON that a client would send for a call.

    Raises:
        ParamValidationError: a required member is missing.
    """
    model = service_model().operation_model(operation)
    request = create_serializer("rest-json").serialize_to_request(parameters, model)
    body: dict[str, Any] = json.loads(request["body"])
    return body


def _structure(shape: Any, value: Any, unknown: Callable[[str], None], path: str) -> Any:
    if not isinstance(value, dict):
        raise Unfit(path, "must be a JSON object.")
    on_the_wire: dict[Any, str] = {
        one.serialization["name"]: name
        for name, one in shape.members.items()
        if "name" in one.serialization
    }
    fit: dict[str, Any] = {}
    for given, one in value.items():
        name = on_the_wire.get(given, str(given))
        here = f"{path}.{given}" if path else given
        if name not in shape.members:
            unknown(here)
        elif one is not None:
            fit[name] = fitted(shape.members[name], one, unknown, here)
    return fit


def _map(shape: Any, value: Any, unknown: Callable[[str], None], path: str) -> Any:
    if not isinstance(value, dict):
        raise Unfit(path, "must be a JSON object.")
    return {
        name: fitted(shape.value, one, unknown, f"{path}.{name}")
        for name, one in value.items()
        if one is not None
    }


def _list(shape: Any, value: Any, unknown: Callable[[str], None], path: str) -> Any:
    if isinstance(value, dict):
        raise Unfit(path, "must be a list.")
    values = value if isinstance(value, list) else [value]
    return [
        fitted(shape.member, one, unknown, f"{path}[{number}]")
        for number, one in enumerate(values)
        if one is not None
    ]


def _string(shape: Any, value: Any, unknown: Callable[[str], None], path: str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    raise Unfit(path, "must be a string.")


def _number(shape: Any, value: Any, unknown: Callable[[str], None], path: str) -> float:
    try:
        number = float(value) if isinstance(value, str | int | float) else float("nan")
    except (ValueError, OverflowError):
        number = float("nan")
    if isinstance(value, bool) or not isfinite(number):
        raise Unfit(path, "must be a number.")
    return number


def _whole(shape: Any, value: Any, unknown: Callable[[str], None], path: str) -> int:
    number = _number(shape, value, unknown, path)
    if not number.is_integer():
        raise Unfit(path, "must be a whole number.")
    return int(number)


def _boolean(shape: Any, value: Any, unknown: Callable[[str], None], path: str) -> bool:
    if isinstance(value, str):
        value = _WORDS.get(value.lower(), value)
    if not isinstance(value, bool):
        raise Unfit(path, "must be true or false.")
    return value


def _timestamp(shape: Any, value: Any, unknown: Callable[[str], None], path: str) -> datetime:
    try:
        moment: datetime = parse_to_aware_datetime(value)
    except (ValueError, TypeError, OverflowError, RuntimeError):
        raise Unfit(path, "must be a date and time.") from None
    return moment


_FITS: dict[str, Callable[..., Any]] = {
    "boolean": _boolean,
    "double": _number,
    "float": _number,
    "integer": _whole,
    "list": _list,
    "long": _whole,
    "map": _map,
    "string": _string,
    "structure": _structure,
    "timestamp": _timestamp,
}
