"""Calls that a hub hands on to AWS, from an ordinary client to AWS's side of the wire."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from itertools import count
from types import SimpleNamespace
from typing import Any
from unittest import mock

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectTimeoutError, ReadTimeoutError
from botocore.loaders import Loader

from engagement_hub.api.operations import FORWARDED
from engagement_hub.api.responder import respond
from engagement_hub.forwarding import Forwarding
from engagement_hub.hub import Account, Hub, hub_from_environment
from engagement_hub.store.endpoints import EndpointStore
from engagement_hub.store.entities import EntityStore
from engagement_hub.store.sent_requests import SentRequests
from tests.builders.hub import (
    ACCOUNT_ID,
    HUB_ENVIRONMENT,
    REGION,
    TABLES,
    RawBody,
    http_event,
    hub_client,
    hub_tables,
)
from tests.builders.hub_fakes import FakePaces, FakeSenders

MODEL = Loader().load_service_model("pinpoint", "service-2", "2016-12-01")
AT_AWS = "a" * 32
NUMBER = "+12065550142"
CODE: dict[str, Any] = {
    "BrandName": "Shop",
    "Channel": "SMS",
    "DestinationIdentity": NUMBER,
    "OriginationIdentity": "+12065550100",
    "ReferenceId": "login-1",
}
SENT = {"Result": {NUMBER: {"DeliveryStatus": "SUCCESSFUL", "StatusCode": 200}}}
Answer = tuple[int, dict[str, str], Any] | Exception


class Aws:
    """AWS's side of the wire: the requests of a real client, answered in turn."""

    def __init__(self) -> None:
        self.asked: list[SimpleNamespace] = []
        self.answers: list[Answer] = []
        self.client = boto3.client(
            "pinpoint",
            region_name=REGION,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
            config=Config(retries={"total_max_attempts": 1}),
        )
        self.client.meta.events.register("before-send.pinpoint", self._answer)

    def _answer(self, request: Any, **_: Any) -> AWSResponse:
        body = json.loads(request.body) if request.body else None
        path = request.url.partition(".amazonaws.com")[2]
        self.asked.append(SimpleNamespace(method=request.method, path=path, body=body))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        status, headers, told = answer
        raw = b"" if told is None else json.dumps(told).encode()
        return AWSResponse(request.url, status, headers, RawBody(raw))  # type: ignore[arg-type]

    def refuses(self, status: int, code: str, message: str) -> None:
        self.answers.append((status, {"x-amzn-ErrorType": code}, {"Message": message}))


@pytest.fixture(scope="module")
def aws() -> Aws:
    return Aws()


@pytest.fixture
def hub(aws: Aws) -> Iterator[Hub]:
    aws.asked.clear()
    aws.answers.clear()
    with hub_tables() as tables:
        hub = Hub(
            entities=EntityStore(TABLES["ENTITIES_TABLE"], tables),
            endpoints=EndpointStore(TABLES["ENDPOINTS_TABLE"], client=tables),
            account=Account("aws", REGION, ACCOUNT_ID),
            forwards=FORWARDED,
        )
        now = [1_800_000_000.0]
        hub.clock = lambda: now[0]
        hub.sleep = lambda seconds: now.__setitem__(0, now[0] + seconds)
        hub.sent_requests = SentRequests(TABLES["RUNS_TABLE"], hub.clock, tables)
        hub.forwarding = Forwarding(AT_AWS, aws.client)
        hub.senders = FakeSenders()  # type: ignore[assignment]  # the part that is used
        hub.paces = FakePaces(hub.clock)  # type: ignore[assignment]  # as above
        yield hub


@pytest.fixture(scope="module")
def clients() -> SimpleNamespace:
    """A client for each number of attempts; they are slow to make, so `hub` names their hub."""
    answering = SimpleNamespace(hub=None)
    numbers = count()

    def answer(event: dict[str, Any]) -> dict[str, Any]:
        event["requestContext"]["requestId"] = f"request-{next(numbers)}"  # as the gateway does
        return respond(answering.hub, event)

    with mock.patch.dict(os.environ, HUB_ENVIRONMENT):
        answering.by_attempts = {
            attempts: hub_client(answer, decoded_path=True, attempts=attempts)
            for attempts in (1, 3)
        }
    return answering


@pytest.fixture
def client(clients: SimpleNamespace, hub: Hub) -> Any:
    clients.hub = hub
    return clients.by_attempts[1]


