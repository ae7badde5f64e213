"""One message: whether, when and how often its endpoint is contacted."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto import mock_aws

from connect_campaign_channel.channel import Answer, Misconfigured, Status
from connect_campaign_channel.contact_claims import ContactClaims, Outcome
from connect_campaign_channel.contacting import Again, Contacting, Done, Rules, Wait
from shared.channel_intake import ChannelMessage
from shared.local_hours import Hours
from shared.outcome_events import ChannelOutcome
from tests.builders.architectures import service_error
from tests.builders.contacts import (
    NOON,
    NUMBER,
    TABLE,
    Book,
    Clock,
    Faulty,
    Phone,
    endpoint,
    message,
)
from tests.builders.tables import PK_AND_SK

UNANSWERED = Answer(Status.UNKNOWN, reason="ReadTimeoutError")
THROTTLED = Answer(Status.LATER, reason="TooManyRequestsException")
LOST = ReadTimeoutError(endpoint_url="https://dynamodb")
ATTEMPT = timedelta(seconds=190)


class Pace:
    """A schedule without a queue, or a full one."""

    def __init__(self) -> None:
        self.full = False
        self.reserved = 0

    def reserve(self, n: int, by: float) -> float | None:
        self.reserved += n
        return None if self.full else by - 30


class World:
    """The decisions about messages, with a table of moto's and everything else in memory."""

    def __init__(self, dynamodb: Any, **rules: Any) -> None:
        self.clock, self.phone, self.book, self.pace = Clock(), Phone(), Book(), Pace()
        self.dynamodb = Faulty(dynamodb)
        self.claims = ContactClaims(self.dynamodb, TABLE)
        self.rules = {
            "hours": Hours.of("09:00", "20:00"),
            "default_zone": None,
            "max_age": timedelta(hours=24),
            "longest_attempt": ATTEMPT,
            **rules,
        }
        self.attempts = 0

    def handle(self, one: ChannelMessage | None = None, receives: int = 1) -> Any:
        self.attempts += 1
        contacting = Contacting(
            self.phone,
            self.claims,
            self.pace,
            self.book,
            Rules(**self.rules),
            clock=self.clock,
            sleep=self.clock.sleep,
        )
        return contacting.handle(one or message(), f"attempt-{self.attempts}", receives)

    def rings(self) -> list[int]:
        return list(self.phone.rings.values())


@pytest.fixture(scope="module")
def table() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client(
            "dynamodb",
            region_name="eu-west-1",
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )
        client.create_table(TableName=TABLE, **PK_AND_SK)
        yield client


def emptied(table: Any) -> Any:
    for item in table.scan(TableName=TABLE)["Items"]:
        table.delete_item(TableName=TABLE, Key={name: item[name] for name in ("pk", "sk")})
    return table


@pytest.fixture
def world(table: Any) -> World:
    return World(emptied(table))


def skipped(reason: str) -> Done:
    return Done(Outcome(ChannelOutcome.SKIPPED, reason))


# The usual way


def test_an_endpoint_is_contacted_with_its_own_message_and_the_outcome_is_kept(
    world: World,
) -> None:
    end = world.handle()

    (contact,) = world.phone.contacts
    assert contact.address == NUMBER
    assert contact.values == {"Message": "Hello Mary"}
    assert end == Done(Outcome(ChannelOutcome.ACCEPTED, None, f"contact-{contact.token[:6]}"))


def test_2_a_repeated_message_contacts_once_and_its_outcome_is_reported_until_it_is_noted(
    world: World,
) -> None:
    first = world.handle()
    again = world.handle()
    world.claims.mark_reported(message().key)
    last = world.handle()

    assert first == again
    assert last == Done(None)
    assert len(world.phone.contacts) == 1


def test_another_run_of_the_campaign_contacts_again(world: World) -> None:
    one = message()
    other = replace(one, sending=replace(one.sending, activity_id="run2"))

    world.handle(one)
    world.handle(other)

    assert len(world.phone.contacts) == 2
    assert len({contact.token for contact in world.phone.contacts}) == 2


