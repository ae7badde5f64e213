"""Closes the campaign run or the job of an execution that ended without closing it.

A state machine closes its run or job in its last steps. An execution that was stopped, ran out of
time, or failed in these steps, closes nothing: the campaign would stay EXECUTING, and no later
run could start.

The work of a journey is done again by another execution, which leaves out finished parts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from engagement_hub.engagement.model import JobStatus
from engagement_hub.hub import Hub
from engagement_hub.machines import Execution, JourneyWork
from engagement_hub.store.entities import Kind
from engagement_hub.workers import export_job, import_job
from engagement_hub.workers.campaign_close import fail_run
from engagement_hub.workers.steps import Step, logger
from shared.settings import required_env

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

# Step Functions' statuses of executions that came to no end of their own.
ENDED_ABNORMALLY = frozenset({"ABORTED", "FAILED", "TIMED_OUT"})
_CLOSED_JOB = frozenset({JobStatus.COMPLETED, JobStatus.FAILED})


# Executions of one piece of a journey's work, the first one included.
MOST_ATTEMPTS = 3


class UnknownMachine(ValueError):
    """The execution is of a state machine that is not the hub's."""


class WorkGivenUp(Exception):
    """A journey's work failed again and again; a person has to look."""


def execution_of(hub: Hub, arn: str) -> Execution:
    """Return an execution as it is now.

    The event lacks the input where the input is long, or encrypted with a customer managed key.
    """
    execution = hub.machines.execution(arn)
    logger.info("execution ended", execution=arn, status=execution.status)
    return execution


def close_ended(hub: Hub, execution: Execution, context: LambdaContext) -> None:
    """Close the run or job of an execution. A run or job that is closed already stays as it is.

    Raises:
        UnknownMachine: the state machine is not one of the hub's.
        WorkGivenUp: the third execution of a journey's work ended abnormally.
        NotStarted: another execution of a journey's work could not be started.
    """
    if execution.status not in ENDED_ABNORMALLY:
        return  # redriven since it ended
    given = execution.input
    if execution.machine_arn == required_env("CAMPAIGN_STATE_MACHINE_ARN"):
        fail_run(hub, {**given, "Execution": execution.arn}, context)
        return
    if execution.machine_arn == required_env("JOURNEY_STATE_MACHINE_ARN"):
        _do_again(hub, given)
        return
    jobs: dict[str, tuple[Kind, Step]] = {
        required_env("IMPORT_STATE_MACHINE_ARN"): (Kind.IMPORT_JOB, import_job.close_job),
        required_env("EXPORT_STATE_MACHINE_ARN"): (Kind.EXPORT_JOB, export_job.close_job),
    }
    if execution.machine_arn not in jobs:
        raise UnknownMachine(f"{execution.machine_arn} is not a state machine of this hub.")
    if "JobId" not in given:
        return  # the deletion of a list: no job waits for its end
    kind, close_job = jobs[execution.machine_arn]
    job = hub.entities.get(given["ApplicationId"], kind, given["JobId"])
    if job is None or job["JobStatus"] in _CLOSED_JOB:
        return
    logger.warning("job closed after its execution ended", JobId=given["JobId"])
    error = {"Error": f"ExecutionStatus.{execution.status}"}
    close_job(hub, {**given, "Error": error}, context)


def _do_again(hub: Hub, given: Mapping[str, Any]) -> None:
    """Start a journey's work again, under a name of its own."""
    work = JourneyWork.read(given["Work"])
    # Attempts that begin late have the time as their number.
    if work.attempt % MOST_ATTEMPTS == MOST_ATTEMPTS - 1:
        raise WorkGivenUp(
            f"The work {work.name} of journey {given['JourneyId']} ended abnormally "
            f"{MOST_ATTEMPTS} times. Mend the cause, then start the state machine with this input."
        )
    again = JourneyWork(work.kind, work.of, work.resumes, work.attempt + 1)
    logger.warning("work of a journey is done again", JourneyId=given["JourneyId"], work=again.name)
    hub.machines.start_journey(str(given["ApplicationId"]), str(given["JourneyId"]), again)
