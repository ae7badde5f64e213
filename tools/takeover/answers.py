"""Sort saved documents: the resources of each project, and its endpoints.

A document is an answer in the form of the SDKs and the AWS CLI, `{"SegmentsResponse": {"Item": …}}`
with or without ResponseMetadata, or the same without the wrapper, or one item, or a list of items.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import Any

from shared.journeys import TEMPLATE_TYPES
from tools.errors import ToolError
from tools.takeover.documents import Document
from tools.takeover.shapes import Unfit, fitted, service_model, shape_of

__all__ = ["Answers", "Kind", "Saved", "UnclearProject", "is_endpoint"]

Json = dict[str, Any]


class UnclearProject(ToolError):
    """The files are of several projects, or not of the project that is named."""


class Kind(StrEnum):
    """Kind of a saved body; the value is its shape in botocore's model."""

    APP = "ApplicationResponse"
    CAMPAIGN = "CampaignResponse"
    ENDPOINT = "EndpointResponse"
    JOURNEY = "JourneyResponse"
    SEGMENT = "SegmentResponse"
    SETTINGS = "ApplicationSettingsResource"
    TEMPLATE_ROW = "TemplateResponse"
    TEMPLATE_VERSION_ROW = "TemplateVersionResponse"


TEMPLATE_SHAPES = {
    "EMAIL": "EmailTemplateResponse",
    "INAPP": "InAppTemplateResponse",
    "PUSH": "PushNotificationTemplateResponse",
    "SMS": "SMSTemplateResponse",
    "VOICE": "VoiceTemplateResponse",
}
assert set(TEMPLATE_SHAPES) == set(TEMPLATE_TYPES.values())
_TYPE_OF_SHAPE = {shape: kind for kind, shape in TEMPLATE_SHAPES.items()}
_KINDS = frozenset(kind.value for kind in Kind)
# Why an answer is not taken over, and the way out. Other answers are records of the past.
_ELSEWHERE = {
    "ChannelsResponse": "channels: name the senders in the hub's inputs email and sms",
    "EventStream": "the event stream: the module event_stream registers one",
    "ListRecommenderConfigurationsResponse": "recommenders: create them in the hub",
    "RecommenderConfigurationResponse": "recommenders: create them in the hub",
}


@dataclass(slots=True)
class Template:
    """A template: its versions by number, and the active one where a file names it."""

    type: str
    name: str
    versions: dict[int, Json] = field(default_factory=dict)
    active: int | None = None
    listed: set[int] = field(default_factory=set)

    @property
    def key(self) -> str:
        """Return the key of the template in the map."""
        return f"{self.type}/{self.name}"


@dataclass(slots=True)
class Saved:
    """The resources of one project, by their old ids. Templates belong to the account."""

    project_id: str
    segments: dict[str, Json] = field(default_factory=dict)
    campaigns: dict[str, Json] = field(default_factory=dict)
    journeys: dict[str, Json] = field(default_factory=dict)
    templates: dict[str, Template] = field(default_factory=dict)
    settings: Json | None = None
    place: tuple[str, str] | None = None  # account and Region


def is_endpoint(value: Any) -> bool:
    """Check whether a value is the definition of an endpoint, as in the line of an export."""
    return isinstance(value, dict) and _kind_of(value) == Kind.ENDPOINT


