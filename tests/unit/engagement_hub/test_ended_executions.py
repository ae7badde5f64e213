"""Executions that ended abnormally release their campaign, and close their job."""

import json
from typing import Any

import boto3
import pytest

from engagement_hub.functions import close_ended as function
from engagement_hub.hub import Hub
from engagement_hub.machines import Execution, JourneyWork
from engagement_hub.store.entities import Kind
from engagement_hub.workers import campaign_run as steps
from engagement_hub.workers import export_job as exports
from engagement_hub.workers import import_job as imports
from engagement_hub.workers.ended_executions import UnknownMachine, WorkGivenUp, close_ended
from tests.builders.campaign_runs import CONTEXT, activity, build, campaign, people, run, state
from tests.builders.hub_workers import (
    APP,
    ENVIRONMENT,
    export_job,
    import_job,
    job,
    put_file,
    segment,
)

MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:hub"
CAMPAIGN = ENVIRONMENT["CAMPAIGN_STATE_MACHINE_ARN"]
JOURNEY = ENVIRONMENT["JOURNEY_STATE_MACHINE_ARN"]
IMPORT, EXPORT = f"{MACHINE}-import", f"{MACHINE}-export"


@pytest.fixture(autouse=True)
def machine_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMPORT_STATE_MACHINE_ARN", IMPORT)
    monkeypatch.setenv("EXPORT_STATE_MACHINE_ARN", EXPORT)


def ended(machine: str, given: dict[str, Any], status: str = "ABORTED") -> Execution:
    return Execution("execution-1", machine, status, given)


def started(hub: Hub, **request: Any) -> dict[str, Any]:
    """A run that its execution has opened, with an audience, and sent nothing of."""
    segment(hub)
    people(hub, 3)
    event = {**campaign(hub, **request), "Execution": "execution-1"}
    build(hub, event)
    return event


class Machines:
    """Records the work of journeys that is started."""

    def __init__(self) -> None:
        self.started: list[tuple[str, str]] = []

    def start_journey(self, app_id: str, journey_id: str, work: JourneyWork) -> None:
        self.started.append((journey_id, work.name))


@pytest.mark.parametrize("attempt", [0, 1, 1_800_000_000])
def test_the_work_of_a_journey_is_done_again_under_another_name(hub, attempt):
    work = JourneyWork("BUCKET", "j12", 2, attempt)
    hub.machines = Machines()

    close_ended(hub, ended(JOURNEY, work.input(APP, "journey1")), CONTEXT)

    assert hub.machines.started == [("journey1", f"bucket-j12-2-{attempt + 1}")]


@pytest.mark.parametrize("attempt", [2, 1_800_000_002])
def test_the_third_failure_of_a_journeys_work_is_for_a_person(hub, attempt):
    work = JourneyWork("RUN", "1", 0, attempt)
    hub.machines = Machines()

    with pytest.raises(WorkGivenUp, match="run-1-0-.* ended abnormally 3 times"):
        close_ended(hub, ended(JOURNEY, work.input(APP, "journey1")), CONTEXT)

    assert hub.machines.started == []


@pytest.mark.parametrize("status", ["ABORTED", "TIMED_OUT", "FAILED"])
def test_an_execution_that_ended_abnormally_releases_its_campaign(hub, sender, status):
    event = started(hub)

    close_ended(hub, ended(CAMPAIGN, event, status), CONTEXT)

    assert state(hub) == "COMPLETED"
    assert (activity(hub)["State"], activity(hub)["Result"]) == ("COMPLETED", "FAIL")
    assert activity(hub)["ExecutionMetrics"] == {"ENDPOINT_PRODUCED": "3", "UNKNOWN": "3"}


def test_a_released_campaign_runs_again_at_its_next_time(hub, sender):
    boto3.client("scheduler").create_schedule_group(Name="hub")
    schedule = {"StartTime": "2027-01-15T08:00:00.500Z", "Frequency": "DAILY", "Timezone": "UTC"}
    event = started(hub, Schedule=schedule)
    boto3.client("scheduler").delete_schedule(Name="c1-2", GroupName="hub")  # it fired, in vain

    close_ended(hub, ended(CAMPAIGN, event), CONTEXT)

    found = boto3.client("scheduler").get_schedule(Name="c1-2", GroupName="hub")
    assert json.loads(found["Target"]["Input"])["Run"] == 2
    assert state(hub) == "PENDING_NEXT_RUN"


def test_a_run_that_failed_in_its_own_steps_stays_as_it_closed(hub, sender, stream):
    segment(hub)
    people(hub, 1)
    event = {**campaign(hub), "Execution": "execution-1"}
    done = run(hub, event)

    close_ended(hub, ended(CAMPAIGN, event, "FAILED"), CONTEXT)

    assert activity(hub) == done


