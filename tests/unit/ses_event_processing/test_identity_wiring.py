"""Identities whose notifications are sent to our topic, and the pace of the wiring."""

from __future__ import annotations

import json
from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError
from hypothesis import given
from hypothesis import strategies as st

from ses_event_processing import identity_wiring as wiring
from ses_event_processing.functions import wire_identities

OURS = "arn:aws:sns:eu-west-1:111122223333:ours"
OLD = "arn:aws:sns:eu-west-1:111122223333:ours-before"
THEIRS = "arn:aws:sns:eu-west-1:111122223333:theirs"
BOTH = ("Bounce", "Complaint")


class Ses:
    """Both SES clients of an account: identities with their topics, in pages, with faults.

    Args:
        topics: identity => notification => topic.
        pending: identities that are not verified.
        faults: identity => the errors that setting a topic of it raises, one after another.
    """

    def __init__(
        self,
        topics: dict[str, dict[str, str]],
        *,
        pending: tuple[str, ...] = (),
        faults: dict[str, list[Exception]] | None = None,
        page_size: int = 1000,
    ) -> None:
        self.topics = topics
        self.pending = pending
        self.faults = faults or {}
        self.page_size = page_size
        self.now = 0.0
        self.calls: list[tuple[float, str]] = []
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def identities(self) -> wiring.Identities:
        client: Any = self
        return wiring.Identities(client, client, clock=lambda: self.now, sleep=self.sleep)

    def number_of(self, operation: str) -> int:
        return Counter(name for _, name in self.calls)[operation]

    def list_email_identities(self, PageSize: int, NextToken: str = "0") -> dict[str, Any]:
        self.calls.append((self.now, "list"))
        start, every = int(NextToken), [*self.topics, *self.pending]
        stop = start + min(PageSize, self.page_size)
        page = [
            {
                "IdentityName": name,
                "VerificationStatus": "PENDING" if name in self.pending else "SUCCESS",
            }
            for name in every[start:stop]
        ]
        return {"EmailIdentities": page} | ({"NextToken": str(stop)} if stop < len(every) else {})

    def get_identity_notification_attributes(self, Identities: list[str]) -> dict[str, Any]:
        self.calls.append((self.now, "get"))
        assert 1 <= len(Identities) <= 100
        return {
            "NotificationAttributes": {
                name: {f"{kind}Topic": topic for kind, topic in self.topics[name].items()}
                for name in Identities
                if name in self.topics
            }
        }

    def set_identity_notification_topic(
        self, Identity: str, NotificationType: str, SnsTopic: str | None = None
    ) -> None:
        self.calls.append((self.now, "set"))
        if self.faults.get(Identity):
            raise self.faults[Identity].pop(0)
        if SnsTopic is None:
            del self.topics[Identity][NotificationType]
        else:
            self.topics[Identity][NotificationType] = SnsTopic


def refused(code: str, operation: str = "SetIdentityNotificationTopic") -> ClientError:
    about = {"Code": code, "Message": "Identity ann@example.com is not as it should be"}
    return ClientError({"Error": about}, operation)


def both(topic: str) -> dict[str, str]:
    return dict.fromkeys(BOTH, topic)


def wish(**members: Any) -> wiring.Wish:
    return wiring.wish_from({"topic_arn": OURS, **members})


def destroying(**members: Any) -> wiring.Wish:
    return wish(tf={"action": "delete", "prev_input": None}, **members)


def run(ses: Ses, wanted: wiring.Wish, *, seconds: float = float("inf")) -> wiring.Outcome:
    return wiring.wire(wanted, ses.identities(), has_time=lambda: ses.now < seconds)


def test_every_identity_without_topics_gets_ours_for_bounces_and_complaints() -> None:
    ses = Ses({"example.com": {}, "ann@example.org": {}})

    outcome = run(ses, wish())

    assert ses.topics == {"example.com": both(OURS), "ann@example.org": both(OURS)}
    assert outcome == wiring.Outcome(wired=2)


def test_a_missing_topic_is_set_beside_one_that_is_ours() -> None:
    ses = Ses({"example.com": {"Bounce": OURS}})

    assert run(ses, wish()).wired == 1

    assert ses.topics["example.com"] == both(OURS)
    assert ses.number_of("set") == 1


def test_a_topic_of_somebody_else_stays_unless_told() -> None:
    ses = Ses({"example.com": both(THEIRS), "example.org": {"Bounce": THEIRS}})

    outcome = run(ses, wish())

    assert ses.topics == {
        "example.com": both(THEIRS),
        "example.org": {"Bounce": THEIRS, "Complaint": OURS},
    }
    assert outcome.kept == 2


def test_a_topic_of_somebody_else_is_replaced_when_told() -> None:
    ses = Ses({"example.com": both(THEIRS)})

    assert run(ses, wish(overwrite=True)).wired == 1

    assert ses.topics["example.com"] == both(OURS)


def test_only_the_identities_of_a_list_are_wired() -> None:
    ses = Ses({"example.com": {}, "example.org": {}})

    outcome = run(ses, wish(identities=["example.org"]))

    assert ses.topics == {"example.com": {}, "example.org": both(OURS)}
    assert (outcome.wired, outcome.as_wanted) == (1, 1)


