"""Sources: a table in one request, an endpoint or a function with one question, behind a cache."""

from __future__ import annotations

import io
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError
from moto import mock_aws

from campaign_attributes.sources import Fetched, Lookup, question, read_answer
from campaign_attributes.table_source import TableSource
from campaign_attributes.web_sources import FunctionSource, HttpsSource, get_urls
from shared.campaign_calls import Sending
from shared.fetching.breaker import Breaker
from shared.fetching.cache import AgeCache
from shared.fetching.callers_function import CallersFunction
from shared.fetching.deadline import Deadline
from shared.fetching.failures import FetchFailed, Reason
from shared.fetching.header_value import SecretHeader
from shared.fetching.https import Https
from tests.builders.architectures import service_error
from tests.builders.attribute_sources import SENDING, Source
from tests.builders.https_server import Answer, HttpsServer, Request, https_server

LATE = FetchFailed(Reason.TIMED_OUT, "late.")
KEYS = [f"u-{number}" for number in range(50)]
JOURNEY = Sending(application_id="app", activity_id="visit", journey_id="journey-1")


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def deadline(self, seconds: float = 5) -> Deadline:
        return Deadline.after(seconds, self, self.sleep)


# Cache, deadline and pause


def lookup(source: Source, clock: Clock, breaker: Breaker | None = None) -> Lookup:
    return Lookup(source, AgeCache(60, clock=clock), ["offer"], breaker)


def test_one_question_has_each_key_once() -> None:
    source = Source({"u-1": {"offer": "x"}})

    found = lookup(source, Clock()).find(["u-1", "u-2", "u-1"], SENDING, 5)

    assert source.questions == [["u-1", "u-2"]]
    assert found == Fetched({"u-1": {"offer": "x"}, "u-2": {}})


def test_what_is_known_is_not_asked_again_until_it_is_too_old() -> None:
    clock, source = Clock(), Source({"u-1": {"offer": "x"}})
    looking = lookup(source, clock)

    for keys in (["u-1", "u-2"], ["u-2", "u-3"], ["u-1"]):
        looking.find(keys, SENDING, 5)
    assert source.questions == [["u-1", "u-2"], ["u-3"]]
    clock.now += 60
    looking.find(["u-1"], SENDING, 5)

    assert source.questions[2:] == [["u-1"]]


def test_a_source_that_answers_with_whole_profiles_does_not_fill_the_memory() -> None:
    source = Source({"u-1": {"offer": "x", "profile": ["y" * 1_000_000]}})

    found = lookup(source, Clock()).find(["u-1"], SENDING, 5)

    assert found == Fetched({"u-1": {"offer": "x"}})


def test_an_item_that_is_too_large_to_keep_is_used_and_asked_for_again() -> None:
    source = Source({"u-1": {"offer": "x" * 5_000}, "u-2": {"offer": "y"}})
    looking = lookup(source, Clock())

    found = [looking.find(["u-1", "u-2"], SENDING, 5) for _ in range(2)]

    assert found[0] == found[1] == Fetched(source.items)
    assert source.questions == [["u-1", "u-2"], ["u-1"]]


def test_an_answer_about_one_campaign_is_not_used_for_another_where_it_can_differ() -> None:
    source = Source({"u-1": {"offer": "x"}}, per_campaign=True)
    looking = lookup(source, Clock())

    for sending in (SENDING, JOURNEY, SENDING):
        looking.find(["u-1"], sending, 5)

    assert source.questions == [["u-1"], ["u-1"]]


def test_a_failure_is_not_kept() -> None:
    source = Source({"u-1": {"offer": "x"}})
    source.failed = {"u-2": LATE}
    looking = lookup(source, Clock())
    assert looking.find(["u-1", "u-2"], SENDING, 5).failed == {"u-2": LATE}
    source.failure = LATE
    assert looking.find(["u-2"], SENDING, 5).failed == {"u-2": LATE}
    source.failure, source.failed, source.items["u-2"] = None, {}, {"offer": "y"}

    assert looking.find(["u-1", "u-2"], SENDING, 5).items["u-2"] == {"offer": "y"}


def test_what_the_cache_has_is_used_when_the_source_fails() -> None:
    source = Source({"u-1": {"offer": "x"}})
    looking = lookup(source, Clock())
    looking.find(["u-1"], SENDING, 5)
    source.failure = LATE

    assert looking.find(["u-1", "u-2"], SENDING, 5) == Fetched(
        {"u-1": {"offer": "x"}}, {"u-2": LATE}
    )