def test_a_second_execution_of_a_run_releases_nothing(hub, sender):
    event = started(hub)

    close_ended(hub, Execution("execution-2", CAMPAIGN, "ABORTED", event), CONTEXT)

    assert state(hub) == "EXECUTING"


def test_an_execution_that_was_redriven_since_is_left_alone(hub, sender):
    event = started(hub)

    close_ended(hub, ended(CAMPAIGN, event, "RUNNING"), CONTEXT)

    assert state(hub) == "EXECUTING"


@pytest.mark.parametrize(
    ("machine", "order", "kind"),
    [(IMPORT, import_job, Kind.IMPORT_JOB), (EXPORT, export_job, Kind.EXPORT_JOB)],
)
def test_an_execution_that_ended_abnormally_closes_its_job(hub, machine, order, kind):
    event = order(hub)

    close_ended(hub, ended(machine, event, "TIMED_OUT"), CONTEXT)

    closed = job(hub, kind)
    assert closed["JobStatus"] == "FAILED"
    assert "ExecutionStatus.TIMED_OUT" in closed["Failures"][0]


@pytest.mark.parametrize(
    ("machine", "order", "kind", "close"),
    [
        (IMPORT, import_job, Kind.IMPORT_JOB, imports.close_job),
        (EXPORT, export_job, Kind.EXPORT_JOB, exports.close_job),
    ],
)
def test_a_job_that_closed_itself_stays_as_it_is(hub, machine, order, kind, close):
    event = order(hub)
    close(hub, {**event, "Error": {"Error": "Boom"}}, CONTEXT)
    before = job(hub, kind)

    close_ended(hub, ended(machine, event, "FAILED"), CONTEXT)

    assert job(hub, kind) == before


@pytest.mark.parametrize(
    ("machine", "order", "kind", "steps"),
    [
        (IMPORT, import_job, Kind.IMPORT_JOB, imports),
        (EXPORT, export_job, Kind.EXPORT_JOB, exports),
    ],
)
@pytest.mark.parametrize("opens", [True, False], ids=["at its first step", "later"])
def test_a_job_is_completed_by_the_redrive_of_its_stopped_execution(
    hub, machine, order, kind, steps, opens
):
    put_file("people.csv", "ChannelType,Address,Id\nSMS,+14255550100,e1\n")
    event = order(hub)
    steps.open_job(hub, event, CONTEXT)
    close_ended(hub, ended(machine, event), CONTEXT)

    if opens:
        steps.open_job(hub, event, CONTEXT)
        assert job(hub, kind)["JobStatus"] == "PROCESSING"
        assert "CompletionDate" not in job(hub, kind)
    steps.close_job(hub, event, CONTEXT)

    assert (job(hub, kind)["JobStatus"], job(hub, kind)["Failures"]) == ("COMPLETED", [])


def test_a_deleted_job_or_campaign_needs_no_end(hub):
    given = {"ApplicationId": APP, "JobId": "gone", "CampaignId": "gone", "Run": 1}

    for machine in (IMPORT, EXPORT, CAMPAIGN):
        close_ended(hub, ended(machine, given), CONTEXT)

    assert hub.entities.list(APP, Kind.ACTIVITY, 5).items == []


def test_an_execution_that_deleted_a_list_has_no_job_to_close(hub):
    close_ended(hub, ended(IMPORT, {"ApplicationId": APP, "Purge": {"List": "l1"}}), CONTEXT)

    assert hub.entities.list(APP, Kind.IMPORT_JOB, 5).items == []


def test_an_execution_of_another_machine_is_an_error(hub):
    with pytest.raises(UnknownMachine):
        close_ended(hub, ended(f"{MACHINE}-other", {}), CONTEXT)


def test_the_function_reads_the_execution_since_the_event_may_lack_its_input(
    hub, sender, monkeypatch
):
    event = started(hub)
    states = boto3.client("stepfunctions")
    endless = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 9, "End": True}}}
    role = "arn:aws:iam::123456789012:role/hub"
    machine = states.create_state_machine(name="hub", definition=json.dumps(endless), roleArn=role)
    execution = states.start_execution(
        stateMachineArn=machine["stateMachineArn"], name="c1-1", input=json.dumps(event)
    )["executionArn"]
    states.stop_execution(executionArn=execution)
    monkeypatch.setattr(function, "step_hub", lambda: hub)
    hub.runs._client.delete_item(
        TableName="runs", Key={"pk": {"S": "run#c1-1"}, "sk": {"S": "owner"}}
    )
    steps.open_run(hub, {**event, "Execution": execution}, CONTEXT)

    function.lambda_handler({"detail": {"executionArn": execution, "input": None}}, CONTEXT)

    assert state(hub) == "COMPLETED"
