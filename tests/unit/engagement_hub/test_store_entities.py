import threading

import pytest
from botocore.exceptions import ClientError

from engagement_hub.engagement.errors import BadRequest, NotFound, TooManyRequests
from engagement_hub.store import entities as entities_module
from engagement_hub.store.entities import AlreadyExists, EntityStore, Kind
from tests.builders.hub import TABLES, OneCallAtATime, hub_tables

APP = "a" * 32


@pytest.fixture
def store():
    with hub_tables() as client:
        yield EntityStore(TABLES["ENTITIES_TABLE"], OneCallAtATime(client))


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


def test_no_update_is_lost_when_several_threads_change_one_entity(store):
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
        store.put(APP, Kind.SEGMENT, f"s{number}", {"n": number})
        store.put_version(APP, Kind.SEGMENT, f"s{number}", 1, {"n": number, "version": 1})

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

    first = store.list(APP, Kind.IMPORT_JOB, 3, keep=lambda body: body["n"] % 2 == 0)
    second = store.list(APP, Kind.IMPORT_JOB, 3, first.token, keep=lambda body: body["n"] % 2 == 0)

    assert [body["n"] for body in first.items] == [0, 2, 4]
    assert [body["n"] for body in second.items] == [6, 8]
    assert second.token is None


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
    store.put(APP, Kind.SEGMENT, "s", {"v": 11})
    for number in range(1, 12):
        store.put_version(APP, Kind.SEGMENT, "s", number, {"v": number})

    versions = store.list_versions(APP, Kind.SEGMENT, "s", 100)
    assert [body["v"] for body in versions.items] == list(range(1, 12))
    assert store.get_version(APP, Kind.SEGMENT, "s", 10) == {"v": 10}

    assert store.delete(APP, Kind.SEGMENT, "s") == {"v": 11}

    assert store.list_versions(APP, Kind.SEGMENT, "s", 100).items == []
    assert store.delete(APP, Kind.SEGMENT, "s") is None


def test_deleting_a_project_leaves_nothing_of_it_and_all_of_the_others(store):
    for kind in Kind:
        store.put(APP, kind, "x", {"kind": kind})
        store.put("b" * 32, kind, "x", {"kind": kind})
    store.put_version(APP, Kind.CAMPAIGN, "x", 1, {})

    store.delete_app(APP)

    assert [store.get(APP, kind, "x") for kind in Kind] == [None] * len(Kind)
    assert store.get_version(APP, Kind.CAMPAIGN, "x", 1) is None
    assert None not in [store.get("b" * 32, kind, "x") for kind in Kind]


def test_other_refusals_of_dynamodb_are_not_taken_for_a_lost_race(store):
    with pytest.raises(ClientError, match="ValidationException"):
        store.put_new(APP, Kind.SEGMENT, "", {})
