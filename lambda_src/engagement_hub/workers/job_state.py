"""The states of import and export jobs: their begin and their end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engagement_hub.engagement.model import JobStatus, JsonObject
from engagement_hub.engagement.starts import is_given_up
from engagement_hub.hub import Hub
from engagement_hub.store.entities import Kind
from engagement_hub.workers.steps import Answer, Event

FAILURES_KEPT = 100


def is_over(job: Mapping[str, Any]) -> bool:
    """Check whether no execution may do the job, or do it again: it is completed, or the client got
    an error and may have created another.

    A job that FAILED while it was done may be gone on with: its execution can be redriven.
    """
    return bool(job["JobStatus"] == JobStatus.COMPLETED) or is_given_up(job)


def begin_job(hub: Hub, kind: Kind, event: Event, **members: Any) -> JsonObject | None:
    """Write that a job is PROCESSING, and other members of it; return the job, or None for a job
    that is over."""

    def begun(body: JsonObject) -> JsonObject:
        if is_over(body):
            return body
        # A job whose execution is redriven has an end already.
        open_again = {k: v for k, v in body.items() if k not in ("CompletionDate", "Failures")}
        return {**open_again, **members, "JobStatus": JobStatus.PROCESSING.value}

    job = hub.entities.update(event["ApplicationId"], kind, event["JobId"], begun)
    return None if is_over(job) else job


def failures_of(hub: Hub, event: Event, scope: str, work: str) -> list[str]:
    """Return the failures of a job at its end; `work` is "import" or "export".

    The error that broke the execution off is not written down: a redriven execution can still
    complete the job.
    """
    failures = hub.runs.notes(scope, FAILURES_KEPT)
    if "Error" in event:
        failures.insert(0, f"The {work} could not be carried out ({error_name(event)}).")
    return failures[:FAILURES_KEPT]


def error_name(event: Event) -> str:
    """Return the name of the error that a Catch hands over; its text may hold anything."""
    error = event.get("Error")
    name = error.get("Error") if isinstance(error, Mapping) else error
    return str(name)


def end_job(
    hub: Hub,
    kind: Kind,
    event: Event,
    *,
    failed: bool,
    counters: Mapping[str, int],
    failures: Sequence[str],
) -> Answer:
    """Write the end, the counters and the failures of a job; return its status."""
    status = JobStatus.FAILED if failed else JobStatus.COMPLETED
    finished = hub.timestamp()

    def ended(body: dict[str, Any]) -> dict[str, Any]:
        return {
            **body,
            **counters,
            "Failures": list(failures),
            "JobStatus": status.value,
            "CompletionDate": finished,
        }

    hub.entities.update(event["ApplicationId"], kind, event["JobId"], ended)
    return {"JobStatus": status.value}
