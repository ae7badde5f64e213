"""The function: its answer to a campaign or journey, its log and its counts."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from campaign_attributes.attributes import BatchFailed
from campaign_attributes.sources import Lookup
from engagement_hub.engagement.hooks import apply_hook_answer, hook_payload
from shared.campaign_calls import MalformedCall
from shared.fetching.cache import AgeCache
from shared.fetching.failures import FetchFailed, Reason
from shared.fetching.pool import FetchPool
from shared.hook_answers import AnswerTooLarge
from shared.messages.templates import compile_template
from tests.builders.architectures import CONTEXT, load_function
from tests.builders.attribute_sources import Source, endpoint, event, settings_document

DATA = Path(__file__).parents[2] / "data" / "events" / "campaign_hook"
MODULE = "campaign_attributes.functions.add_attributes"
LATE = FetchFailed(Reason.TIMED_OUT, "late.")
NAMES = ["offer"]
POOL = FetchPool(2)
ANN, BOB = endpoint("u-ann"), endpoint("u-bob")


class Function:
    """The handler after a cold start, with a source in memory."""

    def __init__(self, module: ModuleType, capsys: Any, caplog: Any) -> None:
        self.module, self._capsys, self._caplog = module, capsys, caplog
        self.knows({"u-ann": {"offer": "red shoes"}, "u-bob": {"offer": "umbrella"}})

    def knows(self, items: Any) -> None:
        """Begin with another source and an empty cache."""
        self.source = Source(items)
        self.module.lookup = Lookup(self.source, AgeCache(60), NAMES, pool=POOL)  # type: ignore[attr-defined]

    def __call__(self, asked: Any, seconds: float = 9) -> Any:
        left = SimpleNamespace(
            **vars(CONTEXT), get_remaining_time_in_millis=lambda: int(seconds * 1000)
        )
        return json.loads(json.dumps(self.module.lambda_handler(asked, left)))

    def logged(self) -> str:
        """Every log record with all that it carries."""
        return str([vars(record) for record in self._caplog.records])

    def metrics(self) -> dict[str, int]:
        """The counts of the last invocation."""
        lines = [line for line in self._capsys.readouterr().out.splitlines() if '"_aws"' in line]
        found = json.loads(lines[-1]) if lines else {}
        return {name: sum(value) for name, value in found.items() if isinstance(value, list)}


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch, capsys: Any, caplog: Any) -> Callable[..., Function]:
    def start(**members: Any) -> Function:
        environment = {"SETTINGS": json.dumps(settings_document(**members))}
        return Function(load_function(monkeypatch, MODULE, environment), capsys, caplog)

    return start


@pytest.fixture
def function(start: Callable[..., Function]) -> Function:
    return start()


def offers(answer: Any) -> dict[str, Any]:
    return {name: each.get("Attributes", {}).get("Offer") for name, each in answer.items()}


def test_the_answer_is_the_map_of_endpoints_itself(function: Function) -> None:
    answer = function(event({"ann": ANN, "bob": BOB}))

    assert answer == {
        "ann": {**ANN, "Attributes": {"Offer": ["red shoes"]}},
        "bob": {**BOB, "Attributes": {"Offer": ["umbrella"]}},
    }
    assert function.metrics() == {"FetchedEndpoints": 2}


@pytest.mark.parametrize(
    "name",
    [
        "filter_request",
        "filter_request_message_key",
        "custom_channel_campaign_request",
        "custom_channel_journey_request",
    ],
)
def test_documented_calls_of_campaigns_and_journeys_keep_all_that_their_endpoints_have(
    function: Function, name: str
) -> None:
    asked = json.loads((DATA / f"{name}.json").read_text())
    function.source.items["user-1001"] = {"offer": "red shoes"}

    answer = function(asked)

    for endpoint_id, sent in asked["Endpoints"].items():
        own = sent.get("Attributes", {})
        assert answer[endpoint_id] == {**sent, "Attributes": {**own, "Offer": ["red shoes"]}}
    assert set(answer) == set(asked["Endpoints"])


def test_a_hub_renders_the_offer_for_one_reader_and_leaves_out_another(
    start: Callable[..., Function],
) -> None:
    function = start(on_failure={"no_key": "drop_recipient"})
    people = [
        {"Id": "ann", "ApplicationId": "app", "CohortId": "5", **ANN, "Attributes": {"x": ["own"]}},
        {"Id": "eve", "ApplicationId": "app", "CohortId": "6", **endpoint()},
    ]
    asked = hook_payload(
        people,  # type: ignore[arg-type]
        app_id="app",
        campaign_id="campaign-1",
        activity_id="run-1",
        treatment_id="0",
        scheduled_time=datetime(2026, 3, 2, tzinfo=UTC),
        message_configuration={"EmailMessage": {"Title": "Your offer"}},
    )

    [hooked] = apply_hook_answer(people, function(asked))  # type: ignore[arg-type]

    subject = compile_template("Your offer: {{Attributes.Offer}} {{Attributes.x}}")
    assert subject.render(hooked.endpoint) == "Your offer: red shoes own"
    assert hooked.endpoint["Id"] == "ann"


def test_the_endpoints_of_other_campaigns_pass_unchanged_and_the_source_is_not_asked(
    start: Callable[..., Function],
) -> None:
    function = start(allowed={"campaign_ids": ["campaign-2"], "journey_ids": ["journey-1"]})

    assert function(event({"ann": ANN, "broken": 5})) == {"ann": ANN}
    assert function.source.questions == []
    assert function.metrics() == {"PassedEndpoints": 1}
    assert offers(function(event({"ann": ANN}, CampaignId="campaign-2"))) == {"ann": ["red shoes"]}
    assert offers(function(event({"ann": ANN}, JourneyId="journey-1"))) == {"ann": ["red shoes"]}
    assert function(event({"ann": ANN}, JourneyId="journey-2")) == {"ann": ANN}


def test_a_source_that_fails_sends_the_default_to_those_who_are_not_in_the_cache(
    function: Function,
) -> None:
    function(event({"ann": ANN}))
    function.source.failure = LATE

    answer = function(event({"ann": ANN, "bob": BOB}))

    assert offers(answer) == {"ann": ["red shoes"], "bob": ["10 % off"]}
    assert "TIMED_OUT" in function.logged()
    assert function.metrics()["SourceFailures"] == 1


def test_a_batch_that_must_fail_with_its_source_fails_and_its_repetition_asks_again(
    start: Callable[..., Function],
) -> None:
    function = start(on_failure={"source_failed": "fail_batch"})
    function.source.failure = LATE
    for _ in range(5):  # no pause of the source makes the repetitions fail at once
        with pytest.raises(BatchFailed):
            function(event({"ann": ANN, "bob": BOB}))
    assert function.metrics() == {"FailedBatches": 1, "SourceFailures": 2}
    function.source.failure = None

    assert offers(function(event({"ann": ANN, "bob": BOB}))) == {
        "ann": ["red shoes"],
        "bob": ["umbrella"],
    }


def test_the_same_call_twice_has_the_same_answer(function: Function) -> None:
    asked = event({"ann": ANN, "bob": BOB, "eve": endpoint()})

    assert function(asked) == function(asked)
    assert len(function.source.questions) == 1


def test_fifty_endpoints_are_one_question(function: Function) -> None:
    function(event({f"e{n}": endpoint(f"u-{n}") for n in range(50)}))

    assert [len(keys) for keys in function.source.questions] == [50]


def test_no_endpoints_are_no_question(function: Function) -> None:
    assert function(event({})) == {}
    assert function.source.questions == []


def test_a_function_that_has_little_time_left_answers_before_its_end(function: Function) -> None:
    function(event({"ann": ANN}), seconds=5)
    function(event({"bob": BOB}), seconds=9)

    assert [round(seconds) for seconds in function.source.seconds] == [3, 5]


def test_the_log_has_no_id_no_key_no_address_and_no_value(start: Callable[..., Function]) -> None:
    function = start(on_failure={"missing": "drop_recipient"})
    function.source.items["u-bob"] = {"offer": "secret" * 50}
    function.source.failed["u-late"] = LATE

    function(
        event({"ann-id": ANN, "bob-id": BOB, "eve-id": endpoint("u-eve"), "x": endpoint("u-late")})
    )

    logged = function.logged()
    assert "Values cannot be used" in logged
    assert not any(
        text in logged for text in ("ann-id", "bob-id", "u-bob", "u-late", "@example.com", "secret")
    )


def test_an_answer_that_lambda_would_refuse_fails_with_the_reason(
    start: Callable[..., Function],
) -> None:
    function = start(max_value_characters=10_000)
    function.source.items["u-ann"] = {"offer": ["x" * 10_000] * 50}

    with pytest.raises(AnswerTooLarge, match="Use shorter"):
        function(event({f"e{n}": ANN for n in range(50)}))


@pytest.mark.parametrize(
    "broken",
    [
        None,
        "text",
        5,
        [],
        {},
        {"Endpoints": None},
        {"Endpoints": []},
        {**event({}), "Endpoints": "text"},
        {**event({}), "ApplicationId": None},
        {**event({}), "ApplicationId": ""},
        {**event({}), "ApplicationId": 5},
        {**event({}), "ActivityId": None},
        {**event({}), "CampaignId": None},
        {**event({}), "CampaignId": ["c"]},
        {**event({}), "JourneyId": "both"},
        {**event({}), "TreatmentId": 0},
        {**event({}), "Data": {}},
        {**event({}), "Message": "text"},
        {**event({}), "Endpoints": {str(n): {} for n in range(51)}},
    ],
)
def test_an_event_that_is_no_call_is_refused_with_the_rule(function: Function, broken: Any) -> None:
    with pytest.raises(MalformedCall, match="must|missing"):
        function(broken)
    assert function.source.questions == []


@pytest.mark.parametrize("missing", [None, ""])
def test_a_function_without_settings_does_not_start(
    monkeypatch: pytest.MonkeyPatch, missing: str | None
) -> None:
    monkeypatch.delenv("SETTINGS", raising=False)

    with pytest.raises(RuntimeError, match="SETTINGS"):
        load_function(monkeypatch, MODULE, {} if missing is None else {"SETTINGS": missing})


ARN = "arn:aws:lambda:eu-west-1:123456789012:function:offers"
HTTPS = {
    "url": "https://shop.example.com",
    "method": "POST",
    "header": "Authorization",
    "max_answer_bytes": 1000,
}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ({"table": settings_document()["source"]["table"]}, "TableSource"),
        ({"function": {"arn": ARN, "max_answer_bytes": 1000}}, "FunctionSource"),
        ({"https": HTTPS}, "HttpsSource"),
        ({"https": {**HTTPS, "secret_arn": "arn:aws:secretsmanager:x"}}, "HttpsSource"),
        ({"https": {**HTTPS, "parameter_arn": "arn:aws:ssm:x"}}, "HttpsSource"),
    ],
)
def test_a_cold_start_makes_the_source_of_the_settings(
    start: Callable[..., Function], source: Any, expected: str
) -> None:
    module = start(source=source).module

    assert type(module.source_of(module.settings)).__name__ == expected


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=120),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
ENDPOINTS = st.dictionaries(
    st.text(min_size=1, max_size=5),
    st.fixed_dictionaries(
        {},
        optional={
            "Attributes": VALUES,
            "User": VALUES
            | st.fixed_dictionaries({"UserId": st.sampled_from(["1", "2"]) | VALUES}),
            "Address": VALUES,
        },
    )
    | VALUES,
    max_size=6,
)


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    endpoints=ENDPOINTS,
    items=st.dictionaries(st.sampled_from(["1", "2"]), st.dictionaries(st.just("offer"), VALUES)),
)
def test_whatever_endpoints_and_source_have_each_recipient_has_an_offer_within_limits_or_no_message(
    function: Function, endpoints: dict[str, Any], items: dict[str, Any]
) -> None:
    function.knows(items)

    answer = function(event(endpoints))

    assert set(answer) <= set(endpoints)
    for endpoint_id, each in answer.items():
        [*values] = each["Attributes"]["Offer"]
        assert 1 <= len(values) <= 50
        assert all(isinstance(value, str) and 1 <= len(value) <= 100 for value in values)
        sent = endpoints[endpoint_id]
        assert {name: value for name, value in each.items() if name != "Attributes"} == {
            name: value for name, value in sent.items() if name != "Attributes"
        }
    assert {name for name, each in endpoints.items() if isinstance(each, dict)} == set(answer)
