from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError

from engagement_hub import store
from engagement_hub.engagement.errors import BadRequest, TooManyRequests
from engagement_hub.store import transactions
from engagement_hub.store.transactions import Operation, run
from tests.builders.hub import TABLES, CallCounter, hub_tables

TABLE = TABLES["ENDPOINTS_TABLE"]


@pytest.fixture
def client():
    with hub_tables() as client:
        yield client


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(store.time, "sleep", lambda _: None)


def put(name, body):
    key = (name, "x")

    def apply(draft):
        draft.put(key, body)
        return name

    return Operation(apply, frozenset([key]))


def body_of(client, name):
    item = client.get_item(TableName=TABLE, Key={"pk": {"S": name}, "sk": {"S": "x"}}).get("Item")
    return None if item is None else transactions.stored_body(item)


def test_writes_of_more_than_four_megabytes_go_into_several_transactions(client):
    counter = CallCounter(client)
    operations = [put(f"k{n}", "x" * 390_000) for n in range(12)]

    assert run(client, TABLE, operations, what="data") == [f"k{n}" for n in range(12)]

    assert counter.calls["TransactWriteItems"] == 2
    assert all(len(body_of(client, f"k{n}")) == 390_000 for n in range(12))


def test_a_later_operation_sees_what_an_earlier_one_wrote(client):
    def append(letter):
        def apply(draft):
            draft.put(("k", "x"), (draft.get(("k", "x")) or "") + letter)

        return Operation(apply)

    run(client, TABLE, [append(letter) for letter in "abc"], what="data")

    assert body_of(client, "k") == "abc"


def test_a_refusal_leaves_the_others_done_unless_all_or_nothing_is_wanted(client):
    def refuse(draft):
        draft.put(("bad", "x"), 1)
        raise BadRequest("no")

    operations = [put("good", 1), Operation(refuse)]

    with pytest.raises(BadRequest):
        run(client, TABLE, operations, what="data", all_or_nothing=True)
    assert body_of(client, "good") is None

    good, bad = run(client, TABLE, operations, what="data")
    assert (good, type(bad)) == ("good", BadRequest)
    assert body_of(client, "good") == 1
    assert body_of(client, "bad") is None


def test_a_decision_is_made_again_on_what_somebody_else_wrote_meanwhile(client):
    seen = []

    def decide(draft):
        seen.append(draft.get(("k", "x")))
        if len(seen) == 1:
            other = {
                "pk": {"S": "k"},
                "sk": {"S": "x"},
                "rev": {"N": "1"},
                "body": {"S": '"other"'},
            }
            client.put_item(TableName=TABLE, Item=other)
        draft.put(("k", "x"), "mine")

    run(client, TABLE, [put("unrelated", 1), Operation(decide)], what="data")

    assert seen[-1] == "other"
    assert body_of(client, "k") == "mine"
    assert body_of(client, "unrelated") == 1


def test_an_operation_that_always_loses_ends_as_too_many_requests(client):
    def lose(draft):
        draft.get(("k", "x"))
        other = {"pk": {"S": "k"}, "sk": {"S": "x"}, "rev": {"N": store.new_rev()}}
        client.put_item(TableName=TABLE, Item={**other, "body": {"S": "0"}})
        draft.put(("k", "x"), 1)

    with pytest.raises(TooManyRequests, match="The endpoints"):
        run(client, TABLE, [Operation(lose)], what="The endpoints")


def test_a_transaction_refused_for_another_reason_than_a_race_is_not_tried_again(client):
    response = {
        "Error": {"Code": "TransactionCanceledException"},
        "CancellationReasons": [{"Code": "None"}, {"Code": "ValidationError"}],
    }
    calls = []

    def transact_write_items(**_):
        calls.append(1)
        raise client.exceptions.TransactionCanceledException(response, "TransactWriteItems")

    refusing = SimpleNamespace(
        batch_get_item=client.batch_get_item,
        transact_write_items=transact_write_items,
        exceptions=client.exceptions,
    )

    with pytest.raises(ClientError):
        run(refusing, TABLE, [put("k", 1)], what="data")

    assert len(calls) == 1


