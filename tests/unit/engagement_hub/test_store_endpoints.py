import threading
from zlib import crc32

import pytest

from engagement_hub.engagement.errors import BadRequest, TooManyRequests
from engagement_hub.store.endpoints import EndpointStore, Member, MemberKind, shard_of
from tests.builders.hub import TABLES, CallCounter, OneCallAtATime, hub_tables

APP = "a" * 32
NOW = "2026-11-23T10:00:00.000Z"


@pytest.fixture
def client():
    with hub_tables() as client:
        yield client


@pytest.fixture
def store(client):
    return EndpointStore(TABLES["ENDPOINTS_TABLE"], client=OneCallAtATime(client))


def sms(number, user_id=None, **members):
    request = {"ChannelType": "SMS", "Address": f"+1206555{number:04d}", **members}
    if user_id is not None:
        request["User"] = {"UserId": user_id, **request.pop("User", {})}
    return request


def update(store, *updates, now=NOW):
    return store.update_many(APP, updates, now=now, request_id="r1")


def update_each(store, *updates):
    return store.try_update_many(APP, updates, now=NOW, request_id="r1")


def items(client):
    return client.scan(TableName=TABLES["ENDPOINTS_TABLE"])["Items"]


# Creating and merging


def test_a_new_endpoint_can_be_read_back_whole(store):
    [answer] = update(store, ("e1", sms(1, "u1", Attributes={"a": ["1"]}, Metrics={"m": 0.1})))

    kept = store.get(APP, "e1")

    assert kept == answer
    assert kept["User"] == {"UserId": "u1"}
    assert kept["Metrics"] == {"m": 0.1}
    assert (kept["EndpointStatus"], kept["OptOut"], kept["CreationDate"]) == ("ACTIVE", "NONE", NOW)
    assert kept["CohortId"] in [str(cohort) for cohort in range(100)]


def test_the_cohort_survives_updates(store):
    update(store, *((f"e{n}", sms(n)) for n in range(20)))
    before = {n: store.get(APP, f"e{n}")["CohortId"] for n in range(20)}

    update(store, *((f"e{n}", {"Attributes": {"a": ["1"]}}) for n in range(20)))

    assert {n: store.get(APP, f"e{n}")["CohortId"] for n in range(20)} == before
    assert len(set(before.values())) > 5


def test_the_same_id_twice_in_one_batch_is_merged_in_order(store):
    update(
        store,
        ("e1", sms(1, Attributes={"a": ["1"], "b": ["1"]})),
        ("e1", {"Attributes": {"a": ["2"]}}),
    )

    assert store.get(APP, "e1")["Attributes"] == {"a": ["2"], "b": ["1"]}


def test_projects_do_not_share_endpoints_users_or_addresses(store):
    update(store, ("e1", sms(1, "u1", User={"UserAttributes": {"n": ["Ann"]}})))

    store.update_many("b" * 32, [("e1", sms(1, "u1"))], now=NOW, request_id="r")

    assert store.get("b" * 32, "e1")["User"] == {"UserId": "u1"}
    assert store.get(APP, "e1")["EndpointStatus"] == "ACTIVE"


# Users


def test_user_attributes_written_through_one_endpoint_show_on_all_of_the_user(store):
    update(store, ("e1", sms(1, "u1")), ("e2", sms(2, "u1")))

    update(store, ("e1", {"User": {"UserAttributes": {"City": ["Oslo"]}}}))

    assert store.get(APP, "e2")["User"]["UserAttributes"] == {"City": ["Oslo"]}


def test_user_attributes_are_kept_once_and_not_on_the_endpoint(store, client):
    update(store, ("e1", sms(1, "u1", User={"UserAttributes": {"City": ["Oslo"]}})))

    bodies = {item["pk"]["S"].split("#")[1]: item["body"]["S"] for item in items(client)}

    assert "Oslo" in bodies["user"]
    assert "Oslo" not in bodies["endpoint"]


