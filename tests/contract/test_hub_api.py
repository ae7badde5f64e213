"""A boto3 `pinpoint` client against the hub's API, every operation by its name."""

import base64
import json
import os
import random
import re
import string
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from unittest import mock

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError
from botocore.loaders import Loader

from engagement_hub.api import responder, service_model_source
from engagement_hub.api.operations import OPERATIONS
from engagement_hub.api.responder import respond
from engagement_hub.api.wire import read_call
from engagement_hub.customer_role import RoleDoesNotTrust, RoleNotAssumable
from engagement_hub.engagement.campaigns import ExecutionMetric, SendStatus
from engagement_hub.engagement.errors import InternalServerError
from engagement_hub.event_stream import EventsNotDelivered
from engagement_hub.hub import Account, Hub
from engagement_hub.machines import Machines, NotStarted
from engagement_hub.senders import DeliveryStatus, SendOutcome
from engagement_hub.store.endpoints import EndpointStore
from engagement_hub.store.entities import EXPIRES_AT, EntityStore, Kind
from engagement_hub.store.journey_participants import journey_scope
from engagement_hub.store.names import activity_entity_id, run_activity_id, run_scope
from engagement_hub.store.runs import RunStore
from engagement_hub.store.sent_requests import SentRequests
from engagement_hub.workers.purge import purge_members
from tests.builders.hub import (
    ACCOUNT_ID,
    HUB_ENVIRONMENT,
    REGION,
    TABLES,
    CallCounter,
    OneCallAtATime,
    http_event,
    hub_client,
    hub_tables,
)
from tests.builders.hub_fakes import FakePaces, FakeSenders, FakeStream, FakeUndelivered
from tests.builders.hub_workers import Context
from tests.builders.journeys import (
    email,
    in_segment,
    journey_request,
    opened,
    text_message,
    wait,
    yes_no,
)

MODEL = Loader().load_service_model("pinpoint", "service-2", "2016-12-01")
ROLE = f"arn:aws:iam::{ACCOUNT_ID}:role/engagement-hub/customer"
STREAM = f"arn:aws:kinesis:{REGION}:{ACCOUNT_ID}:stream/events"


class FakeAws:
    """Step Functions and the scheduler, as far as Machines calls them."""

    def __init__(self):
        self.started = []
        self.schedules = {}
        self.refuse = None

    def start_execution(self, stateMachineArn, name, input):
        self._maybe_refuse("StartExecution")
        self.started.append(
            SimpleNamespace(machine=stateMachineArn, name=name, input=json.loads(input))
        )

    def create_schedule(self, **schedule):
        self._maybe_refuse("CreateSchedule")
        if schedule["Name"] in self.schedules:
            raise ClientError({"Error": {"Code": "ConflictException"}}, "CreateSchedule")
        self.schedules[schedule["Name"]] = schedule

    def update_schedule(self, **schedule):
        assert schedule["Name"] in self.schedules
        self.schedules[schedule["Name"]] = schedule

    def delete_schedule(self, Name, GroupName):
        assert GroupName == HUB_ENVIRONMENT["SCHEDULE_GROUP"]
        if self.schedules.pop(Name, None) is None:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "DeleteSchedule")

    def _maybe_refuse(self, operation):
        if self.refuse:
            raise ClientError({"Error": {"Code": self.refuse}}, operation)


@pytest.fixture
def tables():
    with hub_tables() as client:
        yield client


@pytest.fixture
def hub(tables):
    hub = Hub(
        entities=EntityStore(TABLES["ENTITIES_TABLE"], tables),
        endpoints=EndpointStore(TABLES["ENDPOINTS_TABLE"], client=OneCallAtATime(tables)),
        account=Account("aws", REGION, ACCOUNT_ID),
        machines=Machines(),
        clock=lambda: hub.seconds,
        monotonic=lambda: hub.seconds,
        sleep=lambda seconds: setattr(hub, "seconds", hub.seconds + seconds),
    )
    hub.seconds = 0.0
    hub.aws = FakeAws()
    hub.machines.__dict__["_states"] = hub.aws
    hub.machines.__dict__["_scheduler"] = hub.aws
    hub.senders = FakeSenders()
    hub.paces = FakePaces(hub.clock)
    hub.sent_requests = SentRequests(TABLES["RUNS_TABLE"], hub.clock, tables)
    hub.stream = FakeStream()
    hub.undelivered = FakeUndelivered()
    hub.runs = RunStore(TABLES["RUNS_TABLE"], tables)
    hub.journey_totals = RunStore(TABLES["JOURNEYS_TABLE"], tables)
    return hub


@pytest.fixture(scope="module")
def clients():
    """One client for each way a gateway hands over paths (they are slow to make), and whose hub
    answers them."""
    answering = SimpleNamespace(hub=None)
    with mock.patch.dict(os.environ, HUB_ENVIRONMENT):
        answering.by_path = {
            decoded: hub_client(lambda event: respond(answering.hub, event), decoded_path=decoded)
            for decoded in (False, True)
        }
    return answering


@pytest.fixture(params=[False, True], ids=["encoded path", "decoded path"])
def pinpoint(request, clients, hub):
    clients.hub = hub
    return clients.by_path[request.param]


@pytest.fixture
def client(clients, hub):
    clients.hub = hub
    return clients.by_path[True]


@pytest.fixture
def app(hub, client):
    return client.create_app(CreateApplicationRequest={"Name": "shop"})["ApplicationResponse"]["Id"]


def code_of(error):
    return error.value.response["Error"]["Code"]


def pages(call, member, token_name="Token", **arguments):
    """All items of a paged operation, read page by page; more than 20 pages do not end."""
    items, token = [], None
    for _ in range(20):
        answer = call(**arguments, **({token_name: token} if token else {}))[member]
        items.append(answer["Item"])
        token = answer.get("NextToken")
        if token is None:
            return items
    raise AssertionError("the pages do not end")


# The table of operations


def test_the_compact_service_model_is_in_step_with_botocore():
    expected = service_model_source.text_of(MODEL)

    assert service_model_source.TARGET.read_text(encoding="utf-8") == expected, (
        "run python -m engagement_hub.api.service_model_source"
    )


def test_every_operation_offered_is_one_of_the_api():
    assert set(OPERATIONS) <= set(MODEL["operations"])


def smallest(shape_name):
    """Build the smallest value that botocore's validation accepts."""
    shape = MODEL["shapes"][shape_name]
    match shape["type"]:
        case "structure":
            return {
                name: smallest(shape["members"][name]["shape"])
                for name in shape.get("required", [])
            }
        case "list":
            return []
        case "map":
            return {}
        case "boolean":
            return False
        case "integer" | "long" | "double":
            return 1
        case "blob":
            return b""
        case "timestamp":
            return "2026-11-23T00:00:00Z"
    return shape.get("enum", ["x"])[0]


def call_by_name(client, operation):
    arguments = smallest(MODEL["operations"][operation]["input"]["shape"])
    return client._make_api_call(operation, arguments)


@pytest.mark.parametrize("operation", sorted(set(MODEL["operations"]) - set(OPERATIONS)))
def test_an_operation_the_hub_does_not_offer_answers_an_error_that_names_it(client, operation):
    with pytest.raises(client.exceptions.MethodNotAllowedException) as error:
        call_by_name(client, operation)

    assert f"{operation} is not offered" in error.value.response["Error"]["Message"]
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 405


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_an_operation_the_hub_offers_reaches_it(client, operation):
    try:
        answer = call_by_name(client, operation)
    except ClientError as error:
        assert error.response["Error"]["Code"] in ("NotFoundException", "BadRequestException")
    else:
        expected = MODEL["operations"][operation]["http"]["responseCode"]
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == expected


@pytest.mark.parametrize(
    "operation",
    sorted(
        one
        for one in OPERATIONS
        if "{application-id}" in MODEL["operations"][one]["http"]["requestUri"]
    ),
)
def test_in_a_project_that_is_not_there_nothing_is_found(client, operation):
    with pytest.raises(client.exceptions.NotFoundException, match="app 'x'"):
        call_by_name(client, operation)


# Errors


def test_an_error_has_the_api_form_with_class_header_and_request_id(hub):
    answer = respond(hub, http_event("GET", "/v1/apps/nowhere", request_id="r-7"))

    assert answer["statusCode"] == 404
    assert answer["headers"]["x-amzn-ErrorType"] == "NotFoundException"
    assert json.loads(answer["body"]) == {
        "__type": "NotFoundException",  # for a client behind a proxy that drops the header
        "Message": "There is no app 'nowhere'.",
        "RequestID": "r-7",
    }


@pytest.mark.parametrize(
    ("body", "member"),
    [
        ("{", "not JSON"),
        ("", "missing"),
        ("[]", "must be a JSON object, not a list"),
        ('{"ChannelType": "PIGEON"}', "ChannelType must be one of"),
        ('{"Address": 5}', "Address must be a string, not a number"),
        ('{"Location": {"Latitude": "north"}}', "Location.Latitude must be a number"),
        ('{"Location": {"Latitude": NaN}}', "not JSON"),
        ('{"Demographic": []}', "Demographic must be a JSON object, not a list"),
        ('{"Metrics": {"age": true}}', "Metrics.age must be a number, not a boolean"),
        ('{"Address": "\\ud800"}', "not JSON in UTF-8"),
    ],
)
def test_a_body_that_does_not_fit_the_model_is_a_bad_request_that_names_the_member(
    hub, app, body, member
):
    answer = respond(hub, http_event("PUT", f"/v1/apps/{app}/endpoints/e1", body=body))

    assert answer["statusCode"] == 400
    assert answer["headers"]["x-amzn-ErrorType"] == "BadRequestException"
    assert member in json.loads(answer["body"])["Message"]
    assert hub.endpoints.get(app, "e1") is None


@pytest.mark.parametrize(
    "sent",
    [
        b'{"Address": "\xff", "ChannelType": "SMS"}',
        '{"Address": "1", "ChannelType": "SMS"}'.encode("utf-16"),
        b'{"Address": "\xed\xa0\x80", "ChannelType": "SMS"}',
    ],
    ids=["a stray byte", "UTF-16", "a surrogate"],
)
@pytest.mark.parametrize("as_base64", [True, False])
def test_a_body_that_is_not_utf_8_is_a_bad_request(hub, app, sent, as_base64):
    event = http_event("PUT", f"/v1/apps/{app}/endpoints/e1")
    event["headers"]["content-length"] = str(len(sent))
    event["isBase64Encoded"] = as_base64
    # A gateway that hands the body over as text replaces the bytes that are not text.
    event["body"] = base64.b64encode(sent).decode() if as_base64 else sent.decode(errors="replace")

    answer = respond(hub, event)

    assert answer["statusCode"] == 400
    assert "UTF-8" in answer["body"]
    assert hub.endpoints.get(app, "e1") is None


def test_the_replacement_character_itself_is_text(hub, app):
    body = json.dumps({"Address": "1", "ChannelType": "CUSTOM", "Attributes": {"a": ["\ufffd"]}})
    event = http_event("PUT", f"/v1/apps/{app}/endpoints/e1", body=body)
    event["headers"]["content-length"] = str(len(body.encode()))

    assert respond(hub, event)["statusCode"] == 202


def test_an_error_about_an_address_does_not_repeat_the_address(hub, app):
    body = {"Addresses": {"+12065550199": {"ChannelType": "SMOKE"}}, "MessageConfiguration": {}}

    answer = respond(hub, http_event("POST", f"/v1/apps/{app}/messages", body=json.dumps(body)))

    message = json.loads(answer["body"])["Message"]
    assert message.startswith("Addresses[0].ChannelType must be one of")
    assert "206555" not in message


def test_unknown_and_null_members_are_ignored(hub, app):
    body = {"Address": "+12065550100", "ChannelType": "SMS", "Nonsense": 1, "OptOut": None}

    answer = respond(hub, http_event("PUT", f"/v1/apps/{app}/endpoints/e1", body=json.dumps(body)))

    assert answer["statusCode"] == 202
    assert hub.endpoints.get(app, "e1")["OptOut"] == "NONE"


def test_attributes_sent_as_bare_strings_and_numbers_are_lists_of_strings(hub, app):
    body = {
        "Address": "+12065550100",
        "ChannelType": "SMS",
        "Attributes": {"a": "x", "n": 5},
        "User": {"UserId": "u", "UserAttributes": {"b": "y"}},
    }

    answer = respond(hub, http_event("PUT", f"/v1/apps/{app}/endpoints/e1", body=json.dumps(body)))

    assert answer["statusCode"] == 202, answer["body"]
    kept = hub.endpoints.get(app, "e1")
    assert kept["Attributes"] == {"a": ["x"], "n": ["5"]}
    assert kept["User"]["UserAttributes"] == {"b": ["y"]}


def test_a_failure_of_the_hub_is_a_500_that_tells_nothing_of_the_data(hub, app, capsys):
    with mock.patch.object(hub.endpoints, "get_many", side_effect=RuntimeError("+12065550100")):
        answer = respond(hub, http_event("GET", f"/v1/apps/{app}/endpoints/e1"))

    assert answer["statusCode"] == 500
    assert answer["headers"]["x-amzn-ErrorType"] == "InternalServerErrorException"
    assert "206555" not in answer["body"] + capsys.readouterr().out


def test_a_wrong_method_says_which_ones_there_are(hub):
    answer = respond(hub, http_event("PATCH", "/v1/apps"))

    assert answer["statusCode"] == 405
    assert "GET or POST" in json.loads(answer["body"])["Message"]


@pytest.mark.parametrize("size", ["0", "-1", "ten", "1.5", "²"])
def test_a_page_size_that_is_no_number_is_a_bad_request(client, size):
    with pytest.raises(client.exceptions.BadRequestException, match="PageSize"):
        client.get_apps(PageSize=size)


def test_the_lambda_handler_makes_its_hub_from_the_environment(tables):
    from engagement_hub.functions import serve_api
    from engagement_hub.store import dynamodb_client

    serve_api._hub.cache_clear()
    dynamodb_client.cache_clear()
    try:
        answer = serve_api.lambda_handler(http_event("GET", "/v1/apps"))
    finally:
        serve_api._hub.cache_clear()
        dynamodb_client.cache_clear()

    assert (answer["statusCode"], json.loads(answer["body"])) == (200, {"Item": []})


# Projects and settings