@pytest.fixture
def patient(clients: SimpleNamespace, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client that repeats a call as AWS's SDKs do."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)  # between attempts of botocore
    clients.hub = hub
    return clients.by_attempts[3]


@pytest.fixture
def app(client: Any) -> str:
    return str(
        client.create_app(CreateApplicationRequest={"Name": "shop"})["ApplicationResponse"]["Id"]
    )


def smallest(shape_name: str) -> Any:
    shape = MODEL["shapes"][shape_name]
    if shape["type"] == "structure":
        return {
            name: smallest(shape["members"][name]["shape"]) for name in shape.get("required", [])
        }
    return shape.get("enum", ["x"])[0]


def request_of(operation: str, app: str) -> dict[str, Any]:
    request: dict[str, Any] = smallest(MODEL["operations"][operation]["input"]["shape"])
    return {**request, **({"ApplicationId": app} if "ApplicationId" in request else {})}


@pytest.mark.parametrize("operation", sorted(FORWARDED))
def test_a_call_reaches_aws_as_the_model_has_it_and_its_answer_comes_back(
    client: Any, aws: Aws, app: str, operation: str
) -> None:
    http = MODEL["operations"][operation]["http"]
    request = request_of(operation, app)
    aws.answers.append((http["responseCode"], {}, {"ApplicationId": AT_AWS, "Platform": "GCM"}))

    answer = client._make_api_call(operation, request)

    [asked] = aws.asked
    assert asked.method == http["method"]
    assert asked.path == http["requestUri"].replace("{application-id}", AT_AWS)
    payload = MODEL["shapes"][MODEL["operations"][operation]["input"]["shape"]].get("payload")
    assert asked.body == (request[payload] if payload else None)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == http["responseCode"]
    [shown] = [one for name, one in answer.items() if name != "ResponseMetadata"]
    assert shown.get("ApplicationId", app) == app
    assert shown.get("Platform", "GCM") == "GCM"


@pytest.mark.parametrize("operation", sorted(FORWARDED))
def test_a_call_that_forward_does_not_name_is_refused_and_names_the_input(
    client: Any, hub: Hub, aws: Aws, app: str, operation: str
) -> None:
    hub.forwards = FORWARDED - {operation}

    with pytest.raises(client.exceptions.MethodNotAllowedException) as error:
        client._make_api_call(operation, request_of(operation, app))

    assert f"name {operation} in the input forward" in error.value.response["Error"]["Message"]
    assert aws.asked == []


def test_the_environment_of_the_function_names_what_may_be_handed_on() -> None:
    names = {"FORWARD_OPERATIONS": "GetGcmChannel,PhoneNumberValidate", "FORWARD_PROJECT_ID": "p1"}
    with hub_tables(), mock.patch.dict(os.environ, names):
        hub = hub_from_environment()

        assert hub.forwards == {"GetGcmChannel", "PhoneNumberValidate"}
        assert hub.forwarding.project_id == "p1"


def test_no_operation_is_handed_on_by_default() -> None:
    with hub_tables():
        assert hub_from_environment().forwards == frozenset()


def test_a_number_is_validated_by_aws_without_a_project(client: Any, hub: Hub, aws: Aws) -> None:
    hub.forwarding.project_id = None
    aws.answers.append((200, {}, {"PhoneType": "MOBILE", "PhoneTypeCode": 0, "Carrier": "Any"}))

    answer = client.phone_number_validate(NumberValidateRequest={"PhoneNumber": NUMBER})

    assert answer["NumberValidateResponse"] == {
        "PhoneType": "MOBILE",
        "PhoneTypeCode": 0,
        "Carrier": "Any",
    }


def test_a_call_about_a_project_needs_a_project_at_aws(
    client: Any, hub: Hub, aws: Aws, app: str
) -> None:
    hub.forwarding.project_id = None

    with pytest.raises(client.exceptions.MethodNotAllowedException, match="forward_project"):
        client.get_gcm_channel(ApplicationId=app)

    assert aws.asked == []


def test_a_call_about_a_project_that_the_hub_has_not_is_not_handed_on(
    client: Any, aws: Aws
) -> None:
    with pytest.raises(client.exceptions.NotFoundException, match="app 'nowhere'"):
        client.get_gcm_channel(ApplicationId="nowhere")

    assert aws.asked == []


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "BadRequestException"),
        (403, "ForbiddenException"),
        (404, "NotFoundException"),
        (413, "PayloadTooLargeException"),
        (429, "TooManyRequestsException"),
        (500, "InternalServerErrorException"),
        (403, "AccessDeniedException"),  # no error of the model: IAM's
    ],
)
def test_an_error_of_aws_keeps_its_class_its_status_and_its_text(
    client: Any, aws: Aws, status: int, code: str
) -> None:
    aws.refuses(status, code, "as AWS says it")

    with pytest.raises(ClientError) as error:
        client.phone_number_validate(NumberValidateRequest={"PhoneNumber": NUMBER})

    assert error.value.response["Error"] == {"Code": code, "Message": "as AWS says it"}
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