def test_a_journeys_endpoint_is_contacted_once_a_visit(world: World) -> None:
    one = message()
    visit = replace(
        one.sending, campaign_id=None, journey_id="j1", scheduled_time="2026-03-02T17:00:00Z"
    )
    next_visit = replace(visit, scheduled_time="2026-03-09T17:00:00Z")

    for sending in (visit, visit, next_visit):
        world.handle(replace(one, sending=sending))

    assert len(world.phone.contacts) == 2


# Rules


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"problem": "OPTED_OUT"}, "OPTED_OUT"),
        ({"problem": "NO_PHONE_NUMBER"}, "NO_PHONE_NUMBER"),
        ({"endpoint": endpoint(OptOut="ALL")}, "OPTED_OUT"),
        ({"endpoint": endpoint(EndpointStatus="INACTIVE")}, "INACTIVE"),
        ({"endpoint": endpoint(Address="room-42")}, "NO_PHONE_NUMBER"),
        ({"endpoint": endpoint(Address="+447700900123")}, "NO_TIME_ZONE"),
        ({"queued_at": NOON - timedelta(hours=25)}, "EXPIRED"),
    ],
)
def test_3_an_endpoint_that_a_rule_is_against_is_skipped_with_the_reason(
    world: World, changes: dict[str, Any], reason: str
) -> None:
    assert world.handle(message(**changes)) == skipped(reason)
    assert world.phone.contacts == []


@pytest.mark.parametrize("problem", ["MALFORMED_ENDPOINT", "TOO_LARGE"])
def test_an_endpoint_that_cannot_be_read_is_a_failure(world: World, problem: str) -> None:
    assert world.handle(message(problem=problem)) == Done(Outcome(ChannelOutcome.FAILED, problem))


def test_3_the_opt_out_counts_that_came_while_the_endpoint_waited(world: World) -> None:
    world.book.endpoints["mary"] = endpoint(OptOut="ALL")
    world.clock.pass_time(minutes=5)

    assert world.handle() == skipped("OPTED_OUT")


def test_an_endpoint_that_was_deleted_while_it_waited_is_not_contacted(world: World) -> None:
    world.clock.pass_time(minutes=5)

    assert world.handle() == skipped("DELETED")


def test_the_number_is_called_that_the_endpoint_has_now(world: World) -> None:
    world.book.endpoints["mary"] = endpoint(Address="+12125550177")
    world.clock.pass_time(minutes=5)

    world.handle()

    assert [contact.address for contact in world.phone.contacts] == ["+12125550177"]


def test_a_fresh_call_costs_no_read_of_the_endpoint(world: World) -> None:
    world.clock.pass_time(seconds=59)

    world.handle()

    assert world.book.reads == []


# Hours


def test_3_an_endpoint_waits_for_the_hours_of_its_own_time_zone(world: World) -> None:
    sydney = message(endpoint=endpoint(Demographic={"Timezone": "Australia/Sydney"}))

    wait = world.handle(sydney)  # four in the morning there

    assert wait == Wait(5 * 3600 + 1, "HOURS")
    assert world.phone.contacts == []
    world.book.endpoints["mary"] = sydney.endpoint
    world.clock.pass_time(seconds=wait.seconds)
    assert world.handle(sydney, receives=2).outcome.outcome is ChannelOutcome.ACCEPTED


def test_3_an_endpoint_whose_hours_close_before_its_turn_waits_for_the_next_ones(
    world: World,
) -> None:
    class Busy(Pace):
        def reserve(self, n: int, by: float) -> float | None:
            return by - 10  # in 20 seconds

    world.pace = Busy()
    world.book.endpoints["mary"] = endpoint()
    world.clock.pass_time(hours=7, minutes=59, seconds=45)  # a quarter of a minute before eight

    end = world.handle()

    assert end == Wait(13 * 3600 + 15 + 1, "HOURS")
    assert world.phone.contacts == []
    assert world.claims.find(message().key) is None


def test_3_the_zone_of_a_number_counts_where_the_endpoint_has_no_other(world: World) -> None:
    world.clock.pass_time(hours=12)  # midnight in New York
    world.book.endpoints["mary"] = endpoint()

    assert world.handle() == Wait(9 * 3600 + 1, "HOURS")


