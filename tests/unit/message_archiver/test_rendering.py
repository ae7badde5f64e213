"""The content of a send: campaign, treatment, activity and version as they were."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

from shared.messages.content import SmsContent, VoiceContent, content_digest
from shared.messages.push import PushContent
from shared.sent_messages.contents import Contents
from shared.sent_messages.rendering import Fidelity, HandedOver, MessageMaker
from shared.sent_messages.sends import NotRenderable, read_send
from shared.transient import ServiceUnavailable
from tests.builders.archive import (
    AFTER,
    ANN,
    BEFORE,
    CAMPAIGN,
    JOURNEY,
    SENT_AT,
    Api,
    campaign_send,
    journey_send,
)

EMAIL = {**ANN, "ChannelType": "EMAIL", "Address": "ann@example.com"}


def sms(body):
    return {"MessageConfiguration": {"SMSMessage": {"Body": body}}}


@pytest.fixture
def api():
    return Api()


@pytest.fixture
def maker(api):
    return MessageMaker(Contents(lambda: api), default_sender="news@example.com")


def message(maker, event):
    send = read_send(event)
    assert send is not None
    return maker.message(send)


def body(maker, event):
    return message(maker, event).content.body


# Weaknesses of the original, by their numbers


def test_1_content_that_cannot_be_read_is_an_error_and_never_an_empty_archive(api, maker):
    with pytest.raises(NotRenderable, match="cannot be read: NotFoundException"):
        message(maker, campaign_send())
    api.campaign(sms("Hi"))
    api.failures["GetCampaign"] = "TooManyRequestsException"
    with pytest.raises(ServiceUnavailable, match="TooManyRequests"):
        message(maker, campaign_send())


def test_2_each_treatment_has_its_own_content(api, maker):
    treatments = [{"Id": "1", **sms("one")}, {"Id": "2", **sms("two")}, {"Id": "3"}]
    api.campaign({**sms("own"), "AdditionalTreatments": treatments})

    bodies = [body(maker, campaign_send(treatment_id=one)) for one in ("0", "1", "2", "3")]

    assert bodies == ["own", "one", "two", "own"]
    with pytest.raises(NotRenderable, match="no treatment 4"):
        message(maker, campaign_send(treatment_id="4"))


def journey(**activities):
    return {"Id": JOURNEY, "Activities": activities}


def test_3_every_activity_of_a_journey_with_a_message_is_archived(api, maker):
    api.template("EMAIL", "hello", {"Subject": "S", "TextPart": "T"})
    api.template("SMS", "hello", {"Body": "text"})
    api.template("PUSH", "hello", {"Default": {"Title": "{{User.UserId}}", "Body": "b"}})
    custom = {"DeliveryUri": "arn:aws:lambda:f", "EndpointTypes": ["CUSTOM"]}
    api.journeys[JOURNEY] = journey(
        email={"Description": "first", "EMAIL": {"TemplateName": "hello"}},
        sms={
            "Description": "second",
            "SMS": {"TemplateName": "hello", "MessageConfig": {"MessageType": "TRANSACTIONAL"}},
        },
        push={"Description": "third", "PUSH": {"TemplateName": "hello"}},
        custom={"Description": "fourth", "CUSTOM": custom},
        call={"ContactCenter": {"NextActivity": "wait"}},
    )
    phone = {**ANN, "ChannelType": "GCM", "Address": "token"}

    email = message(maker, journey_send("email", endpoint=EMAIL)).content
    text = message(maker, journey_send("sms")).content
    push = message(maker, journey_send("push", endpoint=phone)).content
    handed_over = message(maker, journey_send("custom")).content
    call = message(maker, journey_send("call"))

    assert (email.subject, email.text) == ("S", "T")
    assert (text.body, text.message_type) == ("text", "TRANSACTIONAL")
    assert push == PushContent({"Title": "ann", "Body": "b"})
    assert handed_over == HandedOver({"CUSTOM": custom})
    assert (call.channel, call.content.handed_over["ContactCenter"]) == (
        "CONTACT_CENTER",
        {"NextActivity": "wait"},
    )


def test_3_a_push_message_of_a_campaign_has_the_content_of_its_service(api, maker):
    api.campaign({"MessageConfiguration": {"GCMMessage": {"Body": "g"}, "APNSMessage": {}}})
    phone = {**ANN, "ChannelType": "GCM", "Address": "token"}

    for delivery_type in ("GCM", "PUSH", None):
        found = message(maker, campaign_send(endpoint=phone, delivery_type=delivery_type))
        assert (found.channel, found.content) == ("GCM", PushContent({"Body": "g"}))


@pytest.mark.parametrize("activity", [{"Wait": {}}, {"RandomSplit": {}}, {"Description": "d"}, {}])
def test_3_an_activity_without_a_message_is_an_error_that_names_it(api, maker, activity):
    api.journeys[JOURNEY] = journey(other=activity)

    with pytest.raises(NotRenderable, match="Activity other of journey"):
        message(maker, journey_send("other"))


def test_3_a_journey_or_an_activity_that_is_gone_is_an_error(api, maker):
    with pytest.raises(NotRenderable, match="Journey .* cannot be read"):
        message(maker, journey_send("email"))
    api.journeys[JOURNEY] = journey(email={"EMAIL": {}})
    with pytest.raises(NotRenderable, match="has no activity sms"):
        message(maker, journey_send("sms"))


def test_3_a_voice_message_of_a_campaign_is_archived(api, maker):
    api.campaign({"TemplateConfiguration": {"VoiceTemplate": {"Name": "v"}}})
    api.template("VOICE", "v", {"Body": "Hello {{User.UserId}}", "VoiceId": "Joanna"})

    content = message(maker, campaign_send(delivery_type="VOICE")).content

    assert content == VoiceContent("Hello ann", voice_id="Joanna")


def test_4_a_campaign_version_is_read_once_for_all_its_sends(api, maker):
    api.campaign({"TemplateConfiguration": {"SMSTemplate": {"Name": "t"}}})
    api.template("SMS", "t", {"Body": "Hi {{User.UserId}}"})
    version = {"campaign_version": "1", "template_version": "1", "template_modified": BEFORE}

    bodies = {
        body(maker, campaign_send(f"e{number}", at=SENT_AT + timedelta(hours=number), **version))
        for number in range(50)
    }

    assert bodies == {"Hi ann"}
    assert api.calls == {"GetCampaignVersion": 1, "GetSmsTemplate": 1}


def test_4_without_versions_in_the_events_a_campaign_is_read_once_for_what_was_sent_by_then(
    api, maker
):
    api.campaign(sms("Hi"))

    for number in range(50):
        message(maker, campaign_send(f"e{number}", at=SENT_AT + timedelta(hours=number)))

    assert api.calls == {"GetCampaign": 1}


def test_5_two_activities_and_two_treatments_of_one_batch_have_their_own_content(api, maker):
    api.campaign({**sms("own"), "AdditionalTreatments": [{"Id": "1", **sms("one")}]})
    api.template("SMS", "a", {"Body": "a"})
    api.template("SMS", "b", {"Body": "b"})
    api.journeys[JOURNEY] = journey(
        first={"SMS": {"TemplateName": "a"}}, second={"SMS": {"TemplateName": "b"}}
    )
    events = [
        campaign_send(),
        campaign_send(treatment_id="1"),
        journey_send("first"),
        journey_send("second"),
    ]

    assert [body(maker, event) for event in events * 2] == ["own", "one", "a", "b"] * 2


def test_6_an_edited_campaign_does_not_rewrite_history(api, maker):
    api.campaign(sms("old"), {**sms("new"), "LastModifiedDate": AFTER})

    assert body(maker, campaign_send(campaign_version="1")) == "old"
    assert body(maker, campaign_send(campaign_version="2")) == "new"
    assert body(maker, campaign_send()) == "old"
    assert body(maker, campaign_send(at=datetime(2026, 6, 2, tzinfo=UTC))) == "new"
    assert message(maker, campaign_send()).campaign_version == "1"


def test_6_the_version_of_a_template_at_the_time_of_the_send_is_archived(api, maker):
    api.campaign({"TemplateConfiguration": {"SMSTemplate": {"Name": "t"}}})
    api.template(
        "SMS", "t", {"Body": "old"}, {"Body": "new", "LastModifiedDate": AFTER}, {"Body": "three"}
    )
    api.templates["SMS", "t"][2]["LastModifiedDate"] = AFTER
    old = {"template_version": "1", "template_modified": BEFORE}

    assert body(maker, campaign_send(**old)) == "old"
    assert body(maker, campaign_send()) == "old"
    assert body(maker, campaign_send(at=datetime(2026, 6, 2, tzinfo=UTC))) == "three"


@pytest.mark.parametrize("oldest", [BEFORE, AFTER])
def test_4_the_versions_of_a_template_are_listed_once_for_all_earlier_sends(api, maker, oldest):
    api.campaign({"TemplateConfiguration": {"SMSTemplate": {"Name": "t"}}})
    api.template(
        "SMS",
        "t",
        {"Body": "old", "LastModifiedDate": oldest},
        {"Body": "new", "LastModifiedDate": AFTER},
    )

    for number in range(20):
        with suppress(NotRenderable):
            assert body(maker, campaign_send(f"e{number}")) == "old"

    assert api.calls["ListTemplateVersions"] == 2  # pages of one call
    assert api.calls["GetSmsTemplate"] <= 2


def test_6_a_version_that_the_campaign_pins_is_archived(api, maker):
    reference = {"Name": "t", "Version": "1"}
    api.campaign({"TemplateConfiguration": {"SMSTemplate": reference}})
    api.template("SMS", "t", {"Body": "old"}, {"Body": "new"})

    found = message(maker, campaign_send())

    assert (found.content.body, found.template.version) == ("old", "1")


@pytest.mark.parametrize("reference", [{"Name": "t"}, {"Name": "t", "Version": "1"}])
@pytest.mark.parametrize("attributes", [{}, {"template_version": "1", "template_modified": BEFORE}])
def test_6_a_template_that_was_overwritten_is_never_archived_in_place_of_the_old_one(
    api, maker, reference, attributes
):
    api.campaign({"TemplateConfiguration": {"SMSTemplate": reference}})
    api.template("SMS", "t", {"Body": "new", "LastModifiedDate": AFTER})

    with pytest.raises(NotRenderable, match="was overwritten since the message was sent"):
        message(maker, campaign_send(**attributes))


@pytest.mark.parametrize(
    ("member", "inline", "endpoint"),
    [
        ("SMSTemplate", {"SMSMessage": {"Body": "own"}}, ANN),
        ("EmailTemplate", {"EmailMessage": {"Title": "t", "HtmlBody": "own"}}, EMAIL),
        ("EmailTemplate", {"EmailMessage": {"Title": "t", "Body": "own"}}, EMAIL),
    ],
)
def test_a_template_does_not_count_where_the_campaign_has_its_own_text(
    api, maker, member, inline, endpoint
):
    api.campaign({"MessageConfiguration": inline, "TemplateConfiguration": {member: {"Name": "t"}}})

    found = message(maker, campaign_send(endpoint=endpoint))

    content = found.content
    texts = [getattr(content, name, None) for name in ("body", "html", "text")]
    assert "own" in texts
    assert found.template is None


def test_6_content_that_was_read_in_time_is_archived_also_after_it_was_overwritten(api, maker):
    api.campaign({"TemplateConfiguration": {"SMSTemplate": {"Name": "t"}}})
    api.template("SMS", "t", {"Body": "old"})
    attributes = {"template_version": "1", "template_modified": BEFORE}
    body(maker, campaign_send(**attributes))
    api.template("SMS", "t", {"Body": "new", "LastModifiedDate": AFTER})

    assert body(maker, campaign_send("e2", **attributes)) == "old"


def test_7_defaults_do_not_override_values_and_a_text_is_not_escaped(api, maker):
    defaults = '{"User.UserAttributes.FirstName": "there", "Attributes.Item": "shoes"}'
    text = "Hi {{User.UserAttributes.FirstName}} & co: {{Attributes.Item}} {{upper User.UserId}}"
    api.campaign({"TemplateConfiguration": {"SMSTemplate": {"Name": "t"}}})
    api.template("SMS", "t", {"Body": text, "DefaultSubstitutions": defaults})

    assert body(maker, campaign_send()) == "Hi Änn & co: shoes ANN"


# Fidelity


def test_the_digest_of_the_event_verifies_a_message(api, maker):
    api.campaign(sms("Hi {{User.UserId}}"))
    digest = content_digest(SmsContent("Hi ann"), "+14255550100")

    assert message(maker, campaign_send(content_digest=digest)).fidelity is Fidelity.VERIFIED
    assert message(maker, campaign_send()).fidelity is Fidelity.RECONSTRUCTED
    renamed = {**ANN, "User": {"UserId": "eve"}}
    moved = {**ANN, "Address": "+14255550199"}
    for endpoint in (renamed, moved):
        found = message(maker, campaign_send(endpoint=endpoint, content_digest=digest))
        assert found.fidelity is Fidelity.DIFFERS


def test_the_time_in_a_message_is_that_of_the_send(api, maker):
    api.campaign(sms("{{now 'yyyy-MM-dd'}}"))

    assert body(maker, campaign_send()) == "2026-05-03"


def test_a_masked_archive_has_no_address_in_header_or_text_and_still_verifies(api):
    maker = MessageMaker(Contents(lambda: api), masked=True)
    api.campaign(sms("Sent to {{Address}}"))
    digest = content_digest(SmsContent("Sent to +14255550100"), "+14255550100")

    found = message(maker, campaign_send(content_digest=digest))

    assert (found.address, found.content.body) == ("XXXXXXXX", "Sent to XXXXXXXX")
    assert found.fidelity is Fidelity.VERIFIED


# Channels and senders


@pytest.mark.parametrize("channel", ["APNS", "APNS_SANDBOX", "GCM", "ADM", "BAIDU"])
def test_a_push_message_of_each_channel_is_archived_with_its_variables(api, maker, channel):
    member = {"GCM": "GCMMessage", "ADM": "ADMMessage", "BAIDU": "BaiduMessage"}
    inline = {"Title": "Hi {{User.UserId}}", "Body": "b", "Action": "OPEN_APP", "TimeToLive": 3}
    api.campaign({"MessageConfiguration": {member.get(channel, "APNSMessage"): inline}})

    content = message(maker, campaign_send(delivery_type=channel)).content

    assert content == PushContent({**inline, "Title": "Hi ann"})


def test_a_push_template_of_the_platform_wins_over_the_default_and_fills_in_defaults(api, maker):
    api.campaign({"TemplateConfiguration": {"PushTemplate": {"Name": "p"}}})
    api.template(
        "PUSH",
        "p",
        {
            "Default": {"Body": "default"},
            "GCM": {"RawContent": '{"x": "{{Attributes.Item}}"}'},
            "DefaultSubstitutions": '{"Attributes.Item": "shoes"}',
        },
    )

    gcm = message(maker, campaign_send(delivery_type="GCM")).content
    apns = message(maker, campaign_send(delivery_type="APNS")).content

    assert gcm == PushContent({"RawContent": '{"x": "shoes"}'})
    assert apns == PushContent({"Body": "default"})


def test_a_custom_channel_is_archived_as_the_input_of_its_function(api, maker):
    custom = {"DeliveryUri": "arn:aws:lambda:f", "EndpointTypes": ["SMS"]}
    api.campaign(
        {
            "CustomDeliveryConfiguration": custom,
            "MessageConfiguration": {"CustomMessage": {"Data": "offer 7"}},
        }
    )

    found = message(maker, campaign_send(delivery_type="CUSTOM", campaign_version="1"))

    assert found.content == HandedOver({"CustomDeliveryConfiguration": custom, "Data": "offer 7"})
    assert found.fidelity is Fidelity.VERIFIED


@pytest.mark.parametrize(
    ("campaign", "attributes", "reason"),
    [
        (sms("Hi"), {"delivery_type": "EMAIL"}, "no message for channel EMAIL"),
        (sms("Hi"), {"delivery_type": "CUSTOM"}, "no CustomDeliveryConfiguration"),
        (sms("Hi"), {"delivery_type": "GCM"}, "no message for channel GCM"),
        (sms("Hi"), {"delivery_type": "IN_APP"}, "no content for channel IN_APP"),
        (sms("Hi"), {"delivery_type": "FAX"}, "no content for channel FAX"),
        (sms("Hi {{#if}}"), {}, "cannot be rendered: Template"),
        (sms("{{Attributes.None}}"), {}, "renders to nothing"),
        (sms("x{{Attributes.Long}}"), {}, "1601 characters"),
        ({}, {}, "no message for channel SMS"),
        (sms("Hi"), {"campaign_version": "9"}, "Version 9 of campaign"),
        ({"TemplateConfiguration": {"SMSTemplate": {"Name": "no"}}}, {}, "SMS template no cannot"),
        (
            {"TemplateConfiguration": {"SMSTemplate": {"Name": "bad"}}},
            {},
            "DefaultSubstitutions must be",
        ),
        (
            {"TemplateConfiguration": {"SMSTemplate": {"Name": "undated"}}},
            {},
            "LastModifiedDate of the content is not a time",
        ),
    ],
)
def test_content_that_cannot_be_rendered_is_an_error_with_its_reason(
    api, maker, campaign, attributes, reason
):
    api.campaign(campaign)
    api.template("SMS", "bad", {"Body": "x", "DefaultSubstitutions": "["})
    api.template("SMS", "undated", {"Body": "x", "LastModifiedDate": "yesterday"})
    endpoint = {**ANN, "Attributes": {"Long": ["x" * 1600]}}

    with pytest.raises(NotRenderable, match=reason):
        message(maker, campaign_send(endpoint=endpoint, **attributes))


def test_the_sender_of_an_email_is_the_campaigns_then_the_channels_then_the_archives(api):
    contents = Contents(lambda: api)
    email = {"Title": "t", "Body": "b"}

    def sender(default, **message_members):
        api.campaign({"MessageConfiguration": {"EmailMessage": email | message_members}})
        maker = MessageMaker(contents, default_sender=default)
        contents._kept.clear()
        return message(maker, campaign_send(endpoint=EMAIL)).from_address

    assert sender("hub@example.com") == "hub@example.com"
    api.sender = "channel@example.com"
    assert sender("hub@example.com") == "channel@example.com"
    assert sender(None, FromAddress="own@example.com") == "own@example.com"
    api.sender = None
    with pytest.raises(NotRenderable, match="Set default_from_address"):
        sender(None)


def test_an_error_that_is_not_about_the_content_is_raised_for_a_retry(api, maker):
    api.campaign(sms("Hi"))
    api.failures["GetCampaign"] = "AccessDeniedException"

    with pytest.raises(Exception, match="AccessDenied") as caught:
        message(maker, campaign_send())

    assert not isinstance(caught.value, NotRenderable)
    assert CAMPAIGN not in str(caught.value)