def test_a_project_is_created_read_listed_and_deleted(client, hub):
    created = client.create_app(CreateApplicationRequest={"Name": "shop", "tags": {"team": "crm"}})
    app = created["ApplicationResponse"]

    assert created["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert app["Arn"] == f"arn:aws:mobiletargeting:{REGION}:{ACCOUNT_ID}:apps/{app['Id']}"
    assert client.get_app(ApplicationId=app["Id"])["ApplicationResponse"] == app
    assert client.get_apps()["ApplicationsResponse"]["Item"] == [app]
    assert client.delete_app(ApplicationId=app["Id"])["ApplicationResponse"] == app
    with pytest.raises(client.exceptions.NotFoundException):
        client.get_app(ApplicationId=app["Id"])


def test_a_deleted_project_leaves_nothing_in_any_table(client, hub, app, tables):
    client.update_endpoint(ApplicationId=app, EndpointId="e1", EndpointRequest=sms(1, user="u1"))
    segment = segment_for(client, app)
    import_segment(hub, app)
    hub.endpoints.add_members(app, "1" * 32, ["e1"])
    client.create_campaign(
        ApplicationId=app, WriteCampaignRequest=campaign(segment, at="2030-01-01T00:00:00Z")
    )
    client.update_sms_channel(ApplicationId=app, SMSChannelRequest={"Enabled": True})
    create_journey(client, app, {"Name": "welcome"})

    client.delete_app(ApplicationId=app)

    assert hub.aws.schedules == {}
    run_purge(hub)
    for table in (TABLES["ENTITIES_TABLE"], TABLES["ENDPOINTS_TABLE"]):
        assert tables.scan(TableName=table)["Items"] == []


def until_done(call, **arguments):
    """Repeat a request that is answered "later"; return how often it was sent, and the answer."""
    for number in range(1, 30):
        try:
            return number, call(**arguments)
        except ClientError as error:
            if error.response["Error"]["Code"] != "TooManyRequestsException":
                raise
    raise AssertionError("the request does not end")


def each_call_takes(hub, client, operation, seconds):
    """Let the hub's clock go on by the calls of one operation of a client."""
    now = [0.0]
    hub.monotonic = lambda: now[0]
    original = getattr(client, operation)

    def slow(**arguments):
        now[0] += seconds
        return original(**arguments)

    return mock.patch.object(client, operation, slow)


def test_a_project_of_many_campaigns_is_deleted_by_as_many_requests_as_it_takes(client, hub, app):
    segment = segment_for(client, app)
    for _ in range(50):
        create_campaign(client, app, campaign(segment, at="2030-01-01T00:00:00Z"))

    with each_call_takes(hub, hub.aws, "delete_schedule", seconds=1):
        requests, _ = until_done(client.delete_app, ApplicationId=app)

    assert requests == 3  # 20 seconds each
    assert hub.aws.schedules == {}


def test_a_deletion_that_breaks_off_leaves_users_that_the_next_one_finds(client, hub, app, tables):
    for number in range(3):
        request = sms(number, user=f"u{number}", User={"UserAttributes": {"Name": ["Ann"]}})
        client.update_endpoint(ApplicationId=app, EndpointId=f"e{number}", EndpointRequest=request)
    calls = []

    def broken(**arguments):
        calls.append(arguments)
        if len(calls) == 2:
            raise ClientError({"Error": {"Code": "InternalServerError"}}, "BatchWriteItem")
        return original(**arguments)

    original = tables.batch_write_item
    with mock.patch.object(tables, "batch_write_item", broken):
        with pytest.raises(client.exceptions.InternalServerErrorException):
            client.delete_app(ApplicationId=app)
        client.delete_app(ApplicationId=app)

    assert tables.scan(TableName=TABLES["ENDPOINTS_TABLE"])["Items"] == []


def test_the_pages_of_projects_hold_each_once(client):
    made = {
        client.create_app(CreateApplicationRequest={"Name": f"p{n}"})["ApplicationResponse"]["Id"]
        for n in range(7)
    }

    found = pages(client.get_apps, "ApplicationsResponse", PageSize="3")

    assert [len(page) for page in found] == [3, 3, 1]
    assert {one["Id"] for page in found for one in page} == made


def test_a_token_that_is_none_is_a_bad_request(client):
    with pytest.raises(client.exceptions.BadRequestException, match="token"):
        client.get_apps(Token="nonsense!")


def test_a_project_is_read_once_in_some_seconds(client, hub, app, tables):
    client.get_app(ApplicationId=app)
    counter = CallCounter(tables)

    for hub.seconds in (1.0, 2.0, 4.9):
        client.update_endpoint(ApplicationId=app, EndpointId="e1", EndpointRequest={})
    remembered = counter.calls["GetItem"]
    hub.seconds = 60.0
    client.update_endpoint(ApplicationId=app, EndpointId="e1", EndpointRequest={})

    assert (remembered, counter.calls["GetItem"]) == (0, 1)


def test_a_deleted_project_is_not_remembered(client, app):
    client.get_segments(ApplicationId=app)
    client.delete_app(ApplicationId=app)

    with pytest.raises(client.exceptions.NotFoundException):
        client.get_segments(ApplicationId=app)


def test_settings_are_kept_member_by_member(client, app):
    empty = client.get_application_settings(ApplicationId=app)["ApplicationSettingsResource"]
    client.update_application_settings(
        ApplicationId=app,
        WriteApplicationSettingsRequest={"QuietTime": {"Start": "22:00", "End": "06:00"}},
    )

    changed = client.update_application_settings(
        ApplicationId=app,
        WriteApplicationSettingsRequest={"Limits": {"Daily": 3}, "CloudWatchMetricsEnabled": True},
    )["ApplicationSettingsResource"]

    assert empty == {"ApplicationId": app, "CampaignHook": {}, "Limits": {}, "QuietTime": {}}
    assert changed.pop("LastModifiedDate")
    assert changed == {
        "ApplicationId": app,
        "CampaignHook": {},
        "Limits": {"Daily": 3},
        "QuietTime": {"Start": "22:00", "End": "06:00"},
    }


def test_settings_out_of_range_are_refused(client, app):
    with pytest.raises(client.exceptions.BadRequestException, match=r"Limits\.Daily"):
        client.update_application_settings(
            ApplicationId=app, WriteApplicationSettingsRequest={"Limits": {"Daily": 101}}
        )
    with pytest.raises(client.exceptions.BadRequestException, match=r"JourneyLimits\.TotalCap"):
        client.update_application_settings(
            ApplicationId=app, WriteApplicationSettingsRequest={"JourneyLimits": {"TotalCap": 101}}
        )


# Channels


def test_channels_are_set_up_changed_listed_and_removed(client, app):
    identity = f"arn:aws:ses:{REGION}:{ACCOUNT_ID}:identity/example.com"
    client.update_email_channel(
        ApplicationId=app,
        EmailChannelRequest={"FromAddress": "hub@example.com", "Identity": identity},
    )
    client.update_sms_channel(ApplicationId=app, SMSChannelRequest={"SenderId": "SHOP"})
    client.update_voice_channel(ApplicationId=app, VoiceChannelRequest={"Enabled": False})

    sms_channel = client.update_sms_channel(ApplicationId=app, SMSChannelRequest={"Enabled": False})
    email = client.get_email_channel(ApplicationId=app)["EmailChannelResponse"]
    listed = client.get_channels(ApplicationId=app)["ChannelsResponse"]["Channels"]

    assert sms_channel["SMSChannelResponse"]["Version"] == 2
    assert sms_channel["SMSChannelResponse"]["SenderId"] == "SHOP"
    assert sms_channel["SMSChannelResponse"]["TransactionalMessagesPerSecond"] == 20
    assert (email["Platform"], email["Identity"], email["Enabled"]) == ("EMAIL", identity, True)
    assert email["MessagesPerSecond"] == 14
    assert {name: one["Enabled"] for name, one in listed.items()} == {
        "EMAIL": True,
        "SMS": False,
        "VOICE": False,
    }
    for word in ("email", "sms", "voice"):
        getattr(client, f"delete_{word}_channel")(ApplicationId=app)
        with pytest.raises(client.exceptions.NotFoundException):
            getattr(client, f"get_{word}_channel")(ApplicationId=app)
        with pytest.raises(client.exceptions.NotFoundException):
            getattr(client, f"delete_{word}_channel")(ApplicationId=app)


# Endpoints and users


def sms(number, *, user=None, **members):
    request = {"ChannelType": "SMS", "Address": f"+1206555{number:04d}", **members}
    if user:
        request["User"] = {"UserId": user, **request.get("User", {})}
    return request


ODD_IDS = [
    "plain",
    "ann@example.com",
    "+12065550100",
    "a b",
    "a/b",
    "a:b|c",
    "ü/ñ 👋",
    "a.b~c_d-e",
]


@pytest.mark.parametrize("endpoint_id", ODD_IDS)
def test_an_endpoint_and_a_user_are_found_by_whatever_id_they_have(pinpoint, hub, app, endpoint_id):
    updated = pinpoint.update_endpoint(
        ApplicationId=app,
        EndpointId=endpoint_id,
        EndpointRequest=sms(1, user=f"u-{endpoint_id}"),
    )

    assert updated["MessageBody"] == {"Message": "Accepted", "RequestID": "request-1"}
    assert updated["ResponseMetadata"]["HTTPStatusCode"] == 202
    got = pinpoint.get_endpoint(ApplicationId=app, EndpointId=endpoint_id)["EndpointResponse"]
    assert got["Id"] == endpoint_id
    assert list(hub.endpoints.get_many(app, [endpoint_id])) == [endpoint_id]
    users = pinpoint.get_user_endpoints(ApplicationId=app, UserId=f"u-{endpoint_id}")
    assert users["EndpointsResponse"]["Item"] == [got]
    deleted = pinpoint.delete_endpoint(ApplicationId=app, EndpointId=endpoint_id)
    assert deleted["EndpointResponse"] == got
    assert deleted["ResponseMetadata"]["HTTPStatusCode"] == 202
    with pytest.raises(pinpoint.exceptions.NotFoundException):
        pinpoint.get_endpoint(ApplicationId=app, EndpointId=endpoint_id)
    with pytest.raises(pinpoint.exceptions.NotFoundException):
        pinpoint.get_user_endpoints(ApplicationId=app, UserId=f"u-{endpoint_id}")


@pytest.mark.parametrize("odd_id", ["100%", "50%25"])
def test_an_id_with_a_percent_sign_is_refused_whatever_the_gateway_does_to_the_path(
    pinpoint, hub, app, odd_id
):
    with pytest.raises(pinpoint.exceptions.BadRequestException, match=r"EndpointId must not hold"):
        pinpoint.update_endpoint(ApplicationId=app, EndpointId=odd_id, EndpointRequest=sms(1))
    with pytest.raises(pinpoint.exceptions.BadRequestException, match=r"UserId must not hold"):
        pinpoint.get_user_endpoints(ApplicationId=app, UserId=odd_id)


@pytest.mark.parametrize("odd_id", ["a?b", "100%", "", "x" * 251, "a\tb"])
def test_a_batch_with_an_odd_id_names_the_item_and_writes_nothing(client, hub, app, odd_id):
    items = [{"Id": "good", **sms(1)}, {"Id": odd_id, **sms(2)}]

    with pytest.raises(client.exceptions.BadRequestException, match=r"Item\[1\]\.Id"):
        client.update_endpoints_batch(ApplicationId=app, EndpointBatchRequest={"Item": items})

    assert hub.endpoints.get(app, "good") is None


@pytest.mark.parametrize("odd_id", ["a?b", "100%", "", "x" * 251])
def test_an_event_of_an_endpoint_with_an_odd_id_fails_alone(client, hub, app, odd_id):
    event = {"EventType": "open", "Timestamp": "2026-11-23T10:00:00Z"}
    batch = {
        endpoint_id: {"Endpoint": sms(number), "Events": {"e": event}}
        for number, endpoint_id in enumerate(["good", odd_id])
    }

    results = client.put_events(ApplicationId=app, EventsRequest={"BatchItem": batch})[
        "EventsResponse"
    ]["Results"]

    assert results["good"]["EndpointItemResponse"]["StatusCode"] == 202
    assert results[odd_id]["EndpointItemResponse"]["StatusCode"] == 400
    assert hub.endpoints.get(app, "good") is not None


def test_an_id_longer_than_a_key_is_refused_and_not_a_failure(client, hub, app):
    with pytest.raises(client.exceptions.BadRequestException, match="EndpointId"):
        client.get_endpoint(ApplicationId=app, EndpointId="ü" * 600)
    with pytest.raises(client.exceptions.BadRequestException, match="UserId"):
        client.delete_user_endpoints(ApplicationId=app, UserId="u" * 2100)
    with pytest.raises(client.exceptions.NotFoundException):
        client.get_segment(ApplicationId=app, SegmentId="s" * 2100)
    with pytest.raises(client.exceptions.NotFoundException):
        client.get_email_template(TemplateName="t" * 2100)
    with pytest.raises(client.exceptions.NotFoundException):
        client.get_app(ApplicationId="a" * 2100)
    with pytest.raises(client.exceptions.NotFoundException):
        create_campaign(client, app, campaign("s" * 2100))


def test_a_batch_writes_a_hundred_endpoints(client, hub, app):
    items = [{"Id": f"e{n}", **sms(n)} for n in range(100)]

    answer = client.update_endpoints_batch(ApplicationId=app, EndpointBatchRequest={"Item": items})

    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert len(hub.endpoints.get_many(app, [one["Id"] for one in items])) == 100


def test_a_batch_over_a_hundred_or_without_ids_is_refused(client, app):
    with pytest.raises(client.exceptions.BadRequestException, match="100"):
        client.update_endpoints_batch(
            ApplicationId=app,
            EndpointBatchRequest={"Item": [{"Id": f"e{n}", **sms(n)} for n in range(101)]},
        )
    with pytest.raises(client.exceptions.BadRequestException, match=r"Item\[1\]\.Id"):
        client.update_endpoints_batch(
            ApplicationId=app, EndpointBatchRequest={"Item": [{"Id": "a", **sms(1)}, sms(2)]}
        )


def test_deleting_a_user_answers_the_endpoints_that_went(client, app):
    for n in range(3):
        client.update_endpoint(
            ApplicationId=app, EndpointId=f"e{n}", EndpointRequest=sms(n, user="u1")
        )

    answer = client.delete_user_endpoints(ApplicationId=app, UserId="u1")

    assert [one["Id"] for one in answer["EndpointsResponse"]["Item"]] == ["e0", "e1", "e2"]
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 202
    with pytest.raises(client.exceptions.NotFoundException):
        client.delete_user_endpoints(ApplicationId=app, UserId="u1")


def test_attributes_are_removed_by_pattern(client, hub, app):
    client.update_endpoint(
        ApplicationId=app,
        EndpointId="e1",
        EndpointRequest=sms(1, Attributes={"tmp1": ["x"], "keep": ["y"]}),
    )

    answer = client.remove_attributes(
        ApplicationId=app,
        AttributeType="endpoint-custom-attributes",
        UpdateAttributesRequest={"Blacklist": ["tmp*"]},
    )

    assert answer["AttributesResource"] == {
        "ApplicationId": app,
        "AttributeType": "endpoint-custom-attributes",
        "Attributes": ["tmp1"],
    }
    assert hub.endpoints.get(app, "e1")["Attributes"] == {"keep": ["y"]}
    with pytest.raises(client.exceptions.BadRequestException, match="attribute-type"):
        client.remove_attributes(
            ApplicationId=app, AttributeType="x", UpdateAttributesRequest={"Blacklist": ["a"]}
        )


REMOVE_TMP = {
    "AttributeType": "endpoint-custom-attributes",
    "UpdateAttributesRequest": {"Blacklist": ["tmp*"]},
}


def endpoints_with(hub, app, count, **members):
    updates = [(f"e{number}", sms(number, **members)) for number in range(count)]
    hub.endpoints.update_many(app, updates, now="2026-11-23T10:00:00Z", request_id="r")


def test_removing_attributes_goes_on_where_it_was_interrupted(client, hub, app, tables):
    endpoints_with(hub, app, 64, Attributes={"tmp1": ["x"], "keep": ["y"]})

    with each_call_takes(hub, tables, "query", seconds=2.5):
        requests, answer = until_done(client.remove_attributes, ApplicationId=app, **REMOVE_TMP)

    assert requests == 4  # 32 shards, eight in the 20 seconds of a request
    assert answer["AttributesResource"]["Attributes"] == ["tmp1"]
    kept = hub.endpoints.get_many(app, [f"e{number}" for number in range(64)])
    assert [one["Attributes"] for one in kept.values()] == [{"keep": ["y"]}] * 64
    assert list(hub.entities.all(app, Kind.LONG_REQUEST)) == []


def test_an_interrupted_removal_is_resumed_by_the_same_request_only(client, hub, app, tables):
    endpoints_with(hub, app, 64, Attributes={"tmp1": ["x"], "other": ["y"]})
    other = {**REMOVE_TMP, "UpdateAttributesRequest": {"Blacklist": ["other"]}}

    with each_call_takes(hub, tables, "query", seconds=2.5):
        with pytest.raises(client.exceptions.TooManyRequestsException, match="same request"):
            client.remove_attributes(ApplicationId=app, **REMOVE_TMP)
        requests, answer = until_done(client.remove_attributes, ApplicationId=app, **other)

    assert requests == 4
    assert answer["AttributesResource"]["Attributes"] == ["other"]


def test_a_removal_interrupted_long_ago_begins_anew(client, hub, app, tables):
    endpoints_with(hub, app, 64, Attributes={"tmp1": ["x"]})
    with (
        each_call_takes(hub, tables, "query", seconds=2.5),
        pytest.raises(client.exceptions.TooManyRequestsException),
    ):
        client.remove_attributes(ApplicationId=app, **REMOVE_TMP)
    [request] = [
        row["sk"]["S"]
        for row in tables.scan(TableName=TABLES["ENTITIES_TABLE"])["Items"]
        if row["pk"]["S"] == f"{app}#{Kind.LONG_REQUEST}"
    ]
    hub.entities.update(app, Kind.LONG_REQUEST, request, lambda kept: {**kept, EXPIRES_AT: 1})
    endpoints_with(hub, app, 64, Attributes={"tmp2": ["x"]})

    answer = client.remove_attributes(ApplicationId=app, **REMOVE_TMP)

    assert answer["AttributesResource"]["Attributes"] == ["tmp1", "tmp2"]
    kept = hub.endpoints.get_many(app, [f"e{number}" for number in range(64)])
    assert [one["Attributes"] for one in kept.values()] == [{}] * 64


def test_an_endpoint_shows_the_empty_members_that_programs_read(client, app):
    client.update_endpoint(ApplicationId=app, EndpointId="e1", EndpointRequest=sms(1))

    one = client.get_endpoint(ApplicationId=app, EndpointId="e1")["EndpointResponse"]

    for member in ("Attributes", "Demographic", "Location", "Metrics", "User"):
        assert one[member] == {}


def test_what_a_user_is_written_to_is_read_back_by_the_endpoint_at_once(client, hub, app, tables):
    reads = []
    original = tables.batch_get_item

    def watched(**arguments):
        reads.extend(table["ConsistentRead"] for table in arguments["RequestItems"].values())
        return original(**arguments)

    request = sms(1, user="u1", User={"UserAttributes": {"Name": ["Ann"]}})
    client.update_endpoint(ApplicationId=app, EndpointId="e1", EndpointRequest=request)
    with mock.patch.object(tables, "batch_get_item", watched):
        client.get_endpoint(ApplicationId=app, EndpointId="e1")

    assert reads == [True, True]  # the endpoint, and its user


# Events


def event(kind="purchase", **members):
    return {"EventType": kind, "Timestamp": "2026-11-23T10:00:00.000Z", **members}


def test_put_events_writes_endpoints_and_streams_the_good_events(client, hub, app):
    answer = client.put_events(
        ApplicationId=app,
        EventsRequest={
            "BatchItem": {
                "e1": {
                    "Endpoint": sms(1),
                    "Events": {
                        "good": event(Attributes={"item": "shoe"}),
                        "bad": event(Timestamp="yesterday"),
                    },
                },
                "e2": {"Endpoint": {"ChannelType": "SMS"}, "Events": {"lost": event()}},
            }
        },
    )

    results = answer["EventsResponse"]["Results"]
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert results["e1"]["EndpointItemResponse"] == {"StatusCode": 202, "Message": "Accepted"}
    assert results["e1"]["EventsItemResponse"]["good"]["StatusCode"] == 202
    assert results["e1"]["EventsItemResponse"]["bad"]["StatusCode"] == 400
    assert "Timestamp" in results["e1"]["EventsItemResponse"]["bad"]["Message"]
    assert results["e2"]["EndpointItemResponse"]["StatusCode"] == 400
    assert results["e2"]["EventsItemResponse"]["lost"]["StatusCode"] == 400
    [(streamed_app, record)] = hub.stream.records
    assert streamed_app == app
    assert (record["event_type"], record["attributes"]) == ("purchase", {"item": "shoe"})
    assert hub.endpoints.get(app, "e1")["Address"] == "+12065550001"


def test_an_empty_endpoint_in_put_events_keeps_the_data_and_shows_activity(client, hub, app):
    client.update_endpoint(
        ApplicationId=app,
        EndpointId="e1",
        EndpointRequest=sms(1, EffectiveDate="2020-01-01T00:00:00Z"),
    )

    client.put_events(
        ApplicationId=app,
        EventsRequest={"BatchItem": {"e1": {"Endpoint": {}, "Events": {"a": event()}}}},
    )

    kept = hub.endpoints.get(app, "e1")
    assert kept["Address"] == "+12065550001"
    assert kept["EffectiveDate"] > "2026"


@pytest.mark.parametrize("status", ["ACTIVE", "INACTIVE"])
def test_an_empty_endpoint_in_put_events_changes_nothing_but_the_activity(client, hub, app, status):
    client.update_endpoint(ApplicationId=app, EndpointId="old", EndpointRequest=sms(1, user="ann"))
    client.update_endpoint(ApplicationId=app, EndpointId="new", EndpointRequest=sms(1))
    client.update_endpoint(
        ApplicationId=app, EndpointId="e1", EndpointRequest=sms(2, EndpointStatus=status)
    )
    before = {name: hub.endpoints.get(app, name) for name in ("old", "new", "e1")}
    assert before["old"]["EndpointStatus"] == "INACTIVE"

    client.put_events(
        ApplicationId=app,
        EventsRequest={
            "BatchItem": {
                "old": {"Endpoint": {}, "Events": {"a": event()}},
                "e1": {"Endpoint": {}, "Events": {"a": event()}},
            }
        },
    )

    after = {name: hub.endpoints.get(app, name) for name in ("old", "new", "e1")}
    assert after["new"] == before["new"]
    for name in ("old", "e1"):
        assert after[name].pop("EffectiveDate") > before[name].pop("EffectiveDate")
        assert after[name] == before[name]


def test_an_empty_endpoint_that_is_not_there_yet_is_created(client, hub, app):
    client.put_events(
        ApplicationId=app,
        EventsRequest={"BatchItem": {"e1": {"Endpoint": {}, "Events": {"a": event()}}}},
    )

    assert hub.endpoints.get(app, "e1")["EndpointStatus"] == "ACTIVE"


@pytest.mark.parametrize(
    "failure",
    [
        EventsNotDelivered("no capacity"),
        RoleNotAssumable("the role is gone"),
        ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "PutRecords"),
        ConnectTimeoutError(endpoint_url="https://kinesis"),
    ],
    ids=lambda failure: type(failure).__name__,
)
def test_events_that_the_stream_does_not_take_are_kept_and_accepted(client, hub, app, failure):
    hub.stream.error = failure

    answer = client.put_events(
        ApplicationId=app,
        EventsRequest={"BatchItem": {"e1": {"Endpoint": sms(1), "Events": {"a": event()}}}},
    )

    results = answer["EventsResponse"]["Results"]["e1"]
    assert results["EventsItemResponse"]["a"]["StatusCode"] == 202
    [(key, [record])] = hub.undelivered.kept.items()
    assert key.startswith(f"undelivered-events/{app}/")
    assert (record["event_type"], record["client"]["client_id"]) == ("purchase", "e1")