def test_the_default_zone_is_for_numbers_without_one(table: Any) -> None:
    world = World(emptied(table), default_zone="Europe/London")

    end = world.handle(message(endpoint=endpoint(Address="+447700900123")))

    assert end.outcome.outcome is ChannelOutcome.ACCEPTED


def test_without_calling_hours_an_endpoint_needs_no_zone(table: Any) -> None:
    world = World(emptied(table), hours=None)

    end = world.handle(message(endpoint=endpoint(Address="+447700900123")))

    assert end.outcome.outcome is ChannelOutcome.ACCEPTED


def test_hours_that_open_after_the_maximum_age_expire_at_once(table: Any) -> None:
    world = World(emptied(table), max_age=timedelta(hours=2))

    sydney = message(endpoint=endpoint(Demographic={"Timezone": "Australia/Sydney"}))

    assert world.handle(sydney) == skipped("EXPIRED")


def test_hours_that_the_zones_of_a_number_never_share_are_told(table: Any) -> None:
    world = World(emptied(table), hours=Hours.of("09:00", "09:30"))

    assert world.handle(message(endpoint=endpoint(Address="+79161234567"))) == skipped(
        "NO_COMMON_HOURS"
    )


# Pace


def test_2_a_full_schedule_makes_the_message_wait_without_a_claim(world: World) -> None:
    world.pace.full = True

    end = world.handle()

    assert isinstance(end, Wait) and end.reason == "PACE"
    assert world.claims.find(message().key) is None


def test_a_message_that_was_finished_takes_no_place_in_the_schedule(world: World) -> None:
    world.handle()
    reserved = world.pace.reserved

    world.handle()

    assert world.pace.reserved == reserved


@pytest.mark.parametrize(("receives", "seconds"), [(1, 15), (2, 30), (4, 120), (9, 600)])
def test_2_a_throttled_contact_waits_longer_each_time_and_gives_its_claim_up(
    world: World, receives: int, seconds: int
) -> None:
    world.phone.answers = [THROTTLED]

    assert world.handle(receives=receives) == Wait(seconds, "TooManyRequestsException")
    assert world.claims.find(message().key) is None
    world.handle()
    assert world.rings() == [1]


# Failures


def test_a_refused_number_fails_with_the_services_code(world: World) -> None:
    world.phone.answers = [Answer.refused("DestinationNotAllowedException")]

    assert world.handle() == Done(Outcome(ChannelOutcome.FAILED, "DestinationNotAllowedException"))


@pytest.mark.parametrize(
    ("total", "data"),
    [
        ("seven", "{{divide Attributes.Total 0}}"),
        ("\ud800", "{{Attributes.Total}}"),  # half of a surrogate pair, which is no text
    ],
)
def test_an_endpoint_whose_values_do_not_fit_the_template_fails_by_itself(
    world: World, total: str, data: str
) -> None:
    end = world.handle(message(endpoint=endpoint(Attributes={"Total": [total]}), data=data))

    assert end == Done(Outcome(ChannelOutcome.FAILED, "NOT_RENDERED"))
    assert world.phone.contacts == []


def test_wrong_settings_fail_no_endpoint_and_lose_none(world: World) -> None:
    world.phone.answers = [Misconfigured("ResourceNotFoundException")]

    with pytest.raises(Misconfigured):
        world.handle()

    assert world.claims.find(message().key) is None
    assert world.handle().outcome.outcome is ChannelOutcome.ACCEPTED


# Lost answers and functions that end


def lost(world: World) -> Any:
    """An answer that is lost after the phone rang."""

    def ring_and_lose() -> Answer:
        world.phone.ring()
        return UNANSWERED

    return ring_and_lose


def test_2_a_lost_answer_is_asked_for_again_with_the_token_and_the_phone_rings_once(
    world: World,
) -> None:
    world.phone.answers = [lost(world)]

    end = world.handle()

    assert end.outcome.outcome is ChannelOutcome.ACCEPTED
    assert len({contact.token for contact in world.phone.contacts}) == 1
    assert world.rings() == [1]