class Throttling:
    """A client whose calls of one kind are throttled a number of times."""

    def __init__(self, client, refusals, error):
        self.exceptions = client.exceptions
        self.batch_get_item = client.batch_get_item
        self._client, self.refusals, self._error = client, refusals, error
        self.calls = 0

    def transact_write_items(self, **request):
        self.calls += 1
        if self.calls <= self.refusals:
            raise self._error
        return self._client.transact_write_items(**request)


def cancelled(client, *codes):
    response = {
        "Error": {"Code": "TransactionCanceledException"},
        "CancellationReasons": [{"Code": code} for code in codes],
    }
    return client.exceptions.TransactionCanceledException(response, "TransactWriteItems")


def throttled(code):
    return ClientError({"Error": {"Code": code}}, "TransactWriteItems")


@pytest.mark.parametrize(
    "error",
    [
        lambda client: cancelled(client, "None", "ThrottlingError"),
        lambda client: cancelled(client, "ProvisionedThroughputExceeded", "ThrottlingError"),
        lambda client: throttled("ThrottlingException"),
        lambda client: throttled("ProvisionedThroughputExceededException"),
        lambda client: throttled("RequestLimitExceeded"),
    ],
)
def test_a_throttled_write_waits_for_a_cold_table_for_as_long_as_its_function_has_time(
    client, error
):
    busy = Throttling(client, 40, error(client))

    with store.patience(840):
        assert run(busy, TABLE, [put("k", 1)], what="data") == ["k"]

    assert body_of(client, "k") == 1
    assert busy.calls == 41


def test_throttling_uses_up_no_try_of_a_race(client, monkeypatch):
    waits = []
    monkeypatch.setattr(store.time, "sleep", waits.append)
    busy = Throttling(client, 30, cancelled(client, "ThrottlingError"))

    with store.patience(840):
        run(busy, TABLE, [put("k", 1)], what="data")

    assert len(waits) == 30
    assert waits[0] < 0.1 and max(waits) > 10
    assert len(set(waits)) == 30  # jitter


def test_a_request_of_the_api_waits_for_capacity_for_seconds_only(client, monkeypatch):
    waits = []
    monkeypatch.setattr(store.time, "sleep", waits.append)
    busy = Throttling(client, 10_000, cancelled(client, "ThrottlingError"))

    with pytest.raises(TooManyRequests, match="capacity"):
        run(busy, TABLE, [put("k", 1)], what="data")

    assert sum(waits) < 10
    assert body_of(client, "k") is None


def test_a_cold_table_throttles_reads_too():
    answers = iter([throttled("ThrottlingException")] * 20)

    def batch_get_item(RequestItems):
        for error in answers:
            raise error
        return {"Responses": {TABLE: RequestItems[TABLE]["Keys"]}, "UnprocessedKeys": {}}

    with store.patience(840):
        found = store.batch_get(SimpleNamespace(batch_get_item=batch_get_item), TABLE, [("p", "s")])

    assert len(found) == 1


def test_keys_and_items_that_dynamodb_hands_back_are_asked_for_again():
    asked = []

    def batch_get_item(RequestItems):
        keys = RequestItems[TABLE]["Keys"]
        asked.append(len(keys))
        done, left = keys[:40], keys[40:]
        return {
            "Responses": {TABLE: done},
            "UnprocessedKeys": {TABLE: {"Keys": left}} if left else {},
        }

    written = []

    def batch_write_item(RequestItems):
        requests = RequestItems[TABLE]
        written.extend(requests[:10])
        left = requests[10:]
        return {"UnprocessedItems": {TABLE: left} if left else {}}

    client = SimpleNamespace(batch_get_item=batch_get_item, batch_write_item=batch_write_item)

    found = store.batch_get(client, TABLE, [(f"p{n}", "s") for n in range(150)])
    store.batch_write(client, TABLE, range(60))

    assert len(found) == 150
    assert asked == [100, 60, 20, 50, 10]
    assert sorted(written) == list(range(60))