def test_events_that_nothing_takes_are_not_reported_as_accepted(client, hub, app):
    hub.stream.error = EventsNotDelivered("no capacity")
    hub.undelivered.error = ClientError({"Error": {"Code": "SlowDown"}}, "PutObject")

    with pytest.raises(client.exceptions.InternalServerErrorException):
        client.put_events(
            ApplicationId=app,
            EventsRequest={"BatchItem": {"e1": {"Endpoint": sms(1), "Events": {"a": event()}}}},
        )


@pytest.mark.parametrize("endpoint_id", ["", "x" * 3000])
def test_an_endpoint_id_that_breaks_a_rule_fails_its_own_events_only(client, hub, app, endpoint_id):
    answer = client.put_events(
        ApplicationId=app,
        EventsRequest={
            "BatchItem": {
                endpoint_id: {"Endpoint": sms(1), "Events": {"a": event()}},
                "e1": {"Endpoint": sms(2), "Events": {"a": event()}},
            }
        },
    )

    results = answer["EventsResponse"]["Results"]
    assert results[endpoint_id]["EndpointItemResponse"]["StatusCode"] == 400
    assert results[endpoint_id]["EventsItemResponse"]["a"]["StatusCode"] == 400
    assert results["e1"]["EventsItemResponse"]["a"]["StatusCode"] == 202


@pytest.mark.parametrize(
    "bad",
    [
        {"Attributes": {"k" * 51: "v"}},
        {"Attributes": {"k": "v" * 201}},
        {"Metrics": {f"m{n}": 1.0 for n in range(41)}},
        {"AppTitle": "x" * 1_100_000},
        {"AppTitle": "\u00fc" * 200_000},  # six bytes each, as the stream gets them
        {"EventType": "_email.hardbounce"},
    ],
    ids=["key", "value", "keys", "record", "escaped record", "type"],
)
def test_an_event_over_a_limit_is_a_400_of_its_own(client, hub, app, bad):
    answer = client.put_events(
        ApplicationId=app,
        EventsRequest={
            "BatchItem": {
                "e1": {"Endpoint": sms(1), "Events": {"bad": event(**bad), "good": event()}}
            }
        },
    )

    events = answer["EventsResponse"]["Results"]["e1"]["EventsItemResponse"]
    assert (events["bad"]["StatusCode"], events["good"]["StatusCode"]) == (400, 202)
    assert len(hub.stream.records) == 1


def test_an_event_stream_is_set_replaced_read_and_deleted(client, app):
    with pytest.raises(client.exceptions.NotFoundException):
        client.get_event_stream(ApplicationId=app)
    for name in ("first", "events"):
        client.put_event_stream(
            ApplicationId=app,
            WriteEventStream={
                "DestinationStreamArn": STREAM.replace("events", name),
                "RoleArn": ROLE,
            },
        )

    stream = client.get_event_stream(ApplicationId=app)["EventStream"]

    assert (stream["DestinationStreamArn"], stream["RoleArn"]) == (STREAM, ROLE)
    assert stream["ExternalId"] == app
    assert client.delete_event_stream(ApplicationId=app)["EventStream"] == stream
    with pytest.raises(client.exceptions.NotFoundException):
        client.delete_event_stream(ApplicationId=app)


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:sqs:us-east-1:123456789012:q",
        "arn:aws:kinesis:us-east-1:123456789012:events",
        "arn:aws:kinesis:nowhere here:123456789012:stream/events",
        "arn:aws:firehose:us-east-1:123456789012:stream/events",
    ],
)
def test_an_event_stream_to_something_else_is_refused(client, hub, app, arn):
    with pytest.raises(client.exceptions.BadRequestException, match="DestinationStreamArn"):
        client.put_event_stream(
            ApplicationId=app,
            WriteEventStream={"DestinationStreamArn": arn, "RoleArn": ROLE},
        )

    assert hub.stream.checked == []


def register_stream(client, app):
    return client.put_event_stream(
        ApplicationId=app, WriteEventStream={"DestinationStreamArn": STREAM, "RoleArn": ROLE}
    )["EventStream"]


def test_a_stream_gets_a_test_event_before_it_is_registered(client, hub, app):
    register_stream(client, app)

    assert hub.stream.checked == [(STREAM, "_test.event_stream")]
    assert hub.stream.forgotten == [app]


def access_denied():
    return ClientError({"Error": {"Code": "AccessDeniedException"}}, "PutRecords")


@pytest.mark.parametrize(
    "refusals", [[RoleDoesNotTrust("no"), access_denied()], [EventsNotDelivered("throttled")]]
)
def test_a_role_that_is_new_and_a_stream_that_throttles_can_be_registered(
    client, hub, app, refusals
):
    hub.stream.refusals = list(refusals)

    stream = register_stream(client, app)

    assert client.get_event_stream(ApplicationId=app)["EventStream"] == stream


@pytest.mark.parametrize(
    ("refusals", "named"),
    [
        ([RoleNotAssumable("RoleArn x is outside the IAM path")], "RoleArn"),
        (
            [ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "PutRecords")],
            "DestinationStreamArn",
        ),
        ([RoleDoesNotTrust("RoleArn x cannot be assumed")] * 100, "RoleArn"),
        ([access_denied()] * 100, "kinesis:PutRecords"),
    ],
    ids=["path", "no stream", "trust", "policy"],
)
def test_a_stream_or_role_that_cannot_be_used_is_refused(client, hub, app, refusals, named):
    hub.stream.refusals = list(refusals)

    with pytest.raises(client.exceptions.BadRequestException, match=named):
        register_stream(client, app)

    with pytest.raises(client.exceptions.NotFoundException):
        client.get_event_stream(ApplicationId=app)


def test_a_stream_that_does_not_answer_now_is_no_bad_request(client, hub, app):
    hub.stream.refusals = [
        ClientError(
            {"Error": {"Code": "InternalFailure"}, "ResponseMetadata": {"HTTPStatusCode": 500}},
            "PutRecords",
        )
    ]

    with pytest.raises(client.exceptions.InternalServerErrorException):
        register_stream(client, app)


# Segments


def segment_for(client, app, **definition):
    request = {"Name": "all", "Dimensions": {}, **definition}
    made = client.create_segment(ApplicationId=app, WriteSegmentRequest=request)
    return made["SegmentResponse"]["Id"]


def import_segment(hub, app, segment_id="f" * 32):
    hub.entities.put(
        app,
        Kind.SEGMENT,
        segment_id,
        {
            "Id": segment_id,
            "ApplicationId": app,
            "Arn": "arn",
            "CreationDate": "2026-11-23T00:00:00.000Z",
            "SegmentType": "IMPORT",
            "Version": 1,
            "Members": "1" * 32,
        },
    )
    return segment_id


def run_purge(hub):
    """Run the one deletion of members that was ordered, as the import state machine does."""
    [started] = hub.aws.started
    assert started.machine == HUB_ENVIRONMENT["IMPORT_STATE_MACHINE_ARN"]
    purge = {"ApplicationId": started.input["ApplicationId"], **started.input["Purge"]}
    assert purge_members(hub, purge, Context()) == {"Done": True}


def country(*values):
    return {"Location": {"Country": {"DimensionType": "INCLUSIVE", "Values": list(values)}}}


def test_each_update_of_a_segment_is_a_version_and_old_ones_stay(client, app):
    created = client.create_segment(
        ApplicationId=app,
        WriteSegmentRequest={"Name": "us", "Dimensions": country("US"), "tags": {"a": "b"}},
    )
    segment = created["SegmentResponse"]

    updated = client.update_segment(
        ApplicationId=app,
        SegmentId=segment["Id"],
        WriteSegmentRequest={"Dimensions": country("NO")},
    )["SegmentResponse"]

    assert created["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert (segment["SegmentType"], segment["Version"]) == ("DIMENSIONAL", 1)
    assert segment["Arn"].endswith(f":apps/{app}/segments/{segment['Id']}")
    assert (updated["Name"], updated["Version"]) == ("us", 2)
    got = client.get_segment(ApplicationId=app, SegmentId=segment["Id"])["SegmentResponse"]
    assert got == updated
    first = client.get_segment_version(ApplicationId=app, SegmentId=segment["Id"], Version="1")
    assert first["SegmentResponse"]["Dimensions"] == country("US")
    versions = pages(
        client.get_segment_versions,
        "SegmentsResponse",
        ApplicationId=app,
        SegmentId=segment["Id"],
        PageSize="1",
    )
    assert [one["Version"] for page in versions for one in page] == [1, 2]
    with pytest.raises(client.exceptions.NotFoundException, match="version 9"):
        client.get_segment_version(ApplicationId=app, SegmentId=segment["Id"], Version="9")
    with pytest.raises(client.exceptions.BadRequestException):
        client.get_segment_version(ApplicationId=app, SegmentId=segment["Id"], Version="x")
    deleted = client.delete_segment(ApplicationId=app, SegmentId=segment["Id"])
    assert deleted["SegmentResponse"] == updated
    assert client.get_segments(ApplicationId=app)["SegmentsResponse"]["Item"] == []


def test_groups_take_the_place_of_dimensions(client, app):
    segment_id = segment_for(client, app, Dimensions=country("US"))
    groups = {"Groups": [{"Dimensions": [country("NO")], "Type": "ANY"}], "Include": "ANY"}

    updated = client.update_segment(
        ApplicationId=app, SegmentId=segment_id, WriteSegmentRequest={"SegmentGroups": groups}
    )["SegmentResponse"]

    assert "Dimensions" not in updated
    assert updated["SegmentGroups"]["Groups"][0]["Dimensions"] == [country("NO")]


def test_a_segment_on_a_source_that_is_not_there_is_refused(client, app):
    groups = {"Groups": [{"SourceSegments": [{"Id": "nope"}], "SourceType": "ANY"}]}

    with pytest.raises(client.exceptions.NotFoundException, match="segment 'nope'"):
        client.create_segment(
            ApplicationId=app, WriteSegmentRequest={"Name": "x", "SegmentGroups": groups}
        )


def built_on(*sources):
    """A definition on source segments: ids, or (id, version)."""
    references = [
        {"Id": one} if isinstance(one, str) else {"Id": one[0], "Version": one[1]}
        for one in sources
    ]
    return {"Groups": [{"SourceSegments": references, "SourceType": "ANY"}]}


def rebuild(client, app, segment_id, *sources):
    return client.update_segment(
        ApplicationId=app,
        SegmentId=segment_id,
        WriteSegmentRequest={"SegmentGroups": built_on(*sources)},
    )["SegmentResponse"]


def test_a_segment_that_builds_on_itself_is_refused(client, app):
    segment_id = segment_for(client, app)

    with pytest.raises(client.exceptions.BadRequestException, match="back to it"):
        rebuild(client, app, segment_id, segment_id)

    kept = client.get_segment(ApplicationId=app, SegmentId=segment_id)["SegmentResponse"]
    assert kept["Version"] == 1


def test_segments_that_build_on_each_other_are_refused(client, app):
    first = segment_for(client, app)
    second = segment_for(client, app, Dimensions={}, SegmentGroups=built_on(first))
    third = segment_for(client, app, Dimensions={}, SegmentGroups=built_on(second))

    with pytest.raises(client.exceptions.BadRequestException, match="SourceSegments"):
        rebuild(client, app, first, third)


def test_a_segment_may_build_on_its_own_earlier_version(client, app):
    segment_id = segment_for(client, app, Dimensions=country("NO"))

    updated = rebuild(client, app, segment_id, (segment_id, 1))

    assert updated["Version"] == 2


def test_a_segment_on_too_many_segments_is_refused(client, app):
    source = segment_for(client, app)
    ten = segment_for(client, app, Dimensions={}, SegmentGroups=built_on(*[source] * 10))
    request = {"Name": "x", "SegmentGroups": built_on(*[ten] * 9)}
    client.create_segment(ApplicationId=app, WriteSegmentRequest=request)

    request["SegmentGroups"] = built_on(*[ten] * 10)
    with pytest.raises(client.exceptions.BadRequestException, match="more than 100 segments"):
        client.create_segment(ApplicationId=app, WriteSegmentRequest=request)


def test_a_deleted_imported_segment_is_gone_at_once_and_its_members_later(client, hub, app, tables):
    segment_id = import_segment(hub, app)
    hub.endpoints.add_members(app, "1" * 32, [f"e{n}" for n in range(60)])

    client.delete_segment(ApplicationId=app, SegmentId=segment_id)

    with pytest.raises(client.exceptions.NotFoundException):
        client.get_segment(ApplicationId=app, SegmentId=segment_id)
    assert len(tables.scan(TableName=TABLES["ENDPOINTS_TABLE"])["Items"]) == 60
    run_purge(hub)
    assert tables.scan(TableName=TABLES["ENDPOINTS_TABLE"])["Items"] == []


def test_a_segment_whose_members_cannot_be_deleted_now_stays(client, hub, app):
    segment_id = import_segment(hub, app)
    hub.aws.refuse = "ThrottlingException"

    with pytest.raises(client.exceptions.TooManyRequestsException):
        client.delete_segment(ApplicationId=app, SegmentId=segment_id)

    assert client.get_segment(ApplicationId=app, SegmentId=segment_id)


def test_an_imported_segment_cannot_be_updated_and_hides_what_is_the_hubs_own(client, hub, app):
    segment_id = import_segment(hub, app)

    with pytest.raises(client.exceptions.BadRequestException, match="CreateImportJob"):
        client.update_segment(
            ApplicationId=app, SegmentId=segment_id, WriteSegmentRequest={"Name": "y"}
        )

    got = client.get_segment(ApplicationId=app, SegmentId=segment_id)["SegmentResponse"]
    assert got["SegmentType"] == "IMPORT"
    assert "Members" not in got


# Jobs


def test_an_import_job_is_written_down_and_started(client, hub, app):
    created = client.create_import_job(
        ApplicationId=app,
        ImportJobRequest={
            "Format": "CSV",
            "S3Url": "s3://people/in/a b.csv",
            "RoleArn": ROLE,
            "DefineSegment": True,
            "SegmentName": "a b",
        },
    )
    job = created["ImportJobResponse"]

    assert created["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert (job["JobStatus"], job["Type"]) == ("CREATED", "IMPORT")
    assert job["Definition"]["ExternalId"] == app
    assert job["Definition"]["RegisterEndpoints"] is True
    assert len(job["Definition"]["SegmentId"]) == 32
    [started] = hub.aws.started
    assert started.machine == HUB_ENVIRONMENT["IMPORT_STATE_MACHINE_ARN"]
    assert started.name == job["Id"]
    assert started.input == {"ApplicationId": app, "JobId": job["Id"]}
    got = client.get_import_job(ApplicationId=app, JobId=job["Id"])["ImportJobResponse"]
    assert got == job
    segment_id = job["Definition"]["SegmentId"]
    listed = client.get_segment_import_jobs(ApplicationId=app, SegmentId=segment_id)
    assert listed["ImportJobsResponse"]["Item"] == [job]


@pytest.mark.parametrize(
    ("given", "defines", "registers"),
    [
        ({}, False, True),
        ({"SegmentName": "n"}, True, True),
        ({"DefineSegment": True, "RegisterEndpoints": False}, True, False),
        ({"DefineSegment": False, "SegmentName": "n"}, False, True),
    ],
)
def test_what_the_two_switches_of_an_import_mean(client, app, given, defines, registers):
    job = client.create_import_job(
        ApplicationId=app,
        ImportJobRequest={"Format": "CSV", "S3Url": "s3://people/x", "RoleArn": ROLE, **given},
    )["ImportJobResponse"]

    definition = job["Definition"]
    assert (definition["DefineSegment"], definition["RegisterEndpoints"]) == (defines, registers)
    assert ("SegmentId" in definition) is defines


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"S3Url": "people/x"}, "S3Url"),
        ({"RoleArn": "admin"}, "RoleArn"),
        ({"DefineSegment": False, "RegisterEndpoints": False}, "RegisterEndpoints"),
    ],
)
def test_an_import_that_cannot_work_is_refused_and_nothing_starts(client, hub, app, given, named):
    request = {"Format": "CSV", "S3Url": "s3://people/x", "RoleArn": ROLE, **given}

    with pytest.raises(client.exceptions.BadRequestException, match=named):
        client.create_import_job(ApplicationId=app, ImportJobRequest=request)

    assert hub.aws.started == []
    assert client.get_import_jobs(ApplicationId=app)["ImportJobsResponse"]["Item"] == []


@pytest.mark.parametrize(
    ("refusal", "answered"),
    [
        ("ThrottlingException", "TooManyRequestsException"),
        ("AccessDeniedException", "InternalServerErrorException"),
    ],
)
def test_an_import_that_did_not_start_is_failed_and_says_so(client, hub, app, refusal, answered):
    hub.aws.refuse = refusal

    with pytest.raises(ClientError) as error:
        client.create_import_job(
            ApplicationId=app,
            ImportJobRequest={"Format": "CSV", "S3Url": "s3://people/x", "RoleArn": ROLE},
        )

    assert code_of(error) == answered
    [job] = client.get_import_jobs(ApplicationId=app)["ImportJobsResponse"]["Item"]
    assert job["JobStatus"] == "FAILED"
    assert refusal in job["Failures"][0]


