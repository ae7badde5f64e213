"""Outcomes of a custom channel, as PutEvents gets them."""

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from shared.campaign_calls import Sending
from shared.outcome_events import ChannelOutcome, OutcomeEvent, OutcomesRefused, put_outcomes
from tests.builders.architectures import service_error

CAMPAIGN = Sending("app", "run", campaign_id="c1", treatment_id="0")
JOURNEY = Sending("app", "activity", journey_id="j1", journey_run_id="r1")
AT = datetime(2026, 11, 29, 12, tzinfo=UTC)


class Project:
    """Answers PutEvents as a project does."""

    def __init__(self, status: int = 202) -> None:
        self.status = status
        self.calls: list[dict[str, Any]] = []

    def put_events(self, **request: Any) -> dict[str, Any]:
        self.calls.append(request)
        items = request["EventsRequest"]["BatchItem"]
        results = {
            endpoint_id: {
                "EndpointItemResponse": {"StatusCode": 202},
                "EventsItemResponse": {key: {"StatusCode": self.status} for key in item["Events"]},
            }
            for endpoint_id, item in items.items()
        }
        return {"EventsResponse": {"Results": results}}

    @property
    def events(self) -> list[tuple[str, dict[str, Any]]]:
        return [
            (endpoint_id, event)
            for call in self.calls
            for endpoint_id, item in call["EventsRequest"]["BatchItem"].items()
            for event in item["Events"].values()
        ]


def outcome(endpoint_id: str = "e1", sending: Sending = CAMPAIGN, **changes: Any) -> OutcomeEvent:
    values = {"channel": "connect", "outcome": ChannelOutcome.ACCEPTED, "at": AT, **changes}
    return OutcomeEvent(sending, endpoint_id, **values)


def test_an_outcome_is_an_event_of_its_endpoint_with_the_ids_of_the_run() -> None:
    project = Project()

    put_outcomes(project, [outcome(attributes={"contact_id": "k1"})])  # type: ignore[arg-type]

    assert project.events == [
        (
            "e1",
            {
                "EventType": "custom_channel.accepted",
                "Timestamp": "2026-11-29T12:00:00.000Z",
                "Attributes": {
                    "campaign_id": "c1",
                    "campaign_activity_id": "run",
                    "treatment_id": "0",
                    "channel": "connect",
                    "contact_id": "k1",
                },
            },
        )
    ]


def test_an_outcome_of_a_journey_names_the_journey_its_run_and_its_activity() -> None:
    project = Project()

    put_outcomes(project, [outcome(sending=JOURNEY, reason="NO_FILE")])  # type: ignore[arg-type]

    [(_, event)] = project.events
    assert event["Attributes"] == {
        "journey_id": "j1",
        "journey_run_id": "r1",
        "journey_activity_id": "activity",
        "channel": "connect",
        "reason": "NO_FILE",
    }


def test_250_outcomes_are_three_calls_and_none_is_lost() -> None:
    project = Project()

    put_outcomes(project, [outcome(f"e{n % 7}", reason=str(n)) for n in range(250)])  # type: ignore[arg-type]

    assert len(project.calls) == 3
    assert sorted(int(event["Attributes"]["reason"]) for _, event in project.events) == [
        *range(250)
    ]


def test_refused_events_are_an_error_that_counts_and_has_them() -> None:
    outcomes = [outcome("e1"), outcome("e2")]

    with pytest.raises(OutcomesRefused, match=r"2 outcome events \(400\)") as caught:
        put_outcomes(Project(400), outcomes)  # type: ignore[arg-type]

    assert caught.value.outcomes == outcomes


def test_an_event_for_which_a_call_is_refused_keeps_no_other_one_out() -> None:
    class Strict(Project):
        def put_events(self, **request: Any) -> dict[str, Any]:
            if "bad" in request["EventsRequest"]["BatchItem"]:
                raise service_error("PutEvents", "BadRequestException", 400)
            return super().put_events(**request)

    project = Strict()
    outcomes = [outcome("e1"), outcome("bad"), outcome("e2")]

    with pytest.raises(OutcomesRefused) as caught:
        put_outcomes(project, outcomes)  # type: ignore[arg-type]

    assert caught.value.outcomes == [outcomes[1]]
    assert [endpoint_id for endpoint_id, _ in project.events] == ["e1", "e2"]


def test_a_missing_permission_is_no_refusal_of_an_event() -> None:
    class Closed:
        def put_events(self, **request: Any) -> dict[str, Any]:
            raise service_error("PutEvents", "ForbiddenException", 403)

    with pytest.raises(ClientError):
        put_outcomes(Closed(), [outcome("e1"), outcome("e2")])  # type: ignore[arg-type]


def test_a_long_value_is_cut_to_what_an_event_takes() -> None:
    project = Project()

    put_outcomes(project, [outcome(reason="x" * 300)])  # type: ignore[arg-type]

    assert len(project.events[0][1]["Attributes"]["reason"]) == 200
