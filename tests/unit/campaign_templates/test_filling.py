"""Answers to calls of campaigns and journeys."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from campaign_templates.content import Content
from campaign_templates.filling import ContentUnavailable, Filled, Filler, Policy, Settings
from campaign_templates.library import Library
from campaign_templates.rendering import Limits
from campaign_templates.rules import rules_from
from engagement_hub.engagement.hooks import apply_hook_answer
from shared.campaign_calls import read_call
from shared.fetching.breaker import Breaker
from shared.fetching.deadline import Deadline
from shared.fetching.failures import FetchFailed, Reason
from shared.fetching.pool import FetchPool
from shared.hook_answers import MAX_ANSWER_BYTES
from shared.messages.templates import compile_template
from tests.builders.campaigns import sample

ENGLISH = Content("Hello {{User.UserAttributes.Name}}", "<p>Hello</p>", "Hello")
GERMAN = Content("Hallo", "<p>Hallo</p>")


class Store:
    """Contents by template and locale; counts what is asked."""

    def __init__(self, **contents: Content | Exception) -> None:
        self.contents: dict[str, Any] = {name.replace("_", "/"): c for name, c in contents.items()}
        self.asked: list[str] = []
        self.before: Callable[[], None] = lambda: None

    def get(self, template: str, locale: str, deadline: Deadline) -> Content | None:
        self.asked.append(f"{template}/{locale}")
        self.before()
        found = self.contents.get(f"{template}/{locale}")
        if isinstance(found, Exception):
            raise found
        return found


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def endpoint(locale: str | None = None, **members: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"ChannelType": "EMAIL", "Address": "ann@example.com", **members}
    if locale:
        found["Demographic"] = {"Locale": locale}
    return found


def call(treatment: str = "0", **endpoints: Any) -> Any:
    return read_call(
        {
            "ApplicationId": "app",
            "CampaignId": "campaign",
            "TreatmentId": treatment,
            "ActivityId": "run",
            "ScheduledTime": "2026-03-02T17:00:00.000Z",
            "Endpoints": endpoints,
        }
    )


class Hook:
    """The filler with a store of a test's own."""

    def __init__(self, store: Store, clock: Clock | None = None, **settings: Any) -> None:
        clock = clock or Clock()
        self.store = store
        library = Library(
            store, FetchPool(4), seconds=300, stale_seconds=3600,
            breaker=Breaker(clock=clock), clock=clock,
            insists=settings.get("failure_policy", Policy.FAIL_BATCH) is Policy.FAIL_BATCH,
        )  # fmt: skip
        self.filler = Filler(Settings("welcome", **settings), library)

    def fill(self, asked: Any, fetch: float = 5, render: float = 5) -> Filled:
        return self.filler.fill(asked, Deadline.after(fetch), Deadline.after(render))


def failing(reason: Reason = Reason.UNAVAILABLE) -> FetchFailed:
    return FetchFailed(reason, "it failed.")


def subjects(filled: Filled) -> dict[str, Any]:
    return {name: one["Attributes"]["subject"][0] for name, one in filled.answer.items()}


def test_22_1_content_comes_from_the_store_by_rule_and_locale_and_not_from_the_code():
    store = Store(welcome_default=ENGLISH, welcome_de=GERMAN, gold_default=Content("Gold", "g"))
    rules = rules_from([{"template": "gold", "user_attributes": {"Tier": ["gold"]}}])
    gold = endpoint(User={"UserAttributes": {"Tier": ["gold"]}})

    filled = Hook(store, rules=rules).fill(
        call(ann=endpoint("en"), franz=endpoint("de_AT"), zoe=endpoint("fr"), kim=gold)
    )

    assert subjects(filled) == {"ann": "Hello", "franz": "Hallo", "zoe": "Hello", "kim": "Gold"}


def test_22_1_recipients_of_one_content_share_one_fetch_and_the_next_call_needs_none():
    store = Store(welcome_default=ENGLISH)
    hook = Hook(store)
    crowd = call(**{f"e{number}": endpoint("de_AT") for number in range(50)})

    hook.fill(crowd)
    hook.fill(crowd)

    assert store.asked == ["welcome/de-AT", "welcome/de", "welcome/default"]


