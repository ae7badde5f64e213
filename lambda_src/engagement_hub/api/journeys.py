"""Journeys, their runs and their metrics. The journey state machine moves participants on."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, cast

from engagement_hub.api.channels import allowed_senders
from engagement_hub.api.creation import create_and_start
from engagement_hub.api.operation import Operation
from engagement_hub.api.segments import segment_version
from engagement_hub.api.wire import Call
from engagement_hub.engagement import journey_runs, journeys
from engagement_hub.engagement.channel_settings import check_from_address
from engagement_hub.engagement.errors import BadRequest, MethodNotAllowed, NotFound
from engagement_hub.engagement.journey_times import schedule_end
from engagement_hub.engagement.journey_walk import WHOLE_JOURNEY, active, journey_metrics
from engagement_hub.engagement.model import (
    Journey,
    JourneyRequest,
    JourneyState,
    JsonObject,
    Segment,
    SegmentType,
)
from engagement_hub.engagement.recommenders import uses_recommendations
from engagement_hub.engagement.segments import resolved_sources
from engagement_hub.hub import Hub
from engagement_hub.machines import JourneyWork, NotStarted, fresh_attempt, start_journey_run
from engagement_hub.store.entities import Kind
from engagement_hub.store.journey_participants import journey_scope
from engagement_hub.store.journey_run_records import get_run, put_run
from engagement_hub.store.names import journey_run_number, load_template
from shared.instants import iso
from shared.journeys import TEMPLATE_TYPES, Reference, activity_type, journey_references
from shared.journeys import Kind as ReferenceKind

__all__ = ["OPERATIONS", "purge_journey"]


def create_journey(hub: Hub, call: Call) -> JsonObject:
    """CreateJourney: a draft, or a journey that starts.

    As in Pinpoint, two calls make two journeys. The attempts of one call make one.

    Raises:
        BadRequest: the journey breaks a rule, or has a part that the hub does not run.
        NotFound: a segment or a template that it names is not there.
        InternalServerError, TooManyRequests: it could not be started, and is a draft.
    """

    def journey(journey_id: str) -> JsonObject:
        made = journeys.new_journey(
            _request(call), app_id=call.app_id, journey_id=journey_id, now=call.now
        )
        _check_references(hub, call.app_id, made)
        body = cast("JsonObject", made)
        return _published(hub, call, body) if journeys.publishes(_request(call)) else body

    return create_and_start(
        hub,
        call,
        Kind.JOURNEY,
        journey,
        start=lambda made: _start(hub, call, made),
        is_waiting=_is_waiting,
        given_up=lambda made, _: _as_draft(made),
    )


def get_journey(hub: Hub, call: Call) -> JsonObject:
    """GetJourney."""
    return _require(hub, call)


def list_journeys(hub: Hub, call: Call) -> JsonObject:
    """ListJourneys."""
    page = hub.entities.list(call.app_id, Kind.JOURNEY, call.page_size, call.token)
    return {"Item": page.items, "NextToken": page.token}


def update_journey(hub: Hub, call: Call) -> JsonObject:
    """UpdateJourney: members left out stay as they are (see `engagement.journeys`).

    Raises:
        BadRequest: the result breaks a rule, or has a part that the hub does not run.
        Conflict: the journey has been published.
        NotFound: a segment or a template that the request names is not there.
        InternalServerError, TooManyRequests: it could not be started, and is a draft.
    """
    journey_id = call.labels["journey-id"]
    publishes = journeys.publishes(_request(call))

    def updated(body: JsonObject) -> JsonObject:
        journey_runs.require_draft(body)
        changed = journeys.updated_journey(cast(Journey, body), _request(call), call.now)
        result = cast("JsonObject", changed)
        return _published(hub, call, result) if publishes else result

    # The ids of activities are checked before errors about references name them.
    updated(_require(hub, call))
    _check_references(hub, call.app_id, call.body)
    body = hub.entities.update(call.app_id, Kind.JOURNEY, journey_id, updated)
    if publishes:
        _start_or_draft(hub, call, body)
    return body


def delete_journey(hub: Hub, call: Call) -> JsonObject:
    """DeleteJourney: participants of a published journey get no further message, and are deleted.

    Raises:
        InternalServerError, TooManyRequests: the deletion of the participants could not be ordered.
    """
    journey = _require(hub, call)
    purge_journey(hub, call.app_id, journey)
    hub.entities.delete(call.app_id, Kind.JOURNEY, journey["Id"])
    return journey


def purge_journey(hub: Hub, app_id: str, journey: Mapping[str, Any]) -> None:
    """Order the deletion of a journey's participants, which begins when the journey is deleted.

    Raises:
        InternalServerError, TooManyRequests: it could not be ordered.
    """
    if not journey_runs.is_published(journey):
        return
    runs = str(journey_runs.latest_run(journey))
    # An attempt of its own for each request: an earlier one may have found the journey there.
    work = JourneyWork("PURGE", runs, attempt=fresh_attempt(hub.now()))
    try:
        hub.machines.start_journey(app_id, str(journey["Id"]), work)
    except NotStarted as error:
        raise error.answer from error


def update_journey_state(hub: Hub, call: Call) -> JsonObject:
    """UpdateJourneyState: publish a draft, pause, resume or cancel a journey. A state that the
    journey has stays.

    Raises:
        BadRequest: the journey cannot be published, or cannot have the state.
        InternalServerError, TooManyRequests: it could not be started or resumed; send the request
            again.
    """
    state = journeys.checked_state(call.body.get("State"))
    journey = _require(hub, call)

    def changed(body: JsonObject) -> JsonObject:
        if body["State"] == state:
            return body
        if state is JourneyState.ACTIVE and body["State"] == JourneyState.DRAFT:
            _check_references(hub, call.app_id, body)
            return _published(hub, call, body)
        return _CHANGES[state](body, call.now)

    body = hub.entities.update(call.app_id, Kind.JOURNEY, journey["Id"], changed)
    if state is not JourneyState.ACTIVE:
        return body
    if _is_waiting(body) and not journey_runs.resumes(body):
        _start_or_draft(hub, call, body)
    elif journey_runs.resumes(body):
        try:
            work = JourneyWork("REOPEN", resumes=journey_runs.resumes(body))
            hub.machines.start_journey(call.app_id, body["Id"], work)
        except NotStarted as error:
            raise error.answer from error
    return body


_CHANGES: dict[JourneyState, Callable[[JsonObject, datetime], JsonObject]] = {
    JourneyState.ACTIVE: journey_runs.resumed,
    JourneyState.PAUSED: journey_runs.pauses,
    JourneyState.CANCELLED: journey_runs.cancelled,
}


def get_journey_runs(hub: Hub, call: Call) -> JsonObject:
    """GetJourneyRuns: the runs in their order."""
    journey = _require(hub, call)
    page = hub.entities.list(
        call.app_id, Kind.JOURNEY_RUN, call.page_size, call.token, prefix=f"{journey['Id']}#"
    )
    return {
        "Item": [_shown_run(hub, call, journey, run) for run in page.items],
        "NextToken": page.token,
    }


def _shown_run(hub: Hub, call: Call, journey: JsonObject, run: JsonObject) -> JsonObject:
    totals = _totals(hub, call, journey, int(run["Number"])).get(WHOLE_JOURNEY, {})
    return {**run, "Status": journey_runs.run_status(run, journey, active(totals)).value}


def get_journey_execution_metrics(hub: Hub, call: Call) -> JsonObject:
    """GetJourneyExecutionMetrics: empty for a journey that was never published."""
    journey = _require(hub, call)
    return _metrics(call, journey, _of_whole(journey, _totals(hub, call, journey)))


def get_journey_execution_activity_metrics(hub: Hub, call: Call) -> JsonObject:
    """GetJourneyExecutionActivityMetrics.

    Raises:
        NotFound: the journey has no such activity.
    """
    journey = _require(hub, call)
    return _of_activity(call, journey, _totals(hub, call, journey))


def get_journey_run_execution_metrics(hub: Hub, call: Call) -> JsonObject:
    """GetJourneyRunExecutionMetrics.

    Raises:
        NotFound: the journey has no such run.
    """
    journey = _require(hub, call)
    number = _run_number(hub, call, journey)
    metrics = _of_whole(journey, _totals(hub, call, journey, number))
    return {**_metrics(call, journey, metrics), "RunId": call.labels["run-id"]}


def get_journey_run_execution_activity_metrics(hub: Hub, call: Call) -> JsonObject:
    """GetJourneyRunExecutionActivityMetrics.

    Raises:
        NotFound: the journey has no such run, or no such activity.
    """
    journey = _require(hub, call)
    number = _run_number(hub, call, journey)
    answer = _of_activity(call, journey, _totals(hub, call, journey, number))
    return {**answer, "RunId": call.labels["run-id"]}


def get_journey_date_range_kpi(hub: Hub, call: Call) -> JsonObject:
    """GetJourneyDateRangeKpi: no rows for a draft, which has sent no message.

    Raises:
        BadRequest: the metric's name or the period breaks a rule.
        MethodNotAllowed: the journey has been published: the hub keeps no events.
    """
    journey = _require(hub, call)
    name = call.labels["kpi-name"]
    if name not in journeys.KPIS:
        raise BadRequest(f"kpi-name must be one of {', '.join(sorted(journeys.KPIS))}.")
    period = journeys.kpi_range(call.query.get("start-time"), call.query.get("end-time"), call.now)
    if journey_runs.is_published(journey):
        raise MethodNotAllowed(
            "GetJourneyDateRangeKpi of a published journey is not offered by this engagement hub, "
            "which keeps no events. Query the event stream's database: the module "
            "pinpoint_event_database has views of the emails of a journey."
        )
    return {
        "ApplicationId": call.app_id,
        "JourneyId": journey["Id"],
        "KpiName": name,
        "StartTime": iso(period.start),
        "EndTime": iso(period.end),
        "KpiResult": {"Rows": []},
    }


def _require(hub: Hub, call: Call) -> JsonObject:
    return hub.entities.require(call.app_id, Kind.JOURNEY, call.labels["journey-id"])


def _request(call: Call) -> JourneyRequest:
    return cast(JourneyRequest, call.body)  # the model has checked its shape


# Publishing


def _published(hub: Hub, call: Call, journey: JsonObject) -> JsonObject:
    """Review a draft, and return it as published.

    Raises:
        BadRequest, NotFound: the review found an error, or a part that the hub does not run.
    """
    recommending = _check_references(hub, call.app_id, journey)
    journeys.review_journey(cast(Journey, journey), call.now)
    journey_runs.refuse_what_does_not_run(journey)
    if recommending:
        raise BadRequest(f"{recommending[0]}: {journey_runs.RECOMMENDER_DOES_NOT_RUN}")
    return journey_runs.published(journey, call.now)


def _is_waiting(journey: Mapping[str, Any]) -> bool:
    """Check whether the first run of a published journey has not begun."""
    return journey["State"] == JourneyState.ACTIVE and not journey_runs.latest_run(journey)


def _as_draft(journey: JsonObject) -> JsonObject:
    return journey_runs.unpublished(journey) if _is_waiting(journey) else journey


def _start(hub: Hub, call: Call, journey: JsonObject) -> None:
    """Start the first run of a journey, or schedule it, and schedule the journey's end; once.

    Raises:
        NotStarted: it could not be started.
    """
    first = journey_runs.first_run(journey)
    put_run(hub.entities, call.app_id, journey["Id"], first.number, call.now)
    end = schedule_end(journey.get("Schedule"))
    if end is not None:
        hub.machines.schedule_journey(call.app_id, journey["Id"], JourneyWork("END"), end)
    start_journey_run(hub.machines, call.app_id, journey, first, call.now)


def _start_or_draft(hub: Hub, call: Call, journey: JsonObject) -> None:
    """Start a journey that was published; make it a draft again where it could not be started.

    Raises:
        InternalServerError, TooManyRequests: it could not be started.
    """
    try:
        _start(hub, call, journey)
    except NotStarted as error:
        body = hub.entities.update(call.app_id, Kind.JOURNEY, journey["Id"], _as_draft)
        # The run can have begun although the answer to its start was lost.
        if body["State"] == JourneyState.DRAFT:
            raise error.answer from error


# Metrics


def _totals(
    hub: Hub, call: Call, journey: JsonObject, run: int | None = None
) -> Mapping[str, Mapping[str, int]]:
    if not journey_runs.is_published(journey):
        return {}
    return hub.journey_totals.totals(journey_scope(call.app_id, journey["Id"], run))


def _run_number(hub: Hub, call: Call, journey: JsonObject) -> int:
    run_id = call.labels["run-id"]
    number = journey_run_number(journey["Id"], run_id)
    if number is None or get_run(hub.entities, call.app_id, journey["Id"], number) is None:
        raise NotFound(f"Journey {journey['Id']} has no run {run_id[:100]!r}.")
    return number


def _of_whole(journey: JsonObject, totals: Mapping[str, Mapping[str, int]]) -> Mapping[str, int]:
    if not journey_runs.is_published(journey):
        return {}
    is_cancelled = journey["State"] == JourneyState.CANCELLED
    return journey_metrics(totals.get(WHOLE_JOURNEY, {}), is_cancelled=is_cancelled)


def _of_activity(
    call: Call, journey: JsonObject, totals: Mapping[str, Mapping[str, int]]
) -> JsonObject:
    activity_id = call.labels["journey-activity-id"]
    kind = activity_type((journey.get("Activities") or {}).get(activity_id) or {})
    if kind is None:
        raise NotFound(f"Journey {journey['Id']} has no activity {activity_id[:100]!r}.")
    return {
        **_metrics(call, journey, totals.get(activity_id, {})),
        "ActivityType": journeys.ACTIVITY_METRICS[kind],
        "JourneyActivityId": activity_id,
    }


def _metrics(call: Call, journey: JsonObject, metrics: Mapping[str, int]) -> JsonObject:
    return {
        "ApplicationId": call.app_id,
        "JourneyId": journey["Id"],
        "LastEvaluatedTime": call.timestamp,
        "Metrics": {str(name): str(value) for name, value in metrics.items()},
    }


# References


def _check_references(hub: Hub, app_id: str, journey: Mapping[str, Any]) -> list[str]:
    """Check that the segments and templates are there, and that the hub may send from the senders.

    Returns the members whose template needs its recommender.

    Raises:
        BadRequest, NotFound: names the member, which begins with the activity.
    """
    senders = allowed_senders()
    checked: set[tuple[str | None, ...]] = set()
    recommending: list[str] = []
    for reference in journey_references(journey):
        key = (reference.kind, reference.value, reference.version)
        if key in checked and not _starts_by_event(reference):
            continue
        checked.add(key)
        try:
            if reference.kind == ReferenceKind.SEGMENT:
                _check_segment(hub, app_id, reference)
            elif reference.kind in TEMPLATE_TYPES:
                kind = TEMPLATE_TYPES[reference.kind]
                template = load_template(hub.entities, kind, reference.value, reference.version)
                if uses_recommendations(template):
                    recommending.append(reference.member)
        except NotFound as error:
            raise NotFound(f"{reference.member}: {error.message}") from error
        if reference.kind == ReferenceKind.FROM_ADDRESS:
            holder = reference.member.removesuffix(".FromAddress")
            check_from_address({"FromAddress": reference.value}, holder, senders)
    return recommending


def _starts_by_event(reference: Reference) -> bool:
    return "EventStartCondition" in reference.path


def _check_segment(hub: Hub, app_id: str, reference: Reference) -> None:
    def look_up(segment_id: str, version: int | None) -> Segment:
        return cast("Segment", segment_version(hub, app_id, segment_id, version))

    segment = look_up(reference.value, None)
    if not _starts_by_event(reference):
        return
    # Source: user guide, "Set up the journey entry activity".
    sources = resolved_sources(segment, look_up).values()
    if any(one["SegmentType"] == SegmentType.IMPORT for one in (segment, *sources)):
        raise BadRequest(
            f"{reference.member} must be a dynamic segment that builds on no imported one: an "
            "event starts the journey for endpoints that meet its criteria."
        )


OPERATIONS: dict[str, Operation] = {
    "CreateJourney": create_journey,
    "DeleteJourney": delete_journey,
    "GetJourney": get_journey,
    "GetJourneyDateRangeKpi": get_journey_date_range_kpi,
    "GetJourneyExecutionActivityMetrics": get_journey_execution_activity_metrics,
    "GetJourneyExecutionMetrics": get_journey_execution_metrics,
    "GetJourneyRunExecutionActivityMetrics": get_journey_run_execution_activity_metrics,
    "GetJourneyRunExecutionMetrics": get_journey_run_execution_metrics,
    "GetJourneyRuns": get_journey_runs,
    "ListJourneys": list_journeys,
    "UpdateJourney": update_journey,
    "UpdateJourneyState": update_journey_state,
}
