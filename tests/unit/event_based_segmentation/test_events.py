"""Events: which members are read, and what makes an event malformed."""

from __future__ import annotations

from typing import Any

import pytest

from event_based_segmentation.events import MachineOpens, MalformedEvent, event_from
from tests.builders.event_records import sample, samples
from tests.builders.segmentation import NOON, SAFARI, event

HALF_A_CHARACTER = "\ud800"


@pytest.mark.parametrize("name", samples("pinpoint"))
def test_every_documented_event_is_read(name):
    record = sample(name)

    found = event_from(record)

    assert found.event_type == record["event_type"]
    assert found.endpoint_id == record["client"]["client_id"]
    assert dict(found.attributes) == record.get("attributes", {})


def test_an_opened_email_happened_when_the_open_arrived_and_not_when_the_email_was_sent():
    assert event_from(sample("pinpoint/email_open")).at == 1772470912316


@pytest.mark.parametrize(
    ("happened", "arrived", "at"),
    [
        (NOON - 60_000, NOON, NOON - 60_000),  # the app was offline for a minute
        (NOON + 60_000, NOON, NOON),  # the clock of the app is fast
        (None, NOON, NOON),
        (NOON, None, NOON),
    ],
)
def test_an_event_of_an_app_happened_when_the_app_says_and_before_it_arrived(happened, arrived, at):
    record = event("bought", event_timestamp=happened, arrival_timestamp=arrived)

    assert event_from(record).at == at


@pytest.mark.parametrize("member", ["client", "attributes", "metrics", "facets", "session"])
@pytest.mark.parametrize("empty", [None, {}, "left out"])
def test_members_that_are_often_missing_are_optional(member, empty):
    record = event("_email.open")
    record[member] = empty
    if empty == "left out":
        del record[member]

    assert event_from(record).event_type == "_email.open"


MALFORMED: list[tuple[str, Any, str]] = [
    ("event_type", None, "event_type is not a text"),
    ("event_type", 5, "event_type is not a text"),
    ("event_type", "", "event_type is not a text"),
    ("event_type", HALF_A_CHARACTER, "event_type is not a text"),
    ("application", None, "application.app_id is not a text"),
    ("application", "news", "application is not an object"),
    ("application", {"app_id": 7}, "application.app_id is not a text"),
    ("application", {"app_id": ""}, "application.app_id is not a text"),
    ("client", ["ann"], "client is not an object"),
    ("client", {"client_id": 7}, "client.client_id is not a text"),
    ("client", {"client_id": HALF_A_CHARACTER}, "client.client_id is not a text"),
    ("event_timestamp", "2026-12-26T12:00:00Z", "event_timestamp is not a time in milliseconds"),
    ("event_timestamp", True, "event_timestamp is not a time in milliseconds"),
    ("event_timestamp", -1, "event_timestamp is not a time in milliseconds"),
    ("arrival_timestamp", 10**40, "arrival_timestamp is not a time in milliseconds"),
    ("arrival_timestamp", 10**400, "arrival_timestamp is not a time in milliseconds"),
    ("arrival_timestamp", float("nan"), "arrival_timestamp is not a time in milliseconds"),
    ("attributes", ["shoes"], "attributes is not an object"),
    ("attributes", {"kind": ["shoes"]}, "attributes is not a text"),
    ("attributes", {"kind": {}}, "attributes is not a text"),
    ("metrics", "9", "metrics is not an object"),
    ("metrics", {"price": "9"}, "metrics is not a number"),
    ("metrics", {"price": True}, "metrics is not a number"),
    ("metrics", {"price": float("inf")}, "metrics is not a number"),
]


@pytest.mark.parametrize(("member", "value", "reason"), MALFORMED)
def test_a_malformed_event_names_its_member_and_quotes_no_value(member, value, reason):
    record = event("bought")
    record[member] = value

    with pytest.raises(MalformedEvent, match=reason) as caught:
        event_from(record)

    assert "shoes" not in str(caught.value) and "ann" not in str(caught.value)


def test_an_event_without_any_time_is_malformed():
    record = event("bought")
    del record["event_timestamp"], record["arrival_timestamp"]

    with pytest.raises(MalformedEvent, match="neither event_timestamp nor arrival_timestamp"):
        event_from(record)


def test_attributes_that_are_numbers_count_as_their_text():
    record = event("bought", attributes={"count": 3, "gift": True, "note": None})

    assert event_from(record).attributes == {"count": "3", "gift": "true"}


@pytest.mark.parametrize(
    ("agent", "machine"),
    [
        ("Mozilla/5.0", True),  # Apple's Mail Privacy Protection
        (
            "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Firefox/11.0 (via ggpht.com GoogleImageProxy)",
            True,
        ),
        ("YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html", True),
        (SAFARI, False),
    ],
)
def test_a_machine_is_recognised_by_its_user_agent(agent, machine):
    opens = MachineOpens(frozenset({"Mozilla/5.0"}), ("GoogleImageProxy", "YahooMailProxy"))

    assert opens.match(event_from(event("_email.open", agent=agent))) is machine
    assert opens.match(event_from(event("_email.click", agent=agent))) is machine
    assert not opens.match(event_from(event("bought")))


@pytest.mark.parametrize(
    "facets", ["x", {"email_channel": 1}, {"email_channel": {"mail_event": []}}]
)
def test_facets_of_another_form_name_no_user_agent(facets):
    assert event_from(event("_email.open", facets=facets)).user_agent is None
