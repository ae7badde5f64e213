"""Create the templates, segments, settings, journeys and campaigns of a project in a hub.

A resource is created once: the stored map knows the resources of earlier runs, and a tag in the hub
finds a resource whose answer was lost, or whose map was lost. A resource that is there stays as it
is, because people may have changed it since.

No message goes out: a journey arrives as DRAFT and a campaign paused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from engagement_hub.engagement.errors import EngagementError
from journey_copy.bodies import COPIED_FROM, copied_tags, same, segment_request
from journey_copy.names import journey_names, template_names
from journey_copy.references import Replacement, replaced, source_segments
from journey_copy.rules import Place, unusable, warning
from journey_copy.substitutes import Substitutes
from shared.import_jobs import without_addresses
from shared.journeys import TEMPLATE_TYPES, Kind, Reference, journey_references
from shared.transient import error_code, is_transient
from tools.errors import ToolError
from tools.takeover.answers import Saved, Template
from tools.takeover.checks import would_refuse
from tools.takeover.hub import HubProject
from tools.takeover.references import campaign_references, in_order
from tools.takeover.report import Entry, Report, Result
from tools.takeover.shapes import members_of
from tools.takeover.stored_map import StoredMap

__all__ = ["Resources", "Stopped", "refusal_text"]

_NEW = "(new)"  # the id of a resource that a dry run would create
_FAILURES_IN_A_ROW = 3
_REFUSED = frozenset({"ForbiddenException", "403", "AccessDeniedException"})
_KIND_OF_TYPE = {name: kind for kind, name in TEMPLATE_TYPES.items()}
_TREATMENT = frozenset(members_of("WriteTreatmentResource"))
_SETTINGS = ("CampaignHook", "JourneyLimits", "Limits", "QuietTime")


class Stopped(ToolError):
    """The hub does not answer, or refuses the caller. Created resources are in the map."""


class _NotTaken(Exception):
    """A resource cannot be taken over; the text says why."""


class Resources:
    """Takes over the resources of one project."""

    def __init__(
        self,
        saved: Saved,
        hub: HubProject,
        stored: StoredMap,
        substitutes: Substitutes,
        report: Report,
        *,
        progress: Callable[[str, int, int], None] = lambda kind, done, total: None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._saved = saved
        self._hub = hub
        self._stored = stored
        self._substitutes = substitutes
        self._report = report
        self._progress = progress
        self._now = now
        self._new: dict[tuple[str, str], str] = {}
        self._versions: dict[str, dict[int, str]] = {}  # of templates, by their key
        self._failures = 0
        hub_place = hub.place
        source = Place(*saved.place) if saved.place else hub_place
        self._source = source or Place("", "")
        self._target = hub_place or self._source
        host = "\n".join((self._source.account_id, self._source.region, "pinpoint"))
        self._host = hashlib.sha256(host.encode()).hexdigest()[:16]

    def take(self, imported: Mapping[str, str | None]) -> None:
        """Take over everything but endpoints.

        Args:
            imported: new ids of imported segments by old ids; None for a segment that an earlier
                step could not bring about, and reported.

        Raises:
            Stopped: see the class.
        """
        for old, new in imported.items():
            if new is not None:
                self._new["segment", old] = new
        self._templates()
        self._segments()
        self._settings()
        self._journeys()
        self._campaigns()

    # One resource

    def _take(
        self,
        entry: Entry,
        known: str | None,
        is_there: Callable[[str], bool],
        create: Callable[[], str],
    ) -> None:
        """Take over one resource, and report its end.

        Args:
            known: the id in the hub, by the map or a tag; None for a resource to create.
            create: returns the new id; sets the entry's result to ALREADY_THERE where it found the
                resource of an interrupted run.
        """
        self._report.add(entry)
        key = (entry.kind, entry.old)
        try:
            if known is not None:
                if not is_there(known):
                    raise _NotTaken(
                        f"It was taken over as {known} and deleted in the hub since. Delete its "
                        "line from the stored map to take it over again."
                    )
                entry.result, entry.new = Result.ALREADY_THERE, known
            else:
                created = create()
                if entry.result is not Result.ALREADY_THERE:
                    entry.result = (
                        Result.WOULD_BE_CREATED if self._report.dry_run else Result.CREATED
                    )
                entry.new = None if created == _NEW else created
            self._new[key] = entry.new or _NEW
            if entry.new and not self._report.dry_run and self._stored.get(*key) != entry.new:
                self._stored.put(*key, entry.new)
            self._failures = 0
        except _NotTaken as error:
            entry.result = Result.NOT_TAKEN
            entry.reasons.append(str(error))
        except (ClientError, BotoCoreError) as error:
            entry.result = Result.NOT_TAKEN
            self._refused(entry, error)

    def _refused(self, entry: Entry, error: ClientError | BotoCoreError) -> None:
        """Report a refusal; raise Stopped where the next call would be refused, too."""
        entry.reasons.append(refusal_text(error))
        if isinstance(error, ClientError) and error_code(error) in _REFUSED:
            raise Stopped(refusal_text(error)) from error
        unanswered = not isinstance(error, ParamValidationError)
        if isinstance(error, ClientError):
            unanswered = is_transient(error)
        self._failures = self._failures + 1 if unanswered else 0
        if self._failures == _FAILURES_IN_A_ROW:
            raise Stopped(
                f"The hub did not answer {self._failures} calls in a row. Run again when it "
                f"answers; the run goes on from here. {refusal_text(error)}"
            ) from error

    def _check(self, operation: str, **parameters: Any) -> None:
        """Find out in a dry run what a hub of this version would refuse."""
        if not self._report.dry_run:
            return
        try:
            would_refuse(operation, self._now(), **parameters)
        except EngagementError as error:
            raise _NotTaken(error.message) from error

    # References

    def _replacements(
        self, references: Iterable[Reference], entry: Entry
    ) -> list[tuple[Reference, Replacement]]:
        """Return the new value of each reference.

        Raises:
            _NotTaken: names every reference without a new value.
        """
        found: list[tuple[Reference, Replacement]] = []
        problems: list[str] = []
        for reference in references:
            substitute = self._substitutes.of(reference)
            try:
                replacement = substitute or self._replacement(reference)
            except _NotTaken as error:
                problems.append(f"{reference.member}: {error}")
                continue
            if replacement is not None:
                found.append((reference, replacement))
            elif (problem := unusable(reference, self._source, self._target)) is not None:
                problems.append(problem)
            elif (hint := warning(reference, self._source, self._target)) is not None:
                entry.warnings.append(hint)
            if reference.kind is Kind.DELIVERY_URI:
                function = reference.value if replacement is None else replacement.value
                if function and not function.startswith("http"):
                    self._report.functions.add(function)
        if problems:
            raise _NotTaken(" ".join(dict.fromkeys(problems)))
        return found

    def _replacement(self, reference: Reference) -> Replacement | None:
        """Return the new value of a segment or template; None for another reference."""
        kind, value = reference.kind, reference.value
        if kind is Kind.SEGMENT:
            return Replacement(self._new_segment(value))
        if kind is Kind.CUSTOM_TEMPLATE:
            raise _NotTaken(
                "the API has no template of a custom channel. Name its counterpart in "
                "substitutes.templates, with the type CUSTOM."
            )
        if kind not in TEMPLATE_TYPES:
            return None
        key = f"{TEMPLATE_TYPES[kind]}/{value}"
        name = self._new.get(("template", key))
        if name is None:
            raise _NotTaken(
                f"the template {value} was not taken over. Save it, or name another one in "
                "substitutes.templates."
            )
        if reference.version is None:
            return Replacement(name)
        version = reference.version
        new = self._versions[key].get(int(version)) if version.isdecimal() else None
        if new is None:
            raise _NotTaken(
                f"version {version} of the template {value} was not taken over. Save it, or name "
                "another one in substitutes.templates."
            )
        return Replacement(name, new)

    def _new_segment(self, old: str) -> str:
        substitute = self._substitutes.of_segment(old)
        if substitute is not None:
            return substitute
        new = self._new.get(("segment", old))
        if new is None:
            cause = "was not taken over" if old in self._saved.segments else "is not saved"
            raise _NotTaken(
                f"the segment {old} {cause}. Name another segment in substitutes.segments."
            )
        return new

    # Templates

    def _templates(self) -> None:
        templates = [one for one in self._saved.templates.values() if one.versions]
        for number, template in enumerate(templates, start=1):
            self._template(template)
            self._progress("templates", number, len(templates))

    def _template(self, template: Template) -> None:
        entry = Entry("template", template.key, template.name)
        known = self._stored.get("template", template.key)
        versions = self._versions.setdefault(template.key, {})
        for number in template.versions:
            new = self._stored.get("template-version", f"{template.key}@{number}")
            if new is not None:
                versions[number] = new
        if not _takable(template) <= set(versions):
            known = None  # an earlier run was interrupted, or more versions are saved now
        there = self._hub.known_templates
        self._take(
            entry,
            known,
            lambda name: (template.type, name) in there,
            lambda: self._create_template(template, versions, entry),
        )

    def _create_template(self, template: Template, versions: dict[int, str], entry: Entry) -> str:
        kind = _KIND_OF_TYPE[template.type]
        bodies = {
            number: self._hub.template_content(kind, template.versions[number])
            for number in sorted(_takable(template))
        }
        if not bodies:
            raise _NotTaken(
                "It uses a recommender, and recommenders are not taken over. Create it in the hub, "
                "and the template with its new id."
            )
        for number in sorted(set(template.versions) - set(bodies)):
            entry.warnings.append(f"Version {number} uses a recommender, and is not taken over.")
        latest = template.versions[max(bodies)]
        tags = copied_tags(latest.get("tags"), f"{self._host}/{template.name}")
        name, exists = self._template_name(kind, template, tags[COPIED_FROM])
        if name != template.name:
            entry.warnings.append(
                f"The hub has another template of this name; this one is {name}, and references "
                "to it are rewritten."
            )
        if self._report.dry_run:
            for number, body in bodies.items():
                self._check("CreateTemplate", kind=template.type, name=name, body=body)
                versions.setdefault(number, _NEW)
            return name
        was_begun, is_new = bool(versions), self._stored.get("template", template.key) is None
        added = self._add_versions(kind, template, name, exists, bodies, tags, versions)
        if not added:
            entry.result = Result.ALREADY_THERE
        # Later, and where the map is lost, the active version is a choice of people.
        if is_new and (added or was_begun):
            self._activate(kind, template, name, versions, entry)
        return name

    def _template_name(self, kind: Kind, template: Template, marker: str) -> tuple[str, bool]:
        """Choose the name of a template; return it, and whether an earlier run created it."""
        for name in template_names(template.name, self._host):
            if (template.type, name) not in self._hub.known_templates:
                return name, False
            there = self._hub.template(kind, name)
            if there is not None and (there.get("tags") or {}).get(COPIED_FROM) == marker:
                return name, True
        raise _NotTaken("The hub has other templates with its name. Rename one of them.")

    def _add_versions(
        self,
        kind: Kind,
        template: Template,
        name: str,
        exists: bool,
        bodies: Mapping[int, Mapping[str, Any]],
        tags: Mapping[str, str],
        versions: dict[int, str],
    ) -> int:
        """Add the versions that are missing, in their order; return how many.

        A version that an earlier run added is known by its content, behind the versions before it.
        """
        added = 0
        there = self._hub.template_versions(kind, name) if exists else []
        for number, body in bodies.items():
            if number in versions:
                there = [one for one in there if one > int(versions[number])]
                continue
            version = self._version_with(kind, name, there, body)
            added += version is None
            if version is None and exists:
                self._hub.add_template_version(kind, name, body)
                version = self._hub.latest_template_version(kind, name)
            elif version is None:
                self._hub.create_template(kind, name, {**body, "tags": dict(tags)})
                self._hub.known_templates.add((template.type, name))
                version, exists = "1", True
            there = [one for one in there if one > int(version)]
            versions[number] = version
            self._stored.put("template-version", f"{template.key}@{number}", version)
        return added

    def _version_with(
        self, kind: Kind, name: str, candidates: Iterable[int], body: Mapping[str, Any]
    ) -> str | None:
        for number in candidates:
            there = self._hub.template(kind, name, str(number))
            if there is not None and same(self._hub.template_content(kind, there), body):
                return str(number)
        return None

    def _activate(
        self, kind: Kind, template: Template, name: str, versions: Mapping[int, str], entry: Entry
    ) -> None:
        active = max(versions)
        if template.active is not None and template.active in versions:
            active = template.active
        else:
            if len(template.versions) > 1 or template.active is not None:
                entry.warnings.append(
                    f"No file names the active version, or it is not saved: version {active}, the "
                    "newest one, is active. Save ListTemplates for the active versions."
                )
        there = self._hub.template(kind, name)
        if there is not None and str(there["Version"]) != versions[active]:
            self._hub.activate_template_version(kind, name, versions[active])

    # Segments

    def _segments(self) -> None:
        dimensional = {
            old: one
            for old, one in self._saved.segments.items()
            if one.get("SegmentType") != "IMPORT"
        }
        ordered, circular = in_order(dimensional)
        there = {str(one["Id"]): one for one in self._hub.known_segments}
        tagged = _by_tag(there.values())
        for number, old in enumerate(ordered, start=1):
            self._segment(old, dimensional[old], there, tagged)
            self._progress("segments", number, len(ordered))
        for old in sorted(circular):
            entry = self._report.add(Entry("segment", old, dimensional[old].get("Name") or old))
            entry.reasons.append(
                "SourceSegments leads back to the segment itself, or to such a segment. Take a "
                "reference out of the saved file, or name another segment in substitutes.segments."
            )

    def _segment(
        self,
        old: str,
        segment: Mapping[str, Any],
        there: Mapping[str, Any],
        tagged: Mapping[str, str],
    ) -> None:
        entry = Entry("segment", old, segment.get("Name") or old)
        marker = f"{self._saved.project_id}/{old}"

        def create() -> str:
            body = {
                **self._segment_body(segment, entry),
                "tags": copied_tags(segment.get("tags"), marker),
            }
            self._check("CreateSegment", body=body)
            return _NEW if self._report.dry_run else self._hub.create_segment(body)

        created = self._stored.get("segment", old) or tagged.get(marker)
        self._take(entry, created, lambda new: new in there, create)

    def _segment_body(self, segment: Mapping[str, Any], entry: Entry) -> dict[str, Any]:
        body = segment_request(segment)
        for path, old, version in source_segments(body):
            try:
                new = self._new_segment(old)
            except _NotTaken as error:
                raise _NotTaken(f"SegmentGroups: {error}") from error
            reference = Reference(Kind.SEGMENT, (*path, "Id"), old)
            body = replaced(body, [(reference, Replacement(new))])
            group, position = path[2], path[4]
            source = body["SegmentGroups"]["Groups"][group]["SourceSegments"][position]
            source.pop("Version", None)
            pinned = self._pinned(old, version, entry)
            if pinned is not None:
                source["Version"] = pinned
        return body

    def _pinned(self, old: str, version: int | None, entry: Entry) -> int | None:
        """Return the version for a reference that names one: a new segment has version 1."""
        if version is None or self._substitutes.of_segment(old) is not None:
            return None
        saved = self._saved.segments[old].get("Version")
        if saved is not None and saved != version:
            entry.warnings.append(
                f"It named version {version} of the segment {old}, and version {saved} is saved "
                "and taken over. Check the audience."
            )
        return 1

    # Settings

    def _settings(self) -> None:
        saved = self._saved.settings
        if saved is None:
            return
        there = self._hub.settings()
        for member in _SETTINGS:
            value = _without_empty(saved.get(member) or {})
            if value:
                self._setting(member, value, _without_empty(there.get(member) or {}))

    def _setting(self, member: str, value: Any, there: Any) -> None:
        entry = Entry("setting", member, member)

        def create() -> str:
            body: dict[str, Any] = {member: value}
            function = (value if member == "CampaignHook" else {}).get("LambdaFunctionName")
            if function:
                path = ("CampaignHook", "LambdaFunctionName")
                reference = Reference(Kind.DELIVERY_URI, path, function)
                body = replaced(body, self._replacements([reference], entry))
            if there and not same(there, body[member]):
                raise _NotTaken(
                    f"The hub's project has {member} of its own, which stays. Set it with "
                    "UpdateApplicationSettings."
                )
            self._check("UpdateApplicationSettings", body=body)
            if there:
                entry.result = Result.ALREADY_THERE
            elif not self._report.dry_run:
                self._hub.update_settings(body)
            return member

        self._take(entry, self._stored.get("setting", member), lambda _: True, create)

    # Journeys

    def _journeys(self) -> None:
        there = {str(one["Id"]): one for one in self._hub.known_journeys}
        tagged = _by_tag(there.values())
        total = len(self._saved.journeys)
        for number, (old, journey) in enumerate(self._saved.journeys.items(), start=1):
            self._journey(old, journey, there, tagged)
            self._progress("journeys", number, total)

    def _journey(
        self,
        old: str,
        journey: Mapping[str, Any],
        there: Mapping[str, Any],
        tagged: Mapping[str, str],
    ) -> None:
        entry = Entry("journey", old, journey.get("Name") or old)
        marker = f"{self._saved.project_id}/{old}"

        def create() -> str:
            draft = _without_empty(self._hub.draft(journey))
            body = replaced(draft, self._replacements(journey_references(draft), entry))
            name, created = self._journey_name(old, body, there.values())
            body = {**body, "Name": name}
            if name != entry.name:
                entry.warnings.append(
                    f"The hub has another journey of this name; its name is {name}."
                )
            self._check("CreateJourney", body=body)
            if self._report.dry_run:
                return _NEW
            if created is not None:
                entry.result = Result.ALREADY_THERE
            created = created or self._hub.create_journey(body)
            self._stored.put("journey", old, created)
            self._stored.put("journey-name", name, old)
            self._hub.tag_journey(created, copied_tags(journey.get("tags"), marker))
            return created

        known = self._stored.get("journey", old) or tagged.get(marker)
        self._take(entry, known, lambda new: new in there, create)

    def _journey_name(
        self, old: str, body: Mapping[str, Any], there: Iterable[Mapping[str, Any]]
    ) -> tuple[str, str | None]:
        """Choose the name of a journey. Return it, and the id of the journey that an earlier run
        created without learning of it: a DRAFT of the same name and definition, without a tag."""
        named: dict[str, list[Mapping[str, Any]]] = {}
        for one in there:
            named.setdefault(one["Name"], []).append(one)
        for name in journey_names(str(body.get("Name", "")), old):
            wanted = {**body, "Name": name}
            ours = [
                str(one["Id"])
                for one in named.get(name, ())
                if one.get("State", "DRAFT") == "DRAFT"
                and COPIED_FROM not in (one.get("tags") or {})
                and same(self._hub.draft(one), wanted)
            ]
            taken_by = self._stored.get("journey-name", name)
            if taken_by not in (None, old) or (name in named and not ours):
                continue
            return name, ours[0] if ours else None
        raise _NotTaken("The hub has other journeys with its name. Rename one of them.")

    # Campaigns

    def _campaigns(self) -> None:
        there = {str(one["Id"]): one for one in self._hub.known_campaigns}
        tagged = _by_tag(there.values())
        total = len(self._saved.campaigns)
        for number, (old, campaign) in enumerate(self._saved.campaigns.items(), start=1):
            self._campaign(old, campaign, there, tagged)
            self._progress("campaigns", number, total)

    def _campaign(
        self,
        old: str,
        campaign: Mapping[str, Any],
        there: Mapping[str, Any],
        tagged: Mapping[str, str],
    ) -> None:
        entry = Entry("campaign", old, campaign.get("Name") or old)
        state = str((campaign.get("State") or {}).get("CampaignStatus", ""))
        if state in ("COMPLETED", "DELETED"):
            self._report.add(entry)
            entry.result = Result.LEFT_OUT
            entry.reasons.append(f"It is {state}, and would send no message any more.")
            return
        marker = f"{self._saved.project_id}/{old}"

        def create() -> str:
            body = self._campaign_body(campaign, entry)
            body["tags"] = copied_tags(campaign.get("tags"), marker)
            self._check("CreateCampaign", body=body)
            return _NEW if self._report.dry_run else self._hub.create_campaign(body)

        known = self._stored.get("campaign", old) or tagged.get(marker)
        self._take(entry, known, lambda new: new in there, create)

    def _campaign_body(self, campaign: Mapping[str, Any], entry: Entry) -> dict[str, Any]:
        """Return the request that creates the campaign paused.

        Raises:
            _NotTaken: a reference has no new value, or the campaign cannot be paused.
        """
        members = set(members_of("WriteCampaignRequest")) - {"tags"}
        body = _without_empty({name: one for name, one in campaign.items() if name in members})
        if "AdditionalTreatments" in body:
            body["AdditionalTreatments"] = [
                _without_empty({name: one for name, one in treatment.items() if name in _TREATMENT})
                for treatment in body["AdditionalTreatments"]
            ]
        if str((body.get("Schedule") or {}).get("StartTime", "")).upper() == "IMMEDIATE":
            raise _NotTaken(
                "Schedule.StartTime is IMMEDIATE: the campaign would send at once, and the API "
                "pauses no such campaign. Give it a time in the saved file, or create it anew."
            )
        old, version = body.get("SegmentId", ""), body.pop("SegmentVersion", None)
        body = replaced(body, self._replacements(campaign_references(body), entry))
        pinned = self._pinned(old, version, entry) if old in self._saved.segments else None
        if pinned is not None:
            body["SegmentVersion"] = pinned
        return {**body, "IsPaused": True}


def refusal_text(error: ClientError | BotoCoreError) -> str:
    """Return the reason of a refused call, without addresses."""
    if isinstance(error, ClientError):
        answer = error.response.get("Error", {})
        text = f"{error.operation_name}: {answer.get('Code')}: {answer.get('Message')}"
    elif isinstance(error, ParamValidationError):
        text = str(error)
    else:
        text = f"The hub did not answer ({type(error).__name__}); the outcome is not known."
    return without_addresses(" ".join(text.split()))


def _by_tag(bodies: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return the ids of copies by the sources that their tags name."""
    return {
        body["tags"][COPIED_FROM]: str(body["Id"])
        for body in bodies
        if COPIED_FROM in (body.get("tags") or {})
    }


def _takable(template: Template) -> set[int]:
    """Return the versions of a template without a recommender: recommenders are not taken over."""
    return {number for number, body in template.versions.items() if not body.get("RecommenderId")}


def _without_empty(body: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out empty members, which answers have and requests do not need."""
    return {name: one for name, one in body.items() if one is not None and one not in ("", {}, [])}
