"""The parts of a plan: one wanted resource, one call, and the errors that stop them."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Service = Literal["pinpoint", "pinpoint-sms-voice-v2"]


class PinpointResourcesError(Exception):
    """A wish that cannot be met; the message names the resource, the rule and the way out."""


class MalformedInput(PinpointResourcesError):
    """The invocation lacks a member that the Terraform module always sends."""


class UnknownType(PinpointResourcesError):
    """The resource type is not supported."""


class MissingProperty(PinpointResourcesError):
    """A property that names the resource is absent."""


class BadProperty(PinpointResourcesError):
    """A property is unknown, or has a value that it does not take."""


class AlreadyThere(PinpointResourcesError):
    """Something else made, and may be using, what would be replaced."""


class CannotChange(PinpointResourcesError):
    """The API has no operation for this change."""


@dataclass(frozen=True, slots=True)
class Call:
    """One API call: `operation` and `parameters` as botocore's model names them.

    With `absent_ok` the answer None means that there is no such thing; otherwise that is an error.
    """

    service: Service
    operation: str
    parameters: Mapping[str, Any]
    absent_ok: bool = False


# Yields calls, is sent their answers, returns what was found or made (None: nothing to show).
Steps = Generator[Call, Mapping[str, Any] | None, dict[str, Any] | None]
Plan = Generator[Call, Mapping[str, Any] | None, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Resource:
    """One wish: the properties are in the API's own member names, without TakeOver.

    `owner` is "<name of the function>/<key of the resource>".
    """

    type: str
    owner: str
    project_id: str
    properties: Mapping[str, Any]
    take_over: bool = False

    @property
    def function(self) -> str:
        return self.owner.partition("/")[0]

    def required(self, name: str) -> str:
        """Return a property that the resource is found by.

        Raises:
            MissingProperty: it is absent, empty or not a string.
        """
        value = self.properties.get(name)
        if not isinstance(value, str) or not value:
            raise MissingProperty(
                f"{self.owner} ({self.type}) needs the property {name}, a string that is not empty."
            )
        return value

    def without(self, *names: str) -> dict[str, Any]:
        return {key: value for key, value in self.properties.items() if key not in names}
