import base64
import random
import threading

import pytest
from botocore.exceptions import ClientError

from engagement_hub.engagement.errors import BadRequest, NotFound, TooManyRequests
from engagement_hub.store import entities as entities_module
from engagement_hub.store.entities import EXPIRES_AT, AlreadyExists, EntityStore, Kind, Only
from tests.builders.hub import TABLES, OneCallAtATime, hub_tables

APP = "a" * 32


@pytest.fixture
def client():
    with hub_tables() as client:
        yield client


@pytest.fixture
def store(client):
    return EntityStore(TABLES["ENTITIES_TABLE"], client)


def keys(client):
    pages = client.get_paginator("scan").paginate(TableName=TABLES["ENTITIES_TABLE"])
    return [(row["pk"]["S"], row["sk"]["S"]) for page in pages for row in page["Items"]]


def test_a_body_comes_back_with_the_very_numbers_and_text_it_was_put_with(store):
    body = {"Name": "Grüße 👋", "Rate": 0.1, "Count": 3, "Flag": True, "Nothing": None, "L": []}

    store.put_new(APP, Kind.SEGMENT, "s1", body)

    assert store.get(APP, Kind.SEGMENT, "s1") == body
    assert isinstance(store.require(APP, Kind.SEGMENT, "s1")["Count"], int)


def test_requiring_what_is_not_there_names_the_kind_and_the_id(store):
    with pytest.raises(NotFound, match="import job 'j1'"):
        store.require(APP, Kind.IMPORT_JOB, "j1")


def test_putting_a_new_entity_over_an_old_one_is_refused_and_changes_nothing(store):
    store.put_new(APP, Kind.TEMPLATE, "t", {"Body": "old"})

    with pytest.raises(AlreadyExists):
        store.put_new(APP, Kind.TEMPLATE, "t", {"Body": "new"})

    assert store.get(APP, Kind.TEMPLATE, "t") == {"Body": "old"}


def test_projects_and_kinds_do_not_see_each_other(store):
    store.put(APP, Kind.SEGMENT, "x", {"of": "a"})
    store.put("b" * 32, Kind.SEGMENT, "x", {"of": "b"})

    assert store.get(APP, Kind.CAMPAIGN, "x") is None
    assert store.list(APP, Kind.SEGMENT, 10).items == [{"of": "a"}]


def test_no_update_is_lost_when_several_threads_change_one_entity(client):
    store = EntityStore(TABLES["ENTITIES_TABLE"], OneCallAtATime(client))
    store.put_new(APP, Kind.CAMPAIGN, "c", {"n": 0})
    threads = [
        threading.Thread(
            target=lambda: [
                store.update(APP, Kind.CAMPAIGN, "c", lambda body: {"n": body["n"] + 1})
                for _ in range(5)
            ]
        )
        for _ in range(4)
    ]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert store.get(APP, Kind.CAMPAIGN, "c") == {"n": 20}


def test_an_update_that_always_loses_ends_as_too_many_requests(store, monkeypatch):
    monkeypatch.setattr(entities_module, "attempts", lambda what: _immediate(what))
    store.put_new(APP, Kind.CAMPAIGN, "c", {"n": 0})

    def interfere(body):
        store.put(APP, Kind.CAMPAIGN, "c", {"n": 100})
        return {"n": body["n"] + 1}

    with pytest.raises(TooManyRequests):
        store.update(APP, Kind.CAMPAIGN, "c", interfere)

    assert store.get(APP, Kind.CAMPAIGN, "c") == {"n": 100}


def _immediate(what):
    from engagement_hub.store import attempts

    return attempts(what, sleep=lambda _: None)


def test_updating_what_is_not_there_is_not_found_and_creates_nothing(store):
    with pytest.raises(NotFound):
        store.update(APP, Kind.CAMPAIGN, "c", lambda body: body)

    assert store.get(APP, Kind.CAMPAIGN, "c") is None