def test_a_source_that_failed_three_times_is_not_asked_for_a_while() -> None:
    clock, source = Clock(), Source()
    source.failure = LATE
    looking = lookup(source, clock, Breaker(failures=3, seconds=20, clock=clock))

    found = [looking.find([key], SENDING, 5).failed[key].reason for key in KEYS[:5]]

    assert found == [Reason.TIMED_OUT] * 3 + [Reason.PAUSED] * 2
    assert len(source.questions) == 3
    clock.now += 20
    source.failure = None
    assert looking.find(["u-1"], SENDING, 5).failed == {}


def test_a_source_that_hangs_ends_at_the_deadline_and_the_next_batch_asks_again() -> None:
    hangs, source = threading.Event(), Source({"u-1": {"offer": "x"}})
    fetch, source.fetch = source.fetch, lambda *_: hangs.wait(10)  # type: ignore[assignment,method-assign]
    looking = lookup(source, Clock())
    began = time.monotonic()

    found = looking.find(["u-1"], SENDING, -0.9)  # and the second of grace
    source.fetch = fetch  # type: ignore[method-assign]
    again = looking.find(["u-1"], SENDING, 5)

    hangs.set()
    assert found.failed["u-1"].reason is Reason.TIMED_OUT
    assert again.items == {"u-1": {"offer": "x"}}
    assert time.monotonic() - began < 5


# Table


class Table:
    """DynamoDB's BatchGetItem: `script` has an error, or a number of keys to process, per call."""

    def __init__(self, items: list[dict[str, Any]] | None = None, *script: Any) -> None:
        self.items, self.script = items or [], list(script)
        self.requests: list[Any] = []

    def batch_get_item(self, RequestItems: Any) -> Any:  # noqa: N803
        [(table, request)] = RequestItems.items()
        self.requests.append(request)
        step = self.script.pop(0) if self.script else 100
        if isinstance(step, Exception):
            raise step
        keys, left = request["Keys"][:step], request["Keys"][step:]
        found = [each for each in self.items if any(key.items() <= each.items() for key in keys)]
        answer: dict[str, Any] = {"Responses": {table: found}, "UnprocessedKeys": {}}
        if left:
            answer["UnprocessedKeys"] = {table: {**request, "Keys": left}}
        return answer


def source(table: Any, **options: Any) -> TableSource:
    given: dict[str, Any] = {
        "partition_key": "id", "key_type": "S", "names": ["offer"], "expiry": "expires_at",
        "clock": lambda: 1000.0,
    }  # fmt: skip
    return TableSource(table, "offers", **given | options)


def item(key: str, offer: str = "x", **values: Any) -> dict[str, Any]:
    return {"id": {"S": key}, "offer": {"S": offer}, **values}


def offers(found: Fetched) -> dict[str, Any]:
    return {key: each["offer"] for key, each in found.items.items() if "offer" in each}


def test_fifty_keys_are_one_request() -> None:
    table = Table([item(key) for key in KEYS])

    found = source(table).fetch(KEYS, SENDING, Clock().deadline())

    assert (len(found.items), len(table.requests)) == (50, 1)


def test_keys_that_are_not_processed_are_read_again_and_those_alone() -> None:
    table = Table([item(key) for key in KEYS], 20, 0, 10)

    found = source(table).fetch(KEYS, SENDING, Clock().deadline())

    assert (len(found.items), found.failed) == (50, {})
    assert [len(request["Keys"]) for request in table.requests] == [50, 30, 30, 20]


def test_keys_that_stay_unprocessed_have_failed_at_the_deadline_and_the_others_are_kept() -> None:
    clock, table = Clock(), Table([item(key) for key in KEYS], 20, *[0] * 100)

    found = source(table).fetch(KEYS, SENDING, clock.deadline(5))

    assert sorted(offers(found)) == sorted(KEYS[:20])
    assert sorted(found.failed) == sorted(KEYS[20:])
    assert {failure.reason for failure in found.failed.values()} == {Reason.UNAVAILABLE}
    assert clock.now <= 1_000_005
    assert len(table.requests) < 15


@pytest.mark.parametrize(
    "error",
    [
        service_error("BatchGetItem", "ProvisionedThroughputExceededException", 400),
        service_error("BatchGetItem", "ThrottlingException", 400),
        service_error("BatchGetItem", "InternalServerError", 500),
        ReadTimeoutError(endpoint_url="https://dynamodb"),
        EndpointConnectionError(endpoint_url="https://dynamodb"),
    ],
    ids=str,
)
def test_a_table_that_says_later_is_read_again(error: Exception) -> None:
    table = Table([item("u-1")], error, error)

    assert offers(source(table).fetch(["u-1"], SENDING, Clock().deadline())) == {"u-1": "x"}


