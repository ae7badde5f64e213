"""The function: endpoints change by their events, in few calls, and no record delays the others."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from event_based_segmentation.change_times import SettingsMissing
from shared.stream_records import DeadLetters
from tests.builders.architectures import load_function, service_error
from tests.builders.segmentation import (
    NOON,
    QUEUE,
    SETTINGS,
    SHIPPED,
    Project,
    Queue,
    Table,
    batch,
    context,
    event,
    rule,
    settings_of,
)

NOTHING: dict[str, Any] = {"batchItemFailures": []}
WEBINAR = "webinar_registration"


def failures(*numbers: int) -> dict[str, Any]:
    return {"batchItemFailures": [{"itemIdentifier": str(number)} for number in numbers]}


class Function:
    """The handler after a cold start, with services in memory and a clock that the test moves."""

    def __init__(self, monkeypatch, capsys, rules, machine_opens):
        self._monkeypatch, self._capsys = monkeypatch, capsys
        self.project, self.queue = Project(["ann", "bob", "eve"]), Queue()
        self.table = Table(settings_of(rules, machine_opens))
        self.seconds = 1000.0
        self.starts_anew()

    def starts_anew(self):
        """Start another execution environment, which remembers nothing."""
        module = load_function(
            self._monkeypatch, "event_based_segmentation.functions.apply_rules", SETTINGS
        )
        dead_letters = DeadLetters(QUEUE, module.logger, lambda: self.queue)
        self._monkeypatch.setattr(module, "dead_letters", dead_letters)
        self._monkeypatch.setattr(module, "pinpoint", self.project)
        self._monkeypatch.setattr(module, "dynamodb", self.table)
        self.module = module

    def __call__(self, *data, seconds=180):
        # The handler meets the same errors.
        with suppress(ClientError, SettingsMissing):
            segmentation = self.module.segmentation()
            segmentation._clock = lambda: self.seconds
            segmentation._now = lambda: NOON / 1000
            segmentation._times = type(segmentation._times)(
                self.table, SETTINGS["TABLE"], sleep=lambda _: None
            )
        return self.module.lambda_handler(batch(*data), context(seconds))

    def metrics(self):
        """The counts of the last invocation."""
        lines = [line for line in self._capsys.readouterr().out.splitlines() if '"_aws"' in line]
        found = json.loads(lines[-1])
        return {name: sum(value) for name, value in found.items() if isinstance(value, list)}


@pytest.fixture
def start(monkeypatch, capsys):
    def start(rules=SHIPPED, machine_opens=None):
        return Function(monkeypatch, capsys, rules, machine_opens)

    return start


@pytest.fixture
def function(start):
    return start()


def test_an_open_sets_the_attribute_that_marketers_are_told_to_use(function):
    assert function(event("_email.open", "ann")) == NOTHING

    assert function.project.attributes("ann") == {"email_opened": ["true"]}
    assert function.project.attributes("bob") == {}
    assert function.queue.letters == []


def test_a_second_webinar_is_added_to_the_first(start):
    function = start({**SHIPPED, "sixth": rule("w6", endpoint={"add": {WEBINAR: ["webinar6"]}})})
    function.project.add("ann", Attributes={WEBINAR: ["webinar1"], "other": ["kept"]})

    function(event("registered_for_webinar5", "ann"), event("w6", "ann", NOON + 1))

    assert function.project.attributes("ann") == {
        WEBINAR: ["webinar1", "webinar5", "webinar6"],
        "other": ["kept"],
    }


def test_a_cancellation_and_an_unsubscribe_take_back_what_events_added(function):
    function(event("registered_for_webinar5", "ann"), event("_email.open", "ann"))
    function(event("registered_for_webinar5", "bob"))

    function(event("_email.unsubscribe", "ann", NOON + 1))
    function(event("cancelled_webinar5", "bob", NOON + 1))

    assert function.project.attributes("ann") == {WEBINAR: [], "email_opened": []}
    assert function.project.attributes("bob") == {WEBINAR: []}


def test_an_event_that_arrives_late_does_not_undo_a_newer_one(function):
    function(event("registered_for_webinar5", "ann"))
    function(event("cancelled_webinar5", "ann", NOON + 2))
    function.starts_anew()

    function(event("registered_for_webinar5", "ann", NOON + 1))

    assert function.project.attributes("ann") == {WEBINAR: []}


def test_an_event_that_changed_nothing_is_still_newer_than_an_older_one(function):
    function(event("registered_for_webinar5", "ann"))
    function(event("registered_for_webinar5", "ann", NOON + 2))

    function(event("cancelled_webinar5", "ann", NOON + 1))

    assert function.project.attributes("ann") == {WEBINAR: ["webinar5"]}


def test_a_batch_in_any_order_ends_as_the_newest_event_says(function):
    function(
        event("cancelled_webinar5", "ann", NOON + 2), event("registered_for_webinar5", "ann", NOON)
    )

    assert function.project.attributes("ann") == {}


def test_an_event_about_no_endpoint_creates_none(function):
    transactional = event("_email.open", "5e1f2a3b-4c5d-4e6f-8a9b-0c1d2e3f4a5b")

    assert function(transactional, event("_email.open", None), event("_email.open", "ann")) == (
        NOTHING
    )

    assert set(function.project.endpoints) == {"ann", "bob", "eve"}
    assert function.metrics()["UnknownEndpoints"] == 2
    assert function.queue.letters == []


def test_an_endpoint_that_was_deleted_is_not_created_again_by_a_remembered_read(function):
    function(event("_email.open", "ann"))
    del function.project.endpoints["ann"]

    function(event("registered_for_webinar5", "ann"), event("_email.open", "ann"))

    assert "ann" not in function.project.endpoints


def test_an_inactive_endpoint_stays_inactive(function):
    function.project.add("old", EndpointStatus="INACTIVE")

    function(event("_email.open", "old"))

    assert function.project.endpoints["old"]["EndpointStatus"] == "INACTIVE"
    assert function.project.attributes("old") == {"email_opened": ["true"]}


def test_many_events_of_an_endpoint_are_one_read_and_one_update(function):
    function(*(event("_email.open", "ann", NOON + number) for number in range(500)))

    assert function.project.calls == {"GetEndpoint": 1, "UpdateEndpointsBatch": 1}


def test_the_endpoints_of_a_batch_are_updated_a_hundred_at_a_time(function):
    names = [f"e{number}" for number in range(250)]
    for name in names:
        function.project.add(name)

    assert function(*(event("_email.open", name) for name in names)) == NOTHING

    assert all(function.project.attributes(name) for name in names)
    assert function.project.calls["UpdateEndpointsBatch"] == 3
    assert function.metrics()["UpdatedEndpoints"] == 250


def test_an_open_that_changes_nothing_is_not_checked_again_for_five_minutes(function):
    function(event("_email.open", "ann"))

    function(event("_email.open", "ann", NOON + 1))
    assert function.project.calls == {"GetEndpoint": 1, "UpdateEndpointsBatch": 1}

    function.project.endpoints["ann"]["Attributes"] = {}  # another program removed the value
    function.seconds += 301
    function(event("_email.open", "ann", NOON + 301_000))
    assert function.project.attributes("ann") == {"email_opened": ["true"]}


def test_a_value_of_another_program_survives_a_remembered_read(function):
    function(event("registered_for_webinar5", "ann"))
    function.project.endpoints["ann"]["Attributes"][WEBINAR].append("by hand")

    function(event("cancelled_webinar5", "ann", NOON + 1))

    assert function.project.attributes("ann") == {WEBINAR: ["by hand"]}


def test_events_of_other_types_and_other_projects_cause_no_call(function):
    other = event("_email.open", "ann", application={"app_id": "f" * 32})

    assert function(event("_email.click", "ann"), other) == NOTHING

    assert function.project.calls == {}


def test_machine_opens_count_unless_they_are_left_out(start):
    apple = event("_email.open", "ann", agent="Mozilla/5.0")
    counting = start()
    counting(apple)
    assert counting.project.attributes("ann") == {"email_opened": ["true"]}

    strict = start(machine_opens={"equals": ["Mozilla/5.0"], "contains": ["GoogleImageProxy"]})
    strict(apple, event("_email.open", "bob"))

    assert strict.project.attributes("ann") == {}
    assert strict.project.attributes("bob") == {"email_opened": ["true"]}
    assert strict.metrics()["MachineOpens"] == 1


USER_RULES = {
    "bought": rule("bought", user={"add": {"kinds": ["{{attributes.kind}}"]}}),
    "returned": rule("returned", user={"remove": {"kinds": ["{{attributes.kind}}"]}}),
}


def purchase(endpoint_id, kind, at=NOON):
    return event("bought", endpoint_id, at, attributes={"kind": kind})


def test_events_of_two_endpoints_of_a_user_are_joined_in_the_users_attributes(start):
    function = start(USER_RULES)
    function.project.add("phone", user="u1")
    function.project.add("mail", user="u1")

    assert function(purchase("phone", "shoes"), purchase("mail", "hats", NOON + 1)) == NOTHING

    assert function.project.users["u1"] == {"kinds": ["shoes", "hats"]}
    function(purchase("phone", "gloves", NOON + 2))
    assert function.project.users["u1"] == {"kinds": ["shoes", "hats", "gloves"]}


def test_a_user_attribute_keeps_its_order_over_endpoints_and_batches(start):
    function = start(USER_RULES)
    function.project.add("phone", user="u1")
    function.project.add("mail", user="u1")
    function(event("returned", "phone", NOON + 2, attributes={"kind": "hats"}))

    function(purchase("mail", "hats", NOON + 1))

    assert function.project.users["u1"] == {}


def test_a_change_of_a_user_needs_an_endpoint_with_a_user(start):
    function = start(USER_RULES)

    assert function(purchase("ann", "shoes")) == NOTHING

    assert function.metrics()["EndpointsWithoutUser"] == 1
    function(purchase("ann", "hats", NOON + 1))
    assert function.project.calls == {"GetEndpoint": 1}


@pytest.mark.parametrize(
    ("code", "answer", "letters"),
    [("TooManyRequestsException", failures(1), 0), ("BadRequestException", NOTHING, 1)],
)
def test_a_failed_update_of_a_user_is_reported_when_the_endpoint_itself_stays_as_it_is(
    start, code, answer, letters
):
    both = rule(
        "bought",
        endpoint={"add": {"buyer": ["yes"]}},
        user={"add": {"kinds": ["{{attributes.kind}}"]}},
    )
    function = start({"bought": both})
    function.project.add("phone", user="u1", Attributes={"buyer": ["yes"]})
    function.project.down = [code]

    assert function(purchase("phone", "shoes")) == answer

    assert len(function.queue.letters) == letters
    assert function(purchase("phone", "hats", NOON + 1)) == NOTHING
    assert function.project.users["u1"] == {"kinds": ["hats"]}


def test_a_user_whose_other_endpoint_was_read_is_updated_through_that_endpoint(start):
    function = start({**USER_RULES, **SHIPPED})
    function.project.add("phone", user="u1")
    function.project.add("mail", user="u1")
    function(purchase("phone", "shoes"))
    function.project.users["u1"].clear()  # another program

    function(purchase("phone", "shoes", NOON + 1), event("_email.open", "mail"))

    assert function.project.users["u1"] == {"kinds": ["shoes"]}


def test_a_change_that_the_failing_endpoint_of_a_user_would_undo_is_made_without_it(start):
    forgot = rule("forgot", user={"clear": ["kinds"]})
    function = start({**USER_RULES, "forgot": forgot, **SHIPPED})
    function.project.add("phone", user="u1")
    function.project.add("mail", user="u1")
    function(purchase("mail", "hats"), event("forgot", "phone", NOON - 1))
    function.project.failing["mail"] = "TooManyRequestsException"

    answer = function(
        event("forgot", "phone", NOON + 1),
        purchase("mail", "hats", NOON + 2),
        event("_email.open", "mail", NOON + 2),
    )

    assert sorted(each["itemIdentifier"] for each in answer["batchItemFailures"]) == ["2", "3"]
    assert function.project.users["u1"] == {"kinds": []}


def test_a_throttled_read_returns_the_records_of_its_endpoint_alone(function):
    function.project.failing["bob"] = "TooManyRequestsException"
    records = [event("_email.open", name) for name in ("ann", "bob", "eve")]

    assert function(*records) == failures(2)
    assert function.project.attributes("ann") == function.project.attributes("eve") != {}

    function.project.failing.clear()
    assert function(*records[1:]) == NOTHING
    assert function.project.attributes("bob") == {"email_opened": ["true"]}


def test_a_throttled_update_returns_its_records_and_is_done_later(function):
    function.project.down = ["TooManyRequestsException"]
    records = [event("_email.open", "ann"), event("_email.open", "bob")]

    assert function(*records) == failures(1, 2)
    assert function(*records) == NOTHING

    assert function.project.attributes("ann") == function.project.attributes("bob") != {}


def test_a_refused_permission_returns_the_records_for_a_person_to_correct_it(function):
    function.project.failing["ann"] = "ForbiddenException"

    assert function(event("_email.open", "ann")) == failures(1)


def test_one_endpoint_that_is_full_is_parked_and_the_others_are_updated(function):
    full = {f"a{number}": ["x"] for number in range(250)}
    function.project.add("full", Attributes=full)
    names = ["ann", "bob", "full", "eve"]

    assert function(*(event("_email.open", name) for name in names)) == NOTHING

    assert [letter["SequenceNumber"] for letter in function.queue.letters] == ["3"]
    assert function.queue.letters[0]["Reason"] == "BadRequestException"
    assert all(
        "email_opened" in function.project.attributes(name) for name in ("ann", "bob", "eve")
    )


def test_an_id_that_the_api_refuses_is_parked(function):
    function.project.failing["a?b"] = "BadRequestException"

    assert function(event("_email.open", "a?b"), event("_email.open", "ann")) == NOTHING

    assert len(function.queue.letters) == 1
    assert function.project.attributes("ann") == {"email_opened": ["true"]}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\xff\xfe", "The record is not JSON."),
        (b"[1]", "The record is not a JSON object."),
        (b"[" * 100_000, "The record is not JSON."),
        ({}, "The event's event_type is not a text."),
        (event("_email.open", attributes=7), "The event's attributes is not an object."),
    ],
)
def test_a_poison_record_is_parked_at_once_and_holds_up_nobody(function, data, reason):
    assert function(event("_email.open", "ann"), data, event("_email.open", "bob")) == NOTHING

    [letter] = function.queue.letters
    assert (letter["Reason"], letter["SequenceNumber"]) == (reason, "2")
    assert function.project.attributes("ann") == function.project.attributes("bob") != {}
    assert function.metrics()["ParkedRecords"] == 1


def test_a_batch_that_comes_twice_changes_nothing(function):
    records = [event("_email.open", "ann"), event("registered_for_webinar5", "ann", NOON + 1)]
    function(*records)
    before = function.project.attributes("ann")
    function.starts_anew()

    assert function(*records) == NOTHING

    assert function.project.attributes("ann") == before
    assert function.project.calls["UpdateEndpointsBatch"] == 1


def test_without_the_table_no_event_is_applied_out_of_order(function):
    function(event("_email.open", "bob"))
    function.table.down = [service_error("BatchGetItem", "ThrottlingException", 400)]

    assert function(event("_email.open", "ann"), b"no event") == failures(1)

    assert function.project.attributes("ann") == {}
    assert function(event("_email.open", "ann"), b"no event") == NOTHING
    assert len(function.queue.letters) == 1


def test_a_table_that_does_not_answer_returns_the_records(function):
    function(event("_email.open", "bob"))
    function.table.down = [EndpointConnectionError(endpoint_url="https://dynamodb")]

    assert function(event("_email.open", "ann")) == failures(1)


def test_keys_and_items_that_the_table_leaves_out_are_asked_for_again(function):
    function(event("_email.open", "bob"))
    function.table.unprocessed = 2

    assert function(event("_email.open", "ann"), event("_email.open", "eve")) == NOTHING

    assert {"endpoint#ann", "endpoint#eve"} < set(function.table.items)


def test_times_that_the_table_refuses_return_the_records(function):
    function(event("_email.open", "bob"))
    function.table.unprocessed = 1000

    assert function(event("_email.open", "ann")) == failures(1)


def test_rules_that_are_missing_stop_the_batch_with_a_reason(function):
    function.table.items.clear()

    with pytest.raises(
        SettingsMissing, match=r"has no item settings#1: apply the Terraform module"
    ):
        function(event("_email.open", "ann"))


def test_times_expire_and_name_no_value(function):
    function(event("registered_for_webinar5", "ann"))

    item = function.table.items["endpoint#ann"]
    assert int(item["expires_at"]["N"]) == NOON // 1000 + 30 * 86_400
    assert "webinar" not in item["times"]["S"]


def test_rules_that_only_add_need_no_times(start):
    function = start({"any": rule("x", endpoint={"add": {"seen": ["{{attributes.page}}"]}})})

    function(event("x", "ann", attributes={"page": "home"}))

    assert function.project.attributes("ann") == {"seen": ["home"]}
    assert function.table.calls == {"GetItem": 1}


def test_what_there_is_no_time_for_comes_back(function):
    assert function(event("_email.open", "ann"), seconds=30) == failures(1)
    assert function.project.calls == {}


def test_a_value_that_does_not_fit_is_counted_and_the_rest_is_done(start, caplog):
    function = start(
        {"clicked": rule("_email.click", endpoint={"add": {"links": ["{{attributes.feedback}}"]}})}
    )
    long, short = "https://example.com/" + "x" * 100, "https://example.com/"

    assert (
        function(
            event("_email.click", "ann", attributes={"feedback": long}),
            event("_email.click", "ann", attributes={"feedback": short}),
        )
        == NOTHING
    )

    assert function.project.attributes("ann") == {"links": [short]}
    assert function.metrics()["RefusedValues"] == 1
    [line] = [each for each in caplog.records if "refused_by_rule" in vars(each)]
    assert vars(line)["refused_by_rule"] == {"clicked": 1}


def test_a_full_list_refuses_a_value_and_is_counted(start):
    function = start({"any": rule("x", endpoint={"add": {"seen": ["new"]}})})
    function.project.add("ann", Attributes={"seen": [f"v{number}" for number in range(50)]})

    assert function(event("x", "ann")) == NOTHING

    assert len(function.project.attributes("ann")["seen"]) == 50
    assert function.metrics()["RefusedValues"] == 1
    assert function.queue.letters == []


def test_nothing_that_is_logged_names_a_person(function, caplog, capsys):
    function.project.failing["bob@example.com"] = "TooManyRequestsException"

    function(
        event("_email.open", "ann@example.com"),
        event("_email.open", "bob@example.com", attributes={"feedback": "ann@example.com"}),
        b"ann@example.com",
    )

    logged = capsys.readouterr().out + "".join(str(vars(record)) for record in caplog.records)
    assert "Record comes back" in logged
    assert "example.com" not in logged


def test_an_invocation_without_effect_writes_no_metric(function, capsys):
    function(event("_email.open", "ann"))
    capsys.readouterr()

    function(event("_email.open", "ann"))

    assert capsys.readouterr().out == ""