def test_pointing_an_endpoint_to_another_user_moves_it(store):
    update(
        store,
        ("e1", sms(1, "u1", User={"UserAttributes": {"n": ["Ann"]}})),
        ("e2", sms(2, "u1")),
        ("e3", sms(3, "u2", User={"UserAttributes": {"n": ["Bob"]}})),
    )

    update(store, ("e1", {"User": {"UserId": "u2"}}))

    assert [e["Id"] for e in store.user_endpoints(APP, "u1")] == ["e2"]
    assert [e["Id"] for e in store.user_endpoints(APP, "u2")] == ["e3", "e1"]
    assert store.get(APP, "e1")["User"]["UserAttributes"] == {"n": ["Bob"]}


def test_a_user_is_gone_with_the_last_endpoint(store, client):
    update(store, ("e1", sms(1, "u1", User={"UserAttributes": {"n": ["Ann"]}})))

    update(store, ("e1", {"User": {"UserId": "u2"}}))
    update(store, ("e2", sms(2, "u1")))

    assert store.get(APP, "e2")["User"] == {"UserId": "u1"}


def test_a_sixteenth_sms_endpoint_is_refused_and_nothing_of_its_batch_is_written(store):
    update(store, *((f"e{n}", sms(n, "u1")) for n in range(15)))

    with pytest.raises(BadRequest, match="15"):
        update(store, ("other", sms(100)), ("e15", sms(15, "u1")))

    assert store.get(APP, "other") is None
    assert len(store.user_endpoints(APP, "u1")) == 15


def test_sixteen_new_endpoints_of_one_user_in_one_batch_break_the_rule_too(store):
    answers = update_each(store, *((f"e{n}", sms(n, "u1")) for n in range(16)))

    assert [isinstance(answer, BadRequest) for answer in answers] == [False] * 15 + [True]
    assert len(store.user_endpoints(APP, "u1")) == 15


def test_a_sixteenth_push_endpoint_displaces_the_oldest_one(store):
    for n in range(15):
        update(
            store,
            (f"e{n}", {"ChannelType": "GCM", "Address": f"t{n}", "User": {"UserId": "u1"}}),
            now=f"2026-11-23T10:00:{(n + 3) % 15:02d}.000Z",
        )

    update(store, ("new", {"ChannelType": "GCM", "Address": "t99", "User": {"UserId": "u1"}}))

    oldest = store.get(APP, "e12")
    assert oldest["EndpointStatus"] == "INACTIVE"
    assert "User" not in oldest
    assert {e["Id"] for e in store.user_endpoints(APP, "u1")} == (
        {f"e{n}" for n in range(15)} - {"e12"} | {"new"}
    )


# Addresses


def test_the_earlier_owner_of_an_address_becomes_inactive(store):
    update(store, ("old", sms(1)))

    update(store, ("new", sms(1)))

    assert store.get(APP, "old")["EndpointStatus"] == "INACTIVE"
    assert store.get(APP, "new")["EndpointStatus"] == "ACTIVE"


def test_an_address_given_twice_in_one_batch_belongs_to_the_later_endpoint(store):
    answers = update(store, ("first", sms(1)), ("second", sms(1)))

    assert [answer["EndpointStatus"] for answer in answers] == ["ACTIVE", "ACTIVE"]
    assert store.get(APP, "first")["EndpointStatus"] == "INACTIVE"
    assert store.get(APP, "second")["EndpointStatus"] == "ACTIVE"


def test_the_same_address_on_another_channel_is_another_address(store):
    update(store, ("sms", sms(1)))

    update(store, ("voice", {**sms(1), "ChannelType": "VOICE"}))

    assert store.get(APP, "sms")["EndpointStatus"] == "ACTIVE"


def test_an_endpoint_that_is_updated_again_takes_its_address_back(store):
    update(store, ("one", sms(1)))
    update(store, ("two", sms(1)))

    update(store, ("one", {"Attributes": {"a": ["1"]}}))

    assert store.get(APP, "one")["EndpointStatus"] == "ACTIVE"
    assert store.get(APP, "two")["EndpointStatus"] == "INACTIVE"