def test_a_code_goes_out_once_however_often_the_sdk_asks(patient: Any, aws: Aws, app: str) -> None:
    aws.answers += [ReadTimeoutError(endpoint_url="https://aws.example")]

    with pytest.raises(ClientError, match="may have been carried out") as error:
        patient.send_otp_message(ApplicationId=app, SendOTPMessageRequestParameters=CODE)

    assert error.value.response["ResponseMetadata"]["RetryAttempts"] == 2
    assert len(aws.asked) == 1


def test_a_code_that_aws_failed_to_answer_for_is_not_asked_for_again(
    patient: Any, aws: Aws, app: str
) -> None:
    aws.refuses(500, "InternalServerErrorException", "AWS failed")

    with pytest.raises(ClientError, match="AWS failed"):
        patient.send_otp_message(ApplicationId=app, SendOTPMessageRequestParameters=CODE)

    assert len(aws.asked) == 1


@pytest.mark.parametrize("surely_not_sent", ["throttled", "no connection"])
def test_a_code_that_surely_did_not_go_out_is_sent_by_the_repetition(
    patient: Any, aws: Aws, app: str, surely_not_sent: str
) -> None:
    if surely_not_sent == "throttled":
        aws.refuses(429, "TooManyRequestsException", "slow down")
    else:
        aws.answers.append(ConnectTimeoutError(endpoint_url="https://aws.example"))
    aws.answers.append((200, {}, {"ApplicationId": AT_AWS, **SENT}))

    answer = patient.send_otp_message(ApplicationId=app, SendOTPMessageRequestParameters=CODE)

    assert answer["MessageResponse"] == {"ApplicationId": app, **SENT}
    assert len(aws.asked) == 2


def test_a_repetition_whose_first_answer_was_lost_gets_that_answer(
    hub: Hub, aws: Aws, app: str
) -> None:
    aws.answers.append((200, {}, {"Valid": True}))
    body = json.dumps({"DestinationIdentity": NUMBER, "ReferenceId": "login-1", "Otp": "123456"})

    first, second = (
        respond(
            hub,
            http_event(
                "POST",
                f"/v1/apps/{app}/verify-otp",
                body=body,
                request_id=request_id,
                invocation="call-1",
            ),
        )
        for request_id in ("r-1", "r-2")
    )

    assert first["body"] == second["body"] == '{"Valid":true}'
    assert len(aws.asked) == 1


def test_two_calls_are_two_attempts_at_a_code(client: Any, aws: Aws, app: str) -> None:
    aws.answers += [(200, {}, {"Valid": False}), (200, {}, {"Valid": True})]
    attempt = {"DestinationIdentity": NUMBER, "ReferenceId": "login-1", "Otp": "123456"}

    answers = [
        client.verify_otp_message(ApplicationId=app, VerifyOTPMessageRequestParameters=attempt)
        for _ in range(2)
    ]

    assert [one["VerificationResponse"]["Valid"] for one in answers] == [False, True]


def test_the_log_of_a_forwarded_call_has_no_number(
    client: Any, aws: Aws, app: str, caplog: pytest.LogCaptureFixture
) -> None:
    aws.refuses(400, "BadRequestException", f"{NUMBER} is no number")
    aws.answers.append(ReadTimeoutError(endpoint_url="https://aws.example"))

    for _ in range(2):
        with pytest.raises(ClientError):
            client.send_otp_message(ApplicationId=app, SendOTPMessageRequestParameters=CODE)

    logged = [str(record.__dict__) for record in caplog.records]
    assert any("SendOTPMessage" in one for one in logged)
    assert not any("5550142" in one for one in logged)


# Push messages

TOKEN = "token-of-a-device"


@pytest.fixture
def pushing(hub: Hub) -> None:
    hub.forwards = frozenset({"SendMessages"})


def pushed(aws: Aws, status: str = "SUCCESSFUL", **result: Any) -> None:
    told = {"DeliveryStatus": status, "StatusCode": 200, "MessageId": "m-1", **result}
    aws.answers.append((200, {}, {"ApplicationId": AT_AWS, "Result": {TOKEN: told}}))