def test_22_1_a_content_is_fetched_again_when_it_is_too_old():
    clock, store = Clock(), Store(welcome_default=ENGLISH)
    hook = Hook(store, clock)
    hook.fill(call(ann=endpoint()))
    store.contents["welcome/default"] = GERMAN
    clock.now += 299
    assert subjects(hook.fill(call(ann=endpoint()))) == {"ann": "Hello"}

    clock.now += 2

    assert subjects(hook.fill(call(ann=endpoint()))) == {"ann": "Hallo"}


def test_22_5_an_older_content_is_used_while_the_store_fails():
    clock, store = Clock(), Store(welcome_default=ENGLISH)
    hook = Hook(store, clock)
    hook.fill(call(ann=endpoint()))
    store.contents["welcome/default"] = failing()
    clock.now += 1000

    filled = hook.fill(call(ann=endpoint()))

    assert subjects(filled) == {"ann": "Hello"}
    assert filled.counts["StaleContents"] == 1
    clock.now += 3600
    with pytest.raises(ContentUnavailable):
        hook.fill(call(ann=endpoint()))


def test_a_failure_of_the_exact_locale_is_no_reason_for_another_language():
    store = Store(welcome_default=ENGLISH, **{"welcome_de-AT": failing()})

    with pytest.raises(ContentUnavailable, match="welcome/de-AT: UNAVAILABLE: it failed"):
        Hook(store).fill(call(franz=endpoint("de_AT")))


@pytest.mark.parametrize("reason", list(Reason))
def test_22_5_the_default_content_is_sent_in_place_of_one_that_failed(reason):
    store = Store(welcome_default=failing(reason), welcome_de=GERMAN)
    default = Content("News for {{User.UserAttributes.Name}}", "<p>News</p>", defaults={
        "User.UserAttributes.Name": "you"})  # fmt: skip
    hook = Hook(store, failure_policy=Policy.SEND_DEFAULT, default_content=default)

    filled = hook.fill(call(ann=endpoint("en"), franz=endpoint("de")))

    assert subjects(filled) == {"ann": "News for you", "franz": "Hallo"}
    assert filled.counts["FailedContents"] == filled.counts["DefaultContents"] == 1


def test_22_5_a_recipient_without_content_is_dropped_where_the_policy_says_so():
    store = Store(welcome_default=failing(), welcome_de=GERMAN)

    filled = Hook(store, failure_policy=Policy.DROP_RECIPIENT).fill(
        call(ann=endpoint("en"), franz=endpoint("de"))
    )

    assert set(filled.answer) == {"franz"}
    assert dict(filled.failures) == {"welcome/default: UNAVAILABLE: it failed.": 1}


def test_21_2_a_store_that_does_not_answer_costs_no_more_than_the_deadline():
    store = Store(welcome_default=ENGLISH)
    waiting = Deadline.after(60)
    store.before = lambda: waiting.sleep(0.5)

    filled = Hook(store, failure_policy=Policy.DROP_RECIPIENT).fill(
        call(ann=endpoint()), fetch=0.05
    )

    assert filled.answer == {}
    assert "TIMED_OUT" in next(iter(filled.failures))


def test_21_2_a_store_that_keeps_failing_is_left_alone_for_a_while():
    store = Store(welcome_default=failing())
    hook = Hook(store, failure_policy=Policy.DROP_RECIPIENT)

    for _ in range(10):
        hook.fill(call(ann=endpoint()))

    assert len(store.asked) == 3


def test_contents_of_one_call_that_fail_together_are_one_failure_of_the_store():
    store = Store(**{f"welcome_{language}": failing() for language in ("de", "en", "fr", "it")})
    hook = Hook(store, failure_policy=Policy.DROP_RECIPIENT)
    crowd = call(**{language: endpoint(language) for language in ("de", "en", "fr", "it")})
    hook.fill(crowd)
    store.contents = {"welcome/de": GERMAN, "welcome/default": ENGLISH}

    assert subjects(hook.fill(crowd)) == {
        "de": "Hallo",
        "en": "Hello",
        "fr": "Hello",
        "it": "Hello",
    }


def test_a_batch_that_fails_with_its_store_asks_it_again_however_often_it_failed():
    store = Store(welcome_default=failing())
    hook = Hook(store)
    for _ in range(5):
        with pytest.raises(ContentUnavailable):
            hook.fill(call(ann=endpoint()))
    store.contents["welcome/default"] = ENGLISH

    assert subjects(hook.fill(call(ann=endpoint()))) == {"ann": "Hello"}


