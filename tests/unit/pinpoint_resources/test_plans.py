"""Decisions of the function, with the API's responses from a small fake of each service."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator

from pinpoint_resources.calls import (
    AlreadyThere,
    BadProperty,
    Call,
    CannotChange,
    MalformedInput,
    MissingProperty,
    UnknownType,
)
from pinpoint_resources.core import parse_request, plan
from pinpoint_resources.kinds import TYPES

ROOT = Path(__file__).resolve().parents[3]
[TYPES_OF_THE_MODULE] = (ROOT / "modules").rglob("types.json")
OPERATIONS_OF = json.loads(TYPES_OF_THE_MODULE.read_text())
PROJECT = "0123456789abcdef0123456789abcdef"
OTHER_STREAM = "arn:aws:kinesis:eu-west-1:111122223333:stream/other"
STREAM = {
    "DestinationStreamArn": "arn:aws:kinesis:eu-west-1:111122223333:stream/events",
    "RoleArn": "arn:aws:iam::111122223333:role/engagement-hub/stream",
}
TOPIC = "arn:aws:sns:eu-west-1:111122223333:inbound"
PHONE = {
    "PhoneNumberId": "phone-1",
    "PhoneNumberArn": "arn:aws:sms-voice:eu-west-1:111122223333:phone-number/phone-1",
    "TwoWayEnabled": False,
    "SelfManagedOptOutsEnabled": False,
    "OptOutListName": "Default",
    "TwoWayChannelArn": "arn:aws:sns:eu-west-1:111122223333:former",
}
DESTINATION = {
    "ConfigurationSetName": "texts",
    "EventDestinationName": "all",
    "MatchingEventTypes": ["ALL"],
    "SnsDestination": {"TopicArn": "arn:aws:sns:eu-west-1:111122223333:sms"},
}
# One valid wish per type, and the same wish with something changed.
WISHES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "App": ({"Name": "shop"}, {"Name": "shop", "tags": {"team": "crm"}}),
    "ApplicationSettings": (
        {
            "CampaignHook": {"LambdaFunctionName": "filter", "Mode": "FILTER"},
            "Limits": {"Daily": 3},
        },
        {"Limits": {"Daily": 5}},
    ),
    "Channel": (
        {"Channel": "sms", "Enabled": True},
        {"Channel": "sms", "Enabled": True, "SenderId": "SHOP"},
    ),
    "EmailTemplate": (
        {"TemplateName": "welcome", "Subject": "Welcome"},
        {"TemplateName": "welcome", "Subject": "Hello"},
    ),
    "EventStream": (STREAM, {**STREAM, "RoleArn": STREAM["RoleArn"] + "-2"}),
    "Segment": (
        {"Name": "germans", "Dimensions": {"Location": {"Country": {"Values": ["DE"]}}}},
        {"Name": "dach", "Dimensions": {"Location": {"Country": {"Values": ["DE", "AT"]}}}},
    ),
    "SmsConfigurationSetEventDestination": (
        DESTINATION,
        {**DESTINATION, "MatchingEventTypes": ["TEXT_ALL"]},
    ),
    "SmsPhoneNumber": (
        {"PhoneNumberId": "phone-1", "TwoWayEnabled": True, "TwoWayChannelArn": TOPIC},
        {
            "PhoneNumberId": "phone-1",
            "TwoWayEnabled": True,
            "TwoWayChannelArn": TOPIC,
            "SelfManagedOptOutsEnabled": True,
            "OptOutListName": "promotional",
        },
    ),
    "SmsTemplate": (
        {"TemplateName": "greeting", "Body": "Hello"},
        {"TemplateName": "greeting", "Body": "Hi {{User.UserAttributes.FirstName}}"},
    ),
}


class FakeApi:
    """Keeps what the plans make, by the shapes of the two services; checks every request.

    An answer of None is what the handler makes of NotFoundException.
    """

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.apps: dict[str, dict[str, Any]] = {}
        self.segments: dict[str, dict[str, Any]] = {}
        self.templates: dict[tuple[str, str], dict[str, Any]] = {}
        self.destinations: dict[tuple[str, str], dict[str, Any]] = {}
        self.settings: dict[str, Any] = {}
        self.channels: dict[str, dict[str, Any]] = {}
        self.stream: dict[str, Any] | None = None
        self.phone: dict[str, Any] = dict(PHONE)
        self.phone_tags: dict[str, str] = {}
        session = botocore.session.get_session()
        self._models = {
            name: session.get_service_model(name) for name in ("pinpoint", "pinpoint-sms-voice-v2")
        }

    def changes(self) -> list[str]:
        return [
            c.operation
            for c in self.calls
            if not c.operation.startswith(("Get", "Describe", "List"))
        ]

    def answer(self, call: Call) -> Mapping[str, Any] | None:
        model = self._models[call.service].operation_model(call.operation)
        report = ParamValidator().validate(dict(call.parameters), model.input_shape)
        assert not report.has_errors(), report.generate_report()
        self.calls.append(call)
        answer = getattr(self, f"_{call.operation}")(copy.deepcopy(dict(call.parameters)))
        assert answer is not None or call.absent_ok, f"{call.operation} found nothing"
        return answer

    def _tags(self, arn: str) -> dict[str, Any] | None:
        things = [*self.apps.values(), *self.segments.values(), *self.templates.values()]
        return next((thing["tags"] for thing in things if thing["Arn"] == arn), None)

    def _TagResource(self, request: dict[str, Any]) -> dict[str, Any] | None:
        if request["ResourceArn"] == PHONE["PhoneNumberArn"]:
            self.phone_tags |= {tag["Key"]: tag["Value"] for tag in request["Tags"]}
            return {}
        tags = self._tags(request["ResourceArn"])
        if tags is None:
            return None
        tags.update(request["TagsModel"]["tags"])
        return {}

    def _UntagResource(self, request: dict[str, Any]) -> dict[str, Any] | None:
        if request["ResourceArn"] == PHONE["PhoneNumberArn"]:
            for key in request["TagKeys"]:
                self.phone_tags.pop(key, None)
            return {}
        tags = self._tags(request["ResourceArn"])
        if tags is None:
            return None
        for key in request["TagKeys"]:
            del tags[key]
        return {}

    def _page(self, things: dict[str, dict[str, Any]], token: str | None) -> dict[str, Any]:
        """Lists of one item a page, so that every search reads several pages."""
        start, rows = int(token or 0), list(things.values())
        page: dict[str, Any] = {"Item": rows[start : start + 1]}
        return page | ({"NextToken": str(start + 1)} if start + 1 < len(rows) else {})

    def _GetApps(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"ApplicationsResponse": self._page(self.apps, request.get("Token"))}

    def _CreateApp(self, request: dict[str, Any]) -> dict[str, Any]:
        app_id = f"app{len(self.apps)}"
        self.apps[app_id] = {"Id": app_id, "Arn": f"arn:{app_id}"} | request[
            "CreateApplicationRequest"
        ]
        return {"ApplicationResponse": self.apps[app_id]}

    def _DeleteApp(self, request: dict[str, Any]) -> dict[str, Any] | None:
        return {} if self.apps.pop(request["ApplicationId"], None) else None

    def _GetSegments(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"SegmentsResponse": self._page(self.segments, request.get("Token"))}

    def _CreateSegment(self, request: dict[str, Any]) -> dict[str, Any]:
        segment_id = f"segment{len(self.segments)}"
        made = {"Id": segment_id, "Arn": f"arn:{segment_id}", "Version": 1}
        self.segments[segment_id] = made | request["WriteSegmentRequest"]
        return {"SegmentResponse": self.segments[segment_id]}

    def _UpdateSegment(self, request: dict[str, Any]) -> dict[str, Any]:
        segment = self.segments[request["SegmentId"]]
        segment |= request["WriteSegmentRequest"] | {"Version": segment["Version"] + 1}
        return {"SegmentResponse": segment}

    def _DeleteSegment(self, request: dict[str, Any]) -> dict[str, Any] | None:
        return {} if self.segments.pop(request["SegmentId"], None) else None

    def _template(self, kind: str, verb: str, request: dict[str, Any]) -> dict[str, Any] | None:
        key = (kind, request["TemplateName"])
        shape = {"Sms": "SMS"}.get(kind, kind)
        body = request.get(f"{shape}TemplateRequest", {})
        if verb == "Get":
            found = self.templates.get(key)
            return None if found is None else {f"{shape}TemplateResponse": found}
        if verb == "Create":
            assert key not in self.templates
            named = {"TemplateName": key[1], "Arn": f"arn:{kind}:{key[1]}", "Version": "1"}
            self.templates[key] = named | body
            return {"CreateTemplateMessageBody": {"Arn": named["Arn"]}}
        if verb == "Update":
            assert request["CreateNewVersion"] is True
            there = self.templates[key]
            there |= body | {"Version": str(int(there["Version"]) + 1)}
            return {"MessageBody": {"Message": "Accepted"}}
        return {} if self.templates.pop(key, None) else None

    def __getattr__(self, name: str) -> Any:
        for kind in ("Sms", "Email"):
            if name.endswith(f"{kind}Template"):
                verb = name[1 : -len(f"{kind}Template")]
                return lambda request: self._template(kind, verb, request)
        raise AttributeError(name)

    def _UpdateTemplateActiveVersion(self, request: dict[str, Any]) -> dict[str, Any]:
        assert request["TemplateActiveVersionRequest"] == {"Version": "latest"}
        return {"MessageBody": {"Message": "Accepted"}}

    def _GetApplicationSettings(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"ApplicationSettingsResource": {"ApplicationId": PROJECT} | self.settings}

    def _UpdateApplicationSettings(self, request: dict[str, Any]) -> dict[str, Any]:
        self.settings |= request["WriteApplicationSettingsRequest"]
        return {"ApplicationSettingsResource": {"ApplicationId": PROJECT} | self.settings}

    def _GetSmsChannel(self, request: dict[str, Any]) -> dict[str, Any] | None:
        there = self.channels.get("sms")
        return None if there is None else {"SMSChannelResponse": there}

    def _UpdateSmsChannel(self, request: dict[str, Any]) -> dict[str, Any]:
        self.channels["sms"] = {"Id": "sms", "Platform": "SMS"} | request["SMSChannelRequest"]
        return {"SMSChannelResponse": self.channels["sms"]}

    def _DeleteSmsChannel(self, request: dict[str, Any]) -> dict[str, Any] | None:
        return {} if self.channels.pop("sms", None) else None

    def _GetEventStream(self, request: dict[str, Any]) -> dict[str, Any] | None:
        return None if self.stream is None else {"EventStream": self.stream}

    def _PutEventStream(self, request: dict[str, Any]) -> dict[str, Any]:
        self.stream = {"ApplicationId": PROJECT} | request["WriteEventStream"]
        return {"EventStream": self.stream}

    def _DeleteEventStream(self, request: dict[str, Any]) -> dict[str, Any] | None:
        gone, self.stream = self.stream, None
        return None if gone is None else {"EventStream": gone}

    def _DescribeConfigurationSets(self, request: dict[str, Any]) -> dict[str, Any]:
        [name] = request["ConfigurationSetNames"]
        there = [value for (owner, _), value in self.destinations.items() if owner == name]
        return {"ConfigurationSets": [{"EventDestinations": there}]}

    def _CreateEventDestination(self, request: dict[str, Any]) -> dict[str, Any]:
        key = (request.pop("ConfigurationSetName"), request["EventDestinationName"])
        assert key not in self.destinations
        self.destinations[key] = {"Enabled": True} | request
        return {}

    def _UpdateEventDestination(self, request: dict[str, Any]) -> dict[str, Any]:
        key = (request.pop("ConfigurationSetName"), request["EventDestinationName"])
        self.destinations[key] |= request
        return {}

    def _DeleteEventDestination(self, request: dict[str, Any]) -> dict[str, Any] | None:
        key = (request["ConfigurationSetName"], request["EventDestinationName"])
        return {} if self.destinations.pop(key, None) else None

    def _DescribePhoneNumbers(self, request: dict[str, Any]) -> dict[str, Any] | None:
        [identity] = request["PhoneNumberIds"]
        known = identity in (self.phone["PhoneNumberId"], self.phone["PhoneNumberArn"])
        return {"PhoneNumbers": [dict(self.phone)]} if known else None

    def _ListTagsForResource(self, request: dict[str, Any]) -> dict[str, Any]:
        assert request["ResourceArn"] == PHONE["PhoneNumberArn"]
        return {"Tags": [{"Key": key, "Value": value} for key, value in self.phone_tags.items()]}

    def _UpdatePhoneNumber(self, request: dict[str, Any]) -> dict[str, Any]:
        assert request["PhoneNumberId"] == self.phone["PhoneNumberId"]
        self.phone |= request
        return {}

    def phone_changes(self) -> dict[str, Any]:
        """Return the differences from the number as it was before."""
        changed = {name: value for name, value in self.phone.items() if PHONE.get(name) != value}
        return {**changed, **self.phone_tags}

    def everything(self) -> list[Any]:
        held = (
            self.apps,
            self.segments,
            self.templates,
            self.destinations,
            self.channels,
            self.phone_changes(),
        )
        return copy.deepcopy([*held, self.stream, self.settings])


def wish(kind: str, properties: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "type": kind,
        "owner": "block/key",
        "project_id": PROJECT,
        "properties": dict(properties),
        "revision": "r1",
    } | changes


def invoke(
    api: FakeApi, action: str, event: dict[str, Any], previous: dict[str, Any] | None = None
) -> dict[str, Any]:
    steps = plan(parse_request({**event, "tf": {"action": action, "prev_input": previous}}))
    try:
        call = next(steps)
        while True:
            call = steps.send(api.answer(call))
    except StopIteration as end:
        result: dict[str, Any] = end.value
        return result


@pytest.mark.parametrize("kind", TYPES)
def test_creating_twice_makes_one(kind: str):
    api = FakeApi()
    event = wish(kind, WISHES[kind][0])

    first = invoke(api, "create", event)
    made = api.everything()
    second = invoke(api, "create", event)

    assert api.everything() == made
    assert made != FakeApi().everything()
    assert second == first
    assert first["Revision"] == "r1"


@pytest.mark.parametrize("kind", TYPES)
def test_updating_reaches_the_same_as_creating_what_is_wanted_now(kind: str):
    before, after = WISHES[kind]
    api, fresh = FakeApi(), FakeApi()
    invoke(api, "create", wish(kind, before))

    invoke(api, "update", wish(kind, after, revision="r2"), wish(kind, before))

    invoke(fresh, "create", wish(kind, after, revision="r2"))
    neutral = {"CampaignHook": {}} if kind == "ApplicationSettings" else {}
    assert without_versions(api) == without_versions(fresh, neutral)


def without_versions(api: FakeApi, settings: Mapping[str, Any] | None = None) -> list[Any]:
    held = api.everything()
    held[-1] = {**(settings or {}), **held[-1]}
    for things in held[:3]:
        for thing in things.values():
            thing.pop("Version", None)
    return held


@pytest.mark.parametrize("kind", TYPES)
def test_deleting_leaves_nothing_and_can_be_repeated(kind: str):
    api = FakeApi()
    event = wish(kind, WISHES[kind][0])
    invoke(api, "create", event)

    results = [invoke(api, "delete", event, event) for _ in range(2)]

    assert results == [{}, {}]
    *things, settings = api.everything()
    assert not any(things)
    assert not any(settings.values())


@pytest.mark.parametrize("kind", TYPES)
def test_what_vanished_is_made_again_by_an_update(kind: str):
    before, after = WISHES[kind]
    api = FakeApi()

    invoke(api, "update", wish(kind, after), wish(kind, before))

    assert api.everything() != FakeApi().everything()


@pytest.mark.parametrize("kind", TYPES)
def test_the_role_of_the_function_may_call_what_the_plans_call_and_no_more(kind: str):
    api = FakeApi()
    before, after = WISHES[kind]
    tagged = {**after, "tags": {"team": "crm"}} if kind == "Segment" or "Temp" in kind else after
    invoke(api, "create", wish(kind, before))
    invoke(api, "update", wish(kind, tagged), wish(kind, before))
    invoke(api, "update", wish(kind, before), wish(kind, tagged))
    invoke(api, "delete", wish(kind, before))

    called = {call.operation for call in api.calls if call.service == "pinpoint"}

    allowed = set(OPERATIONS_OF[kind])
    if kind == "Channel":  # the fake has one channel; the three differ by name only
        called = {c.replace("Sms", x) for c in called for x in ("Sms", "Email", "Voice")}
    assert called == allowed


def test_the_table_of_operations_names_every_type():
    assert sorted(OPERATIONS_OF) == sorted(TYPES)


def test_a_template_of_somebody_else_is_not_overwritten():
    api = FakeApi()
    invoke(api, "create", wish("SmsTemplate", WISHES["SmsTemplate"][0], owner="other/key"))

    with pytest.raises(AlreadyThere, match="SmsTemplate greeting .* TakeOver = true"):
        invoke(api, "create", wish("SmsTemplate", WISHES["SmsTemplate"][1]))

    assert api.templates["Sms", "greeting"]["Body"] == "Hello"


def test_take_over_replaces_what_somebody_else_made():
    api = FakeApi()
    invoke(api, "create", wish("SmsTemplate", WISHES["SmsTemplate"][0], owner="other/key"))

    invoke(api, "create", wish("SmsTemplate", WISHES["SmsTemplate"][1] | {"TakeOver": True}))

    assert api.templates["Sms", "greeting"]["Body"].startswith("Hi")
    assert api.templates["Sms", "greeting"]["tags"] == {"managed-by": "block/key"}


def test_a_template_of_somebody_else_is_not_deleted():
    api = FakeApi()
    event = wish("SmsTemplate", WISHES["SmsTemplate"][0])
    invoke(api, "create", event | {"owner": "other/key"})

    invoke(api, "delete", event)

    assert ("Sms", "greeting") in api.templates


def test_a_changed_template_gets_a_version_and_an_unchanged_one_does_not():
    api = FakeApi()
    before, after = (wish("SmsTemplate", body) for body in WISHES["SmsTemplate"])
    invoke(api, "create", before)

    same = invoke(api, "update", before, before)
    changed = invoke(api, "update", after, before)

    assert (same["Version"], changed["Version"]) == ("1", "2")


def test_renaming_a_template_makes_the_new_one_and_deletes_the_old_one():
    api = FakeApi()
    before = wish("SmsTemplate", {"TemplateName": "old", "Body": "Hello"})
    after = wish("SmsTemplate", {"TemplateName": "new", "Body": "Hello"})
    invoke(api, "create", before)

    invoke(api, "update", after, before)

    assert list(api.templates) == [("Sms", "new")]
    assert api.changes()[-2:] == ["CreateSmsTemplate", "DeleteSmsTemplate"]


def held(api: FakeApi) -> list[dict[str, Any]]:
    """The things that carry tags, or are found by a name."""
    stores = (api.apps, api.segments, api.templates, api.destinations)
    return [thing for store in stores for thing in store.values()]


TAGGED = ("App", "EmailTemplate", "Segment", "SmsTemplate")
ORDERS = (("create", "delete"), ("delete", "create"))


@pytest.mark.parametrize("order", ORDERS, ids=" before ".join)
@pytest.mark.parametrize("change", [0, 1], ids=["same content", "changed content"])
@pytest.mark.parametrize("kind", TAGGED)
def test_a_renamed_key_keeps_one_resource_in_either_order(
    kind: str, change: int, order: tuple[str, str]
):
    api = FakeApi()
    old = wish(kind, WISHES[kind][0], owner="block/a")
    new = wish(kind, WISHES[kind][change], owner="block/x")
    invoke(api, "create", old)

    for action in order:
        invoke(api, action, new if action == "create" else old)

    [left] = held(api)
    assert left["tags"]["managed-by"] == "block/x"
    wanted = WISHES[kind][change]
    assert {name: left[name] for name in wanted if name != "tags"} == {
        name: value for name, value in wanted.items() if name != "tags"
    }


@pytest.mark.parametrize("calls_of_the_creation", range(1, 4))
def test_a_template_survives_a_deletion_of_the_old_key_that_runs_at_the_same_time(
    calls_of_the_creation: int,
):
    api = FakeApi()
    old = wish("SmsTemplate", WISHES["SmsTemplate"][0], owner="block/a")
    invoke(api, "create", old)
    new = {**old, "owner": "block/x", "tf": {"action": "create", "prev_input": None}}
    steps = plan(parse_request(new))
    call = next(steps)
    for _ in range(calls_of_the_creation - 1):
        call = steps.send(api.answer(call))
    answer = api.answer(call)

    invoke(api, "delete", old)
    with pytest.raises(StopIteration):
        while True:
            answer = api.answer(steps.send(answer))

    assert api.templates["Sms", "greeting"]["tags"] == {"managed-by": "block/x"}


def test_a_function_whose_name_only_begins_alike_is_a_stranger():
    api = FakeApi()
    invoke(api, "create", wish("SmsTemplate", WISHES["SmsTemplate"][0], owner="block-2/key"))

    with pytest.raises(AlreadyThere):
        invoke(api, "create", wish("SmsTemplate", WISHES["SmsTemplate"][1]))

    assert api.templates["Sms", "greeting"]["tags"] == {"managed-by": "block-2/key"}


@pytest.mark.parametrize("change", [0, 1], ids=["same content", "changed content"])
@pytest.mark.parametrize("kind", [*TAGGED, "SmsConfigurationSetEventDestination"])
def test_a_moved_block_keeps_the_resource_and_gives_it_to_the_new_key(kind: str, change: int):
    api = FakeApi()
    old = wish(kind, WISHES[kind][0], owner="block/a")
    new = wish(kind, WISHES[kind][change], owner="block/x")
    created = invoke(api, "create", old)

    updated = [invoke(api, "update", new, old) for _ in range(2)]

    [left] = held(api)
    assert [result.get("Id") for result in updated] == [created.get("Id")] * 2
    if kind in TAGGED:
        assert left["tags"]["managed-by"] == "block/x"
    assert not [c for c in api.changes() if c.startswith("Delete")]
    invoke(api, "delete", new)
    assert held(api) == []


def test_a_moved_template_may_change_its_name():
    api = FakeApi()
    old = wish("SmsTemplate", {"TemplateName": "old", "Body": "Hello"}, owner="block/a")
    new = wish("SmsTemplate", {"TemplateName": "new", "Body": "Hello"}, owner="block/x")
    invoke(api, "create", old)

    invoke(api, "update", new, old)

    assert list(api.templates) == [("Sms", "new")]
    assert api.templates["Sms", "new"]["tags"] == {"managed-by": "block/x"}


def test_a_stream_that_is_there_is_not_replaced():
    api = FakeApi()
    api.stream = {"DestinationStreamArn": OTHER_STREAM, "RoleArn": "role"}

    with pytest.raises(AlreadyThere, match="EventStream"):
        invoke(api, "create", wish("EventStream", STREAM))

    assert api.stream["DestinationStreamArn"] == OTHER_STREAM


def test_a_stream_that_somebody_put_there_since_is_neither_replaced_nor_deleted():
    api = FakeApi()
    event = wish("EventStream", STREAM)
    invoke(api, "create", event)
    api.stream = {"DestinationStreamArn": OTHER_STREAM, "RoleArn": "role"}

    with pytest.raises(AlreadyThere):
        invoke(api, "update", wish("EventStream", WISHES["EventStream"][1]), event)
    invoke(api, "delete", event)

    assert api.stream["DestinationStreamArn"] == OTHER_STREAM


def test_an_update_may_move_its_own_stream():
    api = FakeApi()
    event = wish("EventStream", STREAM)
    invoke(api, "create", event)

    moved = wish("EventStream", STREAM | {"DestinationStreamArn": OTHER_STREAM})
    invoke(api, "update", moved, event)

    assert api.stream is not None
    assert api.stream["DestinationStreamArn"] == OTHER_STREAM


def test_the_campaign_hook_of_another_architecture_is_not_replaced():
    api = FakeApi()
    api.settings = {"CampaignHook": {"LambdaFunctionName": "theirs", "Mode": "FILTER"}}

    with pytest.raises(AlreadyThere, match="ApplicationSettings"):
        invoke(api, "create", wish("ApplicationSettings", WISHES["ApplicationSettings"][0]))

    assert api.settings["CampaignHook"]["LambdaFunctionName"] == "theirs"


def test_settings_of_others_survive_a_delete():
    api = FakeApi()
    event = wish("ApplicationSettings", WISHES["ApplicationSettings"][0])
    invoke(api, "create", event)
    theirs = {"LambdaFunctionName": "theirs", "Mode": "FILTER"}
    api.settings |= {"CampaignHook": theirs, "QuietTime": {"Start": "22:00", "End": "06:00"}}

    invoke(api, "delete", event)

    assert api.settings == {
        "CampaignHook": theirs,
        "QuietTime": {"Start": "22:00", "End": "06:00"},
        "Limits": {},
    }


def test_a_project_cannot_be_renamed():
    api = FakeApi()
    event = wish("App", {"Name": "shop"})
    invoke(api, "create", event)

    with pytest.raises(CannotChange, match="called shop"):
        invoke(api, "update", wish("App", {"Name": "store"}), event)


def test_a_project_is_found_after_a_refused_rename_that_came_with_a_moved_block():
    api = FakeApi()
    old = wish("App", {"Name": "shop"}, owner="block/shop")
    refused = wish("App", {"Name": "store"}, owner="block/store")
    invoke(api, "create", old)
    with pytest.raises(CannotChange):
        invoke(api, "update", refused, old)

    invoke(api, "update", wish("App", {"Name": "shop"}, owner="block/store"), refused)

    assert list(api.apps) == ["app0"]


def test_tags_follow_the_configuration():
    api = FakeApi()
    before = wish("App", {"Name": "shop", "tags": {"team": "crm", "stage": "test"}})
    invoke(api, "create", before)

    invoke(api, "update", wish("App", {"Name": "shop", "tags": {"team": "web"}}), before)

    assert api.apps["app0"]["tags"] == {"team": "web", "managed-by": "block/key"}


def test_a_disabled_event_destination_is_made_disabled():
    api = FakeApi()
    kind = "SmsConfigurationSetEventDestination"

    invoke(api, "create", wish(kind, DESTINATION | {"Enabled": False}))

    assert api.destinations["texts", "all"]["Enabled"] is False


def test_a_resource_that_follows_its_project_leaves_the_old_one_alone():
    api = FakeApi()
    before = wish("Segment", WISHES["Segment"][0], project_id="gone")

    invoke(api, "update", wish("Segment", WISHES["Segment"][0]), before)

    assert {call.parameters["ApplicationId"] for call in api.calls} == {PROJECT}
    assert api.changes() == ["CreateSegment"]


def test_the_content_of_a_template_stays_out_of_the_result():
    api = FakeApi()
    long = {"TemplateName": "welcome", "Subject": "Hello", "HtmlPart": "<p>" + "x" * 600}

    result = invoke(api, "create", wish("EmailTemplate", long))

    assert "HtmlPart" not in result
    assert result["Arn"] == "arn:Email:welcome"


def test_an_unknown_type_is_named():
    with pytest.raises(UnknownType, match="block/key has the type Journey"):
        invoke(FakeApi(), "create", wish("Journey", {}))


def test_a_change_of_type_is_refused():
    with pytest.raises(CannotChange, match="was of type App"):
        invoke(FakeApi(), "update", wish("Segment", {"Name": "x"}), wish("App", {"Name": "x"}))


@pytest.mark.parametrize(
    ("kind", "properties", "missing"),
    [
        ("SmsTemplate", {"Body": "Hello"}, "TemplateName"),
        ("Segment", {"Name": ""}, "Name"),
        ("EventStream", {"RoleArn": "role"}, "DestinationStreamArn"),
        ("Channel", {"Enabled": True}, "Channel"),
        ("SmsConfigurationSetEventDestination", {"ConfigurationSetName": "x"}, "EventDest"),
    ],
)
def test_a_missing_property_is_named(kind: str, properties: dict[str, Any], missing: str):
    with pytest.raises(MissingProperty, match=f"block/key .*{missing}"):
        invoke(FakeApi(), "create", wish(kind, properties))


def test_an_unknown_channel_and_an_unknown_setting_are_named():
    with pytest.raises(BadProperty, match="Channel is fax; use one of email, sms, voice"):
        invoke(FakeApi(), "create", wish("Channel", {"Channel": "fax"}))
    with pytest.raises(BadProperty, match="has no Quiet"):
        invoke(FakeApi(), "create", wish("ApplicationSettings", {"Quiet": {}}))


@pytest.mark.parametrize("lifecycle", [None, {}, {"action": "read"}])
def test_an_invocation_without_a_lifecycle_is_refused(lifecycle: Any):
    with pytest.raises(MalformedInput, match="lifecycle_scope"):
        parse_request(wish("App", {"Name": "shop"}) | {"tf": lifecycle})


def test_an_input_without_its_members_is_refused():
    with pytest.raises(MalformedInput, match="owner, project_id"):
        parse_request({"type": "App", "properties": {}, "tf": {"action": "create"}})


def phone(**properties: Any) -> dict[str, Any]:
    return wish("SmsPhoneNumber", {"PhoneNumberId": "phone-1", **properties})


def test_a_removal_gives_a_phone_number_its_earlier_settings_back():
    api = FakeApi()
    event = wish("SmsPhoneNumber", WISHES["SmsPhoneNumber"][1])
    invoke(api, "create", event)
    assert api.phone["OptOutListName"] == "promotional"

    invoke(api, "delete", event, event)

    assert api.phone == PHONE
    assert api.phone_tags == {}


def test_a_setting_that_is_no_longer_given_goes_back_to_its_earlier_value():
    api = FakeApi()
    before, after = phone(OptOutListName="promotional"), phone(TwoWayEnabled=True)
    invoke(api, "create", before)

    invoke(api, "update", after, before)

    assert (api.phone["OptOutListName"], api.phone["TwoWayEnabled"]) == ("Default", True)


def test_a_removal_leaves_a_setting_that_somebody_changed_since():
    api = FakeApi()
    event = phone(OptOutListName="promotional", SelfManagedOptOutsEnabled=True)
    invoke(api, "create", event)
    api.phone["OptOutListName"] = "by-hand"

    invoke(api, "delete", event, event)

    assert api.phone["OptOutListName"] == "by-hand"
    assert api.phone["SelfManagedOptOutsEnabled"] is False


def test_the_earlier_settings_are_kept_before_the_first_is_changed():
    api = FakeApi()

    invoke(api, "create", phone(TwoWayEnabled=True))

    assert api.changes() == ["TagResource", "UpdatePhoneNumber"]
    assert api.phone_tags["earlier-TwoWayEnabled"] == "false"
    assert api.phone_tags["earlier-TwoWayChannelArn"] == PHONE["TwoWayChannelArn"]


def test_a_phone_number_of_another_configuration_is_refused_unless_it_is_taken_over():
    api = FakeApi()
    api.phone_tags = {"managed-by": "other-resources/number"}
    event = phone(TwoWayEnabled=True)

    with pytest.raises(AlreadyThere, match="TakeOver"):
        invoke(api, "create", event)
    assert api.changes() == []
    invoke(api, "create", phone(TwoWayEnabled=True, TakeOver=True))

    assert api.phone["TwoWayEnabled"] is True


def test_another_configuration_that_took_a_number_over_keeps_it_when_the_first_is_destroyed():
    api = FakeApi()
    event = phone(TwoWayEnabled=True)
    invoke(api, "create", event)
    api.phone_tags["managed-by"] = "other-resources/number"

    invoke(api, "delete", event, event)

    assert api.phone["TwoWayEnabled"] is True


@pytest.mark.parametrize(
    ("properties", "says"),
    [
        ({"PhoneNumberId": "phone-2", "TwoWayEnabled": True}, "no phone number phone-2"),
        ({"PhoneNumberId": "phone-1", "PoolId": "pool-1"}, "has no PoolId"),
        ({"TwoWayEnabled": True}, "PhoneNumberId"),
    ],
)
def test_settings_of_a_phone_number_that_cannot_work_are_refused(properties, says):
    api = FakeApi()

    with pytest.raises((BadProperty, MissingProperty), match=says):
        invoke(api, "create", wish("SmsPhoneNumber", properties))

    assert api.changes() == []


def test_a_former_topic_too_long_for_a_tag_is_refused_before_any_change():
    api = FakeApi()
    api.phone["TwoWayChannelArn"] = TOPIC + "x" * 256

    with pytest.raises(BadProperty, match="shorter name"):
        invoke(api, "create", phone(TwoWayEnabled=True))

    assert api.changes() == []