class Answers:
    """Collects the documents of all files."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.warnings: list[str] = []
        self.unknown_members: Counter[str] = Counter()
        self.documents_of: Counter[str] = Counter()  # by project
        self.endpoints_without_project = 0
        self._resources: dict[tuple[Kind, str], tuple[str | None, Json]] = {}
        self._templates: dict[str, Template] = {}
        self._pages: dict[tuple[str, str | None], list[bool]] = {}
        self._elsewhere: Counter[str] = Counter()

    def add(self, document: Document) -> Iterator[Json]:
        """Keep the resources of a document; yield its endpoints, which are too many to keep."""
        for shape, body in self._bodies(document):
            if shape == Kind.ENDPOINT:
                self.endpoints_without_project += "ApplicationId" not in body
                self._count_project(body)
                yield body
            else:
                self._keep(shape, body, document)

    def imported_segments(self) -> set[str]:
        """Return the ids of the imported segments that are read so far."""
        return {
            old
            for (kind, old), (_, body) in self._resources.items()
            if kind is Kind.SEGMENT and body.get("SegmentType") == "IMPORT"
        }

    def _count_project(self, body: Mapping[str, Any]) -> None:
        if isinstance(body.get("ApplicationId"), str):
            self.documents_of[body["ApplicationId"]] += 1

    def project(self, wanted: str | None) -> Saved:
        """Return the resources of the project to take over.

        Args:
            wanted: its id; None where the files name one project.

        Raises:
            UnclearProject: the files name several projects, or not the wanted one.
        """
        projects = sorted(self.documents_of)
        if wanted is None:
            if len(projects) != 1:
                found = (
                    "the files name no project"
                    if not projects
                    else "the files are of several projects: "
                    + ", ".join(f"{one} ({self.documents_of[one]})" for one in projects)
                )
                raise UnclearProject(f"Name the project to take over with --old-project; {found}.")
            wanted = projects[0]
        elif projects and wanted not in projects:
            raise UnclearProject(
                f"The files have nothing of the project {wanted}; they are of "
                f"{', '.join(projects)}. Correct --old-project."
            )
        if len(projects) > 1 and self.endpoints_without_project:
            raise UnclearProject(
                f"{self.endpoints_without_project} endpoints name no ApplicationId, and the files "
                f"are of several projects. Name only the places of {wanted} with --from."
            )
        self._judge(wanted)
        saved = Saved(wanted, templates=dict(sorted(self._templates.items())))
        by_kind = {
            Kind.SEGMENT: saved.segments,
            Kind.CAMPAIGN: saved.campaigns,
            Kind.JOURNEY: saved.journeys,
        }
        for (kind, old), (app_id, body) in self._resources.items():
            if app_id not in (None, wanted):
                continue
            if kind in by_kind:
                by_kind[kind][old] = body
            elif kind is Kind.SETTINGS:
                saved.settings = body
            saved.place = saved.place or _place(body)
        for template in saved.templates.values():
            for version in template.versions.values():
                saved.place = saved.place or _place(version)
        return saved

    # Sorting

    def _bodies(self, document: Document) -> Iterator[tuple[str, Json]]:
        """Yield the bodies of a document, each after the name of its shape."""
        value, shape = document.value, None
        if isinstance(value, dict):
            value = {name: one for name, one in value.items() if name != "ResponseMetadata"}
            if len(value) == 1 and (name := next(iter(value))) in _wrappers():
                shape, value = name, value[name]
        if isinstance(value, list):
            items: list[Any] = value
        elif isinstance(value, dict) and isinstance(value.get("Item"), list):
            items = value["Item"]
            self._note_page(shape, items, value)
        elif shape is not None and "Item" in _members(shape):
            self.problems.append(f"{document.place}: {shape} has no list Item.")
            return
        else:
            yield from self._body(shape, value, document)
            return
        item_shape = _item_shape(shape)
        for item in items:
            yield from self._body(item_shape, item, document)

    def _body(
        self, shape: str | None, value: Any, document: Document
    ) -> Iterator[tuple[str, Json]]:
        if not isinstance(value, dict):
            self.problems.append(f"{document.place} holds no answer of the Pinpoint API.")
            return
        inner = {name: one for name, one in value.items() if name != "ResponseMetadata"}
        if shape is None and len(inner) == 1 and next(iter(inner)) in _wrappers():
            yield from self._bodies(Document(inner, document.file, document.place))
            return
        found = shape or _kind_of(value)
        if found is None:
            self.problems.append(
                f"{document.place} holds JSON that is no answer of the Pinpoint API."
            )
        elif found in _KINDS or found in _TYPE_OF_SHAPE:
            yield found, value
        else:
            self._elsewhere[found] += 1

    def _note_page(self, shape: str | None, items: list[Any], page: Json) -> None:
        first = items[0] if items and isinstance(items[0], dict) else {}
        name = shape or _kind_of(first) or "an answer"
        listing = (name.replace("sResponse", "Response"), first.get("ApplicationId"))
        self._pages.setdefault(listing, []).append(bool(page.get("NextToken")))

    def _keep(self, shape: str, value: Json, document: Document) -> None:
        try:
            body = fitted(shape_of(shape), value, self._note_unknown(shape))
        except Unfit as error:
            self.problems.append(f"{document.place}: {_named(shape, value)}: {error}")
            return
        if shape in _TYPE_OF_SHAPE or shape in (Kind.TEMPLATE_ROW, Kind.TEMPLATE_VERSION_ROW):
            self._keep_template(shape, body, document)
            return
        self._count_project(body)
        kind = Kind(shape)
        app_id = body.get("ApplicationId")
        old = body.get("Id") if kind is not Kind.SETTINGS else (app_id or "settings")
        if kind is Kind.APP:
            old, app_id = body.get("Id"), body.get("Id")
            self._count_project({"ApplicationId": old})
        if not old:
            self.problems.append(f"{document.place}: {_named(shape, value)} has no Id.")
            return
        if kind is Kind.SEGMENT and not _has_source_ids(body):
            self.problems.append(f"{document.place}: a source of segment {old} has no Id.")
            return
        before = self._resources.get((kind, old))
        if before is None or _age(body) >= _age(before[1]):
            self._resources[kind, old] = (app_id, body)

    def _note_unknown(self, shape: str) -> Any:
        def note(path: str) -> None:
            self.unknown_members[f"{shape}.{path.partition('[')[0]}"] += 1

        return note

    def _keep_template(self, shape: str, body: Json, document: Document) -> None:
        name = body.get("TemplateName")
        kind = _TYPE_OF_SHAPE.get(shape) or str(body.get("TemplateType", "")).upper()
        version = str(body.get("Version") or "1")
        if not name or kind not in TEMPLATE_SHAPES or not version.isdecimal():
            self.problems.append(
                f"{document.place}: a template has no TemplateName, TemplateType or Version."
            )
            return
        template = self._templates.setdefault(f"{kind}/{name}", Template(kind, name))
        number = int(version)
        if shape == Kind.TEMPLATE_ROW:
            template.active = number
        elif shape == Kind.TEMPLATE_VERSION_ROW:
            template.listed.add(number)
        else:
            before = template.versions.get(number)
            if before is None or _age(body) >= _age(before):
                template.versions[number] = body

    # Judging

    def _judge(self, project_id: str) -> None:
        for (shape, app_id), pages in self._pages.items():
            if all(pages) and app_id in (None, project_id):
                self.problems.append(
                    f"Pages of {shape} are missing: {len(pages)} are there, and each has a "
                    "NextToken for a following page. Resources of the missing pages are not taken."
                )
        for shape, count in sorted(self._elsewhere.items()):
            reason = _ELSEWHERE.get(shape, f"{shape}: a record of the past")
            self.warnings.append(f"Not taken over, {count} times: {reason}.")
        for member, count in sorted(self.unknown_members.items()):
            self.warnings.append(f"Left out, {count} times: {member}, which the API does not know.")
        for template in self._templates.values():
            self._judge_template(template)

    def _judge_template(self, template: Template) -> None:
        lost = sorted(template.listed - set(template.versions))
        if template.versions and lost:
            self.warnings.append(
                f"Template {template.key}: versions {', '.join(map(str, lost))} are listed and "
                "their content is not saved."
            )
        if not template.versions:
            self.problems.append(
                f"Template {template.key} is listed, and its content is not saved. ListTemplates "
                "has no content; GetEmailTemplate and the like have it."
            )


def _kind_of(body: Mapping[str, Any]) -> str | None:
    """Return the shape of a body without a wrapper, by its members; None for another thing."""
    found: str | None = None
    if "TemplateType" in body or "TemplateName" in body:
        full = TEMPLATE_SHAPES.get(str(body.get("TemplateType", "")).upper())
        content = {"Arn", "Body", "HtmlPart", "TextPart", "Subject", "Content", "Default"}
        found = full if full and content & set(body) else Kind.TEMPLATE_ROW
    elif {"SegmentType", "SegmentGroups", "Dimensions"} & set(body):
        found = Kind.SEGMENT
    elif "SegmentId" in body and ("SegmentVersion" in body or "Schedule" in body):
        found = Kind.CAMPAIGN
    elif "Activities" in body or "StartActivity" in body or "StartCondition" in body:
        found = Kind.JOURNEY
    elif {"ChannelType", "EndpointStatus", "OptOut", "Address"} & set(body):
        found = Kind.ENDPOINT
    elif "ApplicationId" in body and "Id" not in body and _is_settings(body):
        found = Kind.SETTINGS
    elif "User" in body and isinstance(body["User"], dict):
        found = Kind.ENDPOINT
    elif ":apps/" in str(body.get("Arn", "")) and "Name" in body:
        found = Kind.APP
    elif isinstance(body.get("State"), str) and "Name" in body:
        found = Kind.JOURNEY
    return found


def _is_settings(body: Mapping[str, Any]) -> bool:
    return bool({"CampaignHook", "JourneyLimits", "Limits", "QuietTime"} & set(body))


@cache
def _wrappers() -> frozenset[str]:
    """Return the names of the answers: an SDK's answer has one member, named after its shape."""
    model = service_model()
    outputs = (model.operation_model(name).output_shape for name in model.operation_names)
    return frozenset(member for output in outputs if output for member in output.members)


def _members(shape: str) -> Any:
    found: Any = shape_of(shape)
    return found.members


def _item_shape(shape: str | None) -> str | None:
    if shape is None or "Item" not in _members(shape):
        return None
    return str(_members(shape)["Item"].member.name)


def _has_source_ids(segment: Json) -> bool:
    groups = (segment.get("SegmentGroups") or {}).get("Groups") or []
    return all(source.get("Id") for group in groups for source in group.get("SourceSegments") or [])


def _age(body: Json) -> tuple[int, str]:
    """Return the order of two bodies of one resource: the version, then the last change."""
    version = str(body.get("Version") or "0")
    return (int(version) if version.isdecimal() else 0, str(body.get("LastModifiedDate") or ""))


def _place(body: Json) -> tuple[str, str] | None:
    parts = str(body.get("Arn") or "").split(":")
    return (parts[4], parts[3]) if len(parts) > 5 and parts[4] and parts[3] else None


def _named(shape: str, value: Json) -> str:
    name = value.get("Name") or value.get("TemplateName") or value.get("Id")
    return shape.removesuffix("Response") + (f" {name}" if isinstance(name, str) else "")