def test_a_batch_that_has_older_contents_leaves_a_failing_store_alone():
    clock, store = Clock(), Store(welcome_default=ENGLISH)
    hook = Hook(store, clock)
    hook.fill(call(ann=endpoint()))
    store.contents["welcome/default"] = failing()
    clock.now += 301

    found = [subjects(hook.fill(call(ann=endpoint()))) for _ in range(10)]

    assert found == [{"ann": "Hello"}] * 10
    assert len(store.asked) == 4


def test_locales_without_content_push_no_content_out():
    clock, store = Clock(), Store(welcome_default=ENGLISH)
    hook = Hook(store, clock)
    languages = [f"{one}{two}" for one in "abcdefghij" for two in "abcdefghijklmnopqrstuvwxyz"]
    for at in range(0, 250, 50):
        crowd = {name: endpoint(name) for name in languages[at : at + 50]}
        hook.fill(call(**crowd))
    assert store.asked.count("welcome/default") == 1

    store.contents["welcome/default"] = failing()
    clock.now += 301

    assert subjects(hook.fill(call(ann=endpoint()))) == {"ann": "Hello"}


def test_a_content_that_was_deleted_is_no_older_content():
    clock, store = Clock(), Store(welcome_default=ENGLISH, welcome_de=GERMAN)
    hook = Hook(store, clock)
    hook.fill(call(franz=endpoint("de")))
    del store.contents["welcome/de"]
    clock.now += 301
    assert subjects(hook.fill(call(franz=endpoint("de")))) == {"franz": "Hello"}
    store.contents["welcome/de"] = failing()
    clock.now += 301

    assert subjects(hook.fill(call(franz=endpoint("de")))) == {"franz": "Hello"}


def test_recipients_that_cannot_be_rendered_in_time_get_what_the_policy_says():
    store = Store(welcome_default=ENGLISH)

    filled = Hook(store, failure_policy=Policy.DROP_RECIPIENT).fill(
        call(ann=endpoint(), bob=endpoint()), render=0
    )

    assert filled.answer == {}
    assert filled.counts["FailedContents"] == 2


@pytest.mark.parametrize(
    "broken",
    [None, 5, "x", [], True],
)
def test_21_3_an_endpoint_that_is_no_object_costs_no_other_recipient_the_message(broken):
    filled = Hook(Store(welcome_default=ENGLISH)).fill(call(ann=endpoint(), bad=broken))

    assert set(filled.answer) == {"ann"}
    assert filled.counts["MalformedEndpoints"] == 1


@pytest.mark.parametrize(
    "members",
    [
        {"Attributes": None},
        {"Attributes": []},
        {"Attributes": "x"},
        {"User": None},
        {"User": []},
        {"User": {"UserAttributes": []}},
        {"Demographic": []},
        {"Demographic": {"Locale": None}},
        {"Demographic": {"Locale": ["de"]}},
        {"Demographic": {"Locale": "../../x"}},
        {"Metrics": "x"},
        {"Location": 5},
        {"Address": None},
        {"OptOut": 5},
        {"Attributes": {"html": None, "subject": 5}},
        {"Unknown": {"x": [1]}},
    ],
)
def test_21_3_an_endpoint_with_members_of_another_type_gets_its_content(members):
    filled = Hook(Store(welcome_default=ENGLISH)).fill(call(ann=endpoint(**members)))

    assert filled.answer["ann"]["Attributes"]["subject"] == ["Hello"]


def test_an_endpoint_with_too_many_attributes_is_that_recipients_failure_only():
    full = endpoint(Attributes={f"a{number}": ["x"] for number in range(250)})

    filled = Hook(Store(welcome_default=ENGLISH), failure_policy=Policy.DROP_RECIPIENT).fill(
        call(ann=endpoint(), full=full)
    )

    assert set(filled.answer) == {"ann"}


def test_one_recipient_whose_value_does_not_fit_costs_no_other_one_the_message():
    content = Content("Hi", "<p>{{divide Metrics.Points 2}}</p>")
    hook = Hook(Store(welcome_default=content), failure_policy=Policy.DROP_RECIPIENT)

    filled = hook.fill(
        call(ann=endpoint(Metrics={"Points": 4}), bob=endpoint(Metrics={"Points": "x"}))
    )

    assert set(filled.answer) == {"ann"}


