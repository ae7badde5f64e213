"""The calls that copying makes to a project, at Amazon Pinpoint or at a hub."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from journey_copy.bodies import journey_request, template_request
from shared.journeys import TEMPLATE_TYPES, Kind
from shared.pinpoint import all_items

if TYPE_CHECKING:
    from mypy_boto3_pinpoint import PinpointClient

__all__ = ["Project"]

# Kind of template => the word in names of operations, and in names of shapes.
_TEMPLATES = {
    Kind.EMAIL_TEMPLATE: ("email", "EmailTemplate"),
    Kind.IN_APP_TEMPLATE: ("in_app", "InAppTemplate"),
    Kind.PUSH_TEMPLATE: ("push", "PushNotificationTemplate"),
    Kind.SMS_TEMPLATE: ("sms", "SMSTemplate"),
    Kind.VOICE_TEMPLATE: ("voice", "VoiceTemplate"),
}


class Project:
    """One project. `once` makes the calls that create something: it tries once."""

    def __init__(self, project_id: str, client: PinpointClient, once: PinpointClient) -> None:
        self.project_id = project_id
        self._client: Any = client
        self._once: Any = once

    def journey(self, journey_id: str) -> dict[str, Any] | None:
        """Return a JourneyResponse; None if there is no such journey."""
        return self._found(self._client.get_journey, "JourneyResponse", JourneyId=journey_id)

    def journeys(self) -> Iterator[dict[str, Any]]:
        """Yield every JourneyResponse of the project."""
        return all_items(self._client.list_journeys, ApplicationId=self.project_id)

    def draft(self, journey: Mapping[str, Any]) -> dict[str, Any]:
        """Return the request that creates a journey with the same definition."""
        return journey_request(journey, self._members("WriteJourneyRequest"))

    def create_journey(self, body: Mapping[str, Any]) -> str:
        """Create a journey. Returns its id."""
        answer = self._once.create_journey(
            ApplicationId=self.project_id, WriteJourneyRequest=dict(body)
        )
        return str(answer["JourneyResponse"]["Id"])

    def update_journey(self, journey_id: str, body: Mapping[str, Any]) -> None:
        """Replace the definition of a journey."""
        self._client.update_journey(
            ApplicationId=self.project_id, JourneyId=journey_id, WriteJourneyRequest=dict(body)
        )

    def delete_journey(self, journey_id: str) -> None:
        """Delete a journey; a journey that is gone stays gone."""
        try:
            self._client.delete_journey(ApplicationId=self.project_id, JourneyId=journey_id)
        except self._client.exceptions.NotFoundException:
            return

    def segment(self, segment_id: str, version: int | None = None) -> dict[str, Any] | None:
        """Return a SegmentResponse; None if there is no such segment or version."""
        if version is None:
            return self._found(self._client.get_segment, "SegmentResponse", SegmentId=segment_id)
        return self._found(
            self._client.get_segment_version,
            "SegmentResponse",
            SegmentId=segment_id,
            Version=str(version),
        )

    def segments(self) -> Iterator[dict[str, Any]]:
        """Yield every SegmentResponse of the project."""
        return all_items(self._client.get_segments, ApplicationId=self.project_id)

    def create_segment(self, body: Mapping[str, Any]) -> str:
        """Create a segment. Returns its id."""
        answer = self._once.create_segment(
            ApplicationId=self.project_id, WriteSegmentRequest=dict(body)
        )
        return str(answer["SegmentResponse"]["Id"])

    def update_segment(self, segment_id: str, body: Mapping[str, Any]) -> None:
        """Make a new version of a segment."""
        self._client.update_segment(
            ApplicationId=self.project_id, SegmentId=segment_id, WriteSegmentRequest=dict(body)
        )

    def template(self, kind: Kind, name: str, version: str | None = None) -> dict[str, Any] | None:
        """Return a template's response; None if there is no such template or version.

        A version of None is the active version.
        """
        word, shape = _TEMPLATES[kind]
        chosen = {} if version is None else {"Version": version}
        try:
            answer = getattr(self._client, f"get_{word}_template")(TemplateName=name, **chosen)
        except self._client.exceptions.NotFoundException:
            return None
        found: dict[str, Any] = answer[f"{shape}Response"]
        return found

    def template_content(self, kind: Kind, template: Mapping[str, Any]) -> dict[str, Any]:
        """Return the request that creates a template with the same content."""
        return template_request(template, self._members(f"{_TEMPLATES[kind][1]}Request"))

    def create_template(self, kind: Kind, name: str, body: Mapping[str, Any]) -> None:
        """Create a template; its content is version 1."""
        word, shape = _TEMPLATES[kind]
        getattr(self._once, f"create_{word}_template")(
            TemplateName=name, **{f"{shape}Request": dict(body)}
        )

    def add_template_version(self, kind: Kind, name: str, body: Mapping[str, Any]) -> None:
        """Add a version to a template; the active version stays active."""
        word, shape = _TEMPLATES[kind]
        getattr(self._once, f"update_{word}_template")(
            TemplateName=name, CreateNewVersion=True, **{f"{shape}Request": dict(body)}
        )

    def latest_template_version(self, kind: Kind, name: str) -> str:
        """Return the highest version of a template."""
        versions = all_items(
            self._client.list_template_versions,
            token_name="NextToken",
            TemplateName=name,
            TemplateType=TEMPLATE_TYPES[kind],
        )
        return str(max(int(version["Version"]) for version in versions))

    def activate_template_version(self, kind: Kind, name: str, version: str) -> None:
        """Make a version of a template the active version."""
        self._client.update_template_active_version(
            TemplateName=name,
            TemplateType=TEMPLATE_TYPES[kind],
            TemplateActiveVersionRequest={"Version": version},
        )

    def _found(self, read: Any, member: str, **parameters: Any) -> dict[str, Any] | None:
        try:
            answer = read(ApplicationId=self.project_id, **parameters)
        except self._client.exceptions.NotFoundException:
            return None
        found: dict[str, Any] = answer[member]
        return found

    def _members(self, shape: str) -> list[str]:
        return list(self._client.meta.service_model.shape_for(shape).members)