def test_an_endpoint_that_asks_to_be_inactive_takes_the_address_from_nobody(store):
    update(store, ("one", sms(1)))

    update(store, ("two", sms(1, EndpointStatus="INACTIVE")))

    assert store.get(APP, "one")["EndpointStatus"] == "ACTIVE"
    assert store.get(APP, "two")["EndpointStatus"] == "INACTIVE"


def test_an_address_given_up_is_free_again(store):
    update(store, ("one", sms(1)))
    update(store, ("one", sms(2)))

    update(store, ("two", sms(1)))

    assert store.get(APP, "one")["EndpointStatus"] == "ACTIVE"


def test_two_endpoints_can_swap_addresses_in_one_batch(store):
    update(store, ("one", sms(1)), ("two", sms(2)))

    update(store, ("one", sms(2)), ("two", sms(1)))

    assert store.get(APP, "one")["Address"] == "+12065550002"
    assert store.get(APP, "two")["Address"] == "+12065550001"
    assert store.get(APP, "two")["EndpointStatus"] == "ACTIVE"


# Deleting


def test_deleting_an_endpoint_frees_its_address_and_leaves_its_user_to_the_others(store):
    update(
        store,
        ("e1", sms(1, "u1", User={"UserAttributes": {"n": ["Ann"]}})),
        ("e2", sms(2, "u1")),
    )

    removed = store.delete(APP, "e1")

    assert removed["Id"] == "e1"
    assert removed["User"]["UserAttributes"] == {"n": ["Ann"]}
    assert store.get(APP, "e1") is None
    assert [e["Id"] for e in store.user_endpoints(APP, "u1")] == ["e2"]
    assert store.delete(APP, "e1") is None


def test_deleting_every_endpoint_leaves_no_item_behind(store, client):
    update(store, *((f"e{n}", sms(n, f"u{n % 2}")) for n in range(6)))

    for n in range(6):
        store.delete(APP, f"e{n}")

    assert items(client) == []


def test_deleting_a_user_removes_all_endpoints_and_answers_them(store, client):
    update(store, *((f"e{n}", sms(n, "u1")) for n in range(15)))

    removed = store.delete_user(APP, "u1")

    assert [e["Id"] for e in removed] == [f"e{n}" for n in range(15)]
    assert items(client) == []
    assert store.delete_user(APP, "u1") == []


def test_deleting_a_project_leaves_the_other_projects_alone(store, client):
    update(store, *((f"e{n}", sms(n, f"u{n % 7}")) for n in range(40)))
    store.update_many("b" * 32, [("e1", sms(1, "u1"))], now=NOW, request_id="r")

    store.delete_app(APP)

    assert {item["pk"]["S"].split("#")[0] for item in items(client)} == {"b" * 32}
    assert len(items(client)) == 3


def test_deleting_a_project_stops_when_time_is_up_and_goes_on_when_asked_again(store, client):
    update(store, *((f"e{n}", sms(n)) for n in range(40)))
    clock = iter([False] * 5 + [True])

    with pytest.raises(TooManyRequests, match="again"):
        store.delete_app(APP, out_of_time=lambda: next(clock))

    assert 0 < len(items(client)) < 80
    store.delete_app(APP)
    assert items(client) == []


# Removing attributes


def test_removing_attributes_by_pattern_empties_them_on_every_endpoint(store):
    update(store, *((f"e{n}", sms(n, Attributes={"a1": ["1"], "b": ["1"]})) for n in range(5)))

    pages = list(store.remove_attributes(APP, "endpoint-custom-attributes", ["a*"]))

    assert {name for names, _ in pages for name in names} == {"a1"}
    assert [store.get(APP, f"e{n}")["Attributes"] for n in range(5)] == [{"b": ["1"]}] * 5


def test_removing_user_attributes_touches_the_user_once_and_no_endpoint_attribute(store):
    both = {"User": {"UserAttributes": {"x": ["1"], "y": ["1"]}}, "Attributes": {"x": ["1"]}}
    update(store, ("e1", sms(1, "u1", **both)), ("e2", sms(2, "u1")))

    pages = list(store.remove_attributes(APP, "endpoint-user-attributes", ["x"]))

    assert [names for names, _ in pages if names] == [["x"]]

    assert store.get(APP, "e2")["User"]["UserAttributes"] == {"y": ["1"]}
    assert store.get(APP, "e1")["Attributes"] == {"x": ["1"]}


