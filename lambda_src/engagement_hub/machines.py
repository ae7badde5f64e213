"""The state machines of imports, exports, campaign runs and journeys: starts, schedules."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from engagement_hub.engagement.campaigns import UpcomingRun
from engagement_hub.engagement.errors import EngagementError, InternalServerError, TooManyRequests
from engagement_hub.engagement.journey_runs import UpcomingJourneyRun, resumes
from engagement_hub.engagement.segments import LIST_RETIREMENT
from engagement_hub.store import error_code
from shared.instants import iso
from shared.settings import required_env

if TYPE_CHECKING:
    from mypy_boto3_scheduler import EventBridgeSchedulerClient
    from mypy_boto3_stepfunctions import SFNClient

__all__ = [
    "Execution",
    "JourneyWork",
    "Machines",
    "NotStarted",
    "fresh_attempt",
    "run_name",
    "start_journey_run",
]

_THROTTLED = frozenset(
    {"ThrottlingException", "TooManyRequestsException", "ExecutionLimitExceeded"}
    | {"RequestLimitExceeded", "ServiceQuotaExceededException"}
)


# The scheduler works to the second, and refuses the past.
_NOW = timedelta(seconds=1)


class NotStarted(Exception):
    """A machine or schedule could not be started; `answer` is what to tell the client."""

    def __init__(self, answer: EngagementError) -> None:
        super().__init__(answer.message)
        self.answer = answer


@dataclass(frozen=True, slots=True)
class Execution:
    """An execution of a state machine: its status as Step Functions names it, and its input."""

    arn: str
    machine_arn: str
    status: str
    input: dict[str, Any]


@dataclass(frozen=True, slots=True)
class JourneyWork:
    """Work on a journey: a bucket, a run, its end, its resumption or its deletion.

    `resumes` counts the resumptions of the journey, and `attempt` the executions of the same work
    that ended abnormally: a later one is other work.
    """

    kind: str
    of: str = ""
    resumes: int = 0
    attempt: int = 0

    @property
    def name(self) -> str:
        parts = (self.kind.lower(), self.of, str(self.resumes), str(self.attempt))
        return "-".join(part for part in parts if part)

    def input(self, app_id: str, journey_id: str) -> dict[str, Any]:
        """Return the input of the execution."""
        work = {
            "Kind": self.kind,
            "Of": self.of,
            "Resumes": self.resumes,
            "Attempt": self.attempt,
        }
        return {"ApplicationId": app_id, "JourneyId": journey_id, "Work": work}

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> "JourneyWork":
        """Read the work of an execution's input."""
        return cls(
            str(given["Kind"]), str(given["Of"]), int(given["Resumes"]), int(given["Attempt"])
        )


def fresh_attempt(now: datetime) -> int:
    """Return the number of an attempt that no earlier work of the same name had.

    Attempts that repeat work count on from it; three seconds apart, they stay below the next one.
    """
    seconds = int(now.timestamp())
    return seconds - seconds % 3


class JourneyMachines(Protocol):
    """The part of Machines that starts the work of journeys."""

    def start_journey(self, app_id: str, journey_id: str, work: JourneyWork) -> None: ...

    def schedule_journey(
        self, app_id: str, journey_id: str, work: JourneyWork, at: datetime
    ) -> None: ...


def start_journey_run(
    machines: JourneyMachines,
    app_id: str,
    journey: Mapping[str, Any],
    run: UpcomingJourneyRun,
    now: datetime,
) -> None:
    """Start a run of a journey now, or schedule it where it is later; once. Raises NotStarted."""
    work = JourneyWork("RUN", str(run.number), resumes(journey))
    if run.at - now > _NOW:
        machines.schedule_journey(app_id, str(journey["Id"]), work, run.at)
    else:
        machines.start_journey(app_id, str(journey["Id"]), work)


def run_name(campaign_id: str, number: int) -> str:
    """Return the name of a run's execution and schedule, which keeps it from starting twice."""
    return f"{campaign_id}-{number}"


