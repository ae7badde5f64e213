"""Senders: requests to AWS, and the interpretation of its responses."""

import json
from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
    SSLError,
)

from engagement_hub.senders import DeliveryStatus, Senders
from engagement_hub.senders.channels import SendingIdentities
from shared.messages.content import EmailContent, SmsContent, VoiceContent
from shared.send_outcome import OPTED_OUT, attempt

NUMBER = "+14255550100"
IDS = {"application_id": "app1", "campaign_id": "c1", "endpoint_id": "e 1"}


class Service:
    """Client that records its requests and responds with a message id."""

    def __init__(self) -> None:
        self.requests: dict[str, dict[str, Any]] = {}

    def __getattr__(self, operation: str) -> Any:
        def call(**request: Any) -> dict[str, str]:
            self.requests[operation] = request
            return {"MessageId": "m1"}

        return call


@pytest.fixture
def service() -> Service:
    return Service()


def senders(service: Service, **identities: str) -> Senders:
    client: Any = service
    return Senders(SendingIdentities(**identities), phone=client, email=client)


def refusal(code: str, status: int = 400, **members: str) -> ClientError:
    response: Any = {
        "Error": {"Code": code, "Message": f"about {NUMBER}"},
        "ResponseMetadata": {"HTTPStatusCode": status},
        **members,
    }
    return ClientError(response, "SendTextMessage")


def raising(*errors: Exception) -> Any:
    """A send that fails with each error in turn, then succeeds; counts its calls."""
    waiting = list(errors)

    def call() -> dict[str, str]:
        call.calls += 1  # type: ignore[attr-defined]  # a counter on the function
        if waiting:
            raise waiting.pop(0)
        return {"MessageId": "m1"}

    call.calls = 0  # type: ignore[attr-defined]  # as above
    return call


def test_a_text_goes_from_the_hubs_identity_with_its_ids_in_the_context(service):
    hub = senders(service, sms_origination="arn:number", sms_configuration_set="set")

    outcome = hub.send(SmsContent("Hi", message_type="PROMOTIONAL"), NUMBER, context=IDS)

    assert (outcome.delivery_status, outcome.message_id) == (DeliveryStatus.SUCCESSFUL, "m1")
    request = service.requests["send_text_message"]
    assert json.loads(request.pop("Context")["hub"]) == IDS
    assert request == {
        "DestinationPhoneNumber": NUMBER,
        "MessageBody": "Hi",
        "OriginationIdentity": "arn:number",
        "ConfigurationSetName": "set",
        "MessageType": "PROMOTIONAL",
    }


def test_a_messages_own_identity_wins_and_india_gets_its_ids(service):
    content = SmsContent("Hi", origination_identity="+1777", entity_id="E", template_id="T")

    senders(service, sms_origination="arn:number").send(content, NUMBER, context={})

    request = service.requests["send_text_message"]
    assert request["OriginationIdentity"] == "+1777"
    assert request["DestinationCountryParameters"] == {"IN_ENTITY_ID": "E", "IN_TEMPLATE_ID": "T"}


def test_a_text_with_media_needs_an_identity(service):
    outcome = senders(service).send(SmsContent("Hi", media_url="s3://b/k"), NUMBER, context={})

    assert outcome.delivery_status is DeliveryStatus.PERMANENT_FAILURE
    assert "origination_identity_arn" in outcome.status_message
    assert service.requests == {}


def test_the_clients_context_travels_beside_the_ids(service):
    context = {**IDS, "customer_context": json.dumps({"order": "7"})}

    senders(service).send(SmsContent("Hi"), NUMBER, context=context)

    sent = service.requests["send_text_message"]["Context"]
    assert json.loads(sent["customer_context"]) == {"order": "7"}


def test_a_context_that_does_not_fit_is_refused_before_anything_is_sent(service):
    context = {**IDS, "customer_context": json.dumps({"long": "x" * 900})}

    outcome = senders(service).send(SmsContent("Hi"), NUMBER, context=context)

    assert outcome.delivery_status is DeliveryStatus.PERMANENT_FAILURE
    assert service.requests == {}


def test_an_email_carries_its_ids_as_tags_encoded_where_ses_needs_it(service):
    hub = senders(service, email_from="hi@example.com", email_configuration_set="set")
    content = EmailContent(subject="S", html="<p>H</p>", text="T", headers=(("X-A", "1"),))

    hub.send(content, "ann@example.com", context=IDS)

    request = service.requests["send_email"]
    assert {"Name": "campaign_id", "Value": "c1"} in request["EmailTags"]
    assert {"Name": "endpoint_id_b64", "Value": "ZSAx"} in request["EmailTags"]
    assert request["FromEmailAddress"] == "hi@example.com"
    assert request["ConfigurationSetName"] == "set"
    simple = request["Content"]["Simple"]
    assert simple["Body"]["Html"]["Data"] == "<p>H</p>"
    assert simple["Headers"] == [{"Name": "X-A", "Value": "1"}]


def test_a_raw_email_goes_as_it_is(service):
    hub = senders(service, email_from="hi@example.com")

    hub.send(EmailContent(raw=b"MIME"), "ann@example.com", context={})

    assert service.requests["send_email"]["Content"] == {"Raw": {"Data": b"MIME"}}


