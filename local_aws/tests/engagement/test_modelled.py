"""The generic server of a botocore model: routes, validation, answers, errors."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.parsers import create_parser
from hypothesis import given
from hypothesis import strategies as st

from local_aws.engagement.modelled import ModelledError, Service, serialised, violations


def absent(operation: str) -> ModelledError:
    return ModelledError("BadRequestException", f"{operation} is absent")


@pytest.fixture(scope="module")
def pinpoint() -> Service:
    service = Service("pinpoint", invalid="BadRequestException", absent=absent)

    @service.operation
    def tag_resource(request: dict[str, Any]) -> dict[str, Any]:
        assert request["ResourceArn"] == "arn:aws:mobiletargeting:us-east-1:1:apps/a"
        return {}

    @service.operation
    def get_app(request: dict[str, Any]) -> dict[str, Any]:
        app = {"Id": request["ApplicationId"], "Arn": "arn", "Name": "n", "Unknown": 1}
        return {"ApplicationResponse": app}

    @service.operation
    def get_apps(request: dict[str, Any]) -> dict[str, Any]:
        return {"ApplicationsResponse": {"NextToken": request.get("Token")}}

    @service.operation
    def send_messages(request: dict[str, Any]) -> dict[str, Any]:
        return {"MessageResponse": {}}  # the model requires ApplicationId

    return service


def call(
    service: Service, method: str, path: str, body: Any = None, query: Any = None
) -> tuple[int, dict[str, str], Any]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode() if body else b""
    status, headers, answer = asyncio.run(service.handle(method, path, {}, raw, query or {}))
    return status, headers, json.loads(answer) if answer else None


def test_an_answer_holds_the_models_members_and_no_others(pinpoint: Service) -> None:
    status, _, answer = call(pinpoint, "GET", "/v1/apps/a%40b")

    assert (status, answer) == (200, {"Id": "a@b", "Arn": "arn", "Name": "n"})


def test_a_query_string_and_the_models_status_are_honoured(pinpoint: Service) -> None:
    listed = call(pinpoint, "GET", "/v1/apps", query={"token": ["5"]})
    tagged = call(
        pinpoint,
        "POST",
        "/v1/tags/arn:aws:mobiletargeting:us-east-1:1:apps/a",
        {"tags": {"a": "b"}},
    )

    assert listed[2] == {"NextToken": "5"}
    assert (tagged[0], tagged[2]) == (204, None)


@pytest.mark.parametrize(
    ("method", "path", "body", "said"),
    [
        ("GET", "/v1/no/such/path", None, "There is no operation GET /v1/no/such/path"),
        ("GET", "/v1/apps/a/segments", None, "GetSegments is absent"),
        ("POST", "/v1/apps/a/messages", b"{not json", "not JSON"),
        ("POST", "/v1/apps/a/messages", b"[]", "must be a JSON object"),
        ("POST", "/v1/apps/a/messages", {}, "'MessageRequest'"),
        ("POST", "/v1/apps/a/messages", {"Addresses": {}}, "'MessageRequest.MessageConfiguration'"),
    ],
)
def test_a_request_that_cannot_be_served_gets_an_error_that_boto3_understands(
    pinpoint: Service, method: str, path: str, body: Any, said: str
) -> None:
    status, headers, answer = call(pinpoint, method, path, body)

    shape = pinpoint.model.operation_model("GetApp").output_shape
    parsed = create_parser("rest-json").parse(
        {"status_code": status, "headers": headers, "body": json.dumps(answer).encode()}, shape
    )
    assert parsed["Error"]["Code"] == "BadRequestException"
    assert said in parsed["Error"]["Message"]
    assert answer["RequestID"]


def test_an_answer_without_a_required_member_is_our_own_mistake(pinpoint: Service) -> None:
    body = {"MessageConfiguration": {}}

    with pytest.raises(KeyError, match="MessageResponse.ApplicationId is missing"):
        call(pinpoint, "POST", "/v1/apps/a/messages", body)


@pytest.fixture(scope="module")
def sms_model() -> ServiceModel:
    return ServiceModel(Loader().load_service_model("pinpoint-sms-voice-v2", "service-2"), "sms")


@pytest.mark.parametrize(
    ("operation", "change", "said"),
    [
        ("SendTextMessage", {"DestinationPhoneNumber": None}, "must not be null"),
        ("SendTextMessage", {"MessageBody": 7}, "must be of type string"),
        ("SendTextMessage", {"TimeToLive": True}, "must be of type integer"),
        ("SendTextMessage", {"TimeToLive": 259201}, "less than or equal to 259200"),
        ("SendTextMessage", {"MessageBody": ""}, "greater than or equal to 1"),
        ("SendTextMessage", {"MessageBody": " \n "}, "regular expression pattern"),
        ("SendTextMessage", {"MessageType": "LOUD"}, "[TRANSACTIONAL, PROMOTIONAL]"),
        ("SendTextMessage", {"Context": {"k": "v" * 801}}, "'Context.k'"),
        ("TagResource", {"Tags": [{"Key": "a"}]}, "'Tags.1.member.Value'"),
        ("CreateRegistrationAttachment", {"AttachmentBody": "%"}, "must be base64"),
    ],
)
def test_each_constraint_of_the_model_is_checked_and_named(
    sms_model: ServiceModel, operation: str, change: dict[str, Any], said: str
) -> None:
    shape = sms_model.operation_model(operation).input_shape
    request = {"DestinationPhoneNumber": "+12065550142", "ResourceArn": "arn:aws:x"} | change

    found = violations(shape, request, "")

    assert any(said in violation for violation in found), found


def test_a_request_within_all_constraints_has_no_violation(sms_model: ServiceModel) -> None:
    shape = sms_model.operation_model("SendTextMessage").input_shape

    assert violations(shape, {"DestinationPhoneNumber": "+12065550142", "Later": 1}, "") == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@given(
    value=st.dictionaries(
        st.sampled_from(["DestinationPhoneNumber", "Context", "TimeToLive", "DryRun"]), JSON
    )
)
def test_no_value_whatever_breaks_the_validation_itself(
    sms_model: ServiceModel, value: dict[str, Any]
) -> None:
    shape = sms_model.operation_model("SendTextMessage").input_shape

    assert isinstance(violations(shape, value, ""), list)


def test_a_timestamp_is_written_as_epoch_seconds(sms_model: ServiceModel) -> None:
    shape = sms_model.operation_model("CreateOptOutList").output_shape

    out = serialised(shape, {"CreatedTimestamp": datetime(2026, 1, 1, tzinfo=UTC)})

    assert out == {"CreatedTimestamp": 1767225600.0}
