"""The functions and the state machine: each journey is reported, a failure stops no other one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from journey_copy.applied import BadApplyRequest, CopyFailed, CopyStillRunning
from journey_copy.mapping import LEASE_SECONDS, AnotherCopyUnderWay, Copy
from journey_copy.refusals import AccessRefused
from journey_copy.request import MOST_JOURNEYS, BadCopyRequest
from journey_copy.sides import Access, Side
from shared.transient import ServiceUnavailable
from tests.builders.architectures import (
    CONTEXT,
    assert_well_built,
    load_function,
    service_error,
    state_machine,
)
from tests.builders.journey_copies import World, journey, world
from tests.builders.pinpoint_projects import PinpointHost, Refused

SETTINGS = {
    "FROM_PROJECT_ID": "from1",
    "FROM_ACCOUNT_ID": "111122223333",
    "FROM_REGION": "eu-west-1",
    "FROM_API_URL": "https://staging.example.com",
    "TO_PROJECT_ID": "to1",
    "TO_ACCOUNT_ID": "111122223333",
    "TO_REGION": "eu-west-1",
    "TO_API_URL": "https://production.example.com",
    "TABLE": "mapping",
    "BUCKET": "reports",
    "STATE_MACHINE_ARN": "arn:aws:states:eu-west-1:111122223333:stateMachine:copy",
}
STARTED = "2026-11-29T10:00:00.123Z"


class Steps:
    """The functions of the state machine, in the order of a run."""

    def __init__(self, monkeypatch: Any, there: World) -> None:
        self.there = there
        self.s3: Any = boto3.client("s3", region_name="eu-west-1")
        self.s3.create_bucket(
            Bucket="reports", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )
        self.substitutes({})
        monkeypatch.setattr("journey_copy.sides.pinpoint_client_at", self.client_at)
        names = ("plan", "copy", "report", "apply")
        functions = {
            name: load_function(monkeypatch, f"journey_copy.functions.{name}", SETTINGS)
            for name in names
        }
        self.modules = SimpleNamespace(**functions)

    def client_at(self, api_url: str, **_: Any) -> Any:
        host = self.there.staging if "staging" in api_url else self.there.production
        return host.client()

    def substitutes(self, document: Any) -> None:
        self.s3.put_object(
            Bucket="reports", Key="settings/substitutes.json", Body=json.dumps(document)
        )

    def plan(self, **run_input: Any) -> dict[str, Any]:
        event = {"Input": run_input, "RunId": "run-1", "Started": STARTED}
        answer: dict[str, Any] = self.modules.plan.lambda_handler(event, CONTEXT)
        return answer

    def copy(self, journey_id: str, *, dry_run: bool = False) -> dict[str, Any]:
        event = {"JourneyId": journey_id, "RunId": "run-1", "DryRun": dry_run}
        answer: dict[str, Any] = self.modules.copy.lambda_handler(event, CONTEXT)
        return answer

    def report(self, results: list[Any], *, dry_run: bool = False) -> dict[str, Any]:
        event = {
            "RunId": "run-1",
            "CorrelationId": "c1",
            "Started": STARTED,
            "DryRun": dry_run,
            "ReportKey": "reports/2026/11/29/run-1.json",
            "Results": results,
        }
        answer: dict[str, Any] = self.modules.report.lambda_handler(event, CONTEXT)
        return answer

    def stored(self, key: str = "reports/2026/11/29/run-1.json") -> Any:
        return json.loads(self.s3.get_object(Bucket="reports", Key=key)["Body"].read())


@pytest.fixture
def there() -> Iterator[World]:
    with world() as one:
        yield one


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch, there: World) -> Steps:
    return Steps(monkeypatch, there)


def test_every_journey_of_the_source_is_listed_page_after_page(steps: Steps, there: World) -> None:
    ids = [there.staging.add_journey("from1", Name=f"j{n}") for n in range(5)]

    plan = steps.plan(All=True)

    assert plan == {
        "JourneyIds": ids,
        "DryRun": False,
        "ReportKey": "reports/2026/11/29/run-1.json",
    }
    assert there.staging.calls["ListJourneys"] == 3


def test_given_journeys_are_not_looked_up_before_their_turn(steps: Steps, there: World) -> None:
    assert steps.plan(JourneyIds=["a"], DryRun=True)["JourneyIds"] == ["a"]
    assert not there.staging.calls


def test_more_journeys_than_an_execution_holds_are_refused(
    steps: Steps, there: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps.modules.plan, "MOST_JOURNEYS", 2)
    for number in range(3):
        there.staging.add_journey("from1", Name=f"j{number}")

    with pytest.raises(BadCopyRequest):
        steps.plan(All=True)


def test_a_failing_journey_is_reported_beside_the_copied_ones(steps: Steps, there: World) -> None:
    good = there.welcome()
    bad = there.staging.add_journey("from1", **journey("no-such-segment", Name="bad"))

    report = steps.report([steps.copy(one) for one in (good, bad, "nowhere")])

    assert report["Counts"] == {"CREATED": 1, "BLOCKED": 1, "FAILED": 1}
    assert list(report["Copies"]) == [good]
    assert report["FailureReason"].startswith("2 of 3 journeys were not copied. bad (BLOCKED): ")
    entries = {entry["SourceJourneyId"]: entry for entry in steps.stored()["Journeys"]}
    assert entries[good]["TargetName"] == "welcome"
    assert [r["Action"] for r in entries[good]["Resources"]] == ["CREATE"] * 3
    assert "no segment no-such-segment" in entries[bad]["Problems"][0]


def test_a_report_names_its_run_and_both_projects(steps: Steps, there: World) -> None:
    steps.report([steps.copy(there.welcome())])

    report = steps.stored()
    assert report["From"] == {"ProjectId": "from1", "Region": "eu-west-1"}
    assert report["To"] == {"ProjectId": "to1", "Region": "eu-west-1"}
    assert (report["RunId"], report["CorrelationId"]) == ("run-1", "c1")
    assert report["Started"] == STARTED and report["DryRun"] is False


def test_a_run_without_failures_has_no_failure_reason(steps: Steps, there: World) -> None:
    assert steps.report([steps.copy(there.welcome())])["FailureReason"] is None


def test_a_blocked_journey_is_what_a_dry_run_is_for(steps: Steps, there: World) -> None:
    there.welcome()
    bad = there.staging.add_journey("from1", **journey("no-such-segment"))

    report = steps.report([steps.copy(bad, dry_run=True)], dry_run=True)

    assert report["FailureReason"] is None and report["Counts"] == {"BLOCKED": 1}


def test_the_api_s_refusal_of_a_journey_is_its_entry_and_no_crash(
    steps: Steps, there: World
) -> None:
    refusal = Refused(400, "BadRequestException", "Activity greet has no NextActivity.")
    there.production.refuses["CreateJourney"] = refusal

    answer = steps.copy(there.welcome())

    assert answer["Result"] == "FAILED"
    reason = steps.report([answer])["FailureReason"]
    assert "CreateJourney answered BadRequestException: Activity greet has no" in reason


@pytest.mark.parametrize(
    ("refusal", "error"),
    [
        (Refused(429, "TooManyRequestsException", "slow"), ServiceUnavailable),
        (Refused(503, "", "down"), ServiceUnavailable),
        (Refused(403, "ForbiddenException", "no"), AccessRefused),
    ],
)
def test_an_error_that_may_pass_is_raised_and_kept_for_the_report(
    steps: Steps, there: World, refusal: Refused, error: type[Exception]
) -> None:
    journey_id = there.welcome()
    there.production.refuses["ListJourneys"] = refusal

    with pytest.raises(error):
        steps.copy(journey_id)

    result = {"SourceJourneyId": journey_id, "Result": "FAILED", "Error": error.__name__}
    reason = steps.report([result])["FailureReason"]
    assert error.__name__ in reason and "ListJourneys" in reason
    assert steps.copy(journey_id)["Result"] == "CREATED"


def test_an_entry_that_the_bucket_throttles_is_written_by_another_attempt(
    steps: Steps, there: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def throttled(*_: Any) -> None:
        raise service_error("PutObject", "SlowDown", 503)

    journey_id = there.welcome()
    with monkeypatch.context() as patch:
        patch.setattr(steps.modules.copy.store, "write", throttled)
        with pytest.raises(ServiceUnavailable):
            steps.copy(journey_id)

    assert steps.copy(journey_id)["Result"] == "UNCHANGED"
    assert len(there.production.journeys["to1"]) == 1


def test_another_attempt_under_way_is_raised_by_its_name(steps: Steps, there: World) -> None:
    journey_id = there.welcome()
    steps.modules.copy.mapping.claim(
        f"journey#{journey_id}", steps.modules.copy.mapping.look(f"journey#{journey_id}")
    )

    with pytest.raises(AnotherCopyUnderWay):
        steps.copy(journey_id)


def test_an_unknown_error_of_a_service_is_raised_and_kept_without_its_text(
    steps: Steps, there: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: str) -> None:
        raise service_error("GetItem", "ValidationException", 400)

    monkeypatch.setattr(steps.modules.copy.mapping, "look", fails)
    journey_id = there.welcome()

    with pytest.raises(ClientError):
        steps.copy(journey_id)

    problems = steps.stored(f"runs/run-1/{journey_id}.json")["Problems"]
    assert problems == ["ClientError: GetItem answered ValidationException."]


def test_a_step_that_died_without_an_entry_is_reported_by_its_error(steps: Steps) -> None:
    result = {"SourceJourneyId": "a1", "Result": "FAILED", "Error": "Sandbox.Timedout"}

    reason = steps.report([result])["FailureReason"]

    assert reason is not None and "a1 (FAILED): Sandbox.Timedout" in reason


def test_a_step_that_died_after_its_entry_is_no_success(steps: Steps, there: World) -> None:
    result = {**steps.copy(there.welcome()), "Result": "FAILED", "Error": "States.Timeout"}

    report = steps.report([result])

    assert report["Counts"] == {"FAILED": 1}
    assert "States.Timeout" in report["FailureReason"]


def test_many_failures_fit_into_a_notification(steps: Steps) -> None:
    results = [
        {"SourceJourneyId": f"a{n}", "Result": "FAILED", "Error": "States.Timeout"}
        for n in range(30)
    ]

    reason = steps.report(results)["FailureReason"]

    assert reason is not None and reason.endswith("20 more are in the report.")


def test_substitutes_of_the_module_reach_the_copy(steps: Steps, there: World) -> None:
    journey_id = there.welcome()
    live = there.production.add_segment("to1", Name="live", Dimensions={})
    steps.substitutes({"segments": {"one": {"from": there.segment_id, "to": live}}})

    steps.copy(journey_id)

    (copy,) = there.production.journeys["to1"].values()
    assert copy["StartCondition"]["SegmentStartCondition"] == {"SegmentId": live}


def test_no_entry_and_no_log_has_an_address(
    steps: Steps, there: World, capsys: pytest.CaptureFixture[str]
) -> None:
    steps.report([steps.copy(there.welcome())])

    assert "shop@example.com" not in capsys.readouterr().out + json.dumps(steps.stored())


# Terraform


class States:
    """Step Functions for one execution."""

    def __init__(self, *statuses: str, **members: Any) -> None:
        self.statuses = list(statuses)
        self.members = members
        self.inputs: list[Any] = []
        self.refusals = 0

    def start_execution(self, *, stateMachineArn: str, input: str) -> dict[str, str]:
        if self.refusals:
            self.refusals -= 1
            raise service_error("StartExecution", "AccessDeniedException", 400)
        self.inputs.append(json.loads(input))
        return {"executionArn": "arn:execution"}

    def describe_execution(self, *, executionArn: str) -> dict[str, Any]:
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        return {"status": status, "executionArn": executionArn, **self.members}


OUTPUT = json.dumps(
    {
        "Report": {
            "Counts": {"CREATED": 1},
            "Copies": {"a": "b"},
            "Bucket": "reports",
            "Key": "reports/r.json",
        }
    }
)


def apply(
    steps: Steps,
    monkeypatch: pytest.MonkeyPatch,
    states: States,
    action: str = "create",
    **event: Any,
) -> Any:
    monkeypatch.setattr(steps.modules.apply, "states", states)
    monkeypatch.setattr(steps.modules.apply, "sleep", lambda _: None)
    whole = {
        "JourneyIds": None,
        "DryRun": False,
        "DeleteCopies": False,
        "Revision": "r1",
        "tf": {"action": action},
        **event,
    }
    return steps.modules.apply.lambda_handler(whole, CONTEXT)


@pytest.mark.parametrize("action", ["create", "update"])
def test_an_apply_waits_for_its_copy_and_answers_what_became_of_it(
    steps: Steps, monkeypatch: pytest.MonkeyPatch, action: str
) -> None:
    states = States("RUNNING", "RUNNING", "SUCCEEDED", output=OUTPUT)

    answer = apply(steps, monkeypatch, states, action, JourneyIds=["a"])

    assert states.inputs == [{"JourneyIds": ["a"], "DryRun": False}]
    assert answer == {
        "Revision": "r1",
        "Execution": "arn:execution",
        "Counts": {"CREATED": 1},
        "Copies": {"a": "b"},
        "Report": "s3://reports/reports/r.json",
    }


def test_an_apply_without_ids_copies_every_journey(
    steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    states = States("SUCCEEDED", output=OUTPUT)

    apply(steps, monkeypatch, states, DryRun=True)

    assert states.inputs == [{"All": True, "DryRun": True}]


def test_an_apply_waits_for_the_policy_that_it_has_just_attached(
    steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    states = States("SUCCEEDED", output=OUTPUT)
    states.refusals = 2

    answer = apply(steps, monkeypatch, states)

    assert answer["Execution"] == "arn:execution" and len(states.inputs) == 1


def test_an_apply_that_stays_refused_fails_with_the_refusal(
    steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    states = States("SUCCEEDED", output=OUTPUT)
    states.refusals = 99

    with pytest.raises(ClientError, match="AccessDeniedException"):
        apply(steps, monkeypatch, states)


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT", "ABORTED"])
def test_an_apply_fails_with_the_reason_of_its_copy(
    steps: Steps, monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    states = States(status, error="JourneyCopyFailed", cause="1 of 2 journeys were not copied.")

    with pytest.raises(CopyFailed, match="1 of 2 journeys were not copied"):
        apply(steps, monkeypatch, states)


def test_an_apply_stops_waiting_before_its_function_is_stopped(
    steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(CopyStillRunning, match="Apply again"):
        apply(steps, monkeypatch, States("RUNNING"))

    polling = steps.modules.apply.POLLING
    assert sum(polling.wait_seconds(n) for n in range(polling.attempts)) < 300


@pytest.mark.parametrize(
    "event",
    [
        {"tf": None},
        {"tf": {}},
        {"tf": {"action": "read"}},
        {"tf": "create"},
    ],
)
def test_an_event_that_terraform_does_not_send_is_refused(
    steps: Steps, monkeypatch: pytest.MonkeyPatch, event: dict[str, Any]
) -> None:
    with pytest.raises(BadApplyRequest):
        apply(steps, monkeypatch, States("SUCCEEDED"), **event)


@pytest.mark.parametrize("missing", ["JourneyIds", "DryRun", "DeleteCopies", "Revision"])
def test_an_event_without_a_member_is_refused_by_the_member(steps: Steps, missing: str) -> None:
    event = {
        name: None
        for name in ("JourneyIds", "DryRun", "DeleteCopies", "Revision")
        if name != missing
    }

    with pytest.raises(BadApplyRequest, match=missing):
        steps.modules.apply.lambda_handler({**event, "tf": {"action": "create"}}, CONTEXT)


def test_a_destroy_keeps_copies_unless_told(
    steps: Steps, there: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps.copy(there.welcome())

    assert apply(steps, monkeypatch, States("-"), "delete") == {"Deleted": 0, "Kept": 0}
    assert len(there.production.journeys["to1"]) == 1


def test_a_destroy_deletes_only_copies_and_only_drafts(
    steps: Steps, there: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft, published, gone = (
        there.staging.add_journey("from1", Name=name) for name in ("draft", "published", "gone")
    )
    theirs = there.production.add_journey("to1", Name="theirs")
    copies = {}
    for one in (draft, published, gone):
        steps.copy(one)
        copies[one] = dict(steps.modules.copy.mapping.copies("journey#"))[
            f"journey#{one}"
        ].target_id
    there.production.journeys["to1"][copies[published]]["State"] = "ACTIVE"
    del there.production.journeys["to1"][copies[gone]]

    answer = apply(steps, monkeypatch, States("-"), "delete", DeleteCopies=True)

    assert answer == {"Deleted": 1, "Kept": 1}
    assert set(there.production.journeys["to1"]) == {theirs, copies[published]}
    left = dict(steps.modules.copy.mapping.copies("journey#"))
    assert left == {f"journey#{published}": Copy(copies[published])}


# Roles of other accounts


class Sts:
    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def assume_role(self, **parameters: Any) -> Any:
        self.asked.append(parameters)
        keys = {"AccessKeyId": "a", "SecretAccessKey": "s", "SessionToken": "t"}
        expiry = datetime(2027, 1, 1, tzinfo=UTC) + timedelta(hours=len(self.asked))
        return {"Credentials": {**keys, "Expiration": expiry}}


def test_a_project_of_another_account_is_called_with_the_keys_of_its_role(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[dict[str, Any]] = []
    host = PinpointHost("p")

    def client_at(api_url: str | None, **options: Any) -> Any:
        made.append({"url": api_url, **options})
        return host.client()

    monkeypatch.setattr("journey_copy.sides.pinpoint_client_at", client_at)
    sts: Any = Sts()
    now = datetime(2027, 1, 1, tzinfo=UTC).timestamp()
    clock = [now]
    side = Side(
        "p", "444455556666", "us-east-1", None, "arn:aws:iam::444455556666:role/r", "secret"
    )
    access = Access(side, sts, lambda: clock[0])

    access.project()
    access.project()
    clock[0] = now + 3_400  # the keys expire after an hour
    access.project()

    assert [one["ExternalId"] for one in sts.asked] == ["secret", "secret"]
    assert sts.asked[0]["RoleArn"] == side.role_arn
    assert {(one["region"], one["keys"].session_token) for one in made} == {("us-east-1", "t")}


def test_a_project_of_the_own_account_needs_no_role(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []
    monkeypatch.setattr(
        "journey_copy.sides.pinpoint_client_at", lambda *_, **options: made.append(options)
    )
    sts: Any = Sts()

    Access(Side("p", "111122223333", "eu-west-1"), sts).project()

    assert sts.asked == [] and all(one["keys"] is None for one in made)


def test_creations_are_tried_once_below_the_state_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []
    monkeypatch.setattr(
        "journey_copy.sides.pinpoint_client_at", lambda *_, **options: made.append(options)
    )

    Access(Side("p", "111122223333", "eu-west-1")).project()

    once = made[1]["config"]
    assert once.retries["total_max_attempts"] == 1


# The state machine


MACHINE = state_machine("journey_copy", "copy.asl.json")
MAP = MACHINE["States"]["CopyEveryJourney"]


def test_the_state_machine_keeps_the_rules() -> None:
    assert_well_built(MACHINE)


def test_a_journey_that_fails_is_a_result_of_the_map() -> None:
    states = MAP["ItemProcessor"]["States"]

    (catch,) = states["CopyJourney"]["Catch"]
    assert catch["ErrorEquals"] == ["States.ALL"]
    kept = states[catch["Next"]]
    assert kept["Parameters"]["Result"] == "FAILED" and kept["End"]
    assert "Cause" not in json.dumps(kept["Parameters"])


def test_an_attempt_waits_longer_for_another_one_than_a_claim_counts() -> None:
    retriers = MAP["ItemProcessor"]["States"]["CopyJourney"]["Retry"]
    (waits,) = [one for one in retriers if one["ErrorEquals"] == ["AnotherCopyUnderWay"]]

    assert waits["IntervalSeconds"] * waits["MaxAttempts"] > 2 * LEASE_SECONDS


def test_the_results_of_the_largest_run_fit_into_a_state() -> None:
    result = {"SourceJourneyId": "0" * 32, "Result": "FAILED", "Error": "E" * 60}
    copies = {"0" * 32: "1" * 32}

    assert MOST_JOURNEYS * (len(json.dumps(result)) + len(json.dumps(copies))) < 256 * 1024 * 0.9