def test_an_import_into_a_segment_is_told_from_an_import_that_makes_one(client, hub, app):
    segment_id = import_segment(hub, app)
    request = {"Format": "CSV", "S3Url": "s3://people/x", "RoleArn": ROLE}

    filling, making = (
        client.create_import_job(ApplicationId=app, ImportJobRequest={**request, **more})[
            "ImportJobResponse"
        ]["Id"]
        for more in ({"SegmentId": segment_id}, {"SegmentName": "new"})
    )

    kept = [hub.entities.require(app, Kind.IMPORT_JOB, job_id) for job_id in (filling, making)]
    assert ["FillsSegment" in job["Definition"] for job in kept] == [True, False]


def test_an_import_into_a_segment_of_criteria_is_refused(client, app):
    segment_id = segment_for(client, app)

    with pytest.raises(client.exceptions.BadRequestException, match="imported"):
        client.create_import_job(
            ApplicationId=app,
            ImportJobRequest={
                "Format": "CSV",
                "S3Url": "s3://people/x",
                "RoleArn": ROLE,
                "SegmentId": segment_id,
            },
        )


def test_export_jobs_are_started_read_and_listed(client, hub, app):
    segment_id = segment_for(client, app)
    request = {"S3UrlPrefix": "s3://out/people/", "RoleArn": ROLE}

    created = client.create_export_job(ApplicationId=app, ExportJobRequest=request)
    of_segment = client.create_export_job(
        ApplicationId=app, ExportJobRequest={**request, "SegmentId": segment_id}
    )["ExportJobResponse"]

    job = created["ExportJobResponse"]
    assert created["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert job["Definition"] == request
    assert [one.machine for one in hub.aws.started] == [
        HUB_ENVIRONMENT["EXPORT_STATE_MACHINE_ARN"]
    ] * 2
    assert client.get_export_job(ApplicationId=app, JobId=job["Id"])["ExportJobResponse"] == job
    listed = pages(client.get_export_jobs, "ExportJobsResponse", ApplicationId=app, PageSize="1")
    assert {one["Id"] for page in listed for one in page} == {job["Id"], of_segment["Id"]}
    of_it = client.get_segment_export_jobs(ApplicationId=app, SegmentId=segment_id)
    assert of_it["ExportJobsResponse"]["Item"] == [of_segment]


def test_the_jobs_of_a_segment_are_found_among_many_without_reading_the_others(
    client, hub, app, tables
):
    segment_id = import_segment(hub, app)
    request = {"Format": "CSV", "S3Url": "s3://people/x", "RoleArn": ROLE}
    for _ in range(30):
        client.create_import_job(ApplicationId=app, ImportJobRequest=request)
    made = {
        client.create_import_job(
            ApplicationId=app, ImportJobRequest={**request, "SegmentId": segment_id}
        )["ImportJobResponse"]["Id"]
        for _ in range(5)
    }
    read = []
    tables.meta.events.register(
        "after-call.dynamodb.Query", lambda parsed, **_: read.append(parsed["Count"])
    )

    listed = pages(
        client.get_segment_import_jobs,
        "ImportJobsResponse",
        ApplicationId=app,
        SegmentId=segment_id,
        PageSize="2",
    )

    assert [len(page) for page in listed] == [2, 2, 1]
    assert {one["Id"] for page in listed for one in page} == made
    assert sum(read) <= 5 + 3 + 1


def test_deleting_a_project_takes_the_lists_of_jobs_along(client, hub, app, tables):
    request = {"Format": "CSV", "S3Url": "s3://people/x", "RoleArn": ROLE, "SegmentName": "n"}
    client.create_import_job(ApplicationId=app, ImportJobRequest=request)

    client.delete_app(ApplicationId=app)

    assert tables.scan(TableName=TABLES["ENTITIES_TABLE"])["Items"] == []


# Templates


def test_a_template_that_the_sdk_makes_twice_is_made_and_another_call_is_refused(client, hub):
    template = {"TemplateName": "welcome", "SMSTemplateRequest": {"Body": "one"}}

    made = repeating_client(hub).create_sms_template(**template)

    assert made["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert made["CreateTemplateMessageBody"]["Arn"].endswith(":templates/welcome/SMS")
    client.update_sms_template(**template)
    with pytest.raises(client.exceptions.BadRequestException, match="already"):
        client.create_sms_template(**template)
    with_no_id = http_event("POST", "/v1/templates/welcome/sms", body='{"Body": "one"}')
    assert respond(hub, with_no_id)["statusCode"] == 400


def test_a_template_that_was_updated_since_is_known_by_the_call_that_made_it(client, hub):
    template = {"TemplateName": "welcome", "SMSTemplateRequest": {"Body": "one"}}

    def updated(answer):
        client.update_sms_template(**template)
        client.update_sms_template(**template, CreateNewVersion=True)
        return True

    made = repeating_client(hub, lost=updated).create_sms_template(**template)

    assert made["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert len(client.list_templates()["TemplatesResponse"]["Item"]) == 1


def test_a_new_version_that_the_sdk_asks_for_twice_is_one(client, hub):
    template = {"TemplateName": "welcome", "SMSTemplateRequest": {"Body": "one"}}
    client.create_sms_template(**template)

    repeating_client(hub).update_sms_template(**template, CreateNewVersion=True)
    repeated = client.list_template_versions(TemplateName="welcome", TemplateType="SMS")
    client.update_sms_template(**template, CreateNewVersion=True)
    another = client.list_template_versions(TemplateName="welcome", TemplateType="SMS")

    assert len(repeated["TemplateVersionsResponse"]["Item"]) == 2
    assert len(another["TemplateVersionsResponse"]["Item"]) == 3


def test_sms_template_versions_live_as_documented(client, app):
    created = client.create_sms_template(
        TemplateName="welcome", SMSTemplateRequest={"Body": "one", "tags": {"a": "b"}}
    )
    assert created["ResponseMetadata"]["HTTPStatusCode"] == 201
    arn = created["CreateTemplateMessageBody"]["Arn"]
    assert arn == f"arn:aws:mobiletargeting:{REGION}:{ACCOUNT_ID}:templates/welcome/SMS"

    client.update_sms_template(TemplateName="welcome", SMSTemplateRequest={"Body": "one!"})
    client.update_sms_template(
        TemplateName="welcome", SMSTemplateRequest={"Body": "two"}, CreateNewVersion=True
    )

    def body(**version):
        return client.get_sms_template(TemplateName="welcome", **version)["SMSTemplateResponse"]

    assert (body()["Body"], body()["Version"], body()["tags"]) == ("one!", "1", {"a": "b"})
    assert body(Version="2")["Body"] == "two"
    client.update_template_active_version(
        TemplateName="welcome",
        TemplateType="SMS",
        TemplateActiveVersionRequest={"Version": "latest"},
    )
    assert (body()["Body"], body()["Version"]) == ("two", "2")
    versions = client.list_template_versions(TemplateName="welcome", TemplateType="SMS")
    assert [one["Version"] for one in versions["TemplateVersionsResponse"]["Item"]] == ["1", "2"]
    [row] = client.list_templates()["TemplatesResponse"]["Item"]
    assert set(row) == {
        "CreationDate",
        "LastModifiedDate",
        "TemplateName",
        "TemplateType",
        "Version",
    }
    assert row["Version"] == "2"


@pytest.mark.parametrize("version", ["", "01", "\u0661", "one", "1" * 4000])
def test_another_spelling_of_a_version_deletes_and_activates_nothing(client, version):
    client.create_sms_template(TemplateName="t", SMSTemplateRequest={"Body": "a"})
    client.update_sms_template(
        TemplateName="t", SMSTemplateRequest={"Body": "b"}, CreateNewVersion=True
    )

    with pytest.raises(client.exceptions.BadRequestException, match="whole number"):
        client.delete_sms_template(TemplateName="t", Version=version)
    with pytest.raises(client.exceptions.BadRequestException, match="whole number"):
        client.get_sms_template(TemplateName="t", Version=version)

    assert client.get_sms_template(TemplateName="t")["SMSTemplateResponse"]["Body"] == "a"


def test_a_template_of_as_many_characters_as_pinpoint_allows_is_kept_and_listed(client):
    html = "".join(random.Random(1).choices(string.ascii_letters, k=600_000))
    request = {"Subject": "a", "HtmlPart": html}

    client.create_email_template(TemplateName="t", EmailTemplateRequest=request)
    client.update_email_template(TemplateName="t", EmailTemplateRequest=request)

    got = client.get_email_template(TemplateName="t")["EmailTemplateResponse"]
    assert got["HtmlPart"] == html
    assert [
        one["TemplateName"] for one in client.list_templates()["TemplatesResponse"]["Item"]
    ] == ["t"]


def test_only_the_newest_version_of_a_template_changes(client, app):
    client.create_sms_template(TemplateName="t", SMSTemplateRequest={"Body": "one"})
    client.update_sms_template(
        TemplateName="t", SMSTemplateRequest={"Body": "two"}, CreateNewVersion=True
    )

    with pytest.raises(client.exceptions.BadRequestException, match="newest"):
        client.update_sms_template(TemplateName="t", SMSTemplateRequest={"Body": "x"}, Version="1")
    with pytest.raises(client.exceptions.BadRequestException, match="together"):
        client.update_sms_template(
            TemplateName="t",
            SMSTemplateRequest={"Body": "x"},
            Version="2",
            CreateNewVersion=True,
        )

    client.update_sms_template(TemplateName="t", SMSTemplateRequest={"Body": "x"}, Version="2")
    got = client.get_sms_template(TemplateName="t", Version="2")["SMSTemplateResponse"]
    assert got["Body"] == "x"


def test_a_deleted_version_is_gone_and_its_number_never_comes_back(client, app):
    client.create_sms_template(TemplateName="t", SMSTemplateRequest={"Body": "one"})
    for text in ("two", "three"):
        client.update_sms_template(
            TemplateName="t", SMSTemplateRequest={"Body": text}, CreateNewVersion=True
        )

    with pytest.raises(client.exceptions.BadRequestException, match="active"):
        client.delete_sms_template(TemplateName="t", Version="1")
    client.delete_sms_template(TemplateName="t", Version="3")
    client.update_sms_template(
        TemplateName="t", SMSTemplateRequest={"Body": "four"}, CreateNewVersion=True
    )

    listed = client.list_template_versions(TemplateName="t", TemplateType="SMS")
    numbers = [one["Version"] for one in listed["TemplateVersionsResponse"]["Item"]]
    assert numbers == ["1", "2", "4"]
    with pytest.raises(client.exceptions.NotFoundException):
        client.get_sms_template(TemplateName="t", Version="3")


PUSH_TEMPLATE = {
    "Default": {"Title": "Hi {{User.UserId}}", "Body": "b", "Action": "URL", "Url": "https://x"},
    "ADM": {"Body": "b", "ImageIconUrl": "https://x/i", "SmallImageIconUrl": "https://x/s"},
    "APNS": {"Body": "b", "MediaUrl": "https://x/m", "Sound": "default"},
    "Baidu": {"RawContent": '{"a": 1}'},
    "GCM": {"RawContent": '{"data": {"id": "{{Id}}"}}'},
}
IN_APP_TEMPLATE = {
    "Layout": "OVERLAYS",
    "CustomConfig": {"theme": "dark"},
    "Content": [
        {
            "BackgroundColor": "#FFFFFF",
            "HeaderConfig": {"Header": "Hi", "TextColor": "#000000", "Alignment": "CENTER"},
            "BodyConfig": {"Body": "All shoes", "TextColor": "#000000", "Alignment": "LEFT"},
            "PrimaryBtn": {
                "DefaultConfig": {
                    "ButtonAction": "LINK",
                    "Link": "https://x",
                    "Text": "Buy",
                    "BorderRadius": 4,
                },
                "Android": {"ButtonAction": "DEEP_LINK", "Link": "app://shoes"},
                "Web": {"ButtonAction": "CLOSE"},
            },
        }
    ],
}


@pytest.mark.parametrize(
    ("word", "member", "request_member", "first", "second"),
    [
        (
            "push",
            "PushNotificationTemplate",
            "PushNotificationTemplateRequest",
            {"Default": {"Body": "one"}},
            {"Default": {"Body": "two"}},
        ),
        (
            "in_app",
            "InAppTemplate",
            "InAppTemplateRequest",
            IN_APP_TEMPLATE,
            {**IN_APP_TEMPLATE, "Layout": "TOP_BANNER"},
        ),
        ("voice", "VoiceTemplate", "VoiceTemplateRequest", {"Body": "one"}, {"Body": "two"}),
    ],
)
def test_templates_of_every_type_have_versions(client, word, member, request_member, first, second):
    kind = word.replace("_", "").upper()
    getattr(client, f"create_{word}_template")(TemplateName="t", **{request_member: first})
    getattr(client, f"update_{word}_template")(
        TemplateName="t", **{request_member: second}, CreateNewVersion=True
    )

    def content(**version):
        got = getattr(client, f"get_{word}_template")(TemplateName="t", **version)
        return {name: got[f"{member}Response"].get(name) for name in second}

    before = content()
    client.update_template_active_version(
        TemplateName="t", TemplateType=kind, TemplateActiveVersionRequest={"Version": "2"}
    )
    versions = client.list_template_versions(TemplateName="t", TemplateType=kind)
    [row] = client.list_templates(TemplateType=kind)["TemplatesResponse"]["Item"]

    assert (before, content(), content(Version="1")) == (first, second, first)
    assert [one["Version"] for one in versions["TemplateVersionsResponse"]["Item"]] == ["1", "2"]
    assert (row["TemplateType"], row["Version"]) == (kind, "2")
    with pytest.raises(client.exceptions.BadRequestException, match="active"):
        getattr(client, f"delete_{word}_template")(TemplateName="t", Version="2")


@pytest.mark.parametrize(
    ("word", "request_member", "request_body", "named"),
    [
        ("push", "PushNotificationTemplateRequest", {}, "needs one of"),
        ("push", "PushNotificationTemplateRequest", {"GCM": {"Body": "{{#if}}"}}, "GCM.Body"),
        ("push", "PushNotificationTemplateRequest", {"GCM": {"Action": "RUN"}}, "GCM.Action"),
        ("in_app", "InAppTemplateRequest", {"Layout": "OVERLAYS"}, "Content"),
        ("in_app", "InAppTemplateRequest", {**IN_APP_TEMPLATE, "Layout": "BANNER"}, "Layout"),
        ("voice", "VoiceTemplateRequest", {"Body": "x" * 10_001}, "limit is 10000"),
        ("voice", "VoiceTemplateRequest", {"VoiceId": "Hans"}, "needs a Body"),
    ],
)
def test_a_refused_template_of_any_type_is_not_kept(
    client, word, request_member, request_body, named
):
    with pytest.raises(client.exceptions.BadRequestException, match=named):
        getattr(client, f"create_{word}_template")(
            TemplateName="t", **{request_member: request_body}
        )

    assert client.list_templates()["TemplatesResponse"]["Item"] == []


@pytest.mark.parametrize(
    ("word", "member", "content"),
    [
        ("email", "EmailTemplate", {"Subject": "Hi {{User.UserId}}", "HtmlPart": "<b>x</b>"}),
        ("sms", "SMSTemplate", {"Body": "Hi"}),
        ("voice", "VoiceTemplate", {"Body": "Hi", "LanguageCode": "en-US", "VoiceId": "Joanna"}),
        ("push", "PushNotificationTemplate", PUSH_TEMPLATE),
        ("in_app", "InAppTemplate", IN_APP_TEMPLATE),
    ],
)
def test_each_template_type_is_created_read_updated_and_deleted(client, word, member, content):
    request = dict(content)
    if word != "in_app":
        request["DefaultSubstitutions"] = '{"User.UserId": "you"}'
    getattr(client, f"create_{word}_template")(
        TemplateName="same-name", **{f"{member}Request": request}
    )

    got = getattr(client, f"get_{word}_template")(TemplateName="same-name")[f"{member}Response"]
    updated = getattr(client, f"update_{word}_template")(
        TemplateName="same-name", **{f"{member}Request": content}
    )
    deleted = getattr(client, f"delete_{word}_template")(TemplateName="same-name")

    assert {name: got[name] for name in request} == request
    assert updated["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert deleted["ResponseMetadata"]["HTTPStatusCode"] == 202
    with pytest.raises(client.exceptions.NotFoundException):
        getattr(client, f"get_{word}_template")(TemplateName="same-name")


def test_a_template_name_is_taken_once_per_type(client):
    client.create_sms_template(TemplateName="t", SMSTemplateRequest={"Body": "a"})
    client.create_voice_template(TemplateName="t", VoiceTemplateRequest={"Body": "a"})

    with pytest.raises(client.exceptions.BadRequestException, match="already"):
        client.create_sms_template(TemplateName="t", SMSTemplateRequest={"Body": "b"})

    got = client.get_sms_template(TemplateName="t")["SMSTemplateResponse"]
    assert got["Body"] == "a"


@pytest.mark.parametrize(
    ("name", "request_body", "named"),
    [
        ("_t", {"Body": "a"}, "name"),
        ("t", {"Body": "{{#if}"}, "Body"),
        ("t", {}, "Body"),
        ("t", {"Body": "a", "DefaultSubstitutions": "no json"}, "DefaultSubstitutions"),
    ],
)
def test_a_template_that_breaks_a_rule_is_refused(client, name, request_body, named):
    with pytest.raises(client.exceptions.BadRequestException, match=named):
        client.create_sms_template(TemplateName=name, SMSTemplateRequest=request_body)

    assert client.list_templates()["TemplatesResponse"]["Item"] == []


def test_templates_are_listed_by_prefix_and_type_page_by_page(client):
    for name in ("w1", "w2", "w3", "other"):
        client.create_sms_template(TemplateName=name, SMSTemplateRequest={"Body": "a"})
        client.create_email_template(TemplateName=name, EmailTemplateRequest={"Subject": "a"})

    both = pages(
        client.list_templates,
        "TemplatesResponse",
        token_name="NextToken",
        Prefix="w",
        PageSize="2",
    )
    one_type = client.list_templates(Prefix="w", TemplateType="SMS")["TemplatesResponse"]["Item"]

    assert [len(page) for page in both] == [2, 2, 2]
    assert {(one["TemplateName"], one["TemplateType"]) for page in both for one in page} == {
        (name, kind) for name in ("w1", "w2", "w3") for kind in ("SMS", "EMAIL")
    }
    assert [one["TemplateName"] for one in one_type] == ["w1", "w2", "w3"]


def test_the_token_of_templates_with_another_prefix_is_refused(client):
    for name in ("w1", "w2", "x1", "x2"):
        client.create_sms_template(TemplateName=name, SMSTemplateRequest={"Body": "a"})
    token = client.list_templates(Prefix="w", PageSize="1")["TemplatesResponse"]["NextToken"]

    for prefix in ({"Prefix": "x"}, {}):
        with pytest.raises(client.exceptions.BadRequestException, match="not of this list"):
            client.list_templates(PageSize="1", NextToken=token, **prefix)


# Campaigns


def campaign(segment_id, *, at="IMMEDIATE", **members):
    return {
        "Name": "spring",
        "SegmentId": segment_id,
        "MessageConfiguration": {"SMSMessage": {"Body": "Hi"}},
        "Schedule": {"StartTime": at},
        **members,
    }


def create_campaign(client, app, request):
    made = client.create_campaign(ApplicationId=app, WriteCampaignRequest=request)
    return made["CampaignResponse"]


@pytest.mark.parametrize("change", ["Description", "Limits"])
def test_an_update_that_is_too_late_is_an_error_that_the_model_declares(client, hub, app, change):
    one = create_campaign(client, app, campaign(segment_for(client, app)))
    hub.entities.update(app, Kind.CAMPAIGN, one["Id"], lambda body: {**body, "Runs": 1})
    request = {"Description": "late"} if change == "Description" else {"Limits": {"Daily": 1}}

    with pytest.raises(client.exceptions.BadRequestException, match="only IsPaused can change"):
        client.update_campaign(
            ApplicationId=app, CampaignId=one["Id"], WriteCampaignRequest=request
        )


def test_a_campaign_takes_its_frequency_and_time_zone_in_any_letter_case(client, hub, app):
    schedule = {"StartTime": "2030-01-01T12:00:00Z", "Frequency": "daily", "Timezone": "utc"}

    one = create_campaign(client, app, campaign(segment_for(client, app), Schedule=schedule))

    assert one["Schedule"]["Frequency"] == "DAILY"
    assert list(hub.aws.schedules) == [f"{one['Id']}-1"]


def test_an_immediate_campaign_starts_its_first_run(client, hub, app):
    segment_id = segment_for(client, app)

    made = client.create_campaign(
        ApplicationId=app, WriteCampaignRequest=campaign(segment_id, tags={"a": "b"})
    )

    one = made["CampaignResponse"]
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert (one["State"]["CampaignStatus"], one["SegmentVersion"], one["Version"]) == (
        "SCHEDULED",
        1,
        1,
    )
    assert one["tags"] == {"a": "b"}
    assert one["Arn"].endswith(f":apps/{app}/campaigns/{one['Id']}")
    [started] = hub.aws.started
    assert started.machine == HUB_ENVIRONMENT["CAMPAIGN_STATE_MACHINE_ARN"]
    assert started.name == f"{one['Id']}-1"
    assert started.input["CampaignId"] == one["Id"]
    assert (started.input["ApplicationId"], started.input["Run"]) == (app, 1)
    assert client.get_campaign(ApplicationId=app, CampaignId=one["Id"])["CampaignResponse"] == one
    assert client.get_campaigns(ApplicationId=app)["CampaignsResponse"]["Item"] == [one]


def test_a_scheduled_campaign_waits_in_the_scheduler(client, hub, app):
    segment_id = segment_for(client, app)

    one = create_campaign(client, app, campaign(segment_id, at="2030-01-01T12:00:00Z"))

    assert hub.aws.started == []
    [schedule] = hub.aws.schedules.values()
    assert schedule["Name"] == f"{one['Id']}-1"
    assert schedule["GroupName"] == HUB_ENVIRONMENT["SCHEDULE_GROUP"]
    assert schedule["ScheduleExpression"] == "at(2030-01-01T12:00:00)"
    assert schedule["ActionAfterCompletion"] == "DELETE"
    target = schedule["Target"]
    assert target["Arn"] == HUB_ENVIRONMENT["CAMPAIGN_STATE_MACHINE_ARN"]
    assert target["DeadLetterConfig"] == {"Arn": HUB_ENVIRONMENT["SCHEDULE_DEAD_LETTER_ARN"]}
    assert json.loads(target["Input"]) == {
        "ApplicationId": app,
        "CampaignId": one["Id"],
        "Run": 1,
        "ScheduledStart": "2030-01-01T12:00:00.000Z",
    }


def test_moving_pausing_and_resuming_move_the_schedule(client, hub, app):
    segment_id = segment_for(client, app)
    one = create_campaign(client, app, campaign(segment_id, at="2030-01-01T12:00:00Z"))

    def update(**request):
        return client.update_campaign(
            ApplicationId=app, CampaignId=one["Id"], WriteCampaignRequest=request
        )["CampaignResponse"]

    update(Schedule={"StartTime": "2031-01-01T12:00:00Z"})
    [schedule] = hub.aws.schedules.values()
    assert schedule["ScheduleExpression"] == "at(2031-01-01T12:00:00)"

    assert update(IsPaused=True)["State"]["CampaignStatus"] == "PAUSED"
    assert hub.aws.schedules == {}

    resumed = update(IsPaused=False)
    assert resumed["State"]["CampaignStatus"] == "SCHEDULED"
    assert list(hub.aws.schedules) == [f"{one['Id']}-1"]
    assert resumed["Version"] == 4
    versions = pages(
        client.get_campaign_versions,
        "CampaignsResponse",
        ApplicationId=app,
        CampaignId=one["Id"],
        PageSize="3",
    )
    assert [body["Version"] for page in versions for body in page] == [1, 2, 3, 4]
    first = client.get_campaign_version(ApplicationId=app, CampaignId=one["Id"], Version="1")
    assert first["CampaignResponse"]["Schedule"]["StartTime"] == "2030-01-01T12:00:00Z"


def test_deleting_a_campaign_takes_it_off_the_schedule_and_out_of_sight(client, hub, app):
    segment_id = segment_for(client, app)
    one = create_campaign(client, app, campaign(segment_id, at="2030-01-01T12:00:00Z"))

    deleted = client.delete_campaign(ApplicationId=app, CampaignId=one["Id"])["CampaignResponse"]

    assert deleted["State"]["CampaignStatus"] == "DELETED"
    assert hub.aws.schedules == {}
    assert client.get_campaigns(ApplicationId=app)["CampaignsResponse"]["Item"] == []
    for operation in ("get_campaign", "delete_campaign", "get_campaign_activities"):
        with pytest.raises(client.exceptions.NotFoundException):
            getattr(client, operation)(ApplicationId=app, CampaignId=one["Id"])


def test_a_deleted_campaign_leaves_what_its_run_reports_to_until_that_expires(
    client, hub, app, tables
):
    segment_id = segment_for(client, app)
    schedule = {"StartTime": "2030-01-01T12:00:00Z", "Frequency": "DAILY"}
    one = create_campaign(client, app, campaign(segment_id, Schedule=schedule))
    update = {"ApplicationId": app, "CampaignId": one["Id"]}
    client.update_campaign(**update, WriteCampaignRequest={"Description": "of spring"})
    hub.entities.update(app, Kind.CAMPAIGN, one["Id"], lambda body: {**body, "Runs": 3})
    for run in (1, 2, 3):
        activity_id = run_activity_id(f"{one['Id']}-{run}", "0")
        entity_id = activity_entity_id(one["Id"], activity_id)
        hub.entities.put(app, Kind.ACTIVITY, entity_id, {"Id": activity_id, "Run": run})

    client.delete_campaign(**update)

    assert [activity["Run"] for activity in hub.entities.all(app, Kind.ACTIVITY)] == [3]
    left = [
        row
        for row in tables.scan(TableName=TABLES["ENTITIES_TABLE"])["Items"]
        if one["Id"] in row["pk"]["S"] + row["sk"]["S"]
    ]
    [last_activity] = left
    assert "expires_at" in last_activity


def test_a_start_whose_answer_was_lost_leaves_the_campaign_that_runs_alone(client, hub, app):
    segment_id = segment_for(client, app)
    start = hub.aws.start_execution

    def start_and_lose_the_answer(name, **arguments):
        start(name=name, **arguments)
        campaign_id = name.rpartition("-")[0]
        hub.entities.update(
            app,
            Kind.CAMPAIGN,
            campaign_id,
            lambda body: {**body, "Runs": 1, "State": {"CampaignStatus": "EXECUTING"}},
        )
        raise ClientError({"Error": {"Code": "InternalServerError"}}, "StartExecution")

    with mock.patch.object(hub.aws, "start_execution", start_and_lose_the_answer):
        one = create_campaign(client, app, campaign(segment_id))

    shown = client.get_campaign(ApplicationId=app, CampaignId=one["Id"])["CampaignResponse"]
    assert shown["State"]["CampaignStatus"] == "EXECUTING"


@pytest.mark.parametrize("at", ["IMMEDIATE", "2030-01-01T12:00:00Z"])
@pytest.mark.parametrize(
    ("refusal", "answered"),
    [
        ("ThrottlingException", "TooManyRequestsException"),
        ("AccessDeniedException", "InternalServerErrorException"),
    ],
)
def test_a_campaign_that_could_not_be_started_is_invalid(client, hub, app, at, refusal, answered):
    segment_id = segment_for(client, app)
    hub.aws.refuse = refusal

    with pytest.raises(ClientError) as error:
        create_campaign(client, app, campaign(segment_id, at=at))

    assert code_of(error) == answered
    [one] = client.get_campaigns(ApplicationId=app)["CampaignsResponse"]["Item"]
    assert one["State"]["CampaignStatus"] == "INVALID"


INVOCATION = "amz-sdk-invocation-id"


def repeating_client(hub, lost=lambda answer: True, header=INVOCATION):
    """A client whose SDK makes each call twice where the first answer is lost on its way.

    Args:
        header: in which the SDK sends the id of the call.
    """
    calls = []

    def respond_and_lose_the_answer(event):
        event["headers"][header] = event["headers"].pop(INVOCATION)
        answered = respond(hub, event)
        calls.append(event)
        if len(calls) == 1 and lost(answered):
            return {"statusCode": 500, "headers": {}, "body": "{}"}
        return answered

    return hub_client(respond_and_lose_the_answer, decoded_path=True, attempts=2)


CREATIONS = {
    "app": (
        lambda client, app, segment: client.create_app(CreateApplicationRequest={"Name": "one"}),
        lambda client, app: client.get_apps()["ApplicationsResponse"]["Item"],
    ),
    "segment": (
        lambda client, app, segment: segment_for(client, app),
        lambda client, app: client.get_segments(ApplicationId=app)["SegmentsResponse"]["Item"],
    ),
    "campaign": (
        lambda client, app, segment: create_campaign(client, app, campaign(segment)),
        lambda client, app: client.get_campaigns(ApplicationId=app)["CampaignsResponse"]["Item"],
    ),
    "journey": (
        lambda client, app, segment: create_journey(client, app, {"Name": "one"}),
        lambda client, app: journeys_of(client, app),
    ),
    "scheduled campaign": (
        lambda client, app, segment: create_campaign(
            client, app, campaign(segment, at="2030-01-01T12:00:00Z")
        ),
        lambda client, app: client.get_campaigns(ApplicationId=app)["CampaignsResponse"]["Item"],
    ),
    "import": (
        lambda client, app, segment: client.create_import_job(
            ApplicationId=app,
            ImportJobRequest={"Format": "CSV", "RoleArn": ROLE, "S3Url": "s3://bucket/people.csv"},
        )["ImportJobResponse"],
        lambda client, app: client.get_import_jobs(ApplicationId=app)["ImportJobsResponse"]["Item"],
    ),
    "export": (
        lambda client, app, segment: client.create_export_job(
            ApplicationId=app,
            ExportJobRequest={"RoleArn": ROLE, "S3UrlPrefix": "s3://bucket/out/"},
        )["ExportJobResponse"],
        lambda client, app: client.get_export_jobs(ApplicationId=app)["ExportJobsResponse"]["Item"],
    ),
}


# Kinds whose creation starts work → the call of AWS that starts it.
STARTED = {
    "campaign": "start_execution",
    "scheduled campaign": "create_schedule",
    "import": "start_execution",
    "export": "start_execution",
}


def state_of(one):
    """The state of a campaign or job."""
    return one.get("JobStatus") or one["State"]["CampaignStatus"]


def started_ids(hub):
    """The campaigns and jobs whose executions were started or scheduled."""
    inputs = [execution.input for execution in hub.aws.started]
    inputs += [json.loads(schedule["Target"]["Input"]) for schedule in hub.aws.schedules.values()]
    return [one.get("CampaignId") or one["JobId"] for one in inputs]


@pytest.mark.parametrize("kind", CREATIONS)
def test_a_creation_that_the_sdk_repeats_creates_and_starts_one(client, hub, app, kind):
    create, everything = CREATIONS[kind]
    segment_id = segment_for(client, app)
    before = len(everything(client, app))

    create(repeating_client(hub), app, segment_id)
    with_one = len(everything(client, app))
    create(client, app, segment_id)

    assert with_one == before + 1
    assert len(everything(client, app)) == before + 2  # another call creates another one
    assert len(started_ids(hub)) == (2 if kind in STARTED else 0)


@pytest.mark.parametrize(("header", "made"), [("aws-sdk-invocation-id", 1), ("x-invocation-id", 2)])
def test_a_repetition_is_known_by_the_header_of_either_family_of_sdks(client, hub, header, made):
    repeating_client(hub, header=header).create_app(CreateApplicationRequest={"Name": "one"})

    assert len(client.get_apps()["ApplicationsResponse"]["Item"]) == made


def overtaken_client(hub, call_of_aws, monkeypatch, refused=False):
    """A client whose SDK repeats a call while its first attempt waits for AWS, and the answers to
    the repetitions. Both attempts run to their end.

    Args:
        call_of_aws: the call that the first attempt waits in.
        refused: whether AWS refuses the second attempt, or else the first.
    """
    events, repetitions = [], []
    call = getattr(hub.aws, call_of_aws)

    def keep_and_respond(event):
        events.append(event)
        return respond(hub, event)

    def wait_for_the_repetition(**arguments):
        monkeypatch.setattr(hub.aws, call_of_aws, call)
        hub.aws.refuse = "ThrottlingException" if refused else None
        repetitions.append(respond(hub, events[-1]))
        hub.aws.refuse = None if refused else "InternalServerError"
        call(**arguments)

    monkeypatch.setattr(hub.aws, call_of_aws, wait_for_the_repetition)
    return hub_client(keep_and_respond, decoded_path=True), repetitions


@pytest.mark.parametrize("kind", STARTED)
def test_an_attempt_that_aws_refuses_leaves_what_the_attempt_after_it_started(
    client, hub, app, kind, monkeypatch
):
    create, everything = CREATIONS[kind]
    segment_id = segment_for(client, app)
    overtaken, repetitions = overtaken_client(hub, STARTED[kind], monkeypatch)

    answered = create(overtaken, app, segment_id)

    [repetition] = repetitions
    assert repetition["statusCode"] in (201, 202)
    [one] = everything(client, app)
    assert state_of(one) in ("CREATED", "SCHEDULED")
    assert answered["Id"] == json.loads(repetition["body"])["Id"] == one["Id"]
    assert started_ids(hub) == [one["Id"]]


@pytest.mark.parametrize("kind", STARTED)
def test_an_attempt_starts_another_one_where_the_attempt_after_it_gave_up(
    client, hub, app, kind, monkeypatch
):
    create, everything = CREATIONS[kind]
    segment_id = segment_for(client, app)
    overtaken, repetitions = overtaken_client(hub, STARTED[kind], monkeypatch, refused=True)

    answered = create(overtaken, app, segment_id)

    assert [repetition["statusCode"] for repetition in repetitions] == [429]
    states = {one["Id"]: state_of(one) for one in everything(client, app)}
    assert states.pop(answered["Id"]) in ("CREATED", "SCHEDULED")
    assert list(states.values()) in (["FAILED"], ["INVALID"])
    assert answered["Id"] in started_ids(hub)


@pytest.mark.parametrize("kind", STARTED)
def test_no_answer_shows_how_a_start_ended(client, hub, app, kind):
    create, everything = CREATIONS[kind]
    create(repeating_client(hub), app, segment_for(client, app))
    [one] = everything(client, app)
    path = {"import": "jobs/import", "export": "jobs/export"}.get(kind, "campaigns")

    shown = respond(hub, http_event("GET", f"/v1/apps/{app}/{path}/{one['Id']}"))["body"]

    stored = [hub.entities.get(app, entity, one["Id"]) for entity in Kind]
    assert [body["StartOutcome"] for body in stored if body] == ["STARTED"]
    assert json.loads(shown)["Id"] == one["Id"]
    assert "StartOutcome" not in shown


@pytest.mark.parametrize("kind", STARTED)
@pytest.mark.parametrize("ended", ["failed", "done"])
def test_work_that_ended_before_its_creation_is_repeated_is_not_done_again(
    client, hub, app, kind, ended
):
    create, everything = CREATIONS[kind]
    segment_id = segment_for(client, app)
    is_job = kind in ("import", "export")
    word = {"failed": "FAILED" if is_job else "INVALID", "done": "COMPLETED"}[ended]

    def has_run(answer):
        [one] = everything(client, app)
        end = {"JobStatus": word} if is_job else {"Runs": 1, "State": {"CampaignStatus": word}}
        entity = next(entity for entity in Kind if hub.entities.get(app, entity, one["Id"]))
        # As after an attempt that could not write down its start.
        hub.entities.update(
            app,
            entity,
            one["Id"],
            lambda body: {**{k: v for k, v in body.items() if k != "StartOutcome"}, **end},
        )
        return True

    create(repeating_client(hub, lost=has_run), app, segment_id)

    assert [state_of(one) for one in everything(client, app)] == [word]
    assert len(started_ids(hub)) == 1


def test_a_campaign_that_an_update_mends_before_its_creation_is_repeated_is_the_only_one(
    client, hub, app
):
    segment_id = segment_for(client, app)
    hub.aws.refuse = "ThrottlingException"

    def mended(answer):
        hub.aws.refuse = None
        [one] = client.get_campaigns(ApplicationId=app)["CampaignsResponse"]["Item"]
        client.update_campaign(ApplicationId=app, CampaignId=one["Id"], WriteCampaignRequest={})
        return True

    one = create_campaign(repeating_client(hub, lost=mended), app, campaign(segment_id))

    assert (one["Version"], one["State"]["CampaignStatus"]) == (2, "SCHEDULED")
    assert started_ids(hub) == [one["Id"]]


@pytest.mark.parametrize("kind", ["campaign", "segment", "export"])
def test_a_creation_is_repeated_with_success_after_the_segment_that_it_names_is_deleted(
    client, hub, app, kind
):
    named = segment_for(client, app)
    group = {"SourceSegments": [{"Id": named}], "Type": "ALL"}
    creations = {
        "campaign": lambda client: create_campaign(client, app, campaign(named)),
        "segment": lambda client: client.create_segment(
            ApplicationId=app,
            WriteSegmentRequest={"Name": "of it", "SegmentGroups": {"Groups": [group]}},
        )["SegmentResponse"],
        "export": lambda client: client.create_export_job(
            ApplicationId=app,
            ExportJobRequest={
                "RoleArn": ROLE,
                "S3UrlPrefix": "s3://bucket/out/",
                "SegmentId": named,
            },
        )["ExportJobResponse"],
    }

    def deleted(answer):
        client.delete_segment(ApplicationId=app, SegmentId=named)
        return True

    one = creations[kind](repeating_client(hub, lost=deleted))

    _, everything = CREATIONS[kind]
    assert [made["Id"] for made in everything(client, app)] == [one["Id"]]


@pytest.fixture
def arriving(monkeypatch):
    """Sets the times at which the next requests arrive."""

    def arrive(*times):
        arrivals = iter([datetime.fromisoformat(time) for time in times])
        monkeypatch.setattr(
            responder, "read_call", lambda event, known: read_call(event, known, next(arrivals))
        )

    return arrive


def losing_the_next_update(hub, monkeypatch):
    """The next update of an entity fails: the function dies before it has written how a start
    ended."""
    update = hub.entities.update

    def fail(*arguments):
        monkeypatch.setattr(hub.entities, "update", update)
        raise RuntimeError("no answer")

    monkeypatch.setattr(hub.entities, "update", fail)


@pytest.mark.parametrize("frequency", ["ONCE", "DAILY"])
@pytest.mark.parametrize("dies", [False, True])
def test_a_creation_repeated_after_the_start_time_keeps_the_schedule_of_its_first_attempt(
    client, hub, app, frequency, dies, arriving, monkeypatch
):
    segment_id = segment_for(client, app)
    schedule = {"StartTime": "2030-01-01T12:00:00Z", "Frequency": frequency}
    arriving("2030-01-01T11:59:58+00:00", "2030-01-01T12:00:03+00:00")
    if dies:
        losing_the_next_update(hub, monkeypatch)

    one = create_campaign(repeating_client(hub), app, campaign(segment_id, Schedule=schedule))

    [kept] = hub.aws.schedules.values()
    assert kept["Name"] == f"{one['Id']}-1"
    assert kept["ScheduleExpression"] == "at(2030-01-01T12:00:00)"


def test_a_creation_repeated_after_the_start_time_makes_up_for_a_schedule_that_is_missing(
    client, hub, app, arriving, monkeypatch
):
    segment_id = segment_for(client, app)
    schedule = {"StartTime": "2030-01-01T12:00:00Z", "Frequency": "DAILY"}
    arriving("2030-01-01T11:59:58+00:00", "2030-01-01T12:00:03+00:00")
    create_schedule = hub.aws.create_schedule

    def die(**_):
        monkeypatch.setattr(hub.aws, "create_schedule", create_schedule)
        raise RuntimeError("the function dies")

    monkeypatch.setattr(hub.aws, "create_schedule", die)

    create_campaign(repeating_client(hub), app, campaign(segment_id, Schedule=schedule))

    [made] = hub.aws.schedules.values()
    assert made["ScheduleExpression"] == "at(2030-01-01T12:00:03)"


def test_an_update_that_aws_refuses_leaves_the_schedule_of_the_update_after_it(
    client, hub, app, monkeypatch
):
    segment_id = segment_for(client, app)
    one = create_campaign(client, app, campaign(segment_id, at="2030-01-01T12:00:00Z"))
    overtaken, repetitions = overtaken_client(hub, "create_schedule", monkeypatch)

    with pytest.raises(ClientError):
        overtaken.update_campaign(
            ApplicationId=app,
            CampaignId=one["Id"],
            WriteCampaignRequest={"Schedule": {"StartTime": "2031-01-01T12:00:00Z"}},
        )

    assert [repetition["statusCode"] for repetition in repetitions] == [200]
    shown = client.get_campaign(ApplicationId=app, CampaignId=one["Id"])["CampaignResponse"]
    assert shown["State"]["CampaignStatus"] == "SCHEDULED"
    [schedule] = hub.aws.schedules.values()
    assert schedule["ScheduleExpression"] == "at(2031-01-01T12:00:00)"


def test_attempts_at_once_file_one_job_under_one_segment(client, hub, app, tables, monkeypatch):
    put_new, events = hub.entities.put_new, []

    def be_overtaken(*arguments):
        monkeypatch.setattr(hub.entities, "put_new", put_new)
        respond(hub, events[-1])
        put_new(*arguments)

    monkeypatch.setattr(hub.entities, "put_new", be_overtaken)

    def keep_and_respond(event):
        events.append(event)
        return respond(hub, event)

    job = hub_client(keep_and_respond, decoded_path=True).create_import_job(
        ApplicationId=app,
        ImportJobRequest={
            "Format": "CSV",
            "RoleArn": ROLE,
            "S3Url": "s3://people/x",
            "DefineSegment": True,
        },
    )["ImportJobResponse"]

    def rows():
        items = tables.scan(TableName=TABLES["ENTITIES_TABLE"])["Items"]
        return {(item["pk"]["S"], item["sk"]["S"]) for item in items}

    segment_id = job["Definition"]["SegmentId"]
    of_jobs = {(pk, sk) for pk, sk in rows() if "import-job" in pk}
    assert of_jobs == {
        (f"{app}#import-job", job["Id"]),
        (f"{app}#import-job#{segment_id}", job["Id"]),
    }
    client.delete_app(ApplicationId=app)
    assert rows() == set()


@pytest.mark.parametrize("kind", STARTED)
def test_a_creation_that_could_not_be_started_is_repeated_with_success(client, hub, app, kind):
    create, everything = CREATIONS[kind]
    segment_id = segment_for(client, app)
    hub.aws.refuse = "ThrottlingException"

    def is_refused(answer):
        hub.aws.refuse = None
        return answer["statusCode"] == 429

    create(repeating_client(hub, lost=is_refused), app, segment_id)

    states = {one["Id"]: state_of(one) for one in everything(client, app)}
    [started] = started_ids(hub)
    assert states.pop(started) in ("CREATED", "SCHEDULED")
    assert list(states.values()) in (["FAILED"], ["INVALID"])


@pytest.mark.parametrize("kind", ["import", "export"])
def test_a_job_that_began_although_its_start_was_not_answered_is_no_failure(
    client, hub, app, kind, monkeypatch
):
    create, everything = CREATIONS[kind]
    entity = {"import": Kind.IMPORT_JOB, "export": Kind.EXPORT_JOB}[kind]

    def begin_and_lose_the_answer(app_id, job_id):
        begun = {"JobStatus": "PROCESSING"}
        hub.entities.update(app_id, entity, job_id, lambda body: {**body, **begun})
        raise NotStarted(InternalServerError("no answer"))

    monkeypatch.setattr(hub.machines, f"start_{kind}", begin_and_lose_the_answer)

    create(client, app, None)

    assert [one["JobStatus"] for one in everything(client, app)] == ["PROCESSING"]


def test_a_campaign_that_ran_before_its_creation_is_repeated_runs_once(client, hub, app):
    segment_id = segment_for(client, app)

    def has_run(answer):
        [one] = client.get_campaigns(ApplicationId=app)["CampaignsResponse"]["Item"]
        done = {"Runs": 1, "State": {"CampaignStatus": "COMPLETED"}}
        hub.entities.update(app, Kind.CAMPAIGN, one["Id"], lambda body: {**body, **done})
        return True

    one = create_campaign(repeating_client(hub, lost=has_run), app, campaign(segment_id))

    assert one["State"]["CampaignStatus"] == "COMPLETED"
    assert len(hub.aws.started) == 1


def test_a_campaign_names_segments_and_templates_that_are_there(client, hub, app):
    segment_id = segment_for(client, app)

    with pytest.raises(client.exceptions.NotFoundException, match="segment"):
        create_campaign(client, app, campaign("nope"))
    with pytest.raises(client.exceptions.NotFoundException, match="version 7"):
        create_campaign(client, app, campaign(segment_id, SegmentVersion=7))
    with pytest.raises(client.exceptions.NotFoundException, match="SMS template 'nope'"):
        create_campaign(
            client,
            app,
            campaign(segment_id, TemplateConfiguration={"SMSTemplate": {"Name": "nope"}}),
        )
    with pytest.raises(client.exceptions.BadRequestException, match="Schedule"):
        create_campaign(client, app, {"Name": "x", "SegmentId": segment_id})

    assert hub.aws.started == []
    assert client.get_campaigns(ApplicationId=app)["CampaignsResponse"]["Item"] == []


def test_a_campaign_whose_voice_cannot_speak_its_language_is_refused(client, hub, app):
    segment_id = segment_for(client, app)
    client.create_voice_template(
        TemplateName="v", VoiceTemplateRequest={"Body": "Hallo", "LanguageCode": "de-DE"}
    )
    voice = {"MessageConfiguration": {}, "TemplateConfiguration": {"VoiceTemplate": {"Name": "v"}}}

    with pytest.raises(client.exceptions.BadRequestException, match="Give VoiceId of a voice"):
        create_campaign(client, app, campaign(segment_id, **voice))

    assert hub.aws.started == []


def test_a_campaign_from_an_address_that_the_hub_may_not_send_from_is_refused(client, hub, app):
    segment_id = segment_for(client, app)

    def mail(sender):
        message = {"FromAddress": sender, "Title": "Hi", "Body": "Hi"}
        return {"MessageConfiguration": {"EmailMessage": message}}

    refused = client.exceptions.BadRequestException
    with pytest.raises(
        refused, match=r"^.*MessageConfiguration.EmailMessage.FromAddress.*other_sen"
    ):
        create_campaign(client, app, campaign(segment_id, **mail("else@example.com")))
    treatment = {**mail("else@example.com"), "SizePercent": 10}
    with pytest.raises(refused, match=r"AdditionalTreatments\[0\]"):
        create_campaign(client, app, campaign(segment_id, AdditionalTreatments=[treatment]))
    assert hub.aws.started == []

    create_campaign(client, app, campaign(segment_id, **mail("Shop <brand@shop.example>")))

    assert len(hub.aws.started) == 1


def test_activities_of_a_run_that_goes_on_show_the_counters_of_the_moment(client, hub, app):
    segment_id = segment_for(client, app)
    one = create_campaign(client, app, campaign(segment_id))
    run_id = f"{one['Id']}-1"
    hub.entities.update(app, Kind.CAMPAIGN, one["Id"], lambda body: {**body, "Runs": 1})
    activity = {
        "ApplicationId": app,
        "CampaignId": one["Id"],
        "Id": run_activity_id(run_id, "0"),
        "State": "RUNNING",
        "TotalEndpointCount": 0,
        "TreatmentId": "0",
    }
    key = activity_entity_id(one["Id"], activity["Id"])
    hub.entities.put(app, Kind.ACTIVITY, key, activity)
    hub.runs.complete_once(
        run_scope(run_id),
        "unit",
        {"0": {ExecutionMetric.ENDPOINT_PRODUCED: 5, SendStatus.SUCCESS: 3, "Chunks": 1}},
    )

    def activities():
        answer = client.get_campaign_activities(ApplicationId=app, CampaignId=one["Id"])
        return answer["ActivitiesResponse"]["Item"]

    [running] = activities()
    assert (running["TotalEndpointCount"], running["SuccessfulEndpointCount"]) == (5, 3)
    assert running["ExecutionMetrics"] == {"ENDPOINT_PRODUCED": "5", "SUCCESS": "3"}

    hub.entities.put(
        app, Kind.ACTIVITY, key, {**activity, "Result": "SUCCESS", "TotalEndpointCount": 4}
    )
    [done] = activities()
    assert (done["Result"], done["TotalEndpointCount"]) == ("SUCCESS", 4)


def test_a_campaign_takes_its_defaults_from_the_settings_but_does_not_show_them(client, hub, app):
    client.update_application_settings(
        ApplicationId=app, WriteApplicationSettingsRequest={"Limits": {"Daily": 2}}
    )
    segment_id = segment_for(client, app)

    one = create_campaign(client, app, campaign(segment_id))

    assert one["Limits"] == {}
    assert "ProjectDefaults" not in one
    kept = hub.entities.require(app, Kind.CAMPAIGN, one["Id"])
    assert kept["ProjectDefaults"] == {"Limits": {"Daily": 2}}


# Journeys


def create_journey(client, app, request):
    made = client.create_journey(ApplicationId=app, WriteJourneyRequest=request)
    return made["JourneyResponse"]


@pytest.fixture
def welcome(client, app):
    """A request for a journey that could be published: its segment and its templates are there."""
    client.create_email_template(TemplateName="welcome", EmailTemplateRequest={"Subject": "Hi"})
    client.create_sms_template(TemplateName="reminder", SMSTemplateRequest={"Body": "Hi"})
    segment = segment_for(client, app)
    return journey_request(
        StartCondition={"SegmentStartCondition": {"SegmentId": segment}},
    )


def journeys_of(client, app):
    return client.list_journeys(ApplicationId=app)["JourneysResponse"]["Item"]


def test_a_journey_is_created_read_updated_and_deleted(client, app, welcome):
    made = create_journey(client, app, welcome)
    of_it = {"ApplicationId": app, "JourneyId": made["Id"]}
    read = client.get_journey(**of_it)["JourneyResponse"]
    schedule = {
        "StartTime": datetime(2030, 1, 1, tzinfo=UTC),
        "EndTime": datetime(2030, 3, 1, tzinfo=UTC),
        "Timezone": "UTC-08",
    }
    changed = client.update_journey(
        **of_it, WriteJourneyRequest={"Name": "welcome-2030", "Schedule": schedule}
    )["JourneyResponse"]
    deleted = client.delete_journey(**of_it)["JourneyResponse"]

    assert re.fullmatch(r"[0-9a-f]{32}", made["Id"])
    assert (made["ApplicationId"], made["State"]) == (app, "DRAFT")
    assert {name: made[name] for name in welcome} == welcome
    assert read == made
    assert (changed["Name"], changed["Schedule"]) == ("welcome-2030", schedule)
    assert changed["Activities"] == welcome["Activities"]
    assert deleted == changed
    with pytest.raises(client.exceptions.NotFoundException, match="journey"):
        client.get_journey(**of_it)
    assert journeys_of(client, app) == []


def test_a_condition_by_segment_dimensions_keeps_the_name_it_has_on_the_wire(client, app, hub):
    dimensions = {"Attributes": {"plan": {"AttributeType": "INCLUSIVE", "Values": ["gold"]}}}
    split = {"Condition": {"Conditions": [{"SegmentDimensions": dimensions}]}}

    made = create_journey(
        client, app, {"Name": "j", "Activities": {"a": {"ConditionalSplit": split}}}
    )

    assert made["Activities"]["a"]["ConditionalSplit"] == split
    kept = hub.entities.require(app, Kind.JOURNEY, made["Id"])["Activities"]["a"]
    [condition] = kept["ConditionalSplit"]["Condition"]["Conditions"]
    assert condition == {"segmentDimensions": dimensions}


def test_journeys_are_listed_page_by_page_for_their_project(client, app):
    other = client.create_app(CreateApplicationRequest={"Name": "other"})
    other_app = other["ApplicationResponse"]["Id"]
    made = {create_journey(client, app, {"Name": f"j{number}"})["Id"] for number in range(5)}
    create_journey(client, other_app, {"Name": "elsewhere"})

    listed = pages(client.list_journeys, "JourneysResponse", ApplicationId=app, PageSize="2")

    assert [len(page) for page in listed] == [2, 2, 1]
    assert {one["Id"] for page in listed for one in page} == made


def test_two_journeys_may_have_one_name(client, app):
    first, second = (create_journey(client, app, {"Name": "same"})["Id"] for _ in range(2))

    assert first != second


NOT_THERE = {
    "a start segment": (
        {"StartCondition": {"SegmentStartCondition": {"SegmentId": "nope"}}},
        r"^.*StartCondition.SegmentStartCondition.SegmentId: There is no segment 'nope'",
    ),
    "the segment of a condition": (
        {"Activities": {"a": yes_no(in_segment("nope"))}},
        r"Activities.a.ConditionalSplit.Condition.Conditions\[0\].SegmentCondition.SegmentId: ",
    ),
    "a template": (
        {"Activities": {"a": email(TemplateName="nope")}},
        "Activities.a.EMAIL.TemplateName: There is no EMAIL template 'nope'",
    ),
    "a template of another channel": (
        {"Activities": {"a": text_message(TemplateName="welcome")}},
        "Activities.a.SMS.TemplateName: There is no SMS template 'welcome'",
    ),
    "a version": (
        {"Activities": {"a": email(TemplateVersion="7")}},
        "Activities.a.EMAIL.TemplateName: EMAIL template 'welcome' has no version '7'",
    ),
}


@pytest.mark.parametrize("missing", NOT_THERE)
def test_a_draft_names_segments_and_templates_that_are_there(client, app, welcome, missing):
    members, message = NOT_THERE[missing]
    request = {"Name": "j", **members}
    made = create_journey(client, app, welcome)

    with pytest.raises(client.exceptions.NotFoundException, match=message):
        create_journey(client, app, request)
    with pytest.raises(client.exceptions.NotFoundException, match=message):
        client.update_journey(
            ApplicationId=app,
            JourneyId=made["Id"],
            WriteJourneyRequest={**request, "StartActivity": ""},
        )

    assert journeys_of(client, app) == [made]


def test_a_journey_names_a_version_of_a_template(client, app, welcome):
    client.update_email_template(
        TemplateName="welcome", EmailTemplateRequest={"Subject": "Hello"}, CreateNewVersion=True
    )
    activities = {"a": email("b", TemplateVersion="1"), "b": email(TemplateVersion="2")}

    made = create_journey(client, app, {"Name": "j", "Activities": activities})

    assert made["Activities"] == activities


def test_a_journey_from_an_address_that_the_hub_may_not_send_from_is_refused(client, app, welcome):
    def mail(sender):
        activity = email(MessageConfig={"FromAddress": sender})
        return {"Name": "j", "Activities": {"mail": activity}}

    refused = client.exceptions.BadRequestException
    with pytest.raises(
        refused, match=r"Activities.mail.EMAIL.MessageConfig.FromAddress.*other_sen"
    ):
        create_journey(client, app, mail("else@example.com"))

    made = create_journey(client, app, mail("Shop <brand@shop.example>"))

    assert made["Activities"]["mail"]["EMAIL"]["MessageConfig"] == {
        "FromAddress": "Shop <brand@shop.example>"
    }


def test_a_journey_that_an_event_starts_takes_no_imported_segment(client, hub, app):
    imported = import_segment(hub, app)
    groups = {"Groups": [{"SourceSegments": [{"Id": imported}]}]}
    client_segment = {"Name": "on it", "SegmentGroups": groups}
    made = client.create_segment(ApplicationId=app, WriteSegmentRequest=client_segment)
    on_imported = made["SegmentResponse"]["Id"]
    dynamic = segment_for(client, app)

    def started_by_event(segment):
        event = {"FilterType": "ENDPOINT", "Dimensions": {"EventType": {"Values": ["signup"]}}}
        start = {"EventFilter": event, "SegmentId": segment}
        return {"Name": "j", "StartCondition": {"EventStartCondition": start}}

    for segment in (imported, on_imported):
        with pytest.raises(
            client.exceptions.BadRequestException, match="must be a dynamic segment"
        ):
            create_journey(client, app, started_by_event(segment))
    assert create_journey(client, app, started_by_event(dynamic))["Id"]


@pytest.fixture
def runnable(client, app, welcome):
    """A request for a journey of parts that all run."""
    activities = {"welcome": email("day"), "day": wait("remind"), "remind": text_message()}
    return {**welcome, "Activities": activities}


def set_state(client, app, journey, state):
    """Ask for a state; the journey as it is answered."""
    answer = client.update_journey_state(
        ApplicationId=app, JourneyId=journey["Id"], JourneyStateRequest={"State": state}
    )
    return answer["JourneyResponse"]


def works(hub):
    """The work of journeys that was started, by its kind."""
    machine = HUB_ENVIRONMENT["JOURNEY_STATE_MACHINE_ARN"]
    return [one.input["Work"]["Kind"] for one in hub.aws.started if one.machine == machine]


@pytest.mark.parametrize("by", ["creation", "update", "state"])
def test_a_published_journey_is_active_and_its_first_run_starts(client, hub, app, runnable, by):
    if by == "creation":
        made = create_journey(client, app, {**runnable, "State": "ACTIVE"})
    else:
        made = create_journey(client, app, runnable)
        if by == "update":
            made = client.update_journey(
                ApplicationId=app,
                JourneyId=made["Id"],
                WriteJourneyRequest={"Name": "other", "State": "ACTIVE"},
            )["JourneyResponse"]
        else:
            made = set_state(client, app, made, "ACTIVE")

    [started] = hub.aws.started
    runs = client.get_journey_runs(ApplicationId=app, JourneyId=made["Id"])
    assert made["State"] == "ACTIVE"
    assert started.machine == HUB_ENVIRONMENT["JOURNEY_STATE_MACHINE_ARN"]
    assert started.input == {
        "ApplicationId": app,
        "JourneyId": made["Id"],
        "Work": {"Kind": "RUN", "Of": "1", "Resumes": 0, "Attempt": 0},
    }
    [run] = runs["JourneyRunsResponse"]["Item"]
    assert run["Status"] == "SCHEDULED"
    assert "Published" not in made


def test_a_journey_with_a_schedule_is_scheduled_with_its_end(client, hub, app, runnable):
    schedule = {
        "StartTime": datetime(2100, 11, 20, tzinfo=UTC),
        "EndTime": datetime(2100, 12, 20, tzinfo=UTC),
    }

    made = create_journey(client, app, {**runnable, "State": "ACTIVE", "Schedule": schedule})

    assert hub.aws.started == []
    assert {
        name.removeprefix(f"{made['Id']}-"): one["ScheduleExpression"]
        for name, one in hub.aws.schedules.items()
    } == {"run-1-0-0": "at(2100-11-20T00:00:00)", "end-0-0": "at(2100-12-20T00:00:00)"}


def test_a_journey_whose_template_needs_a_recommender_stays_a_draft(client, app, runnable):
    made = create_journey(client, app, runnable)
    client.update_email_template(
        TemplateName="welcome",
        EmailTemplateRequest={
            "Subject": "Try {{RecommendationItems.[0]}}",
            "RecommenderId": a_recommender(client)["Id"],
        },
    )

    with pytest.raises(client.exceptions.BadRequestException, match=r"EMAIL.*recommender"):
        set_state(client, app, made, "ACTIVE")

    assert journeys_of(client, app)[0]["State"] == "DRAFT"


def test_a_journey_that_could_not_be_started_is_a_draft_and_can_be_published_later(
    client, hub, app, runnable
):
    made = create_journey(client, app, runnable)
    hub.aws.refuse = "ThrottlingException"
    with pytest.raises(client.exceptions.TooManyRequestsException):
        set_state(client, app, made, "ACTIVE")
    draft = journeys_of(client, app)[0]["State"]
    hub.aws.refuse = None

    published = set_state(client, app, made, "ACTIVE")

    assert (draft, published["State"]) == ("DRAFT", "ACTIVE")
    assert works(hub) == ["RUN"]


def test_publishing_twice_starts_once(client, hub, app, runnable):
    made = create_journey(client, app, {**runnable, "State": "ACTIVE"})

    again = set_state(client, app, made, "ACTIVE")

    assert again["State"] == "ACTIVE"
    assert len({one.name for one in hub.aws.started}) == 1


def test_a_published_journey_is_paused_resumed_and_cancelled_and_changes_by_nothing_else(
    client, hub, app, runnable
):
    refused = client.exceptions.BadRequestException
    made = create_journey(client, app, runnable)
    with pytest.raises(refused, match="is DRAFT and cannot become PAUSED"):
        set_state(client, app, made, "PAUSED")
    set_state(client, app, made, "ACTIVE")

    with pytest.raises(client.exceptions.ConflictException, match="is ACTIVE: a published"):
        client.update_journey(
            ApplicationId=app, JourneyId=made["Id"], WriteJourneyRequest={"Name": "other"}
        )
    states = [
        set_state(client, app, made, one)["State"]
        for one in ("PAUSED", "PAUSED", "ACTIVE", "CANCELLED", "CANCELLED")
    ]
    with pytest.raises(refused, match="is CANCELLED and cannot become ACTIVE"):
        set_state(client, app, made, "ACTIVE")

    assert states == ["PAUSED", "PAUSED", "ACTIVE", "CANCELLED", "CANCELLED"]
    assert works(hub) == ["RUN", "REOPEN"]


NOT_RUN = {
    "an event": (
        {"Activities": {"welcome": email("split"), "split": yes_no(opened("welcome"))}},
        r"Activities.split.ConditionalSplit.Condition.Conditions.0.EventCondition is not run",
    ),
    "a push": (
        {"Activities": {"welcome": {"PUSH": {"TemplateName": "news"}}}},
        "Activities.welcome.PUSH is not run",
    ),
    "local time": ({"LocalTime": True}, "LocalTime true is not run"),
    "a refresh by imports": (
        {"RefreshOnSegmentUpdate": True, "RefreshFrequency": "P1D"},
        "RefreshOnSegmentUpdate true is not run",
    ),
    "a postal code": (
        {"TimezoneEstimationMethods": ["POSTAL_CODE"]},
        "TimezoneEstimationMethods POSTAL_CODE is not run",
    ),
    "a start by an event": (
        {
            "StartCondition": {
                "EventStartCondition": {
                    "EventFilter": {
                        "FilterType": "ENDPOINT",
                        "Dimensions": {"EventType": {"Values": ["signup"]}},
                    }
                }
            }
        },
        "StartCondition.EventStartCondition is not run",
    ),
}


@pytest.mark.parametrize("part", NOT_RUN)
def test_a_part_that_does_not_run_yet_is_refused_by_name_and_stays_a_draft(
    client, hub, app, runnable, part
):
    members, message = NOT_RUN[part]
    client.create_push_template(
        TemplateName="news", PushNotificationTemplateRequest={"Default": {"Title": "News"}}
    )
    made = create_journey(client, app, {**runnable, **members})

    with pytest.raises(client.exceptions.BadRequestException, match=message):
        create_journey(client, app, {**runnable, **members, "State": "ACTIVE"})
    with pytest.raises(client.exceptions.BadRequestException, match=message):
        set_state(client, app, made, "ACTIVE")

    assert journeys_of(client, app) == [made]
    assert hub.aws.started == []


def test_metrics_of_a_journey_its_runs_and_its_activities_add_up(client, hub, app, runnable):
    made = create_journey(client, app, {**runnable, "State": "ACTIVE"})
    of_it = {"ApplicationId": app, "JourneyId": made["Id"]}
    counted = {
        "-": {"ENDPOINT_ENTERED": 7, "ENDPOINT_LEFT": 2, "ACTIVE_ENDPOINT_REJECTED": 1},
        "welcome": {"SUCCESS": 5, "UNKNOWN": 1},
    }
    for run in (None, 1):
        hub.journey_totals.complete_once(journey_scope(app, made["Id"], run), "chunk", counted)
    [run] = client.get_journey_runs(**of_it)["JourneyRunsResponse"]["Item"]
    of_run = {**of_it, "RunId": run["RunId"]}

    whole = client.get_journey_execution_metrics(**of_it)["JourneyExecutionMetricsResponse"]
    by_run = client.get_journey_run_execution_metrics(**of_run)[
        "JourneyRunExecutionMetricsResponse"
    ]
    activity = client.get_journey_execution_activity_metrics(**of_it, JourneyActivityId="welcome")
    activity_by_run = client.get_journey_run_execution_activity_metrics(
        **of_run, JourneyActivityId="welcome"
    )["JourneyRunExecutionActivityMetricsResponse"]
    set_state(client, app, made, "CANCELLED")
    after = client.get_journey_execution_metrics(**of_it)["JourneyExecutionMetricsResponse"]

    expected = {
        "ENDPOINT_ENTERED": "7",
        "ENDPOINT_LEFT": "2",
        "ENDPOINT_ACTIVE": "4",
        "ACTIVE_ENDPOINT_REJECTED": "1",
        "REENTRY_CAP_EXCEEDED": "0",
        "CANCELLED": "0",
    }
    assert whole["Metrics"] == by_run["Metrics"] == expected
    assert by_run["RunId"] == activity_by_run["RunId"] == run["RunId"]
    assert activity["JourneyExecutionActivityMetricsResponse"]["Metrics"] == {
        "SUCCESS": "5",
        "UNKNOWN": "1",
    }
    assert activity_by_run["Metrics"] == {"SUCCESS": "5", "UNKNOWN": "1"}
    assert after["Metrics"] == {**expected, "ENDPOINT_ACTIVE": "0", "CANCELLED": "4"}


def test_the_participants_of_a_deleted_journey_or_project_are_deleted_with_it(
    client, hub, app, runnable
):
    first, second = (create_journey(client, app, {**runnable, "State": "ACTIVE"}) for _ in range(2))
    create_journey(client, app, runnable)

    client.delete_journey(ApplicationId=app, JourneyId=first["Id"])
    client.delete_app(ApplicationId=app)

    purges = [one.input for one in hub.aws.started if one.input["Work"]["Kind"] == "PURGE"]
    assert [one["JourneyId"] for one in purges] == [first["Id"], second["Id"]]
    assert {one["ApplicationId"] for one in purges} == {app}


def test_a_kpi_of_a_published_journey_is_not_offered(client, app, runnable):
    made = create_journey(client, app, {**runnable, "State": "ACTIVE"})

    with pytest.raises(client.exceptions.MethodNotAllowedException, match="event_database"):
        client.get_journey_date_range_kpi(
            ApplicationId=app, JourneyId=made["Id"], KpiName="journey-emails-sent"
        )


def test_a_review_before_publishing_names_the_activity_that_lacks_something(client, app, welcome):
    refused = client.exceptions.BadRequestException
    draft = {**welcome, "Activities": {"welcome": {"EMAIL": {}}}}
    made = create_journey(client, app, draft)
    of_it = {"ApplicationId": app, "JourneyId": made["Id"]}

    with pytest.raises(refused, match="Activities.welcome.EMAIL.TemplateName is missing"):
        create_journey(client, app, {**draft, "State": "ACTIVE"})
    with pytest.raises(refused, match="Activities.welcome.EMAIL.TemplateName is missing"):
        client.update_journey_state(**of_it, JourneyStateRequest={"State": "ACTIVE"})


def test_a_draft_outlives_its_segment_and_template_and_its_review_misses_them(client, app, welcome):
    made = create_journey(client, app, welcome)
    of_it = {"ApplicationId": app, "JourneyId": made["Id"]}
    state = {"JourneyStateRequest": {"State": "ACTIVE"}}
    segment = welcome["StartCondition"]["SegmentStartCondition"]["SegmentId"]

    client.delete_sms_template(TemplateName="reminder")
    with pytest.raises(client.exceptions.NotFoundException, match="Activities.remind.SMS"):
        client.update_journey_state(**of_it, **state)
    client.delete_segment(ApplicationId=app, SegmentId=segment)
    with pytest.raises(client.exceptions.NotFoundException, match="StartCondition"):
        client.update_journey_state(**of_it, **state)

    renamed = client.update_journey(**of_it, WriteJourneyRequest={"Name": "renamed"})
    assert renamed["JourneyResponse"]["Activities"] == welcome["Activities"]


def test_a_journey_has_no_runs_and_its_metrics_are_empty(client, app, welcome):
    made = create_journey(client, app, welcome)
    of_it = {"ApplicationId": app, "JourneyId": made["Id"]}

    runs = client.get_journey_runs(**of_it)["JourneyRunsResponse"]
    metrics = client.get_journey_execution_metrics(**of_it)["JourneyExecutionMetricsResponse"]
    [of_wait, of_split] = (
        client.get_journey_execution_activity_metrics(**of_it, JourneyActivityId=activity)[
            "JourneyExecutionActivityMetricsResponse"
        ]
        for activity in ("day", "opened")
    )

    assert runs == {"Item": []}
    assert metrics.pop("LastEvaluatedTime")
    assert metrics == {"ApplicationId": app, "JourneyId": made["Id"], "Metrics": {}}
    assert (of_wait["ActivityType"], of_wait["Metrics"]) == ("WAIT", {})
    assert (of_split["ActivityType"], of_split["JourneyActivityId"]) == (
        *("CONDITIONAL_SPLIT", "opened"),
    )


def test_metrics_of_a_run_or_an_activity_that_is_not_there_are_not_found(client, app, welcome):
    made = create_journey(client, app, welcome)
    of_it = {"ApplicationId": app, "JourneyId": made["Id"]}

    with pytest.raises(client.exceptions.NotFoundException, match="no activity 'gone'"):
        client.get_journey_execution_activity_metrics(**of_it, JourneyActivityId="gone")
    with pytest.raises(client.exceptions.NotFoundException, match="no run 'r1'"):
        client.get_journey_run_execution_metrics(**of_it, RunId="r1")
    with pytest.raises(client.exceptions.NotFoundException, match="no run 'r1'"):
        client.get_journey_run_execution_activity_metrics(
            **of_it, RunId="r1", JourneyActivityId="day"
        )
    with pytest.raises(client.exceptions.BadRequestException, match="token"):
        client.get_journey_runs(**of_it, Token="x")


def test_a_kpi_of_a_journey_that_never_ran_has_no_rows(client, app):
    made = create_journey(client, app, {"Name": "j"})
    of_it = {"ApplicationId": app, "JourneyId": made["Id"]}
    end = datetime.now(UTC).replace(microsecond=0)
    start = end - timedelta(days=7)

    answer = client.get_journey_date_range_kpi(
        **of_it, KpiName="journey-emails-sent", StartTime=start, EndTime=end
    )["JourneyDateRangeKpiResponse"]

    assert answer == {
        **of_it,
        "KpiName": "journey-emails-sent",
        "StartTime": start,
        "EndTime": end,
        "KpiResult": {"Rows": []},
    }
    with pytest.raises(client.exceptions.BadRequestException, match="kpi-name must be one of"):
        client.get_journey_date_range_kpi(**of_it, KpiName="journey-emails-lost")
    with pytest.raises(client.exceptions.BadRequestException, match="31 days"):
        client.get_journey_date_range_kpi(
            **of_it, KpiName="journey-emails-sent", StartTime=end - timedelta(days=32)
        )


def test_a_journey_too_large_to_keep_is_refused(client, app):
    activity = {"Description": "x" * 5_100_000, "EMAIL": {}}

    with pytest.raises(client.exceptions.BadRequestException, match="at most 5000000 bytes"):
        create_journey(client, app, {"Name": "j", "Activities": {"a": activity}})

    assert journeys_of(client, app) == []


# Direct sends


def send(client, app, **request):
    request.setdefault("MessageConfiguration", {"SMSMessage": {"Body": "Hi {{User.UserId}}"}})
    return client.send_messages(ApplicationId=app, MessageRequest=request)["MessageResponse"]


def test_a_message_to_addresses_is_rendered_and_sent_to_each(client, hub, app):
    answer = send(
        client,
        app,
        MessageConfiguration={
            "SMSMessage": {
                "Body": "Hi {{name}}",
                "MessageType": "PROMOTIONAL",
                "Substitutions": {"name": ["you"]},
            },
            "EmailMessage": {"SimpleEmail": {"Subject": {"Data": "S"}, "TextPart": {"Data": "T"}}},
        },
        Addresses={
            "+12065550101": {"ChannelType": "SMS", "Substitutions": {"name": ["Ann"]}},
            "+12065550102": {"ChannelType": "SMS"},
            "bob@example.com": {"ChannelType": "EMAIL", "Context": {"order": "7"}},
        },
        Context={"shop": "1"},
    )

    sent = {one.address: one for one in hub.senders.sent}
    assert sent["+12065550101"].content.body == "Hi Ann"
    assert sent["+12065550102"].content.body == "Hi you"
    assert sent["+12065550101"].content.message_type == "PROMOTIONAL"
    assert sent["bob@example.com"].content.subject == "S"
    context = sent["bob@example.com"].context
    assert json.loads(context["customer_context"]) == {"shop": "1", "order": "7"}
    assert context["application_id"] == app
    assert (answer["ApplicationId"], answer["RequestId"]) == (app, "request-1")
    assert {one["DeliveryStatus"] for one in answer["Result"].values()} == {"SUCCESSFUL"}
    assert {one["StatusCode"] for one in answer["Result"].values()} == {200}
    assert len({one["MessageId"] for one in answer["Result"].values()}) == 3


def test_a_message_to_endpoints_is_rendered_with_their_attributes(client, hub, app):
    client.update_endpoint(
        ApplicationId=app,
        EndpointId="e1",
        EndpointRequest=sms(1, user="u1", User={"UserAttributes": {"FirstName": ["Ann"]}}),
    )
    client.create_sms_template(
        TemplateName="t", SMSTemplateRequest={"Body": "Dear {{User.UserAttributes.FirstName}}"}
    )

    answer = send(
        client,
        app,
        MessageConfiguration={},
        TemplateConfiguration={"SMSTemplate": {"Name": "t"}},
        Endpoints={"e1": {}},
    )

    [sent] = hub.senders.sent
    assert (sent.address, sent.content.body) == ("+12065550001", "Dear Ann")
    assert sent.context["endpoint_id"] == "e1"
    assert answer["EndpointResult"]["e1"]["Address"] == "+12065550001"
    assert answer["EndpointResult"]["e1"]["DeliveryStatus"] == "SUCCESSFUL"


def test_nothing_goes_to_endpoints_that_opted_out_are_inactive_or_unknown(client, hub, app):
    for name, members in {
        "out": {"OptOut": "ALL"},
        "off": {"EndpointStatus": "INACTIVE"},
        "push": {"ChannelType": "GCM"},
    }.items():
        client.update_endpoint(
            ApplicationId=app,
            EndpointId=name,
            EndpointRequest={**sms(len(name) + ord(name[0])), **members},
        )

    answer = send(client, app, Endpoints={"out": {}, "off": {}, "push": {}, "nobody": {}})

    assert hub.senders.sent == []
    assert {
        name: (one["DeliveryStatus"], one["StatusCode"])
        for name, one in answer["EndpointResult"].items()
    } == {
        "out": ("OPT_OUT", 400),
        "off": ("OPT_OUT", 410),
        "push": ("PERMANENT_FAILURE", 400),
        "nobody": ("PERMANENT_FAILURE", 404),
    }


def test_an_address_that_is_named_twice_gets_one_message(client, hub, app):
    client.update_endpoint(ApplicationId=app, EndpointId="e1", EndpointRequest=sms(1))

    answer = send(
        client, app, Addresses={"+12065550001": {"ChannelType": "SMS"}}, Endpoints={"e1": {}}
    )

    assert len(hub.senders.sent) == 1
    assert answer["EndpointResult"]["e1"]["DeliveryStatus"] == "DUPLICATE"


def test_a_channel_that_was_turned_off_sends_nothing(client, hub, app):
    client.update_sms_channel(ApplicationId=app, SMSChannelRequest={"Enabled": False})

    answer = send(client, app, Addresses={"+12065550101": {"ChannelType": "SMS"}})

    assert hub.senders.sent == []
    assert answer["Result"]["+12065550101"]["DeliveryStatus"] == "PERMANENT_FAILURE"
    assert "not enabled" in answer["Result"]["+12065550101"]["StatusMessage"]


def test_a_refused_text_is_a_result_and_an_event_and_the_others_go_out(client, hub, app):
    hub.senders.outcomes["+12065550101"] = SendOutcome(
        DeliveryStatus.OPT_OUT, 400, "opted out", reason="DESTINATION_PHONE_NUMBER_OPTED_OUT"
    )

    answer = send(
        client,
        app,
        Addresses={
            "+12065550101": {"ChannelType": "SMS"},
            "+12065550102": {"ChannelType": "SMS"},
        },
    )

    assert answer["Result"]["+12065550101"]["DeliveryStatus"] == "OPT_OUT"
    assert answer["Result"]["+12065550102"]["DeliveryStatus"] == "SUCCESSFUL"
    [(_, record)] = hub.stream.records
    assert record["event_type"] == "_SMS.FAILURE"
    assert record["attributes"]["destination_phone_number"] == "+12065550101"


def test_an_event_stream_that_fails_does_not_fail_messages_that_are_out(client, hub, app):
    hub.senders.outcomes["+12065550101"] = SendOutcome.refused("no", reason="X")
    hub.stream.error = ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "PutRecords")

    answer = send(client, app, Addresses={"+12065550101": {"ChannelType": "SMS"}})

    assert answer["Result"]["+12065550101"]["DeliveryStatus"] == "PERMANENT_FAILURE"


def test_a_send_without_recipients_or_to_too_many_is_refused(client, hub, app):
    with pytest.raises(client.exceptions.BadRequestException, match="recipient"):
        send(client, app)
    with pytest.raises(client.exceptions.BadRequestException, match="100"):
        send(
            client,
            app,
            Addresses={f"+1206555{n:04d}": {"ChannelType": "SMS"} for n in range(101)},
        )
    with pytest.raises(client.exceptions.NotFoundException, match="template"):
        send(
            client,
            app,
            Addresses={"+12065550101": {"ChannelType": "SMS"}},
            TemplateConfiguration={"SMSTemplate": {"Name": "nope"}},
        )

    assert hub.senders.sent == []


def test_a_message_to_users_goes_to_every_endpoint_whose_channel_has_content(client, hub, app):
    client.update_endpoint(ApplicationId=app, EndpointId="s", EndpointRequest=sms(1, user="u1"))
    client.update_endpoint(
        ApplicationId=app,
        EndpointId="m",
        EndpointRequest={
            "ChannelType": "EMAIL",
            "Address": "ann@example.com",
            "User": {"UserId": "u1"},
        },
    )
    client.update_endpoint(
        ApplicationId=app, EndpointId="out", EndpointRequest=sms(2, user="u1", OptOut="ALL")
    )

    answer = client.send_users_messages(
        ApplicationId=app,
        SendUsersMessageRequest={
            "Users": {"u1": {}, "nobody": {}},
            "MessageConfiguration": {"SMSMessage": {"Body": "Hi {{User.UserId}}"}},
        },
    )["SendUsersMessageResponse"]

    [sent] = hub.senders.sent
    assert (sent.address, sent.content.body) == ("+12065550001", "Hi u1")
    assert set(answer["Result"]) == {"u1", "nobody"}
    assert answer["Result"]["nobody"] == {}
    statuses = {name: one["DeliveryStatus"] for name, one in answer["Result"]["u1"].items()}
    assert statuses == {"s": "SUCCESSFUL", "out": "OPT_OUT"}


# Tags


def test_tags_of_every_kind_of_resource_are_listed_added_and_removed(pinpoint, hub, app):
    segment_id = segment_for(pinpoint, app)
    made = create_campaign(pinpoint, app, campaign(segment_id))
    template = pinpoint.create_sms_template(TemplateName="t", SMSTemplateRequest={"Body": "a"})
    journey = create_journey(pinpoint, app, {"Name": "welcome"})
    project = pinpoint.get_app(ApplicationId=app)["ApplicationResponse"]["Arn"]
    arns = [
        f"{project}/journeys/{journey['Id']}",
        project,
        pinpoint.get_segment(ApplicationId=app, SegmentId=segment_id)["SegmentResponse"]["Arn"],
        made["Arn"],
        template["CreateTemplateMessageBody"]["Arn"],
    ]

    for arn in arns:
        tagged = pinpoint.tag_resource(
            ResourceArn=arn, TagsModel={"tags": {"a": "1", "b,c": "2", "d e": "3"}}
        )
        pinpoint.tag_resource(ResourceArn=arn, TagsModel={"tags": {"a": "one"}})
        untagged = pinpoint.untag_resource(ResourceArn=arn, TagKeys=["b,c", "never there"])

        assert tagged["ResponseMetadata"]["HTTPStatusCode"] == 204
        assert untagged["ResponseMetadata"]["HTTPStatusCode"] == 204
        listed = pinpoint.list_tags_for_resource(ResourceArn=arn)["TagsModel"]["tags"]
        assert listed == {"a": "one", "d e": "3"}
    shown = pinpoint.get_sms_template(TemplateName="t")["SMSTemplateResponse"]
    assert shown["tags"] == {"a": "one", "d e": "3"}


@pytest.mark.parametrize(
    "arn",
    [
        "nonsense",
        f"arn:aws:mobiletargeting:{REGION}:{ACCOUNT_ID}:apps/nowhere",
        f"arn:aws:mobiletargeting:{REGION}:999999999999:apps/nowhere",
        f"arn:aws:mobiletargeting:{REGION}:{ACCOUNT_ID}:templates/t/SMS",
    ],
)
def test_an_arn_of_nothing_is_not_found(client, arn):
    with pytest.raises(ClientError) as error:
        client.list_tags_for_resource(ResourceArn=arn)

    assert code_of(error) == "NotFoundException"


def test_too_many_or_too_long_tags_are_refused(client, app):
    arn = client.get_app(ApplicationId=app)["ApplicationResponse"]["Arn"]
    for tags in ({f"k{n}": "v" for n in range(51)}, {"k" * 129: "v"}, {"k": "v" * 257}):
        with pytest.raises(ClientError) as error:
            client.tag_resource(ResourceArn=arn, TagsModel={"tags": tags})
        assert code_of(error) == "BadRequestException"
        with pytest.raises(client.exceptions.BadRequestException):
            client.create_app(CreateApplicationRequest={"Name": "x", "tags": tags})

    assert client.list_tags_for_resource(ResourceArn=arn)["TagsModel"]["tags"] == {}


# Recommenders

MODEL_ARN = f"arn:aws:personalize:{REGION}:{ACCOUNT_ID}:campaign/shoes"
RECOMMENDER = {
    "Name": "shoes",
    "RecommendationProviderUri": MODEL_ARN,
    "RecommendationProviderRoleArn": f"arn:aws:iam::{ACCOUNT_ID}:role/engagement-hub/model",
    "RecommendationsDisplayName": "Shoes",
}


def a_recommender(client, **members):
    request = {**RECOMMENDER, **members}
    answer = client.create_recommender_configuration(CreateRecommenderConfiguration=request)
    return answer["RecommenderConfigurationResponse"]


def test_a_recommender_is_created_read_updated_listed_and_deleted(client):
    made = a_recommender(client)
    of_it = {"RecommenderId": made["Id"]}
    with_function = {
        name: one for name, one in RECOMMENDER.items() if name != "RecommendationsDisplayName"
    } | {"RecommendationTransformerUri": "describe", "Attributes": {"Title": "Title"}}

    updated = client.update_recommender_configuration(
        **of_it, UpdateRecommenderConfiguration=with_function
    )["RecommenderConfigurationResponse"]

    assert made.items() >= {**RECOMMENDER, "RecommendationsPerMessage": 5}.items()
    assert made["RecommendationProviderIdType"] == "PINPOINT_ENDPOINT_ID"
    assert updated.items() >= with_function.items()
    assert "RecommendationsDisplayName" not in updated
    assert (updated["Id"], updated["CreationDate"]) == (made["Id"], made["CreationDate"])
    read = client.get_recommender_configuration(**of_it)["RecommenderConfigurationResponse"]
    listed = pages(client.get_recommender_configurations, "ListRecommenderConfigurationsResponse")
    assert (read, listed) == (updated, [[updated]])
    gone = client.delete_recommender_configuration(**of_it)["RecommenderConfigurationResponse"]
    assert gone == updated
    for call in (client.get_recommender_configuration, client.delete_recommender_configuration):
        with pytest.raises(client.exceptions.NotFoundException):
            call(**of_it)


def test_a_recommender_that_breaks_a_rule_is_refused_and_not_kept(client):
    made = a_recommender(client)
    wrong = {**RECOMMENDER, "RecommendationsPerMessage": 6}

    with pytest.raises(client.exceptions.BadRequestException, match="RecommendationsPerMessage"):
        client.create_recommender_configuration(CreateRecommenderConfiguration=wrong)
    with pytest.raises(client.exceptions.BadRequestException, match="RecommendationsPerMessage"):
        client.update_recommender_configuration(
            RecommenderId=made["Id"], UpdateRecommenderConfiguration=wrong
        )

    listed = pages(client.get_recommender_configurations, "ListRecommenderConfigurationsResponse")
    assert listed == [[made]]


def test_recommenders_are_listed_page_by_page(client):
    made = {a_recommender(client, Name=f"shoes {n}")["Id"] for n in range(3)}

    listed = pages(
        client.get_recommender_configurations,
        "ListRecommenderConfigurationsResponse",
        PageSize="2",
    )

    assert [len(page) for page in listed] == [2, 1]
    assert {one["Id"] for page in listed for one in page} == made


def test_a_template_names_a_recommender_that_is_there(client):
    template = {"Body": "Try {{RecommendationItems.[0]}}"}
    made = a_recommender(client)

    with pytest.raises(client.exceptions.BadRequestException, match="RecommenderId"):
        client.create_sms_template(
            TemplateName="picks", SMSTemplateRequest={**template, "RecommenderId": "r1"}
        )
    client.create_sms_template(
        TemplateName="picks", SMSTemplateRequest={**template, "RecommenderId": made["Id"]}
    )
    with pytest.raises(client.exceptions.BadRequestException, match="RecommenderId"):
        client.update_sms_template(
            TemplateName="picks", SMSTemplateRequest={**template, "RecommenderId": "r1"}
        )

    kept = client.get_sms_template(TemplateName="picks")["SMSTemplateResponse"]
    assert kept["RecommenderId"] == made["Id"]


def test_a_campaign_and_a_send_of_a_template_without_its_recommender_are_refused(client, hub, app):
    made = a_recommender(client)
    client.create_sms_template(
        TemplateName="picks",
        SMSTemplateRequest={
            "Body": "Try {{RecommendationItems.[0]}}",
            "RecommenderId": made["Id"],
        },
    )
    client.delete_recommender_configuration(RecommenderId=made["Id"])
    template = {"TemplateConfiguration": {"SMSTemplate": {"Name": "picks"}}}

    with pytest.raises(client.exceptions.NotFoundException, match="recommender"):
        create_campaign(client, app, campaign(segment_for(client, app), **template))
    with pytest.raises(client.exceptions.NotFoundException, match="recommender"):
        client.send_messages(
            ApplicationId=app,
            MessageRequest={"Endpoints": {"e1": {}}, "MessageConfiguration": {}, **template},
        )

    assert (hub.aws.started, hub.senders.sent) == ([], [])


class FakeRecommendations:
    """Items by endpoint id; the questions, as they were put."""

    def __init__(self, hub, items):
        self.hub, self.items, self.asked, self.takes = hub, items, [], 0.0

    def of(self, recommender, endpoints, *, app_id, ids, seconds, attempts):
        self.asked.append([one["Id"] for one in endpoints])
        self.hub.seconds += self.takes
        return {
            one["Id"]: {"RecommendationItems": self.items[one["Id"]]}
            for one in endpoints
            if one["Id"] in self.items
        }


def send_picks(client, app, **recipients):
    if "Users" in recipients:
        call, name = client.send_users_messages, "SendUsersMessageRequest"
    else:
        call, name = client.send_messages, "MessageRequest"
    request = {
        "MessageConfiguration": {"SMSMessage": {"MessageType": "PROMOTIONAL"}},
        "TemplateConfiguration": {"SMSTemplate": {"Name": "picks"}},
        **recipients,
    }
    answer = call(ApplicationId=app, **{name: request})
    return answer[name.replace("Request", "Response")]


@pytest.fixture
def picks(client, hub, app):
    """A template with recommendations, and four endpoints of a user: two with items."""
    client.create_sms_template(
        TemplateName="picks",
        SMSTemplateRequest={
            "Body": "Try {{RecommendationItems.[0]}}",
            "RecommenderId": a_recommender(client)["Id"],
        },
    )
    for number, name in enumerate(("boots", "clogs", "unknown", "out")):
        client.update_endpoint(
            ApplicationId=app,
            EndpointId=name,
            EndpointRequest={
                "ChannelType": "SMS",
                "Address": f"+1206555010{number}",
                "User": {"UserId": "ann"},
                "OptOut": "ALL" if name == "out" else "NONE",
            },
        )
    hub.recommendations = FakeRecommendations(hub, {"boots": ["Boots"], "clogs": ["Clogs"]})
    return hub.recommendations


def test_a_direct_send_to_endpoints_has_the_recommendations_of_its_template(
    client, hub, app, picks
):
    answer = send_picks(client, app, Endpoints={one: {} for one in ("boots", "unknown", "out")})

    results = answer["EndpointResult"]
    assert [one.content.body for one in hub.senders.sent] == ["Try Boots"]
    assert picks.asked == [["boots", "unknown"]]
    assert {name: one["DeliveryStatus"] for name, one in results.items()} == {
        "boots": "SUCCESSFUL",
        "unknown": "TEMPORARY_FAILURE",
        "out": "OPT_OUT",
    }
    assert "no recommendations" in results["unknown"]["StatusMessage"]


def test_a_send_to_users_has_the_recommendations_of_each_endpoint(client, hub, app, picks):
    send_picks(client, app, Users={"ann": {}})

    assert sorted(one.content.body for one in hub.senders.sent) == ["Try Boots", "Try Clogs"]


def test_a_model_is_not_asked_for_more_endpoints_than_a_request_sends_to(client, hub, app, picks):
    for user in range(7):
        items = [
            {
                "Id": f"u{user}-{number}",
                "ChannelType": "SMS",
                "Address": f"+1206555{user}{number:03}",
                "User": {"UserId": f"u{user}"},
            }
            for number in range(15)
        ]
        client.update_endpoints_batch(ApplicationId=app, EndpointBatchRequest={"Item": items})

    with pytest.raises(client.exceptions.BadRequestException, match="105 endpoints"):
        send_picks(client, app, Users={f"u{user}": {} for user in range(7)})

    assert (picks.asked, hub.senders.sent) == ([], [])


def test_an_address_has_no_recommendations_and_gets_no_message(client, hub, app, picks):
    answer = send_picks(client, app, Addresses={"+12065550199": {"ChannelType": "SMS"}})

    result = answer["Result"]["+12065550199"]
    assert (result["DeliveryStatus"], result["StatusCode"]) == ("PERMANENT_FAILURE", 400)
    assert "Endpoints or Users" in result["StatusMessage"]
    assert (hub.senders.sent, picks.asked) == ([], [])


def test_a_slow_function_leaves_later_endpoints_without_a_message(client, hub, app, picks):
    picks.takes = 15.0
    for number in range(60):
        client.update_endpoint(
            ApplicationId=app,
            EndpointId=f"e{number}",
            EndpointRequest={"ChannelType": "SMS", "Address": f"+120655502{number:02}"},
        )
        picks.items[f"e{number}"] = ["Heels"]

    answer = send_picks(client, app, Endpoints={f"e{number}": {} for number in range(60)})

    statuses = [one["DeliveryStatus"] for one in answer["EndpointResult"].values()]
    assert len(picks.asked) == 1
    assert (statuses.count("SUCCESSFUL"), statuses.count("TEMPORARY_FAILURE")) == (50, 10)