def test_a_second_run_changes_nothing() -> None:
    ses = Ses({"example.com": {}})
    run(ses, wish())

    outcome = run(ses, wish())

    assert outcome == wiring.Outcome(as_wanted=1)
    assert ses.number_of("set") == 2


def test_an_identity_verified_later_is_wired_by_the_next_run() -> None:
    ses = Ses({}, pending=("example.com",))
    before = run(ses, wish())
    assert (before.unverified, ses.number_of("set")) == (1, 0)

    ses.pending, ses.topics = (), {"example.com": {}}
    run(ses, wish())

    assert ses.topics == {"example.com": both(OURS)}


def test_an_identity_of_the_list_that_does_not_exist_yet_fails_nothing() -> None:
    ses = Ses({"example.com": {}}, pending=("example.org",))

    outcome = run(ses, wish(identities=["example.com", "example.org", "example.net"]))

    assert (outcome.wired, outcome.unverified, outcome.failed) == (1, 2, 0)


@pytest.mark.parametrize("number", [0, 1, 10, 11, 23])
def test_a_listing_of_any_number_of_pages_ends_and_is_read_whole(number: int) -> None:
    ses = Ses({f"{n}.example.com": {} for n in range(number)}, page_size=10)

    run(ses, wish())

    assert all(topics == both(OURS) for topics in ses.topics.values())
    assert ses.number_of("list") == max(1, -(-number // 10))


def test_a_listing_that_repeats_its_token_is_an_error_and_no_loop() -> None:
    ses = Ses({"example.com": {}})
    ses.list_email_identities = (  # type: ignore[method-assign]  # as the original ended: never
        lambda **_: {"EmailIdentities": [], "NextToken": "1"}
    )

    with pytest.raises(wiring.EndlessListing, match="same NextToken twice"):
        run(ses, wish())


def test_topics_are_read_by_the_hundred() -> None:
    ses = Ses({f"{n}.example.com": both(OURS) for n in range(201)})

    assert run(ses, wish()).as_wanted == 201

    assert ses.number_of("get") == 3


def test_no_operation_is_called_more_than_once_a_second() -> None:
    ses = Ses({f"{n}.example.com": {} for n in range(120)}, page_size=50)

    run(ses, wish())

    for operation in ("list", "get", "set"):
        times = [at for at, name in ses.calls if name == operation]
        assert all(later - earlier >= 1 for earlier, later in zip(times, times[1:], strict=False))
    assert ses.now == pytest.approx(240, abs=5), "nothing waits longer than the pace asks for"


@pytest.mark.parametrize(
    "fault",
    [
        refused("InvalidParameterValue"),
        refused("Throttling"),
        ConnectTimeoutError(endpoint_url="https://email.eu-west-1.amazonaws.com"),
    ],
    ids=lambda fault: type(fault).__name__,
)
def test_one_failing_identity_does_not_stop_the_others_but_fails_the_run(fault: Exception) -> None:
    ses = Ses(
        {"a.example.com": {}, "b.example.com": {}, "c.example.com": {}},
        faults={"b.example.com": [fault]},
    )

    outcome = run(ses, wish())

    assert ses.topics["a.example.com"] == ses.topics["c.example.com"] == both(OURS)
    assert (outcome.wired, outcome.failed) == (2, 1)
    with pytest.raises(wiring.IdentitiesNotWired, match="^1 SES identities could not be changed"):
        outcome.raise_if_short(wish())


def test_the_run_after_a_failure_does_the_rest() -> None:
    ses = Ses({"example.com": {}}, faults={"example.com": [refused("Throttling")]})
    assert run(ses, wish()).failed == 1

    outcome = run(ses, wish())

    assert outcome == wiring.Outcome(wired=1)


def test_a_run_short_of_time_says_what_is_left_and_the_next_goes_on() -> None:
    ses = Ses({f"{n}.example.com": {} for n in range(250)})
    first = run(ses, wish(), seconds=100)
    assert first.wired > 40
    assert first.wired + first.left == 250
    first.raise_if_short(wish())

    rest = run(ses, wish())

    assert rest.wired == first.left
    assert all(topics == both(OURS) for topics in ses.topics.values())


def test_destroying_takes_our_topic_away_and_leaves_all_others() -> None:
    ses = Ses(
        {
            "example.com": both(OURS),
            "example.org": {"Bounce": THEIRS, "Complaint": OURS},
            "example.net": both(THEIRS),
        }
    )

    outcome = run(ses, destroying(identities=["example.com"]))

    assert ses.topics == {
        "example.com": {},
        "example.org": {"Bounce": THEIRS},
        "example.net": both(THEIRS),
    }
    assert (outcome.unwired, outcome.as_wanted) == (2, 1)


def test_destroying_does_not_stumble_over_an_identity_deleted_meanwhile() -> None:
    gone = {"example.com": [refused("InvalidParameterValue")]}
    ses = Ses({"example.com": both(OURS), "example.org": both(OURS)}, faults=gone)

    outcome = run(ses, destroying())

    outcome.raise_if_short(destroying())
    assert ses.topics["example.org"] == {}


def test_destroying_fails_while_identities_may_still_have_the_topic() -> None:
    ses = Ses({f"{n}.example.com": both(OURS) for n in range(100)})

    outcome = run(ses, destroying(), seconds=10)

    with pytest.raises(wiring.IdentitiesNotWired, match="Destroy again"):
        outcome.raise_if_short(destroying())


def test_an_identity_taken_off_the_list_loses_our_topic() -> None:
    ses = Ses({"example.com": both(OURS), "example.org": both(OURS)})

    outcome = run(ses, wish(identities=["example.org"]))

    assert ses.topics == {"example.com": {}, "example.org": both(OURS)}
    assert outcome.unwired == 1


def test_a_new_topic_of_ours_replaces_the_one_before() -> None:
    ses = Ses({"example.com": both(OLD), "example.org": both(THEIRS)})
    before = {"topic_arn": OLD, "identities": None, "overwrite": False}

    run(ses, wish(tf={"action": "update", "prev_input": before}))

    assert ses.topics == {"example.com": both(OURS), "example.org": both(THEIRS)}


def test_a_policy_of_the_same_apply_gets_time_to_count() -> None:
    ses = Ses({"example.com": {}})
    answer, refusals = ses.list_email_identities, [1, 2]

    def list_email_identities(**request: Any) -> dict[str, Any]:
        if refusals:
            refusals.pop()
            raise refused("AccessDeniedException", "ListEmailIdentities")
        return answer(**request)

    ses.list_email_identities = list_email_identities  # type: ignore[method-assign]

    assert run(ses, wish()).wired == 1
    assert sum(ses.slept) < 10


def test_a_refusal_that_lasts_is_told() -> None:
    ses = Ses({"example.com": {}}, faults={"example.com": [refused("AccessDenied")] * 9})

    outcome = run(ses, wish())

    assert outcome.codes == {"AccessDenied": 1}
    assert ses.number_of("set") == 1 + len(wiring.REFUSAL_WAITS_SECONDS)


@pytest.mark.parametrize(
    ("event", "named"),
    [
        ({}, "topic_arn"),
        ({"topic_arn": ""}, "topic_arn"),
        ({"topic_arn": OURS, "identities": "ALL"}, "identities"),
        ({"topic_arn": OURS, "tf": {"action": "update", "prev_input": {"a": 1}}}, "topic_arn"),
    ],
)
def test_an_input_that_the_module_does_not_send_is_refused_by_name(
    event: dict[str, Any], named: str
) -> None:
    with pytest.raises(wiring.MalformedWish, match=named):
        wiring.wish_from(event)


topic = st.sampled_from([None, OURS, OLD, THEIRS])


@given(topic, topic, st.booleans(), st.booleans(), st.booleans())
def test_what_is_not_ours_is_touched_only_when_told_and_a_plan_is_final(
    bounce: str | None, complaint: str | None, listed: bool, overwrite: bool, unwire: bool
) -> None:
    topics = {
        kind: arn for kind, arn in (("Bounce", bounce), ("Complaint", complaint)) if arn is not None
    }
    wanted = wiring.Wish(
        OURS,
        frozenset({"example.com"} if listed else set()),
        overwrite,
        frozenset({OURS, OLD}),
        unwire,
    )

    todo = wiring.plan("example.com", topics, wanted)

    if not overwrite or unwire or not listed:
        assert all(topics.get(kind) != THEIRS for kind in todo.topics)
    after = {kind: arn for kind, arn in (topics | todo.topics).items() if arn}
    assert wiring.plan("example.com", after, wanted).topics == {}
    if unwire or not listed:
        assert not {OURS, OLD} & set(after.values())


def test_the_handler_reports_numbers_and_logs_no_identity(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    fault = refused("InvalidParameterValue")
    ses = Ses({"ann@example.com": {}, "bob@example.com": {}}, faults={"bob@example.com": [fault]})
    monkeypatch.setattr(wire_identities, "_clients", lambda: (ses, ses))
    monkeypatch.setattr(wiring.time, "sleep", lambda _: None)
    context: Any = SimpleNamespace(
        function_name="wiring",
        memory_limit_in_mb=256,
        invoked_function_arn="arn:aws:lambda:eu-west-1:111122223333:function:wiring",
        aws_request_id="request-1",
        get_remaining_time_in_millis=lambda: 900_000,
    )

    with pytest.raises(wiring.IdentitiesNotWired) as failure:
        wire_identities.lambda_handler({"topic_arn": OURS}, context)
    report = wire_identities.lambda_handler({"topic_arn": OURS}, context)

    assert (report["wired"], report["as_wanted"], report["failed"]) == (1, 1, 0)
    json.dumps(report)
    assert "example.com" not in str(failure.value)
    logged = str([vars(record) for record in caplog.records])
    assert "Identities looked at" in logged
    assert "example.com" not in logged + "".join(capsys.readouterr())