# Shards and members


def test_scanning_all_shards_finds_every_endpoint_once_with_its_user(store):
    update(store, *((f"e{n}", sms(n, "u1" if n < 10 else None)) for n in range(100)))
    update(store, ("e0", {"User": {"UserAttributes": {"n": ["Ann"]}}}))

    found = []
    for shard in range(32):
        after = None
        while True:
            page = store.scan(APP, shard, after, limit=2)
            found += [(endpoint["Id"], shard) for endpoint in page.items]
            assert all(
                endpoint["User"]["UserAttributes"] == {"n": ["Ann"]}
                for endpoint in page.items
                if "User" in endpoint
            )
            after = page.token
            if after is None:
                break

    assert sorted(found) == sorted((f"e{n}", crc32(f"e{n}".encode()) % 32) for n in range(100))


def members(store, list_id):
    return [one for shard in range(32) for one in store.members(APP, list_id, shard).items]


def test_members_of_a_list_lie_in_the_shards_of_their_endpoints(store):
    ids = [f"e{n}" for n in range(60)]

    store.add_members(APP, "s1", ids)
    store.add_members(APP, "s1", ids[:3])

    for shard in range(32):
        first = store.members(APP, "s1", shard, None, 2)
        rest = store.members(APP, "s1", shard, first.token, 100).items if first.token else []
        found = [member.id for member in first.items + rest]
        assert found == sorted(one for one in ids if shard_of(one) == shard)


def test_a_user_and_an_endpoint_of_one_name_are_two_members(store):
    store.add_members(APP, "s1", ["ann", "user#ann"])
    store.add_members(APP, "s1", ["ann", "endpoint#ann"], users=True)

    expected = {
        Member(MemberKind.ENDPOINT, "ann"),
        Member(MemberKind.ENDPOINT, "user#ann"),
        Member(MemberKind.USER, "ann"),
        Member(MemberKind.USER, "endpoint#ann"),
    }
    assert set(members(store, "s1")) == expected
    assert store.members_among(APP, "s1", expected) == expected


def test_an_id_of_the_greatest_length_can_be_a_member(store):
    longest = "\N{OK HAND SIGN}" * 250

    store.add_members(APP, "s1", [longest])

    [member] = members(store, "s1")
    assert member.id == longest
    assert len(f"{member.kind}#{member.id}".encode()) <= 1024  # DynamoDB's limit of a sort key


def test_only_candidates_that_are_on_the_list_are_found_among_its_members(store, client):
    store.add_members(APP, "s1", [f"e{n}" for n in range(0, 300, 2)])
    store.add_members(APP, "s2", ["e1"])
    counter = CallCounter(client)

    found = store.members_among(
        APP, "s1", [Member(MemberKind.ENDPOINT, f"e{n}") for n in range(250)]
    )

    assert {member.id for member in found} == {f"e{n}" for n in range(0, 250, 2)}
    assert counter.calls == {"BatchGetItem": 3}


def test_a_page_holds_at_most_a_hundred_users_and_none_is_lost_between_pages(client):
    store = EndpointStore(TABLES["ENDPOINTS_TABLE"], 1, OneCallAtATime(client))
    store.add_members(APP, "s1", [f"e{n}" for n in range(150)])
    store.add_members(APP, "s1", [f"u{n}" for n in range(250)], users=True)

    pages, after = [], None
    while True:
        page = store.members(APP, "s1", 0, after)
        pages.append([member.kind for member in page.items])
        after = page.token
        if after is None:
            break

    assert [len(page) for page in pages] == [250, 100, 50]
    assert [page.count(MemberKind.USER) for page in pages] == [100, 100, 50]