@pytest.mark.parametrize(
    ("sender", "header"),
    [
        ("Müller GmbH <post@example.com>", "=?utf-8?q?M=C3=BCller_GmbH?= <post@example.com>"),
        ("Foo, Inc. <news@example.com>", '"Foo, Inc." <news@example.com>'),
        ("news@München.example", "news@xn--mnchen-3ya.example"),
    ],
)
def test_a_sender_is_written_as_ses_takes_it_wherever_it_was_set(service, sender, header):
    own = EmailContent(from_address=sender, subject="S", text="T", reply_to=(sender,))
    hubs = EmailContent(subject="S", text="T")

    senders(service).send(own, "ann@example.com", context=IDS)
    own_request = service.requests["send_email"]
    senders(service, email_from=sender).send(hubs, "ann@example.com", context=IDS)
    hubs_request = service.requests["send_email"]

    assert own_request["FromEmailAddress"] == hubs_request["FromEmailAddress"] == header
    assert own_request["ReplyToAddresses"] == [header]


def test_the_domain_of_a_recipient_is_sent_as_punycode(service):
    content = EmailContent(from_address="a@example.com", subject="S", text="T")

    senders(service).send(content, "Ann@münchen.example", context=IDS)

    assert service.requests["send_email"]["Destination"] == {
        "ToAddresses": ["Ann@xn--mnchen-3ya.example"]
    }


def test_an_address_that_ses_cannot_send_to_is_refused_by_the_rule_and_not_repeated(service):
    content = EmailContent(from_address="a@example.com", subject="S", text="T")

    outcome = senders(service).send(content, "günther@example.com", context=IDS)

    assert outcome.delivery_status is DeliveryStatus.PERMANENT_FAILURE
    assert outcome.reason == "AsciiLocalPart"
    assert "günther" not in outcome.status_message
    assert service.requests == {}


def test_what_a_message_or_project_sets_for_ses_goes_with_the_email(service):
    content = EmailContent(
        from_address="a@example.com",
        subject="S",
        text="T",
        configuration_set="shop",
        feedback_address="bounces@example.com",
    )

    senders(service, email_configuration_set="hub").send(content, "b@example.com", context=IDS)

    request = service.requests["send_email"]
    assert request["ConfigurationSetName"] == "shop"
    assert request["FeedbackForwardingEmailAddress"] == "bounces@example.com"


def test_a_keyword_goes_with_the_text(service):
    senders(service).send(SmsContent(body="T", keyword="SHOP"), NUMBER, context=IDS)

    assert service.requests["send_text_message"]["Keyword"] == "SHOP"


def test_an_email_without_a_sender_is_refused_with_the_way_out(service):
    outcome = senders(service).send(EmailContent(subject="S"), "ann@example.com", context={})

    assert outcome.delivery_status is DeliveryStatus.PERMANENT_FAILURE
    assert "from_address" in outcome.status_message


@pytest.mark.parametrize(("ssml", "kind"), [(True, "SSML"), (False, "TEXT")])
def test_a_voice_message_names_its_text_type_and_its_voice_as_the_service_does(service, ssml, kind):
    hub = senders(service, voice_origination="arn:number")

    hub.send(VoiceContent("<speak>Hi</speak>", ssml, voice_id="Joanna"), NUMBER, context={})

    request = service.requests["send_voice_message"]
    assert (request["MessageBodyTextType"], request["VoiceId"]) == (kind, "JOANNA")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (refusal("ConflictException", Reason=OPTED_OUT), DeliveryStatus.OPT_OUT),
        (refusal("ValidationException"), DeliveryStatus.PERMANENT_FAILURE),
        (refusal("AccessDeniedException", 403), DeliveryStatus.TEMPORARY_FAILURE),
        (refusal("MessageRejected"), DeliveryStatus.PERMANENT_FAILURE),
        (refusal("SendingPausedException"), DeliveryStatus.TEMPORARY_FAILURE),
        (refusal("ServiceQuotaExceededException", 402), DeliveryStatus.TEMPORARY_FAILURE),
        (refusal("InternalServerException", 500), DeliveryStatus.UNKNOWN_FAILURE),
        (ReadTimeoutError(endpoint_url="x"), DeliveryStatus.UNKNOWN_FAILURE),
        (SSLError(endpoint_url="x", error="x"), DeliveryStatus.UNKNOWN_FAILURE),
    ],
)
def test_a_final_or_doubtful_answer_is_never_followed_by_a_second_send(error, status):
    call = raising(error)

    outcome = attempt(call, sleep=lambda seconds: None)

    assert outcome.delivery_status is status
    assert call.calls == 1
    assert NUMBER not in outcome.status_message


@pytest.mark.parametrize(
    "error",
    [
        refusal("ThrottlingException", 429),
        refusal("TooManyRequestsException", 429),
        refusal("ServiceUnavailable", 503),
        ConnectTimeoutError(endpoint_url="x"),
        EndpointConnectionError(endpoint_url="x"),
        NoCredentialsError(),
    ],
)
def test_what_was_surely_not_sent_is_tried_again(error):
    call = raising(error, error)

    outcome = attempt(call, sleep=lambda seconds: None)

    assert outcome.delivery_status is DeliveryStatus.SUCCESSFUL
    assert call.calls == 3


def test_throttling_without_end_is_reported_as_such():
    call = raising(*[refusal("ThrottlingException", 429)] * 9)

    outcome = attempt(call, sleep=lambda seconds: None)

    assert outcome.delivery_status is DeliveryStatus.THROTTLED
    assert call.calls == 4
