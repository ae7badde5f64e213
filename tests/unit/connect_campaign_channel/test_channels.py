"""The channels that the package ships: their requests, and the meaning of answers."""

import json
from typing import Any

import pytest
from botocore.exceptions import (
    ConnectTimeoutError,
    EndpointConnectionError,
    ParamValidationError,
    ReadTimeoutError,
)
from hypothesis import given
from hypothesis import strategies as st

from connect_campaign_channel.channel import (
    Answer,
    Contact,
    Misconfigured,
    Status,
    answer_to,
    phone_number_of,
)
from connect_campaign_channel.channels import CHANNELS, UnknownChannel, channel_named
from connect_campaign_channel.channels.connect import ATTRIBUTE_BYTES, ConnectChannel
from connect_campaign_channel.channels.whatsapp import WhatsAppChannel
from connect_campaign_channel.content import Content, MalformedData, read_content
from tests.builders.architectures import service_error

NUMBER = "+14255550199"
CONNECT = {"instance_id": "i1", "contact_flow_id": "f1", "source_phone_number": "+12065550100"}
WHATSAPP = {"phone_number_id": "phone-number-id-1", "meta_api_version": "v20.0"}
URL = {"endpoint_url": "https://connect.eu-west-1.amazonaws.com"}


class Service:
    """A client whose operations answer or fail as the test says, and keep their requests."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.requests: list[dict[str, Any]] = []

    def _call(self, **request: Any) -> Any:
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    start_outbound_voice_contact = send_whatsapp_message = _call


def connect(service: Service, **settings: Any) -> ConnectChannel:
    channel = ConnectChannel(CONNECT | settings)
    channel.__dict__["_connect"] = service
    return channel


def whatsapp(service: Service, **settings: Any) -> WhatsAppChannel:
    channel = WhatsAppChannel(WHATSAPP | settings)
    channel.__dict__["_social"] = service
    return channel


def contact(**changes: Any) -> Contact:
    members: dict[str, Any] = {
        "address": NUMBER,
        "values": {"Message": "Hello Mary"},
        "options": {},
        "token": "t1",
    }
    return Contact(**(members | changes))


# Amazon Connect


def test_a_call_has_flow_caller_id_attributes_and_the_token_of_its_endpoint_and_run() -> None:
    service = Service({"ContactId": "c1"})

    answer = connect(service).contact(contact())

    assert answer == Answer(Status.ACCEPTED, "c1")
    assert service.requests == [
        {
            "InstanceId": "i1",
            "ContactFlowId": "f1",
            "SourcePhoneNumber": "+12065550100",
            "TrafficType": "GENERAL",
            "DestinationPhoneNumber": NUMBER,
            "Attributes": {"Message": "Hello Mary"},
            "ClientToken": "t1",
        }
    ]


def test_3_a_call_can_have_a_queue_a_ring_timeout_and_answering_machine_detection() -> None:
    service = Service({"ContactId": "c1"})
    settings = {
        "queue_id": "q1",
        "ring_timeout_seconds": 30,
        "answering_machine": {"await_prompt": True},
    }

    connect(service, **settings).contact(contact())

    (request,) = service.requests
    assert (request["QueueId"], request["RingTimeoutInSeconds"]) == ("q1", 30)
    assert request["TrafficType"] == "CAMPAIGN"  # Connect detects in no other traffic
    assert request["AnswerMachineDetectionConfig"] == {
        "EnableAnswerMachineDetection": True,
        "AwaitAnswerMachinePrompt": True,
    }


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"Message": "x" * ATTRIBUTE_BYTES}, "ATTRIBUTES_TOO_LARGE"),
        ({"Message": "\u00e9" * (ATTRIBUTE_BYTES // 2)}, "ATTRIBUTES_TOO_LARGE"),
    ],
)
def test_attributes_that_no_contact_holds_fail_their_endpoint_without_a_request(
    values: dict[str, str], reason: str
) -> None:
    service = Service()

    assert connect(service).contact(contact(values=values)) == Answer.refused(reason)
    assert service.requests == []


@pytest.mark.parametrize("name", ["a b", "a.b", "\u00e4", "", "x" * 101, "a\n"])
def test_a_value_that_cannot_be_an_attribute_is_refused_before_anything_is_queued(
    name: str,
) -> None:
    with pytest.raises(MalformedData, match="attribute"):
        ConnectChannel(CONNECT).check(Content({name: "Hi"}))


def test_calls_have_no_options() -> None:
    with pytest.raises(MalformedData, match="options"):
        ConnectChannel(CONNECT).check(Content({"Message": "Hi"}, options={"template": "x"}))


# WhatsApp


def test_6_a_whatsapp_message_is_an_approved_template_with_the_rendered_parameters() -> None:
    service = Service({"messageId": "m1"})
    channel = whatsapp(service, template="spring", language="en_US")
    values = {"2": "Beetle", "1": "Mary"}
    channel.check(Content(values))

    answer = channel.contact(contact(values=values))

    assert answer == Answer(Status.ACCEPTED, "m1")
    (request,) = service.requests
    assert request["originationPhoneNumberId"] == "phone-number-id-1"
    assert request["metaApiVersion"] == "v20.0"
    message = json.loads(request["message"])
    assert message["messaging_product"] == "whatsapp"
    assert message["to"] == NUMBER
    assert message["template"]["name"] == "spring"
    assert message["template"]["language"] == {"code": "en_US"}
    (body,) = message["template"]["components"]
    assert [parameter["text"] for parameter in body["parameters"]] == ["Mary", "Beetle"]


def test_a_campaign_can_name_its_own_template_and_name_the_parameters() -> None:
    service = Service({"messageId": "m1"})
    channel = whatsapp(service, template="spring", language="en")
    content = Content({"first_name": "Mary"}, options={"template": "summer", "language": "de"})
    channel.check(content)

    channel.contact(contact(values=content.values, options=content.options))

    template = json.loads(service.requests[0]["message"])["template"]
    assert (template["name"], template["language"]) == ("summer", {"code": "de"})
    assert template["components"][0]["parameters"] == [
        {"type": "text", "parameter_name": "first_name", "text": "Mary"}
    ]


def test_a_template_without_parameters_has_a_message_without_a_body() -> None:
    service = Service({"messageId": "m1"})
    channel = whatsapp(service, template="spring", language="en")
    content = read_content('{"values": {}}')
    channel.check(content)

    channel.contact(contact(values=content.rendered("e1", {})))

    assert json.loads(service.requests[0]["message"])["template"]["components"] == []


@pytest.mark.parametrize("value", ["", " ", "a\nb", "a\r\nb", "a\tb", "a     b"])
def test_a_parameter_that_meta_refuses_fails_its_endpoint_without_a_request(value: str) -> None:
    service = Service()
    channel = whatsapp(service, template="spring", language="en")

    answer = channel.contact(contact(values={"1": "Mary", "2": value}))

    assert answer == Answer.refused("PARAMETER_REFUSED")
    assert service.requests == []


@pytest.mark.parametrize(
    ("values", "options", "named"),
    [
        ({"1": "a"}, {}, "options.template"),
        ({"1": "a"}, {"template": "Spring", "language": "en"}, "options.template"),
        ({"1": "a"}, {"template": "spring", "language": "english"}, "options.language"),
        ({"1": "a"}, {"template": "spring"}, "options.language"),
        ({"1": "a"}, {"template": "spring", "language": "en", "x": "y"}, "'x'"),
        ({"2": "a"}, {"template": "spring", "language": "en"}, "gap"),
        ({"1": "a", "name": "b"}, {"template": "spring", "language": "en"}, "gap"),
        ({"0": "a"}, {"template": "spring", "language": "en"}, "parameters"),
        ({"Message": "a"}, {"template": "spring", "language": "en"}, "parameters"),
    ],
)
def test_data_that_no_template_message_can_have_is_refused(
    values: dict[str, str], options: dict[str, str], named: str
) -> None:
    with pytest.raises(MalformedData, match=named):
        WhatsAppChannel(WHATSAPP).check(Content(values, options=options))


# Addresses and answers


@pytest.mark.parametrize("kind", ["VOICE", "SMS", "CUSTOM"])
@pytest.mark.parametrize(
    "channel", [ConnectChannel(CONNECT), WhatsAppChannel(WHATSAPP)], ids=["connect", "whatsapp"]
)
def test_4_every_kind_of_endpoint_with_a_number_is_contacted(kind: str, channel: Any) -> None:
    assert channel.problem({"ChannelType": kind, "Address": NUMBER}) is None


@pytest.mark.parametrize("kind", ["EMAIL", "GCM", "APNS", "IN_APP", "voice", None, 5])
def test_an_endpoint_of_another_kind_is_not_contacted(kind: Any) -> None:
    for channel in (ConnectChannel(CONNECT), WhatsAppChannel(WHATSAPP)):
        assert channel.problem({"ChannelType": kind, "Address": NUMBER}) == "OTHER_CHANNEL"


@pytest.mark.parametrize(
    "address",
    [
        None,
        5,
        "",
        "+",
        "14255550199",
        "+0425555019",
        "+1425",
        "+1425555019912345",
        "room-42",
        "mary@example.com",
        "+1425555019a",
        "+\u0661\u0664\u0662\u0665\u0665\u0665\u0665\u0660\u0661",
        "+14255550199;ext=5",
        "++14255550199",
        ["+14255550199"],
        {"a": "b"},
    ],
)
def test_an_address_that_is_no_number_is_not_contacted(address: Any) -> None:
    for channel in (ConnectChannel(CONNECT), WhatsAppChannel(WHATSAPP)):
        problem = channel.problem({"ChannelType": "CUSTOM", "Address": address})
        assert problem == "NO_PHONE_NUMBER"


@pytest.mark.parametrize("address", ["+14255550199", " +1 (425) 555-0199 ", "+1.425.555.0199"])
def test_the_layout_of_a_number_does_not_matter(address: str) -> None:
    assert phone_number_of({"Address": address}) == NUMBER


@pytest.mark.parametrize("address", ["+44 (0)20 7946 0123", "+44(0) 20-79460123"])
def test_the_zero_that_is_dialled_within_a_country_only_is_left_out(address: str) -> None:
    assert phone_number_of({"Address": address}) == "+442079460123"


@given(st.text())
def test_no_address_breaks_the_reader(address: str) -> None:
    number = phone_number_of({"Address": address})

    assert number is None or number.startswith("+")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (service_error("Start", "TooManyRequestsException", 429), Status.LATER),
        (service_error("Start", "LimitExceededException", 429), Status.LATER),
        (service_error("Start", "ThrottlingException", 400), Status.LATER),
        (service_error("Send", "ThrottledRequestException", 429), Status.LATER),
        (service_error("Start", "ServiceUnavailable", 503), Status.LATER),
        (EndpointConnectionError(**URL), Status.LATER),
        (ConnectTimeoutError(**URL), Status.LATER),
        (service_error("Start", "InternalServiceException", 500), Status.UNKNOWN),
        (service_error("Send", "DependencyException", 502), Status.UNKNOWN),
        (ReadTimeoutError(**URL), Status.UNKNOWN),
        (service_error("Start", "DestinationNotAllowedException", 403), Status.REFUSED),
        (service_error("Start", "InvalidParameterException", 400), Status.REFUSED),
        (ParamValidationError(report="about +14255550123"), Status.REFUSED),
    ],
)
def test_an_error_is_an_answer_by_its_code(error: Any, status: Status) -> None:
    answer = answer_to(error)

    assert answer.status is status
    assert "+1425" not in str(answer.reason)


@pytest.mark.parametrize(
    "code",
    [
        "AccessDeniedException",
        "ResourceNotFoundException",
        "OutboundContactNotPermittedException",
    ],
)
def test_a_refusal_that_meets_every_endpoint_is_no_endpoints_failure(code: str) -> None:
    service = Service(service_error("StartOutboundVoiceContact", code, 403))

    with pytest.raises(Misconfigured, match=code):
        connect(service).contact(contact())


def test_an_unknown_channel_is_named_with_those_that_there_are() -> None:
    with pytest.raises(UnknownChannel, match="'letters'.*connect, whatsapp"):
        channel_named("letters", {})


def test_each_channel_is_made_from_its_settings() -> None:
    assert set(CHANNELS) == {"connect", "whatsapp"}
    assert channel_named("connect", CONNECT).name == "connect"
    assert channel_named("whatsapp", WHATSAPP).name == "whatsapp"
