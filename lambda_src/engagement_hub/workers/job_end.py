"""The last step of import and export jobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engagement_hub.engagement.model import JobStatus
from engagement_hub.hub import Hub
from engagement_hub.store.entities import Kind
from engagement_hub.workers.steps import Answer, Event


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
