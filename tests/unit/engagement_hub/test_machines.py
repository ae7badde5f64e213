import json
from datetime import UTC, datetime, timedelta

import boto3
import pytest

from engagement_hub.engagement.campaigns import UpcomingRun
from engagement_hub.engagement.errors import InternalServerError
from engagement_hub.machines import Machines, NotStarted
from tests.builders.hub import ACCOUNT_ID, HUB_ENVIRONMENT, REGION, hub_tables

APP, CAMPAIGN, JOB = "a" * 32, "c" * 32, "1" * 32
LATER = UpcomingRun(1, datetime(2031, 1, 2, 3, 4, 5, 678000, UTC))


@pytest.fixture
def aws():
    with hub_tables():
        states = boto3.client("stepfunctions", region_name=REGION)
        for name in ("import", "export", "campaign"):
            states.create_state_machine(
                name=f"hub-{name}",
                definition='{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}',
                roleArn=f"arn:aws:iam::{ACCOUNT_ID}:role/hub",
            )
        boto3.client("scheduler", region_name=REGION).create_schedule_group(Name="hub")
        yield


def executions(machine):
    states = boto3.client("stepfunctions", region_name=REGION)
    listed = states.list_executions(stateMachineArn=HUB_ENVIRONMENT[machine])["executions"]
    return {
        one["name"]: json.loads(
            states.describe_execution(executionArn=one["executionArn"])["input"]
        )
        for one in listed
    }


def schedules():
    scheduler = boto3.client("scheduler", region_name=REGION)
    listed = scheduler.list_schedules(GroupName="hub")["Schedules"]
    return {
        one["Name"]: scheduler.get_schedule(GroupName="hub", Name=one["Name"]) for one in listed
    }


def test_a_job_runs_under_its_own_id_and_a_second_start_is_the_same_job(aws):
    machines = Machines()

    machines.start_import(APP, JOB)
    machines.start_import(APP, JOB)
    machines.start_export(APP, JOB)

    expected = {JOB: {"ApplicationId": APP, "JobId": JOB}}
    assert executions("IMPORT_STATE_MACHINE_ARN") == expected
    assert executions("EXPORT_STATE_MACHINE_ARN") == expected


def test_a_run_that_is_due_starts_under_the_name_of_campaign_and_number(aws):
    Machines().start_run(APP, CAMPAIGN, UpcomingRun(2, LATER.at))

    assert executions("CAMPAIGN_STATE_MACHINE_ARN") == {
        f"{CAMPAIGN}-2": {
            "ApplicationId": APP,
            "CampaignId": CAMPAIGN,
            "Run": 2,
            "ScheduledStart": "2031-01-02T03:04:05.678Z",
        }
    }


def test_scheduling_a_run_again_moves_it(aws):
    machines = Machines()

    machines.schedule_run(APP, CAMPAIGN, LATER)
    machines.schedule_run(APP, CAMPAIGN, UpcomingRun(1, LATER.at + timedelta(days=1)))

    [schedule] = schedules().values()
    assert schedule["Name"] == f"{CAMPAIGN}-1"
    assert schedule["ScheduleExpression"] == "at(2031-01-03T03:04:05)"
    assert (
        schedule["Target"]["DeadLetterConfig"]["Arn"]
        == (HUB_ENVIRONMENT["SCHEDULE_DEAD_LETTER_ARN"])
    )


def test_a_run_that_is_scheduled_already_can_keep_its_time(aws):
    machines = Machines()
    machines.schedule_run(APP, CAMPAIGN, LATER)

    machines.schedule_run(
        APP, CAMPAIGN, UpcomingRun(1, LATER.at + timedelta(days=1)), replace=False
    )

    [schedule] = schedules().values()
    assert schedule["ScheduleExpression"] == "at(2031-01-02T03:04:05)"


def test_a_run_taken_off_the_schedule_is_gone_and_twice_is_no_error(aws):
    machines = Machines()
    machines.schedule_run(APP, CAMPAIGN, LATER)

    machines.cancel_run(CAMPAIGN, 1)
    machines.cancel_run(CAMPAIGN, 1)

    assert schedules() == {}


def test_a_machine_that_is_not_there_is_named_by_the_code_of_the_refusal(aws, monkeypatch):
    missing = HUB_ENVIRONMENT["IMPORT_STATE_MACHINE_ARN"] + "-gone"
    monkeypatch.setenv("IMPORT_STATE_MACHINE_ARN", missing)

    with pytest.raises(NotStarted) as error:
        Machines().start_import(APP, JOB)

    assert isinstance(error.value.answer, InternalServerError)
    assert "StateMachineDoesNotExist" in error.value.answer.message