@pytest.mark.parametrize(
    ("error", "reason", "requests"),
    [
        (service_error("BatchGetItem", "ThrottlingException", 400), Reason.UNAVAILABLE, 5),
        (service_error("BatchGetItem", "AccessDeniedException", 400), Reason.REFUSED, 1),
        (service_error("BatchGetItem", "ValidationException", 400), Reason.REFUSED, 1),
        (service_error("BatchGetItem", "ResourceNotFoundException", 400), Reason.REFUSED, 1),
    ],
    ids=str,
)
def test_a_table_that_cannot_be_read_fails_with_the_code_and_not_the_text(
    error: Exception, reason: Reason, requests: int
) -> None:
    table = Table([], *[error] * 50)

    with pytest.raises(FetchFailed) as caught:
        source(table).fetch(["u-1"], SENDING, Clock().deadline(1.3))

    assert (caught.value.reason, len(table.requests)) == (reason, requests)
    assert error.response["Error"]["Code"] in str(caught.value)  # type: ignore[attr-defined]
    assert "+1425" not in str(caught.value)


@pytest.mark.parametrize(
    ("expires", "gone"), [("999", True), ("1000", True), ("1001", False), ("1000.5", False)]
)
def test_an_item_that_has_expired_is_gone_before_dynamodb_deletes_it(
    expires: str, gone: bool
) -> None:
    table = Table([item("u-1", expires_at={"N": expires})])

    found = source(table).fetch(["u-1"], SENDING, Clock().deadline())

    assert offers(found) == ({} if gone else {"u-1": "x"})


def test_an_item_without_an_end_or_with_another_kind_of_end_stays() -> None:
    table = Table([item("u-1", expires_at={"S": "2020-01-01"}), item("u-2")])

    assert set(offers(source(table).fetch(["u-1", "u-2"], SENDING, Clock().deadline()))) == {
        "u-1", "u-2",
    }  # fmt: skip


def test_a_table_may_have_items_of_any_age() -> None:
    table = Table([item("u-1", expires_at={"N": "1"})])

    found = source(table, expiry=None).fetch(["u-1"], SENDING, Clock().deadline())

    assert offers(found) == {"u-1": "x"}


def test_a_key_that_no_item_can_have_costs_no_other_endpoint_its_attributes() -> None:
    table = Table([item("u-1")])

    found = source(table).fetch(["x" * 2049, "u-1"], SENDING, Clock().deadline())

    assert offers(found) == {"u-1": "x"}
    assert [len(request["Keys"]) for request in table.requests] == [1]


@pytest.mark.parametrize(
    "key", ["", "abc", "1e5", "NaN", "Infinity", "1_000", " 1", "٣", "1" * 39, "0x1", "--1", "1."]
)
def test_a_text_is_no_key_of_a_table_whose_key_is_a_number(key: str) -> None:
    table = Table([{"id": {"N": "7"}, "offer": {"S": "x"}}])

    found = source(table, key_type="N").fetch([key, "7"], SENDING, Clock().deadline())

    assert offers(found) == {"7": "x"}


def test_two_ways_to_write_a_number_are_one_key_in_the_request_and_two_in_the_answer() -> None:
    number = "12345678901234567890.123456789012345678"
    table = Table([{"id": {"N": n}, "offer": {"S": n}} for n in ("7", "0", "100", number)])

    found = source(table, key_type="N").fetch(
        ["7", "07", "7.0", "-0", "100", number], SENDING, Clock().deadline()
    )

    assert offers(found) == {
        "7": "7", "07": "7", "7.0": "7", "-0": "0", "100": "100", number: number,
    }  # fmt: skip
    assert len(table.requests[0]["Keys"]) == 4