def send(client: Any, app: str, **request: Any) -> dict[str, Any]:
    answer = client.send_messages(ApplicationId=app, MessageRequest=request)
    return dict(answer["MessageResponse"])


TO_DEVICE = {"Addresses": {TOKEN: {"ChannelType": "GCM"}}}


@pytest.mark.usefixtures("pushing")
def test_a_push_message_to_an_address_is_rendered_and_sent_by_aws(
    client: Any, aws: Aws, app: str
) -> None:
    pushed(aws, UpdatedToken="token-2")

    answer = send(
        client,
        app,
        Addresses={TOKEN: {"ChannelType": "GCM", "Substitutions": {"name": ["Ann"]}}},
        MessageConfiguration={"GCMMessage": {"Title": "Hi {{name}}", "Body": "{{Greeting}}",
                                             "Substitutions": {"Greeting": ["Hello"]}}},
        Context={"order": "7"},
    )  # fmt: skip

    [asked] = aws.asked
    assert (asked.method, asked.path) == ("POST", f"/v1/apps/{AT_AWS}/messages")
    assert asked.body == {
        "Addresses": {TOKEN: {"ChannelType": "GCM"}},
        "MessageConfiguration": {"GCMMessage": {"Title": "Hi Ann", "Body": "Hello"}},
        "Context": {"order": "7"},
    }
    assert answer["ApplicationId"] == app
    assert answer["Result"][TOKEN] == {
        "DeliveryStatus": "SUCCESSFUL",
        "StatusCode": 200,
        "StatusMessage": "",
        "MessageId": "m-1",
        "UpdatedToken": "token-2",
    }


@pytest.mark.usefixtures("pushing")
def test_a_push_template_and_an_override_reach_an_endpoint_of_the_hub(
    client: Any, aws: Aws, app: str
) -> None:
    client.create_push_template(
        TemplateName="hello",
        PushNotificationTemplateRequest={
            "Default": {"Title": "Hi {{User.UserAttributes.Name}}", "Body": "default"},
            "APNS": {"Title": "Hi {{User.UserAttributes.Name}}", "Body": "apns", "Sound": "bell"},
        },
    )
    client.update_endpoint(
        ApplicationId=app,
        EndpointId="phone",
        EndpointRequest={
            "ChannelType": "APNS",
            "Address": TOKEN,
            "User": {"UserId": "ann", "UserAttributes": {"Name": ["Ann"]}},
        },
    )
    pushed(aws)

    answer = send(
        client,
        app,
        Endpoints={"phone": {"BodyOverride": "just for you"}},
        MessageConfiguration={},
        TemplateConfiguration={"PushTemplate": {"Name": "hello"}},
    )

    [asked] = aws.asked
    assert asked.body["MessageConfiguration"] == {
        "APNSMessage": {"Title": "Hi Ann", "Body": "just for you", "Sound": "bell"}
    }
    assert answer["EndpointResult"]["phone"]["DeliveryStatus"] == "SUCCESSFUL"


@pytest.mark.usefixtures("pushing")
def test_texts_stay_with_the_hub_and_push_messages_go_to_aws(
    client: Any, hub: Hub, aws: Aws, app: str
) -> None:
    pushed(aws)

    answer = send(
        client,
        app,
        Addresses={TOKEN: {"ChannelType": "GCM"}, NUMBER: {"ChannelType": "SMS"}},
        MessageConfiguration={"DefaultMessage": {"Body": "Hello"}},
    )

    assert {one["DeliveryStatus"] for one in answer["Result"].values()} == {"SUCCESSFUL"}
    assert hub.senders.addresses == [NUMBER]  # type: ignore[attr-defined]  # of the fake
    assert [list(one.body["Addresses"]) for one in aws.asked] == [[TOKEN]]


@pytest.mark.usefixtures("pushing")
@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [
        ((429, {"x-amzn-ErrorType": "TooManyRequestsException"}, {}), "THROTTLED", 429),
        ((500, {"x-amzn-ErrorType": "InternalServerErrorException"}, {}), "UNKNOWN_FAILURE", 500),
        ((404, {"x-amzn-ErrorType": "NotFoundException"}, {}), "PERMANENT_FAILURE", 404),
        ((403, {"x-amzn-ErrorType": "AccessDeniedException"}, {}), "TEMPORARY_FAILURE", 400),
        (ConnectTimeoutError(endpoint_url="https://aws.example"), "TEMPORARY_FAILURE", 503),
        (ReadTimeoutError(endpoint_url="https://aws.example"), "UNKNOWN_FAILURE", 500),
        ((200, {}, {"Result": {}}), "UNKNOWN_FAILURE", 500),
    ],
)
def test_a_push_message_that_aws_does_not_take_is_a_result_of_its_recipient(
    client: Any, aws: Aws, app: str, answer: Answer, status: str, code: int
) -> None:
    aws.answers.append(answer)

    result = send(client, app, **TO_DEVICE, MessageConfiguration={"GCMMessage": {"Body": "Hello"}})[
        "Result"
    ][TOKEN]

    assert (result["DeliveryStatus"], result["StatusCode"]) == (status, code)


