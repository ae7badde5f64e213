"""The states of import and export jobs: their begin and their end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engagement_hub.engagement.model import JobStatus, JsonObject
from engagement_hub.hub import Hub
from engagement_hub.store.entities import Kind
from engagement_hub.workers.steps import Answer, Event


class AlreadyFailed(Exception):
    """The API answered that the job could not be started, although its execution was."""


def begin_job(hub: Hub, kind: Kind, event: Event, **members: Any) -> JsonObject:
    """Write that a job is PROCESSING, and other members of it; return the job.

    Raises:
        AlreadyFailed: the job is FAILED, and the client may have created another.
    """

    def begun(body: JsonObject) -> JsonObject:
        if body["JobStatus"] == JobStatus.FAILED:
            return body
        return {**body, **members, "JobStatus": JobStatus.PROCESSING.value}

    job = hub.entities.update(event["ApplicationId"], kind, event["JobId"], begun)
    if job["JobStatus"] == JobStatus.FAILED:
        raise AlreadyFailed(*job["Failures"])
    return job


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
