"""Journeys. The hub keeps and checks journeys and does not run them yet: no journey has a run."""

from collections.abc import Mapping
from typing import Any, NoReturn, cast

from engagement_hub.api.channels import allowed_senders
from engagement_hub.api.creation import create_once
from engagement_hub.api.operation import Operation
from engagement_hub.api.segments import segment_version
from engagement_hub.api.wire import Call
from engagement_hub.engagement import journeys
from engagement_hub.engagement.channel_settings import check_from_address
from engagement_hub.engagement.errors import BadRequest, NotFound
from engagement_hub.engagement.model import (
    Journey,
    JourneyRequest,
    JourneyState,
    JsonObject,
    Segment,
    SegmentType,
)
from engagement_hub.engagement.segments import resolved_sources
from engagement_hub.hub import Hub
from engagement_hub.store.entities import Kind
from engagement_hub.store.names import load_template
from shared.instants import iso
from shared.journeys import TEMPLATE_TYPES, Reference, activity_type, journey_references
from shared.journeys import Kind as ReferenceKind

__all__ = ["OPERATIONS"]


def create_journey(hub: Hub, call: Call) -> JsonObject:
    """CreateJourney: a draft.

    As in Pinpoint, two calls make two journeys. The attempts of one call make one.

    Raises:
        BadRequest: the journey breaks a rule, or is to be published.
        NotFound: a segment or a template that it names is not there.
    """

    def journey(journey_id: str) -> JsonObject:
        made = journeys.new_journey(
            _request(call), app_id=call.app_id, journey_id=journey_id, now=call.now
        )
        _check_references(hub, call.app_id, made)
        if journeys.publishes(_request(call)):
            journeys.review_journey(made, call.now)
            journeys.refuse_to_publish()
        return cast("JsonObject", made)

    return create_once(hub, call, call.app_id, Kind.JOURNEY, journey)


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
        BadRequest: the result breaks a rule, or the journey is to be published.
        NotFound: a segment or a template that the request names is not there.
    """
    journey_id = call.labels["journey-id"]

    def updated(body: JsonObject) -> JsonObject:
        changed = journeys.updated_journey(cast(Journey, body), _request(call), call.now)
        return cast("JsonObject", changed)

    # Before the references, whose members need the form that these rules give them.
    result = updated(_require(hub, call))
    if journeys.publishes(_request(call)):
        _publish(hub, call, result)
    _check_references(hub, call.app_id, call.body)
    return hub.entities.update(call.app_id, Kind.JOURNEY, journey_id, updated)


def delete_journey(hub: Hub, call: Call) -> JsonObject:
    """DeleteJourney."""
    journey = _require(hub, call)
    hub.entities.delete(call.app_id, Kind.JOURNEY, journey["Id"])
    return journey


def update_journey_state(hub: Hub, call: Call) -> JsonObject:
    """UpdateJourneyState: nothing that it could change to is possible for a draft.

    Raises:
        BadRequest: the journey cannot be published, paused or cancelled.
    """
    journey = _require(hub, call)
    if call.body.get("State") == JourneyState.ACTIVE:
        _publish(hub, call, journey)
    journeys.changed_state(cast(Journey, journey), call.body.get("State"))


def get_journey_runs(hub: Hub, call: Call) -> JsonObject:
    """GetJourneyRuns: an empty list, as no journey has run."""
    _require(hub, call)
    _ = call.page_size  # refuses a size that is no number
    if call.token is not None:
        raise BadRequest("The paging token is not of this list, which has one page. Leave it out.")
    return {"Item": []}


def get_journey_execution_metrics(hub: Hub, call: Call) -> JsonObject:
    """GetJourneyExecutionMetrics: empty, as for a journey without participants."""
    return _no_metrics(call, _require(hub, call))


def get_journey_execution_activity_metrics(hub: Hub, call: Call) -> JsonObject:
    """GetJourneyExecutionActivityMetrics: empty, as for a journey without participants.

    Raises:
        NotFound: the journey has no such activity.
    """
    journey = _require(hub, call)
    activity_id = call.labels["journey-activity-id"]
    kind = activity_type((journey.get("Activities") or {}).get(activity_id) or {})
    if kind is None:
        raise NotFound(f"Journey {journey['Id']} has no activity {activity_id[:100]!r}.")
    return {
        **_no_metrics(call, journey),
        "ActivityType": journeys.ACTIVITY_METRICS[kind],
        "JourneyActivityId": activity_id,
    }


def get_journey_run_metrics(hub: Hub, call: Call) -> NoReturn:
    """GetJourneyRunExecutionMetrics and GetJourneyRunExecutionActivityMetrics.

    Raises:
        NotFound: always, as no journey has a run.
    """
    journey = _require(hub, call)
    raise NotFound(
        f"Journey {journey['Id']} has no run {call.labels['run-id'][:100]!r}. This engagement hub "
        "does not run journeys yet."
    )


def get_journey_date_range_kpi(hub: Hub, call: Call) -> JsonObject:
    """GetJourneyDateRangeKpi: no rows, as for a period in which no message was sent.

    Raises:
        BadRequest: the metric's name or the period breaks a rule.
    """
    journey = _require(hub, call)
    name = call.labels["kpi-name"]
    if name not in journeys.KPIS:
        raise BadRequest(f"kpi-name must be one of {', '.join(sorted(journeys.KPIS))}.")
    period = journeys.kpi_range(call.query.get("start-time"), call.query.get("end-time"), call.now)
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


def _no_metrics(call: Call, journey: JsonObject) -> JsonObject:
    return {
        "ApplicationId": call.app_id,
        "JourneyId": journey["Id"],
        "LastEvaluatedTime": call.timestamp,
        "Metrics": {},
    }


def _publish(hub: Hub, call: Call, journey: JsonObject) -> NoReturn:
    """Review a journey, and refuse to publish it.

    Raises:
        BadRequest, NotFound: the review found an error, or the journey would run.
    """
    _check_references(hub, call.app_id, journey)
    journeys.review_journey(cast(Journey, journey), call.now)
    journeys.refuse_to_publish()


def _check_references(hub: Hub, app_id: str, journey: Mapping[str, Any]) -> None:
    """Check that the segments and templates are there, and that the hub may send from the senders.

    Raises:
        BadRequest, NotFound: names the member, which begins with the activity.
    """
    senders = allowed_senders()
    checked: set[tuple[str | None, ...]] = set()
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
                load_template(hub.entities, kind, reference.value, reference.version)
        except NotFound as error:
            raise NotFound(f"{reference.member}: {error.message}") from error
        if reference.kind == ReferenceKind.FROM_ADDRESS:
            holder = reference.member.removesuffix(".FromAddress")
            check_from_address({"FromAddress": reference.value}, holder, senders)


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
    "GetJourneyRunExecutionActivityMetrics": get_journey_run_metrics,
    "GetJourneyRunExecutionMetrics": get_journey_run_metrics,
    "GetJourneyRuns": get_journey_runs,
    "ListJourneys": list_journeys,
    "UpdateJourney": update_journey,
    "UpdateJourneyState": update_journey_state,
}