class Machines:
    """The state machines and the schedule group that the environment names."""

    @cached_property
    def _states(self) -> "SFNClient":
        client: SFNClient = _client("stepfunctions")
        return client

    @cached_property
    def _scheduler(self) -> "EventBridgeSchedulerClient":
        client: EventBridgeSchedulerClient = _client("scheduler")
        return client

    def start_import(self, app_id: str, job_id: str) -> None:
        """Start an import job. Raises NotStarted."""
        arn = required_env("IMPORT_STATE_MACHINE_ARN")
        self._start(arn, job_id, {"ApplicationId": app_id, "JobId": job_id})

    def start_purge(self, app_id: str, segment_id: str, list_id: str) -> None:
        """Start deleting the members of a list, once LIST_RETIREMENT is over. Raises NotStarted.

        The list is kept if the segment has it at that time.
        """
        arn = required_env("IMPORT_STATE_MACHINE_ARN")
        purge = {
            "SegmentId": segment_id,
            "List": list_id,
            "WaitSeconds": int(LIST_RETIREMENT.total_seconds()),
        }
        # A name of its own each time: an earlier execution may have found the list in use.
        name = f"purge-{list_id}-{uuid.uuid4().hex[:8]}"
        self._start(arn, name, {"ApplicationId": app_id, "Purge": purge})

    def start_export(self, app_id: str, job_id: str) -> None:
        """Start an export job. Raises NotStarted."""
        arn = required_env("EXPORT_STATE_MACHINE_ARN")
        self._start(arn, job_id, {"ApplicationId": app_id, "JobId": job_id})

    def start_run(self, app_id: str, campaign_id: str, run: UpcomingRun) -> None:
        """Start a campaign's run now. Raises NotStarted."""
        arn = required_env("CAMPAIGN_STATE_MACHINE_ARN")
        self._start(arn, run_name(campaign_id, run.number), _run_input(app_id, campaign_id, run))

    def start_journey(self, app_id: str, journey_id: str, work: JourneyWork) -> None:
        """Start a journey's work now. Raises NotStarted."""
        arn = required_env("JOURNEY_STATE_MACHINE_ARN")
        self._start(arn, f"{journey_id}-{work.name}", work.input(app_id, journey_id))

    def schedule_journey(
        self, app_id: str, journey_id: str, work: JourneyWork, at: datetime
    ) -> None:
        """Schedule a journey's work at a time, once. Raises NotStarted."""
        schedule = self._schedule(
            f"{journey_id}-{work.name}",
            at,
            "JOURNEY_STATE_MACHINE_ARN",
            "JOURNEY_SCHEDULER_ROLE_ARN",
            work.input(app_id, journey_id),
        )
        self._put_schedule(schedule, "The journey's schedule", replace=False)

    def execution(self, arn: str) -> Execution:
        """Return an execution as it is now."""
        described = self._states.describe_execution(executionArn=arn)
        return Execution(
            arn,
            described["stateMachineArn"],
            described["status"],
            json.loads(described.get("input") or "{}"),
        )

    def schedule_run(
        self, app_id: str, campaign_id: str, run: UpcomingRun, *, replace: bool = True
    ) -> None:
        """Schedule a run at its time.

        Args:
            replace: give an existing schedule of that run this time, or leave it as it is.

        Raises:
            NotStarted: the scheduler refused.
        """
        schedule = self._schedule(
            run_name(campaign_id, run.number),
            run.at,
            "CAMPAIGN_STATE_MACHINE_ARN",
            "SCHEDULER_ROLE_ARN",
            _run_input(app_id, campaign_id, run),
        )
        self._put_schedule(schedule, "The campaign's schedule", replace=replace)

    def cancel_run(self, campaign_id: str, number: int) -> None:
        """Delete the schedule of a run. A run without a schedule is no error."""
        try:
            self._scheduler.delete_schedule(
                Name=run_name(campaign_id, number), GroupName=required_env("SCHEDULE_GROUP")
            )
        except ClientError as error:
            if error_code(error) != "ResourceNotFoundException":
                raise

    def _schedule(
        self, name: str, at: datetime, machine: str, role: str, entry: dict[str, Any]
    ) -> dict[str, Any]:
        return {
            "Name": name,
            "GroupName": required_env("SCHEDULE_GROUP"),
            "ScheduleExpression": f"at({at.strftime('%Y-%m-%dT%H:%M:%S')})",
            "ScheduleExpressionTimezone": "UTC",
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "ActionAfterCompletion": "DELETE",
            "Target": {
                "Arn": required_env(machine),
                "RoleArn": required_env(role),
                "Input": json.dumps(entry),
                "DeadLetterConfig": {"Arn": required_env("SCHEDULE_DEAD_LETTER_ARN")},
            },
        }

    def _put_schedule(self, schedule: dict[str, Any], what: str, *, replace: bool) -> None:
        try:
            try:
                self._scheduler.create_schedule(**schedule)
            except ClientError as error:
                if error_code(error) != "ConflictException":
                    raise
                if replace:
                    self._scheduler.update_schedule(**schedule)
        except (BotoCoreError, ClientError) as error:
            raise _not_started(what, error) from error

    def _start(self, machine_arn: str, name: str, entry: dict[str, Any]) -> None:
        try:
            self._states.start_execution(
                stateMachineArn=machine_arn, name=name, input=json.dumps(entry)
            )
        except ClientError as error:
            if error_code(error) != "ExecutionAlreadyExists":  # a retry of a start that succeeded
                raise _not_started("The state machine", error) from error
        except BotoCoreError as error:
            raise _not_started("The state machine", error) from error


def _run_input(app_id: str, campaign_id: str, run: UpcomingRun) -> dict[str, Any]:
    return {
        "ApplicationId": app_id,
        "CampaignId": campaign_id,
        "Run": run.number,
        "ScheduledStart": iso(run.at),
    }


def _not_started(what: str, error: ClientError | BotoCoreError) -> NotStarted:
    code = error_code(error) if isinstance(error, ClientError) else type(error).__name__
    if code in _THROTTLED:
        return NotStarted(TooManyRequests(f"{what} is busy ({code}). Send the request again."))
    return NotStarted(InternalServerError(f"{what} could not be started ({code})."))


def _client(service: str) -> Any:
    from botocore.config import Config  # with its client only where something is started

    from shared.aws import aws_client

    return aws_client(
        service,
        config=Config(
            connect_timeout=2,
            read_timeout=8,
            retries={"mode": "standard", "total_max_attempts": 3},
        ),
    )