@pytest.mark.usefixtures("pushing")
def test_a_push_message_goes_out_once_however_often_the_sdk_asks(
    hub: Hub, aws: Aws, app: str
) -> None:
    pushed(aws)
    body = json.dumps({**TO_DEVICE, "MessageConfiguration": {"GCMMessage": {"Body": "Hello"}}})

    bodies = [
        respond(
            hub,
            http_event(
                "POST",
                f"/v1/apps/{app}/messages",
                body=body,
                request_id=request_id,
                invocation="call-1",
            ),
        )["body"]
        for request_id in ("r-1", "r-2")
    ]

    assert bodies[0] == bodies[1]
    assert len(aws.asked) == 1


def test_a_push_message_is_refused_by_name_where_forward_does_not_name_the_operation(
    client: Any, hub: Hub, aws: Aws, app: str
) -> None:
    hub.forwards = FORWARDED

    result = send(client, app, **TO_DEVICE, MessageConfiguration={"GCMMessage": {"Body": "Hello"}})[
        "Result"
    ][TOKEN]

    assert (result["DeliveryStatus"], result["StatusCode"]) == ("PERMANENT_FAILURE", 400)
    assert "name SendMessages in the input forward" in result["StatusMessage"]
    assert aws.asked == []


# Tags and channels, which are partly the hub's

ARN = f"arn:aws:mobiletargeting:{REGION}:{ACCOUNT_ID}:apps/{AT_AWS}"


def test_tags_of_the_project_at_aws_are_those_of_aws(client: Any, hub: Hub, aws: Aws) -> None:
    hub.forwards = frozenset({"ListTagsForResource", "TagResource", "UntagResource"})
    aws.answers += [(204, {}, None), (204, {}, None), (200, {}, {"tags": {"team": "crm"}})]

    client.tag_resource(ResourceArn=ARN, TagsModel={"tags": {"team": "crm", "old": ""}})
    client.untag_resource(ResourceArn=ARN, TagKeys=["old", "older"])
    tags = client.list_tags_for_resource(ResourceArn=ARN)["TagsModel"]["tags"]

    assert tags == {"team": "crm"}
    assert [(one.method, one.body) for one in aws.asked] == [
        ("POST", {"tags": {"team": "crm", "old": ""}}),
        ("DELETE", None),
        ("GET", None),
    ]
    assert aws.asked[1].path.endswith("?tagKeys=old&tagKeys=older")


def test_tags_of_a_project_of_the_hub_stay_in_the_hub(
    client: Any, hub: Hub, aws: Aws, app: str
) -> None:
    hub.forwards = frozenset({"ListTagsForResource", "TagResource"})
    arn = hub.account.arn(f"apps/{app}")

    client.tag_resource(ResourceArn=arn, TagsModel={"tags": {"team": "crm"}})

    assert client.list_tags_for_resource(ResourceArn=arn)["TagsModel"]["tags"] == {"team": "crm"}
    assert aws.asked == []


def test_tags_at_aws_are_out_of_reach_where_forward_does_not_name_the_operation(
    client: Any, aws: Aws
) -> None:
    with pytest.raises(client.exceptions.NotFoundException):
        client.list_tags_for_resource(ResourceArn=ARN)

    assert aws.asked == []


def test_the_channels_of_a_project_are_its_own_and_the_push_channels_at_aws(
    client: Any, hub: Hub, aws: Aws, app: str
) -> None:
    hub.forwards = frozenset({"GetChannels"})
    client.update_sms_channel(ApplicationId=app, SMSChannelRequest={"Enabled": False})
    of_aws = {"ApplicationId": AT_AWS, "Enabled": True}
    aws.answers.append((200, {}, {"Channels": {"SMS": of_aws, "GCM": of_aws}}))

    channels = client.get_channels(ApplicationId=app)["ChannelsResponse"]["Channels"]

    shown = {name: (one["ApplicationId"], one["Enabled"]) for name, one in channels.items()}
    assert shown == {"SMS": (app, False), "GCM": (app, True)}