@mock_aws
def test_dynamodb_takes_the_request_and_every_type_of_value_is_read() -> None:
    dynamodb = boto3.client("dynamodb", region_name="eu-west-1")
    dynamodb.create_table(
        TableName="offers",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    values: dict[str, Any] = {
        "name": {"S": "reserved word"},
        "n": {"N": "10.50"},
        "flag": {"BOOL": True},
        "none": {"NULL": True},
        "list": {"L": [{"S": "a"}, {"N": "1"}]},
        "set": {"SS": ["b", "a"]},
        "map": {"M": {"a": {"S": "b"}}},
        "other": {"S": "not asked for"},
    }
    dynamodb.put_item(TableName="offers", Item={"id": {"S": "u-1"}, **values})
    names = ["name", "n", "flag", "none", "list", "set", "map", "id"]

    found = source(dynamodb, names=names).fetch(["u-1", "u-2"], SENDING, Clock().deadline())

    assert found.items["u-1"] == {
        "id": "u-1", "name": "reserved word", "n": "10.50", "flag": True, "none": None,
        "list": ["a", "1"], "set": ["a", "b"], "map": {"a": {"S": "b"}},
    }  # fmt: skip
    assert set(found.items) == {"u-1"}


# Question and answer of endpoints and functions


def test_the_question_names_the_keys_and_the_campaign_or_journey() -> None:
    assert question(["u-1"], SENDING) == {
        "Keys": ["u-1"], "ApplicationId": "app", "CampaignId": "campaign-1", "TreatmentId": "0",
        "ActivityId": "run-1",
    }  # fmt: skip
    assert question(["u-1"], JOURNEY) == {
        "Keys": ["u-1"], "ApplicationId": "app", "JourneyId": "journey-1", "ActivityId": "visit",
    }  # fmt: skip


@pytest.mark.parametrize("answer", [{}, {"Failed": None}, {"Failed": []}])
def test_an_answer_without_failed_keys_may_say_so_in_the_ways_of_its_language(answer: Any) -> None:
    found = read_answer({"Attributes": {"u-1": {"offer": "x"}}, **answer}, ["u-1"])

    assert found == Fetched({"u-1": {"offer": "x"}})


def test_an_answer_has_items_nothing_or_a_failure_for_each_key() -> None:
    answer = {
        "Attributes": {"u-1": {"offer": "x"}, "u-2": None, "u-4": "text", "other": {"offer": "y"}},
        "Failed": ["u-3", "unknown", {"not": "a key"}],
    }

    found = read_answer(answer, ["u-1", "u-2", "u-3", "u-4", "u-5"])

    assert found.items == {"u-1": {"offer": "x"}}
    assert {key: each.reason for key, each in found.failed.items()} == {
        "u-3": Reason.UNAVAILABLE,
        "u-4": Reason.UNUSABLE_ANSWER,
    }


@pytest.mark.parametrize(
    "answer",
    [
        None, "text", 5, True, [], {}, {"attributes": {}}, {"Attributes": None},
        {"Attributes": []}, {"Attributes": "text"}, {"Attributes": {}, "Failed": False},
        {"Attributes": {}, "Failed": "u-1"}, {"Attributes": {}, "Failed": {}}, {"u-1": {}},
        {"errorMessage": "failed"}, {"statusCode": 500, "body": "{}"},
    ],
)  # fmt: skip
def test_an_answer_of_another_form_is_unusable(answer: Any) -> None:
    with pytest.raises(FetchFailed) as caught:
        read_answer(answer, ["u-1"])

    assert caught.value.reason is Reason.UNUSABLE_ANSWER


def test_the_callers_function_gets_the_question_and_its_answer_is_used() -> None:
    asked: list[Any] = []

    class Lambda:
        def invoke(self, **call: Any) -> Any:
            asked.append(json.loads(call["Payload"]))
            return {"Payload": io.BytesIO(b'{"Attributes": {"u-1": {"offer": 10.50}}}')}

    function = CallersFunction("arn", timeout_seconds=5, max_bytes=1000, client=Lambda())  # type: ignore[arg-type]

    found = FunctionSource(function).fetch(["u-1"], SENDING, Clock().deadline())

    assert asked == [question(["u-1"], SENDING)]
    assert str(found.items["u-1"]["offer"]) == "10.50"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpsServer]:
    with https_server(Path(tmp_path_factory.mktemp("tls"))) as server:
        yield server


@pytest.fixture
def server(running: HttpsServer) -> HttpsServer:
    running.requests.clear()
    running.answer = shop
    return running


def shop(request: Request) -> Answer:
    """An endpoint that has an offer for every key."""
    if request.method == "POST":
        keys = json.loads(request.body)["Keys"]
    else:
        keys = parse_qs(urlsplit(request.path).query)["Key"]
    return Answer(json.dumps({"Attributes": {key: {"offer": key} for key in keys}}).encode())


def endpoint(server: HttpsServer, **options: Any) -> HttpsSource:
    https = Https(max_bytes=100_000, allowed=lambda _: True, context=server.context)
    return HttpsSource(https, f"{server.url}/batch", **options)


def soon() -> Deadline:
    return Deadline.after(5)


def test_a_post_has_all_keys_of_the_batch(server: HttpsServer) -> None:
    found = endpoint(server).fetch(KEYS, SENDING, soon())

    assert offers(found) == {key: key for key in KEYS}
    [request] = server.requests
    assert json.loads(request.body) == question(KEYS, SENDING)
    assert request.headers["content-type"] == "application/json"
    assert "authorization" not in request.headers