@pytest.mark.parametrize("letter", ["x", "é", '"', "\U0001f600"])
def test_22_2_contents_of_the_largest_size_fit_into_the_answer_of_fifty_endpoints(letter):
    size = 100_000 // len(letter.encode())
    hook = Hook(
        Store(welcome_default=Content("Hi", letter * size)),
        failure_policy=Policy.DROP_RECIPIENT,
        limits=Limits(200, 200_000, 10_000),
    )

    filled = hook.fill(call(**{f"e{number}": endpoint() for number in range(50)}), render=60)

    assert len(json.dumps(filled.answer, ensure_ascii=False).encode()) <= MAX_ANSWER_BYTES
    # A quotation mark takes two bytes in JSON, so not all of these are in.
    assert len(filled.answer) == 50 or letter == '"' and "no room" in next(iter(filled.failures))


def test_21_4_recipients_of_other_campaigns_stay_as_they_are_and_the_store_is_not_asked():
    store = Store(welcome_default=ENGLISH)
    ann = endpoint(Attributes={"subject": ["own"]})

    filled = Hook(store, allowed=frozenset({"other"})).fill(call(ann=ann))

    assert filled.answer == {"ann": ann}
    assert store.asked == []
    assert subjects(Hook(store, allowed=frozenset({"campaign"})).fill(call(ann=ann))) == {
        "ann": "Hello"
    }


def test_a_treatment_of_an_ab_test_gets_another_template():
    store = Store(welcome_default=ENGLISH, short_default=Content("Short", "s"))
    hook = Hook(store, rules=rules_from([{"template": "short", "treatments": ["1"]}]))

    assert subjects(hook.fill(call("0", ann=endpoint()))) == {"ann": "Hello"}
    assert subjects(hook.fill(call("1", ann=endpoint()))) == {"ann": "Short"}


def test_a_journeys_call_is_answered_in_the_same_form():
    journey = read_call(sample("campaign_hook/custom_channel_journey_request"))

    filled = Hook(Store(welcome_default=ENGLISH)).fill(journey)

    assert set(filled.answer) == set(journey.endpoints)


def test_an_attribute_of_an_older_message_does_not_stay():
    old = endpoint(Attributes={"text": ["old text"], "Interests": ["art"]})

    filled = Hook(Store(welcome_default=GERMAN)).fill(call(franz=old))

    assert filled.answer["franz"]["Attributes"] == {
        "Interests": ["art"], "subject": ["Hallo"], "html": ["<p>Hallo</p>"], "text": [],
    }  # fmt: skip


@pytest.mark.parametrize(
    "shell", ["<html>{{Attributes.html}}</html>", "<html>{{{Attributes.html}}}</html>"]
)
def test_22_3_the_seeds_shell_prints_the_html_unescaped_with_two_braces_and_with_three(shell):
    content = Content(
        "Hi", "<!DOCTYPE html><html><body><p>A &amp; {{Attributes.x}}</p></body></html>"
    )
    filled = Hook(Store(welcome_default=content)).fill(
        call(ann=endpoint(Attributes={"x": ["<b>"]}))
    )

    [hooked] = apply_hook_answer([{"Id": "ann", **endpoint()}], filled.answer)

    assert compile_template(shell, html=True).render(hooked.endpoint) == (
        "<html><body><p>A &amp; &lt;b&gt;</p></body></html>"
    )


def test_22_3_one_brace_is_no_placeholder():
    assert compile_template("<html>{Attributes.html}</html>", html=True).render({}) == (
        "<html>{Attributes.html}</html>"
    )


def test_22_4_the_subject_is_an_attribute_of_its_own():
    content = Content("{{User.UserAttributes.Name}} & you", "x")
    ann = endpoint(User={"UserAttributes": {"Name": ["Ann"]}})

    filled = Hook(Store(welcome_default=content)).fill(call(ann=ann))
    [hooked] = apply_hook_answer([{"Id": "ann", **ann}], filled.answer)

    assert compile_template("{{Attributes.subject}}").render(hooked.endpoint) == "Ann & you"