def test_the_endpoints_of_many_users_take_as_many_calls_as_those_of_one(store, client):
    update(store, *((f"e{n}", sms(n, f"u{n // 2}")) for n in range(80)))
    counter = CallCounter(client)

    found = store.endpoints_of_users(APP, [*(f"u{n}" for n in range(40)), "nobody"])

    assert {one["Id"] for one in found} == {f"e{n}" for n in range(80)}
    assert counter.calls == {"BatchGetItem": 3}  # users, their endpoints, and the users' attributes


def test_a_deleted_list_is_empty_and_other_lists_stay(store, client):
    store.add_members(APP, "s1", [f"e{n}" for n in range(60)])
    store.add_members(APP, "s2", ["e1"])

    assert store.delete_members(APP, "s1")

    assert members(store, "s1") == []
    assert [member.id for member in members(store, "s2")] == ["e1"]


def test_a_list_too_large_for_one_call_is_deleted_by_several(client, monkeypatch):
    monkeypatch.setattr("engagement_hub.store.endpoints._SCAN_ITEMS", 10)
    store = EndpointStore(TABLES["ENDPOINTS_TABLE"], 1, OneCallAtATime(client))
    store.add_members(APP, "s1", [f"e{n}" for n in range(95)])
    calls, done = 0, False

    while not done:
        pages = iter(range(3))
        done = store.delete_members(
            APP, "s1", out_of_time=lambda pages=pages: next(pages, None) is None
        )
        calls += 1

    assert items(client) == []
    assert calls == 4  # three pages of ten a call


# Calls and races


def test_a_hundred_new_endpoints_cost_three_reads_and_four_transactions(store, client):
    counter = CallCounter(client)

    update(store, *((f"e{n}", sms(n, f"u{n}")) for n in range(100)))

    assert counter.calls == {"BatchGetItem": 3, "TransactWriteItems": 4}


def test_changing_attributes_of_a_hundred_endpoints_is_one_transaction(store, client):
    update(store, *((f"e{n}", sms(n, f"u{n}")) for n in range(100)))
    counter = CallCounter(client)

    update(store, *((f"e{n}", {"Attributes": {"a": ["1"]}}) for n in range(100)))

    assert counter.calls == {"BatchGetItem": 3, "TransactWriteItems": 1}


def test_a_batch_too_entangled_for_one_transaction_is_still_applied_in_order(store):
    update(store, *((f"e{n}", sms(n, f"u{n}")) for n in range(100)))

    # Each takes the next one's address and user: one chain through all hundred.
    answers = update(
        store, *((f"e{n}", sms(n + 1, f"u{n + 1}")) for n in range(99)), ("e99", sms(0, "u0"))
    )

    assert len(answers) == 100
    kept = store.get_many(APP, [f"e{n}" for n in range(100)])
    assert all(kept[f"e{n}"]["Address"] == sms(n + 1)["Address"] for n in range(99))
    assert {endpoint["EndpointStatus"] for endpoint in kept.values()} == {"ACTIVE"}
    assert [e["Id"] for e in store.user_endpoints(APP, "u50")] == ["e49"]


def test_racing_writers_lose_no_attribute_and_no_endpoint_of_a_user(store):
    errors = []

    def work(number):
        try:
            for turn in range(3):
                update(
                    store,
                    ("shared", {**sms(1), "Attributes": {f"w{number}t{turn}": ["1"]}}),
                    (f"own{number}-{turn}", sms(100 + number * 10 + turn, "u1")),
                )
        except Exception as error:  # reported below: a thread's exception is lost otherwise
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
    assert len(store.get(APP, "shared")["Attributes"]) == 12
    assert len(store.user_endpoints(APP, "u1")) == 12


def test_racing_for_one_address_leaves_exactly_one_active_owner(store):
    errors = []

    def work(number):
        try:
            for _ in range(3):
                update(store, (f"e{number}", sms(1)))
        except Exception as error:  # reported below: a thread's exception is lost otherwise
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
    kept = store.get_many(APP, [f"e{n}" for n in range(4)])
    assert [e["EndpointStatus"] for e in kept.values()].count("ACTIVE") == 1