def test_a_get_has_all_keys_of_the_batch(server: HttpsServer) -> None:
    keys = [*KEYS[:48], "a b&c=d", "käse/ü"]

    found = endpoint(server, method="GET").fetch(keys, SENDING, soon())

    assert offers(found) == {key: key for key in keys}
    [request] = server.requests
    assert parse_qs(urlsplit(request.path).query)["CampaignId"] == ["campaign-1"]
    assert request.body == b""


def test_keys_that_do_not_fit_into_one_url_are_asked_in_several(server: HttpsServer) -> None:
    keys = [f"{number}-{'x' * 500}" for number in range(50)]

    found = endpoint(server, method="GET").fetch(keys, SENDING, soon())

    assert offers(found) == {key: key for key in keys}
    assert len(server.requests) == 4
    assert all(len(request.path) <= 7_500 for request in server.requests)


def test_one_get_of_several_that_fails_costs_its_own_keys_only(server: HttpsServer) -> None:
    keys = [f"{number}-{'x' * 500}" for number in range(50)]
    server.answer = lambda r: Answer(status=404) if "Key=0-" in r.path else shop(r)

    found = endpoint(server, method="GET").fetch(keys, SENDING, soon())

    assert keys[0] in found.failed
    assert set(offers(found)) | set(found.failed) == set(keys)
    assert len(found.failed) == 14


def test_a_key_that_fits_into_no_url_fails_by_itself(server: HttpsServer) -> None:
    found = endpoint(server, method="GET").fetch(["x" * 8000, "u-1"], SENDING, soon())

    assert offers(found) == {"u-1": "u-1"}
    assert [failure.reason for failure in found.failed.values()] == [Reason.REFUSED]
    with pytest.raises(FetchFailed):
        endpoint(server, method="GET").fetch(["x" * 8000], SENDING, soon())


@pytest.mark.parametrize(
    ("given", "begin"), [("batch?v=2", "batch?v=2&"), ("batch", "batch?"), ("batch?", "batch?")]
)
def test_a_url_that_has_a_query_keeps_it(given: str, begin: str) -> None:
    urls, _ = get_urls(f"https://shop.example.com/{given}", ["u-1"], JOURNEY)

    assert list(urls) == [
        f"https://shop.example.com/{begin}ApplicationId=app&JourneyId=journey-1"
        "&ActivityId=visit&Key=u-1"
    ]


def test_a_secret_is_sent_in_its_header_and_read_once(server: HttpsServer) -> None:
    reads: list[str] = []
    secret = SecretHeader(lambda: reads.append("read") or "Bearer 1\n")  # type: ignore[func-returns-value]
    asking = endpoint(server, secret=secret, header="x-api-key")

    for _ in range(2):
        asking.fetch(["u-1"], SENDING, soon())

    assert [request.headers["x-api-key"] for request in server.requests] == ["Bearer 1"] * 2
    assert reads == ["read"]


@pytest.mark.parametrize("status", [401, 403])
def test_a_secret_that_was_rotated_is_read_again_at_once(server: HttpsServer, status: int) -> None:
    secrets = iter(["old", "new"])
    server.answer = lambda r: (
        shop(r) if r.headers["authorization"] == "new" else Answer(status=status)
    )

    found = endpoint(server, secret=SecretHeader(lambda: next(secrets))).fetch(
        ["u-1"], SENDING, soon()
    )

    assert offers(found) == {"u-1": "u-1"}
    assert len(server.requests) == 2


def test_a_secret_that_stays_refused_is_read_again_once(server: HttpsServer) -> None:
    server.answer = lambda _: Answer(status=403)

    with pytest.raises(FetchFailed) as caught:
        endpoint(server, secret=SecretHeader(lambda: "old")).fetch(["u-1"], SENDING, soon())

    assert (caught.value.reason, len(server.requests)) == (Reason.REFUSED, 2)


@pytest.mark.parametrize("value", ["", " ", "two\r\nlines", "tab\there", "käse", "null\x00"])
def test_a_secret_that_is_no_header_is_refused_and_not_repeated(value: str) -> None:
    with pytest.raises(FetchFailed) as caught:
        SecretHeader(lambda: value).value()

    assert caught.value.reason is Reason.REFUSED
    assert not value.strip() or value not in str(caught.value)


def test_a_secret_that_may_not_be_read_names_the_code() -> None:
    def read() -> str:
        raise service_error("GetSecretValue", "AccessDeniedException", 400)

    with pytest.raises(FetchFailed, match="AccessDeniedException") as caught:
        SecretHeader(read).value()

    assert caught.value.reason is Reason.REFUSED