def test_a_repetition_that_is_refused_does_not_say_that_the_first_attempt_was(
    world: World,
) -> None:
    world.phone.answers = [lost(world), THROTTLED, Misconfigured("AccessDeniedException")]

    end = world.handle()

    assert end == Again("ReadTimeoutError")
    taken = world.claims.find(message().key)
    assert taken is not None and taken.outcome is None


def test_an_attempt_that_was_cut_off_is_left_alone_until_it_has_surely_ended(
    world: World,
) -> None:
    world.claims.take(message().key, "other", world.clock.moment())
    world.clock.pass_time(seconds=100)

    assert world.handle() == Wait(91, "CLAIMED")
    assert world.phone.contacts == []


def test_an_attempt_that_was_cut_off_is_repeated_with_its_token(world: World) -> None:
    world.phone.answers = [lost(world), UNANSWERED, UNANSWERED]
    assert world.handle() == Again("ReadTimeoutError")
    world.book.endpoints["mary"] = endpoint()
    world.clock.pass_time(minutes=10)

    end = world.handle(receives=2)

    assert end.outcome.outcome is ChannelOutcome.ACCEPTED
    assert world.rings() == [1]


def test_an_unknown_outcome_is_reported_once_no_token_counts_any_more(world: World) -> None:
    world.phone.answers = [UNANSWERED] * 3
    world.handle()
    world.clock.pass_time(days=7, hours=1)

    assert world.handle() == Done(Outcome(ChannelOutcome.UNKNOWN, "NO_ANSWER"))
    assert len(world.phone.contacts) == 3


def test_a_contact_that_may_have_been_made_is_unknown_when_a_rule_is_against_its_repetition(
    world: World,
) -> None:
    world.phone.answers = [UNANSWERED] * 3
    world.handle()
    world.book.endpoints["mary"] = endpoint(OptOut="ALL")
    world.clock.pass_time(minutes=10)

    assert world.handle() == Done(Outcome(ChannelOutcome.UNKNOWN, "NO_ANSWER"))


def test_6_a_channel_without_tokens_is_never_repeated_after_a_lost_answer(world: World) -> None:
    world.phone.repeatable = timedelta(0)
    world.phone.answers = [lost(world)]

    end = world.handle()
    again = world.handle()

    assert end == again == Done(Outcome(ChannelOutcome.UNKNOWN, "ReadTimeoutError"))
    assert world.rings() == [1]


def test_6_a_channel_without_tokens_reports_an_attempt_that_was_cut_off(world: World) -> None:
    world.phone.repeatable = timedelta(0)
    world.claims.take(message().key, "other", world.clock.moment())
    world.clock.pass_time(seconds=200)

    assert world.handle() == Done(Outcome(ChannelOutcome.UNKNOWN, "NO_ANSWER"))
    assert world.phone.contacts == []


def test_two_copies_of_a_message_at_once_contact_once(world: World) -> None:
    class Meanwhile(Pace):
        """Another invocation claims the endpoint while this one waits for its place."""

        def reserve(inner, n: int, by: float) -> float | None:  # noqa: N805 - world is the outer self
            world.claims.take(message().key, "other", world.clock.moment())
            return by - 30

    world.pace = Meanwhile()

    assert world.handle() == Wait(190, "CLAIMED")
    assert world.phone.contacts == []


@pytest.mark.parametrize("operation", ["get_item", "put_item", "update_item"])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("repeatable", [timedelta(days=7), timedelta(0)])
def test_a_lost_answer_of_the_table_loses_no_contact_and_makes_none_twice(
    table: Any, operation: str, when: str, repeatable: timedelta
) -> None:
    world = World(emptied(table))
    world.phone.repeatable = repeatable
    world.book.endpoints["mary"] = endpoint()
    world.dynamodb.faults = [(operation, when, LOST)]

    with pytest.raises(ReadTimeoutError):
        world.handle()
    for _ in range(3):
        world.clock.pass_time(minutes=10)
        end = world.handle()

    assert isinstance(end, Done) and end.outcome is not None
    assert sum(world.rings()) <= 1
    if repeatable:
        assert end.outcome.outcome is ChannelOutcome.ACCEPTED
        assert world.rings() == [1]
    else:
        assert end.outcome.outcome in (ChannelOutcome.ACCEPTED, ChannelOutcome.UNKNOWN)