def test_an_upsert_creates_and_then_changes(store):
    store.upsert(APP, Kind.SETTINGS, "settings", lambda body: {"was": body})
    store.upsert(APP, Kind.SETTINGS, "settings", lambda body: {"was": body})

    assert store.get(APP, Kind.SETTINGS, "settings") == {"was": {"was": None}}


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8])
def test_pages_hold_every_entity_once_and_end(store, limit):
    for number in range(7):
        store.put(APP, Kind.SEGMENT, f"s{number}", {"n": number, "Version": 1})

    seen, token, pages = [], None, 0
    while True:
        page = store.list(APP, Kind.SEGMENT, limit, token)
        seen += [body["n"] for body in page.items]
        pages += 1
        token = page.token
        if token is None:
            break

    assert seen == list(range(7))
    assert pages == -(-7 // limit)


def test_a_page_of_those_to_keep_is_full_even_when_others_lie_between(store):
    for number in range(10):
        store.put(APP, Kind.IMPORT_JOB, f"j{number}", {"n": number})

    even = Only("even", lambda body: body["n"] % 2 == 0)
    first = store.list(APP, Kind.IMPORT_JOB, 3, only=even)
    second = store.list(APP, Kind.IMPORT_JOB, 3, first.token, only=even)

    assert [body["n"] for body in first.items] == [0, 2, 4]
    assert [body["n"] for body in second.items] == [6, 8]
    assert second.token is None


def test_the_token_of_another_filter_of_the_list_is_a_bad_request(store):
    for number in range(10):
        store.put(APP, Kind.IMPORT_JOB, f"j{number}", {"n": number})
    even, odd = (
        Only(name, lambda body, n=n: body["n"] % 2 == n) for name, n in (("e", 0), ("o", 1))
    )
    token = store.list(APP, Kind.IMPORT_JOB, 3, only=even).token

    for only in (odd, None):
        with pytest.raises(BadRequest, match="not of this list"):
            store.list(APP, Kind.IMPORT_JOB, 3, token, only=only)


def test_a_prefix_narrows_a_listing(store):
    for name in ("welcome", "welcome-back", "bye"):
        store.put(APP, Kind.TEMPLATE, name, {"name": name})

    page = store.list(APP, Kind.TEMPLATE, 10, prefix="wel")

    assert [body["name"] for body in page.items] == ["welcome", "welcome-back"]


@pytest.mark.parametrize("token", ["not a token", "ÿ", "====", "gA=="])
def test_a_token_the_store_never_gave_out_is_a_bad_request(store, token):
    with pytest.raises(BadRequest, match="token"):
        store.list(APP, Kind.SEGMENT, 10, token)


def test_versions_are_listed_in_order_and_go_with_their_entity(store):
    for number in range(1, 12):
        store.put(APP, Kind.SEGMENT, "s", {"Version": number})

    versions = store.list_versions(APP, Kind.SEGMENT, "s", 100)
    assert [body["Version"] for body in versions.items] == list(range(1, 12))
    assert store.get_version(APP, Kind.SEGMENT, "s", 10) == {"Version": 10}

    assert store.delete(APP, Kind.SEGMENT, "s") == {"Version": 11}

    assert store.list_versions(APP, Kind.SEGMENT, "s", 100).items == []
    assert store.delete(APP, Kind.SEGMENT, "s") is None


def test_deleting_all_of_each_kind_leaves_nothing_of_a_project_and_all_of_the_others(store, client):
    large = {Kind.TEMPLATE: random_text(900_000), Kind.IMPORT_JOB: random_text(900_000)}
    for kind in Kind:
        for app_id in (APP, "b" * 32):
            store.put(app_id, kind, "x", {"large": large.get(kind), "Version": 1})

    for kind in Kind:
        store.delete_all(APP, kind)

    assert [key for key in keys(client) if APP in key[0]] == []
    assert None not in [store.get("b" * 32, kind, "x") for kind in Kind]


def test_deleting_a_kind_can_leave_some_ids_and_other_prefixes_alone(store):
    for name in ("c1#a", "c1#b", "c2#a"):
        store.put(APP, Kind.ACTIVITY, name, {"Id": name})

    store.delete_all(APP, Kind.ACTIVITY, prefix="c1#", but={"c1#b"}.__contains__)

    assert [body["Id"] for body in store.all(APP, Kind.ACTIVITY)] == ["c1#b", "c2#a"]


# Versions


def test_an_entity_and_its_version_are_written_together_or_not_at_all(store):
    store.put_new(APP, Kind.TEMPLATE, "t", {"Version": 1, "Body": "the first"})

    with pytest.raises(AlreadyExists):
        store.put_new(APP, Kind.TEMPLATE, "t", {"Version": 1, "Body": "the loser"})

    assert store.get_version(APP, Kind.TEMPLATE, "t", 1)["Body"] == "the first"


def test_of_updates_at_once_the_entity_and_its_version_hold_the_same(store):
    store.put_new(APP, Kind.TEMPLATE, "t", {"Version": 1, "n": 0})

    def slow(body):
        if body["n"] == 0:  # another update comes between the reading and the writing
            store.update(APP, Kind.TEMPLATE, "t", lambda other: {**other, "n": 10})
        return {**body, "n": body["n"] + 1}

    store.update(APP, Kind.TEMPLATE, "t", slow)

    assert store.get(APP, Kind.TEMPLATE, "t") == {"Version": 1, "n": 11}
    assert store.get_version(APP, Kind.TEMPLATE, "t", 1) == {"Version": 1, "n": 11}


# Large bodies


def random_text(characters, seed=1):
    """Text that zlib cannot shorten by much."""
    return base64.b64encode(random.Random(seed).randbytes(characters)).decode()[:characters]


@pytest.mark.parametrize("characters", [60_000, 100_000, 450_000, 600_000, 1_200_000])
def test_a_large_body_comes_back_as_it_was_put(store, characters):
    body = {"Version": 1, "HtmlPart": random_text(characters)}

    store.put_new(APP, Kind.TEMPLATE, "t", body)

    assert store.get(APP, Kind.TEMPLATE, "t") == body
    assert store.get_version(APP, Kind.TEMPLATE, "t", 1) == body
    assert store.list(APP, Kind.TEMPLATE, 10).items == [body]


def test_every_character_of_a_template_may_be_one_of_three_bytes(store):
    symbols = random.Random(1).choices(range(0x4E00, 0x9FFF), k=600_000)
    body = {"Version": 1, "HtmlPart": "".join(map(chr, symbols))}

    store.put_new(APP, Kind.TEMPLATE, "t", body)

    assert store.get(APP, Kind.TEMPLATE, "t") == body


def test_a_body_beyond_a_transaction_is_refused_and_the_one_before_stays(store):
    store.put_new(APP, Kind.TEMPLATE, "t", {"Version": 1, "HtmlPart": "short"})

    with pytest.raises(BadRequest, match="Shorten it"):
        store.update(
            APP, Kind.TEMPLATE, "t", lambda body: {**body, "HtmlPart": random_text(4_800_000)}
        )

    assert store.get(APP, Kind.TEMPLATE, "t") == {"Version": 1, "HtmlPart": "short"}


def test_parts_go_with_the_last_body_that_needs_them(store, client):
    def parts():
        return [key for key in keys(client) if key[0].startswith("part#")]

    def put(version, seed):
        large = random_text(900_000, seed)
        store.put(APP, Kind.TEMPLATE, "t", {"Version": version, "HtmlPart": large})

    put(1, seed=1)
    one_body = len(parts())
    put(1, seed=2)
    assert len(parts()) == one_body  # the content of version 1 was replaced

    put(2, seed=3)
    assert len(parts()) == 2 * one_body
    assert store.get_version(APP, Kind.TEMPLATE, "t", 1)["HtmlPart"] == random_text(900_000, 2)

    store.delete_version(APP, Kind.TEMPLATE, "t", 1)
    assert len(parts()) == one_body

    store.put(APP, Kind.TEMPLATE, "t", {"Version": 2, "HtmlPart": "short"})
    assert parts() == []


def test_a_reader_that_finds_its_parts_replaced_reads_again(store, client):
    store.put_new(APP, Kind.TEMPLATE, "t", {"Version": 1, "HtmlPart": random_text(900_000)})
    replaced = []

    def replace_once(params, **_):
        if not replaced:
            replaced.append(True)
            store.put(APP, Kind.TEMPLATE, "t", {"Version": 1, "HtmlPart": "new"})

    client.meta.events.register("before-parameter-build.dynamodb.BatchGetItem", replace_once)
    try:
        assert store.get(APP, Kind.TEMPLATE, "t")["HtmlPart"] == "new"
    finally:
        client.meta.events.unregister("before-parameter-build.dynamodb.BatchGetItem", replace_once)


def test_a_page_of_large_bodies_stays_below_what_a_function_may_answer(store):
    for number in range(4):
        store.put(APP, Kind.CAMPAIGN, f"c{number}", {"n": number, "large": "x" * 1_500_000})

    first = store.list(APP, Kind.CAMPAIGN, 100)
    second = store.list(APP, Kind.CAMPAIGN, 100, first.token)

    assert [body["n"] for body in first.items] == [0, 1]
    assert [body["n"] for body in second.items] == [2, 3]
    assert second.token is None


def test_a_body_may_say_when_it_expires(store, client):
    store.put(APP, Kind.CAMPAIGN, "c", {"Version": 1, EXPIRES_AT: 1_800_000_000})

    rows = client.scan(TableName=TABLES["ENTITIES_TABLE"])["Items"]

    assert [row["expires_at"] for row in rows] == [{"N": "1800000000"}] * 2


# Keys and tokens


@pytest.mark.parametrize("entity_id", ["", "x" * 1025, "ü" * 513, "\ud800"])
def test_an_id_that_no_item_can_have_is_not_there(store, entity_id):
    assert store.get(APP, Kind.SEGMENT, entity_id) is None
    assert store.get_version(APP, Kind.SEGMENT, entity_id * 2, 1) is None
    assert store.list(APP, Kind.SEGMENT, 10, prefix=entity_id).items == []


def test_the_token_of_another_list_or_project_is_a_bad_request(store):
    for number in range(3):
        store.put(APP, Kind.SEGMENT, f"s{number}", {"n": number})
    token = store.list(APP, Kind.SEGMENT, 1).token

    assert store.list(APP, Kind.SEGMENT, 1, token).items == [{"n": 1}]
    for app_id, kind, prefix in [
        ("b" * 32, Kind.SEGMENT, None),
        (APP, Kind.CAMPAIGN, None),
        (APP, Kind.SEGMENT, "s"),
    ]:
        with pytest.raises(BadRequest, match="not of this list"):
            store.list(app_id, kind, 1, token, prefix)


# Lost answers


@pytest.mark.parametrize("kind", [Kind.SETTINGS, Kind.TEMPLATE])
def test_a_write_whose_answer_was_lost_is_recognised_as_its_own(store, client, kind):
    """botocore repeats the very same request."""
    store.put_new(APP, kind, "x", {"Version": 1, "n": 0})
    repeated = []

    def repeat(params, **_):
        if not repeated:
            repeated.append(True)
            operation = "put_item" if "Item" in params else "transact_write_items"
            getattr(client, operation)(**params)

    for operation in ("PutItem", "TransactWriteItems"):
        client.meta.events.register(f"provide-client-params.dynamodb.{operation}", repeat)
    try:
        store.update(APP, kind, "x", lambda body: {**body, "n": body["n"] + 1})
    finally:
        for operation in ("PutItem", "TransactWriteItems"):
            client.meta.events.unregister(f"provide-client-params.dynamodb.{operation}", repeat)

    assert repeated
    assert store.get(APP, kind, "x")["n"] == 1


def test_other_refusals_of_dynamodb_are_not_taken_for_a_lost_race(store):
    with pytest.raises(ClientError, match="ValidationException"):
        store.put_new(APP, Kind.SEGMENT, "", {})
