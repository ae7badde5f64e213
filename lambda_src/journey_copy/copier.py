"""Copies one journey with the segments and templates that it refers to.

First every reference is resolved, without a write: a journey that cannot be copied whole leaves
nothing in the target. Then segments and templates are brought about, and the journey last. Each of
these steps compares the target with the source, so that a repetition changes nothing, and looks for
an earlier attempt's work before it creates something.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from journey_copy.bodies import COPIED_FROM, copied_tags, same, segment_request, updated
from journey_copy.mapping import AnotherCopyUnderWay, Copy, Entry
from journey_copy.names import journey_names, template_names
from journey_copy.outcome import Action, Outcome, Result, Step
from journey_copy.references import Replacement, replaced, source_segments
from journey_copy.rules import Place, unusable, warning
from journey_copy.substitutes import Substitutes
from shared.journeys import TEMPLATE_TYPES, Kind, Reference, journey_references
from shared.send_once import surely_not_sent

__all__ = ["Copier", "Setting", "TemplateOverwritten"]

_DEPTH = 20  # segments that refer to segments
_HARMLESS = (Action.REUSE, Action.SUBSTITUTE)
_NEW = "(new)"  # the id of a segment that a dry run would create


class TemplateOverwritten(RuntimeError):
    """Another author overwrote the version of a template while it was copied."""


class _Source(Protocol):
    """The reads of the project to copy from; `projects.Project` makes them."""

    project_id: str

    def journey(self, journey_id: str) -> dict[str, Any] | None: ...
    def draft(self, journey: Mapping[str, Any]) -> dict[str, Any]: ...
    def segment(self, segment_id: str, version: int | None = None) -> dict[str, Any] | None: ...
    def template(
        self, kind: Kind, name: str, version: str | None = None
    ) -> dict[str, Any] | None: ...
    def template_content(self, kind: Kind, template: Mapping[str, Any]) -> dict[str, Any]: ...


class _Target(_Source, Protocol):
    """The calls to the project to copy to."""

    def journeys(self) -> Iterator[dict[str, Any]]: ...
    def create_journey(self, body: Mapping[str, Any]) -> str: ...
    def update_journey(self, journey_id: str, body: Mapping[str, Any]) -> None: ...
    def segments(self) -> Iterator[dict[str, Any]]: ...
    def create_segment(self, body: Mapping[str, Any]) -> str: ...
    def update_segment(self, segment_id: str, body: Mapping[str, Any]) -> None: ...
    def create_template(self, kind: Kind, name: str, body: Mapping[str, Any]) -> None: ...
    def add_template_version(self, kind: Kind, name: str, body: Mapping[str, Any]) -> None: ...
    def latest_template_version(self, kind: Kind, name: str) -> str: ...
    def activate_template_version(self, kind: Kind, name: str, version: str) -> None: ...


class _Mapping(Protocol):
    def look(self, resource: str) -> Entry: ...
    def claim(self, resource: str, seen: Entry) -> str: ...
    def release(self, resource: str, claim: str) -> None: ...
    def remember(self, resource: str, copy: Copy) -> None: ...
    def reserve_name(self, name: str, resource: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class Setting:
    """The relation of source and target.

    `same_templates`: both projects see the same templates, because one host in one account and
    Region has them. `source_host` is a digest that names the source's host.
    """

    source: Place
    target: Place
    same_templates: bool
    source_host: str


@dataclass(slots=True)
class _Segment:
    """A segment to copy; `sources` are the segments that it is built on."""

    key: str
    body: dict[str, Any]
    tags: dict[str, str]
    sources: list[tuple[tuple[str | int, ...], str]] = field(default_factory=list)


@dataclass(slots=True)
class _Template:
    """A version of a template to copy. `there` is the active version in the target."""

    kind: Kind
    name: str
    number: str
    body: dict[str, Any]
    tags: dict[str, str]
    target_name: str
    there: Mapping[str, Any] | None
    active: bool = False


@dataclass(slots=True)
class _Plan:
    """The resolved references of a journey."""

    segments: dict[str, _Segment] = field(default_factory=dict)  # sources before their users
    templates: dict[tuple[Kind, str, str], _Template] = field(default_factory=dict)
    replacements: list[tuple[Reference, Replacement]] = field(default_factory=list)
    # References whose replacement is known after the copy of a segment or template.
    pending_segments: list[tuple[Reference, str]] = field(default_factory=list)
    pending_templates: list[tuple[Reference, tuple[Kind, str, str]]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    substituted: list[Step] = field(default_factory=list)


class Copier:
    """Copies the journeys of one source to one target."""

    def __init__(
        self,
        source: _Source,
        target: _Target,
        mapping: _Mapping,
        substitutes: Substitutes,
        setting: Setting,
    ) -> None:
        self._source = source
        self._target = target
        self._mapping = mapping
        self._substitutes = substitutes
        self._setting = setting

    def copy(self, journey_id: str, *, dry_run: bool) -> Outcome:
        """Copy a journey, or find out what a copy would create.

        Raises:
            AnotherCopyUnderWay: another attempt is creating a resource of this copy.
            TemplateOverwritten: another author changed a template during the copy.
            ClientError, BotoCoreError: a call failed; a repetition goes on where this one ended.
        """
        journey = self._source.journey(journey_id)
        if journey is None:
            return Outcome(
                journey_id,
                Result.FAILED,
                problems=[
                    f"The source project {self._source.project_id} has no journey {journey_id}."
                ],
            )
        outcome = Outcome(journey_id, Result.BLOCKED, name=journey["Name"])
        plan = self._plan(journey)
        outcome.problems, outcome.warnings = plan.problems, plan.warnings
        outcome.steps = list(plan.substituted)
        if plan.problems:
            return outcome

        seen = self._mapping.look(f"journey#{journey_id}")
        there = None if seen.copy is None else self._target.journey(seen.copy.target_id)
        published = there is not None and there.get("State", "DRAFT") != "DRAFT"
        reads_only = dry_run or published
        segment_ids = {
            segment.key: self._bring_about_segment(segment, outcome, dry_run=reads_only)
            for segment in plan.segments.values()
        }
        versions = {
            key: self._bring_about_template(template, outcome, dry_run=reads_only)
            for key, template in plan.templates.items()
        }
        body = replaced(self._source.draft(journey), _replacements(plan, segment_ids, versions))
        if there is not None:
            self._update_journey(there, body, outcome, dry_run=dry_run)
        else:
            self._create_journey(journey_id, body, seen, outcome, dry_run=dry_run)
        return outcome

    # References

    def _plan(self, journey: Mapping[str, Any]) -> _Plan:
        plan = _Plan()
        for reference in journey_references(journey):
            substitute = self._substitutes.of(reference)
            if substitute is not None:
                self._plan_substitute(plan, reference, substitute)
            elif reference.kind is Kind.SEGMENT:
                key = self._plan_segment(plan, reference.member, reference.value, None, ())
                if key is not None:
                    plan.pending_segments.append((reference, key))
            elif reference.kind in TEMPLATE_TYPES:
                self._plan_template(plan, reference)
            else:
                self._keep(plan, reference)
        return plan

    def _plan_substitute(self, plan: _Plan, reference: Reference, substitute: Replacement) -> None:
        kind, value, version = reference.kind, str(substitute.value), substitute.version
        if kind is Kind.SEGMENT:
            self._check_substituted_segment(plan, reference.member, value)
        elif kind in TEMPLATE_TYPES and self._target.template(kind, value, version) is None:
            of_version = "" if version is None else f", version {version}"
            plan.problems.append(
                f"{reference.member}: the target has no template {value}{of_version}. Correct "
                "substitutes.templates."
            )
        plan.replacements.append((reference, substitute))
        plan.substituted.append(Step(Action.SUBSTITUTE, kind, reference.member, None))

    def _check_substituted_segment(self, plan: _Plan, member: str, segment_id: str) -> None:
        if self._target.segment(segment_id) is None:
            plan.problems.append(
                f"{member}: the target has no segment {segment_id}. Correct substitutes.segments."
            )

    def _keep(self, plan: _Plan, reference: Reference) -> None:
        if reference.kind is Kind.CUSTOM_TEMPLATE:
            if not self._setting.same_templates:
                plan.problems.append(
                    f"{reference.member}: the API has no template of a custom channel to copy. "
                    "Name its counterpart in substitutes.templates, with the type CUSTOM."
                )
            return
        problem = unusable(reference, self._setting.source, self._setting.target)
        if problem is not None:
            plan.problems.append(problem)
        hint = warning(reference, self._setting.source, self._setting.target)
        if hint is not None:
            plan.warnings.append(hint)

    def _plan_segment(
        self,
        plan: _Plan,
        member: str,
        segment_id: str,
        version: int | None,
        users: tuple[str, ...],
    ) -> str | None:
        """Plan the copy of a segment, its sources first. Returns its key; None with a problem."""
        key = f"segment#{segment_id}" + ("" if version is None else f"@{version}")
        if key in plan.segments:
            return key
        if key in users or len(users) >= _DEPTH:
            plan.problems.append(f"{member}: the segments refer to each other without an end.")
            return None
        found = self._source.segment(segment_id, version)
        if found is None:
            plan.problems.append(
                f"{member}: the source project has no segment {key.removeprefix('segment#')}. "
                "Correct the journey, or name another segment in substitutes.segments."
            )
            return None
        if found.get("SegmentType") == "IMPORT":
            plan.problems.append(
                f"{member}: the segment {segment_id} is imported, and the API returns no endpoints "
                "of it. Import them into the target, and name the new segment in "
                "substitutes.segments."
            )
            return None

        body = segment_request(found)
        if version is not None:
            body["Name"] = f"{body.get('Name', segment_id)} (version {version})"
        marker = f"{self._source.project_id}/{key.removeprefix('segment#')}"
        segment = _Segment(key, body, copied_tags(found.get("tags"), marker))
        for path, source_id, source_version in source_segments(body):
            substitute = self._substitutes.of_segment(source_id)
            if substitute is not None:
                self._check_substituted_segment(plan, member, substitute)
            source_key = (
                f"={substitute}"
                if substitute is not None
                else self._plan_segment(plan, member, source_id, source_version, (*users, key))
            )
            if source_key is None:
                return None
            segment.sources.append((path, source_key))
        plan.segments[key] = segment
        return key

    def _plan_template(self, plan: _Plan, reference: Reference) -> None:
        if self._setting.same_templates:
            return
        kind, name = reference.kind, reference.value
        found = self._source.template(kind, name, reference.version)
        if found is None:
            version = "" if reference.version is None else f", version {reference.version}"
            plan.problems.append(
                f"{reference.member}: the source has no template {name}{version}. Correct the "
                "journey, or name another template in substitutes.templates."
            )
            return
        if found.get("RecommenderId"):
            plan.problems.append(
                f"{reference.member}: the template {name} uses a recommender, which belongs to the "
                "source's account. Name another template in substitutes.templates."
            )
            return
        key = (kind, name, str(found["Version"]))
        if key not in plan.templates:
            template = self._template(kind, name, found)
            if template is None:
                plan.problems.append(
                    f"{reference.member}: the target has other templates with the names "
                    f"{' and '.join(template_names(name, self._setting.source_host))}. Name one "
                    "of its templates in substitutes.templates."
                )
                return
            plan.templates[key] = template
        template = plan.templates[key]
        template.active = template.active or reference.version is None
        plan.pending_templates.append((reference, key))

    def _template(self, kind: Kind, name: str, found: Mapping[str, Any]) -> _Template | None:
        """Choose the name of a copied template; None where every name is another template's."""
        body = self._source.template_content(kind, found)
        marker = f"{self._setting.source_host}/{name}"
        tags = copied_tags(found.get("tags"), marker)
        for target_name in template_names(name, self._setting.source_host):
            there = self._target.template(kind, target_name)
            if (
                there is None
                or (there.get("tags") or {}).get(COPIED_FROM) == marker
                or same(self._target.template_content(kind, there), body)
            ):
                return _Template(kind, name, str(found["Version"]), body, tags, target_name, there)
        return None

    # Segments

    def _bring_about_segment(self, segment: _Segment, outcome: Outcome, *, dry_run: bool) -> str:
        body = self._with_sources(segment, outcome)
        seen = self._mapping.look(segment.key)
        there = None if seen.copy is None else self._target.segment(seen.copy.target_id)
        if there is None:
            there = self._copied_segment(segment)
        source = segment.key.removeprefix("segment#")
        if there is None:
            created = None
            if not dry_run:
                whole = {**body, "tags": segment.tags}
                created = self._create(
                    segment.key, seen, lambda: Copy(self._target.create_segment(whole))
                ).target_id
            outcome.steps.append(Step(Action.CREATE, Kind.SEGMENT, source, created))
            return created or _NEW

        segment_id = str(there["Id"])
        action = Action.REUSE if same(segment_request(there), body) else Action.UPDATE
        if not dry_run:
            if action is Action.UPDATE:
                self._target.update_segment(segment_id, body)
            if seen.copy != Copy(segment_id):
                self._mapping.remember(segment.key, Copy(segment_id))
        outcome.steps.append(Step(action, Kind.SEGMENT, source, segment_id))
        return segment_id

    def _with_sources(self, segment: _Segment, outcome: Outcome) -> dict[str, Any]:
        """Return the body with the ids of the copies of its sources.

        A copy of a version never changes, so a reference to it needs no version.
        """
        ids = {
            f"segment#{step.source}": step.target or _NEW
            for step in outcome.steps
            if step.kind == Kind.SEGMENT and step.action is not Action.SUBSTITUTE
        }
        body = segment.body
        for path, key in segment.sources:
            copy_id = key.removeprefix("=") if key.startswith("=") else ids[key]
            body = replaced(
                body, [(Reference(Kind.SEGMENT, (*path, "Id"), ""), Replacement(copy_id))]
            )
            group, position = path[2], path[4]
            body["SegmentGroups"]["Groups"][group]["SourceSegments"][position].pop("Version", None)
        return body

    def _copied_segment(self, segment: _Segment) -> dict[str, Any] | None:
        """Find a segment of the target that carries the tag of the copy."""
        marker = segment.tags[COPIED_FROM]
        for candidate in self._target.segments():
            if (candidate.get("tags") or {}).get(COPIED_FROM) == marker:
                return candidate
        return None

    # Templates

    def _bring_about_template(
        self, template: _Template, outcome: Outcome, *, dry_run: bool
    ) -> str | None:
        """Return the version of the target's template that has the content."""
        kind, name = template.kind, template.target_name
        exists = template.there is not None or any(
            step.kind == kind and step.target == name for step in outcome.steps
        )
        key = f"template#{kind}#{template.name}@{template.number}"
        seen = self._mapping.look(key)
        version = None
        if seen.copy is not None and seen.copy.target_id == name:
            version = self._version_with(template, seen.copy.version)
        active = None if template.there is None else str(template.there["Version"])
        if version is None and active is not None:
            version = self._version_with(template, active) or self._version_with(
                template, self._target.latest_template_version(kind, name)
            )
        action = Action.REUSE
        if version is None:
            action = Action.UPDATE if exists else Action.CREATE
        elif template.active and version != active:
            action = Action.UPDATE  # another version becomes the active one, and is sent
        if not dry_run:
            if version is None:
                version = self._create(
                    key, seen, lambda: self._add_template(template, exists=exists)
                ).version
            elif seen.copy != Copy(name, version):
                self._mapping.remember(key, Copy(name, version))
            if template.active and exists and version is not None and version != active:
                self._target.activate_template_version(kind, name, version)
        source = f"{template.name}@{template.number}"
        outcome.steps.append(Step(action, kind, source, name, version))
        return version

    def _add_template(self, template: _Template, *, exists: bool) -> Copy:
        kind, name = template.kind, template.target_name
        if exists:
            self._target.add_template_version(kind, name, template.body)
            return Copy(name, self._added_version(template))
        try:
            self._target.create_template(kind, name, {**template.body, "tags": template.tags})
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "BadRequestException" and self._target.template(kind, name) is not None:
                raise AnotherCopyUnderWay(
                    f"The template {name} was created since this attempt looked for it."
                ) from error
            raise
        return Copy(name, "1")

    def _added_version(self, template: _Template) -> str:
        """Return the newest version with the content: the API answers an addition without a number.

        Another journey's copy can add a version of the same template at the same time.
        """
        kind, name = template.kind, template.target_name
        newest = int(self._target.latest_template_version(kind, name))
        for number in range(newest, 0, -1):
            version = self._version_with(template, str(number))
            if version is not None:
                return version
        raise TemplateOverwritten(
            f"The version that was added to the template {name} has another content now."
        )

    def _version_with(self, template: _Template, version: str | None) -> str | None:
        """Return the version if the target's template has it with the content."""
        there = template.there
        if there is None or there["Version"] != version:
            there = self._target.template(template.kind, template.target_name, version)
        if there is None:
            return None
        content = self._target.template_content(template.kind, there)
        return str(there["Version"]) if same(content, template.body) else None

    # The journey

    def _create_journey(
        self,
        journey_id: str,
        body: dict[str, Any],
        seen: Entry,
        outcome: Outcome,
        *,
        dry_run: bool,
    ) -> None:
        key = f"journey#{journey_id}"
        name, existing = self._free_name(journey_id, body, reserve=not dry_run)
        outcome.target_name = name
        if name is None:
            outcome.result = Result.BLOCKED
            outcome.problems.append(
                "The target has other journeys with the names "
                f"{' and '.join(journey_names(body['Name'], journey_id))}. Rename one of them."
            )
        elif existing is not None:
            outcome.target_id, outcome.result = existing, Result.UNCHANGED
            if not dry_run:
                self._mapping.remember(key, Copy(existing))
        elif dry_run:
            outcome.result = Result.WOULD_BE_CREATED
        else:
            draft = {**body, "Name": name}
            outcome.target_id = self._create(
                key, seen, lambda: Copy(self._target.create_journey(draft))
            ).target_id
            outcome.result = Result.CREATED

    def _update_journey(
        self, there: Mapping[str, Any], body: Mapping[str, Any], outcome: Outcome, *, dry_run: bool
    ) -> None:
        outcome.target_id, outcome.target_name = there["Id"], there["Name"]
        wanted = {**body, "Name": there["Name"]}
        is_same = same(self._target.draft(there), wanted)
        if there.get("State", "DRAFT") != "DRAFT":
            if is_same and all(step.action in _HARMLESS for step in outcome.steps):
                outcome.result = Result.UNCHANGED
                return
            outcome.result = Result.BLOCKED
            outcome.problems.append(
                f"The copy {there['Id']} is {there['State']} and differs from the source, so that "
                "nothing was changed. End and delete the copy to have a new one."
            )
        elif is_same:
            outcome.result = Result.UNCHANGED
        elif dry_run:
            outcome.result = Result.WOULD_BE_UPDATED
        else:
            self._target.update_journey(there["Id"], updated(self._target.draft(there), wanted))
            outcome.result = Result.UPDATED

    def _free_name(
        self, journey_id: str, body: Mapping[str, Any], *, reserve: bool
    ) -> tuple[str | None, str | None]:
        """Choose the name of a copy. Returns it, and the id of an earlier attempt's copy.

        An earlier attempt's copy has the name and the definition, and is a DRAFT. A journey that
        differs belongs to another author.
        """
        named: dict[str, list[dict[str, Any]]] = {}
        for journey in self._target.journeys():
            named.setdefault(journey["Name"], []).append(journey)
        for name in journey_names(body["Name"], journey_id):
            wanted = {**body, "Name": name}
            ours = [
                journey
                for journey in named.get(name, [])
                if journey.get("State", "DRAFT") == "DRAFT"
                and same(self._target.draft(journey), wanted)
            ]
            if name in named and not ours:
                continue
            if reserve and not self._mapping.reserve_name(name, f"journey#{journey_id}"):
                continue
            return name, str(ours[0]["Id"]) if ours else None
        return None, None

    def _create(self, key: str, seen: Entry, create: Callable[[], Copy]) -> Copy:
        """Create a copy, under a claim, and write it to the mapping."""
        claim = self._mapping.claim(key, seen)
        try:
            copy = create()
        except AnotherCopyUnderWay:
            self._mapping.release(key, claim)
            raise
        except (ClientError, BotoCoreError) as error:
            if surely_not_sent(error):
                self._mapping.release(key, claim)
            raise
        self._mapping.remember(key, copy)
        return copy


def _replacements(
    plan: _Plan,
    segment_ids: Mapping[str, str],
    versions: Mapping[tuple[Kind, str, str], str | None],
) -> list[tuple[Reference, Replacement]]:
    """Return all replacements of a journey, the copies of segments and templates among them."""
    segments = [
        (reference, Replacement(segment_ids[key])) for reference, key in plan.pending_segments
    ]
    templates = [
        (
            reference,
            # A journey that names no version uses the active version, here and there.
            Replacement(
                plan.templates[key].target_name,
                None if reference.version is None else versions[key],
            ),
        )
        for reference, key in plan.pending_templates
    ]
    return [*plan.replacements, *segments, *templates]