def test_a_release_whose_answer_is_lost_leaves_a_claim_that_is_repeated(world: World) -> None:
    world.phone.answers = [THROTTLED]
    world.book.endpoints["mary"] = endpoint()
    world.dynamodb.faults = [("delete_item", "before", LOST)]

    with pytest.raises(ReadTimeoutError):
        world.handle()
    world.clock.pass_time(minutes=10)

    assert world.handle().outcome.outcome is ChannelOutcome.ACCEPTED
    assert world.rings() == [1]


def test_a_claim_is_released_by_its_holder_only_and_never_once_it_has_an_outcome(
    world: World,
) -> None:
    key = message().key
    world.claims.take(key, "mine", world.clock.moment())
    world.claims.release(key, "other")
    assert world.claims.find(key) is not None

    world.claims.record(key, Outcome(ChannelOutcome.ACCEPTED, None, "c1"), world.clock.moment())
    world.claims.release(key, "mine")

    taken = world.claims.find(key)
    assert taken is not None and taken.outcome is not None


def test_the_first_outcome_of_a_contact_stays(world: World) -> None:
    key = message().key
    accepted = Outcome(ChannelOutcome.ACCEPTED, None, "c1")
    world.claims.record(key, accepted, world.clock.moment())
    world.claims.record(key, Outcome(ChannelOutcome.UNKNOWN, "NO_ANSWER"), world.clock.moment())

    taken = world.claims.find(key)

    assert taken is not None and taken.outcome is not None
    assert taken.outcome.outcome is ChannelOutcome.ACCEPTED
    assert taken.outcome.contact_id == "c1"


def test_the_table_holds_no_address_and_no_endpoint_id(world: World, table: Any) -> None:
    world.handle(message("mary@example.com"))

    kept = str(table.scan(TableName=TABLE)["Items"])
    assert "mary" not in kept and NUMBER not in kept


def test_a_table_that_refuses_is_no_outcome(world: World) -> None:
    world.dynamodb.faults = [
        ("get_item", "before", service_error("GetItem", "AccessDeniedException", 400))
    ]

    with pytest.raises(ClientError):
        world.handle()


@settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(
    answers=st.lists(
        st.sampled_from(["ring", "lose", "unanswered", "throttled", "misconfigured", "refused"]),
        max_size=8,
    ),
    minutes=st.lists(st.integers(min_value=0, max_value=30), min_size=1, max_size=10),
    repeatable=st.booleans(),
)
def test_whatever_the_service_answers_a_phone_rings_once_at_most_and_its_outcome_says_so(
    table: Any, answers: list[str], minutes: list[int], repeatable: bool
) -> None:
    world = World(emptied(table), hours=None)
    world.book.endpoints["mary"] = endpoint()
    world.phone.repeatable = timedelta(days=7 if repeatable else 0)
    kinds: dict[str, Any] = {
        "ring": world.phone.ring,
        "lose": lost(world),
        "unanswered": UNANSWERED,
        "throttled": THROTTLED,
        "misconfigured": Misconfigured("AccessDeniedException"),
        "refused": Answer.refused("DestinationNotAllowedException"),
    }
    world.phone.answers = [kinds[name] for name in answers]
    outcomes = []

    for receives, wait in enumerate(minutes, 1):
        try:
            end = world.handle(receives=receives)
        except Misconfigured:
            end = None
        if isinstance(end, Done):
            outcomes.append(end.outcome)
        world.clock.pass_time(minutes=wait)

    assert sum(world.rings()) <= 1
    assert len(set(outcomes)) <= 1, "an outcome must not change"
    if outcomes and outcomes[0] is not None and world.rings():
        assert outcomes[0].outcome in (ChannelOutcome.ACCEPTED, ChannelOutcome.UNKNOWN)
