"""Combine a campaign and its activities into the progress of a run."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

__all__ = ["Outcome", "Progress", "progress"]

# Activities end in COMPLETED; these two mean that a run stopped short.
_STOPPED = ("CANCELLED", "PAUSED")
# No further activity of the run can follow once the campaign is in one of these.
_RUN_OVER = frozenset({"COMPLETED", "PENDING_NEXT_RUN"})
_UNKNOWN = "UNKNOWN"  # a metric of hubs; Amazon Pinpoint publishes no such count
_NEVER_RUNS = frozenset({"INVALID", "DELETED", "PAUSED"})


class Outcome(StrEnum):
    """The next step of the state machine."""

    WAIT = "WAIT"
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"


@dataclass(frozen=True, slots=True)
class Progress:
    """A campaign's first run so far; counts are endpoints of all treatments together.

    `metrics` are the ExecutionMetrics of the activities: counts by reason of the endpoints that got
    no message, and of the endpoints whose fate is unknown.
    """

    outcome: Outcome
    status: str
    result: str | None = None
    start: str | None = None
    end: str | None = None
    successful: int = 0
    total: int = 0
    metrics: Mapping[str, int] = field(default_factory=dict)

    @property
    def unknown(self) -> int:
        """Endpoints whose message may or may not have gone out; a hub never sends it again."""
        return self.metrics.get(_UNKNOWN, 0)


def progress(campaign: Mapping[str, Any], activities: Sequence[Mapping[str, Any]]) -> Progress:
    """Decide whether a campaign's first run is over, and how it ended.

    Args:
        campaign: a CampaignResponse.
        activities: all its ActivityResponses, one per run and treatment. None at all is usual
            in the first seconds. Members such as Result and End come only with the end.

    Returns: `status` is the state of the activities where there are any, else the campaign's.
    An empty audience is a success with zero counts; a cancelled or paused run, an invalid
    campaign and a failed result are failures under their own names.
    """
    campaign_status = (campaign.get("State") or {}).get("CampaignStatus", "SCHEDULED")
    run = _first_run(activities)
    states = [activity.get("State", "PENDING") for activity in run]

    def report(outcome: Outcome, status: str, result: str | None) -> Progress:
        return Progress(
            outcome=outcome,
            status=status,
            result=result,
            start=min((a["Start"] for a in run if a.get("Start")), default=None),
            end=max((a["End"] for a in run if a.get("End")), default=None),
            successful=sum(int(a.get("SuccessfulEndpointCount") or 0) for a in run),
            total=sum(int(a.get("TotalEndpointCount") or 0) for a in run),
            metrics=dict(_metrics(run)),
        )

    for stopped in _STOPPED:
        if stopped in states:
            return report(Outcome.FAILURE, stopped, "FAIL")
    all_completed = bool(run) and all(state == "COMPLETED" for state in states)
    if not all_completed and campaign_status in _NEVER_RUNS:
        return report(Outcome.FAILURE, campaign_status, "FAIL")
    if any(activity.get("Result") == "FAIL" for activity in run) and (
        all_completed or campaign_status in _RUN_OVER
    ):
        return report(Outcome.FAILURE, "COMPLETED" if all_completed else campaign_status, "FAIL")
    if campaign_status in _RUN_OVER and (all_completed or not run):
        return report(Outcome.SUCCESS, "COMPLETED", "SUCCESS")
    if all_completed and campaign_status in _NEVER_RUNS:
        # The run ended, and the campaign was paused or deleted after it.
        return report(Outcome.SUCCESS, "COMPLETED", "SUCCESS")
    return report(Outcome.WAIT, states[0] if states else campaign_status, None)


def _metrics(run: Sequence[Mapping[str, Any]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for activity in run:
        for name, value in (activity.get("ExecutionMetrics") or {}).items():
            total[str(name)] += int(value)
    return total


def _first_run(activities: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the activities that share the earliest scheduled start: one per treatment."""
    first = min((str(a.get("ScheduledStart") or "") for a in activities), default="")
    return [a for a in activities if str(a.get("ScheduledStart") or "") == first]
