import base64
import json

import pytest

from engagement_hub.engagement.errors import BadRequest
from engagement_hub.engagement.messages import validate_messages
from shared.messages import content as messages
from shared.messages.content import (
    EmailContent,
    SmsContent,
    VoiceContent,
    address_variables,
    content_digest,
    endpoint_variables,
    resolve,
    template_references,
)
from shared.messages.templates import RenderingFailed, TemplateError
from tests.builders.campaigns import endpoint

GREETING = "Hi {{User.UserAttributes.FirstName}}"
MARY = endpoint_variables(endpoint())


def content(configuration, channel="SMS", templates=None, variables=MARY, subs=None, **overrides):
    plan = resolve(configuration, templates or {}, channel)
    assert plan is not None
    return plan.render(variables, subs, **overrides)


def test_an_sms_carries_its_text_and_all_its_settings():
    message = {
        "Body": GREETING,
        "MessageType": "PROMOTIONAL",
        "OriginationNumber": "+12065550142",
        "SenderId": "EXAMPLE",
        "EntityId": "e1",
        "TemplateId": "t1",
        "MediaUrl": "s3://bucket/cat.png",
        "Keyword": "SHOP",
    }

    assert content({"SMSMessage": message}) == SmsContent(
        body="Hi Mary",
        message_type="PROMOTIONAL",
        origination_identity="+12065550142",
        sender_id="EXAMPLE",
        entity_id="e1",
        template_id="t1",
        media_url="s3://bucket/cat.png",
        keyword="SHOP",
    )


def test_inline_text_wins_over_the_template_and_the_template_over_the_default_message():
    templates = {"SMS": {"Body": "template"}}
    default = {"DefaultMessage": {"Body": "default"}}

    assert content({**default, "SMSMessage": {"Body": "inline"}}, "SMS", templates).body == "inline"
    assert content(default, "SMS", templates).body == "template"
    assert content(default).body == "default"


def test_a_message_without_text_lends_its_settings_to_the_template():
    sms = content({"SMSMessage": {"MessageType": "TRANSACTIONAL"}}, "SMS", {"SMS": {"Body": "t"}})

    assert sms == SmsContent(body="t", message_type="TRANSACTIONAL")


def test_substitutions_go_address_then_message_then_endpoint_then_template_defaults():
    template = {
        "Body": "{{a}} {{b}} {{Location.City}} {{c}} {{d}}",
        "DefaultSubstitutions": json.dumps({"a": "0", "b": "0", "c": "0", "Location.City": "0"}),
    }
    configuration = {"SMSMessage": {"Substitutions": {"a": ["1"], "b": ["1"]}}}

    sms = content(configuration, "SMS", {"SMS": template}, subs={"a": ["2"]})

    assert sms.body == "2 1 Los Angeles 0 "


@pytest.mark.parametrize("channel", ["GCM", "APNS", "PUSH", "IN_APP", "ADM", "BAIDU", "EMAIL"])
def test_a_channel_without_content_has_no_plan(channel):
    configuration = {"SMSMessage": {"Body": "x"}, "GCMMessage": {"Body": "x"}}

    assert resolve(configuration, {}, channel) is None


def test_a_default_message_becomes_an_email_only_when_it_has_a_title():
    with_title = content({"DefaultMessage": {"Title": "T", "Body": "B"}}, "EMAIL")

    assert resolve({"DefaultMessage": {"Body": "B"}}, {}, "EMAIL") is None
    assert with_title == EmailContent(subject="T", text="B")


def test_overrides_replace_body_and_title_and_are_rendered():
    sms = content({"SMSMessage": {"Body": "x"}}, body_override="Ms {{Attributes.[Last Name]}}")
    email = content(
        {"EmailMessage": {"Title": "t", "HtmlBody": "<p>x</p>", "Body": "x"}},
        "EMAIL",
        title_override="For {{Location.City}}",
        body_override="<p>{{N}}</p>",
        subs={"N": ["<b>"]},
    )

    assert sms.body == "Ms Major"
    assert email == EmailContent(subject="For Los Angeles", html="<p>&lt;b&gt;</p>", text=None)


def test_an_override_that_cannot_be_read_says_where():
    with pytest.raises(TemplateError, match="line 1, column 4"):
        content({"SMSMessage": {"Body": "x"}}, body_override="Hi {{")


def test_only_the_html_part_of_an_email_escapes_values():
    simple = {
        "Subject": {"Data": "{{N}}"},
        "HtmlPart": {"Data": "<i>{{N}}</i>"},
        "TextPart": {"Data": "{{N}}"},
        "Headers": [{"Name": "List-Unsubscribe", "Value": "<https://example.com/{{N}}>"}],
    }
    configuration = {
        "EmailMessage": {
            "FromAddress": "a@example.com",
            "ReplyToAddresses": ["r@example.com"],
            "SimpleEmail": simple,
        }
    }

    assert content(configuration, "EMAIL", subs={"N": ["R&D"]}) == EmailContent(
        from_address="a@example.com",
        subject="R&D",
        html="<i>R&amp;D</i>",
        text="R&D",
        headers=(("List-Unsubscribe", "<https://example.com/R&D>"),),
        reply_to=("r@example.com",),
    )


def test_an_email_template_gives_subject_parts_and_headers_with_its_defaults():
    template = {
        "Subject": "Hello {{Attributes.Nick}}",
        "HtmlPart": "<p>x</p>",
        "TextPart": "x",
        "Headers": [{"Name": "X-A", "Value": "1"}],
        "DefaultSubstitutions": '{"Attributes.Nick": "friend"}',
    }

    email = content({"EmailMessage": {"FromAddress": "a@b.c"}}, "EMAIL", {"EMAIL": template})

    assert email == EmailContent("a@b.c", "Hello friend", "<p>x</p>", "x", (("X-A", "1"),))


def test_a_value_cannot_start_a_header_of_its_own():
    email = content(
        {"EmailMessage": {"Title": "{{N}}", "Body": "x"}}, "EMAIL", subs={"N": ["a\r\nBcc: x@y.z"]}
    )

    assert email.subject == "a Bcc: x@y.z"


def test_a_raw_email_is_passed_on_as_it_is():
    mime = b"Subject: {{N}}\r\n\r\nx"
    raw = {"RawEmail": {"Data": base64.b64encode(mime).decode()}}

    email = content({"EmailMessage": raw}, "EMAIL", subs={"N": ["no"]}, body_override="no")

    assert email == EmailContent(raw=mime)


def test_a_raw_email_that_is_not_base64_is_refused():
    with pytest.raises(BadRequest, match="RawEmail.Data must be base64"):
        resolve({"EmailMessage": {"RawEmail": {"Data": "no base64!"}}}, {}, "EMAIL")


def test_voice_comes_from_the_message_or_the_template_with_its_voice():
    message = {
        "Body": "Hi",
        "LanguageCode": "en-US",
        "VoiceId": "Joanna",
        "OriginationNumber": "+1",
    }
    template = {"Body": "Hallo", "LanguageCode": "de-DE", "VoiceId": "Vicki"}

    spoken = content({"VoiceMessage": message}, "VOICE")
    from_template = content({}, "VOICE", {"VOICE": template})

    assert spoken == VoiceContent("Hi", False, "en-US", "Joanna", "+1")
    assert from_template == VoiceContent("Hallo", False, "de-DE", "Vicki", None)


def spoken(body, name):
    message = {"VoiceMessage": {"Body": body}}
    return content(message, "VOICE", variables={"User": {"UserAttributes": {"FirstName": [name]}}})


def test_a_recipients_value_never_makes_a_plain_voice_message_ssml():
    voice = spoken("{{User.UserAttributes.FirstName}}, please call us.", "<speak><audio/></speak>")

    assert (voice.ssml, voice.body) == (False, "<speak><audio/></speak>, please call us.")


def test_a_recipients_value_is_escaped_in_ssml():
    voice = spoken("<speak>Hi {{User.UserAttributes.FirstName}}</speak>", "Smith & <Sons>")

    assert (voice.ssml, voice.body) == (True, "<speak>Hi Smith &amp; &lt;Sons&gt;</speak>")


def test_an_override_decides_for_itself_whether_a_voice_message_is_ssml():
    plain = {"VoiceMessage": {"Body": "Hi"}}

    assert content(plain, "VOICE", body_override=" <speak>Hi</speak>").ssml
    assert not content(plain, "VOICE", body_override="Hi").ssml


def test_a_custom_message_has_no_plan_since_only_a_function_delivers_it():
    assert resolve({"CustomMessage": {"Data": "{{x}}"}}, {}, "CUSTOM") is None


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("{{Attributes.None}}", "renders to nothing"),
        ("{{N}}", "1601 characters; the limit is 1600"),
    ],
)
def test_an_sms_that_renders_empty_or_too_long_fails_for_this_recipient(body, problem):
    with pytest.raises(RenderingFailed, match=problem):
        content({"SMSMessage": {"Body": body}}, subs={"N": ["x" * 1601]})


def test_an_email_over_the_size_limit_fails_for_this_recipient(monkeypatch):
    monkeypatch.setattr(messages, "EMAIL_BYTES_LIMIT", 10)

    with pytest.raises(RenderingFailed, match="renders to 12 bytes; the limit is 10"):
        content({"EmailMessage": {"Title": "t", "Body": "äöüäöü"}}, "EMAIL")


def test_an_address_knows_itself_and_its_channel():
    variables = address_variables("+14255550199", "SMS")

    sms = content({"SMSMessage": {"Body": "{{ChannelType}} {{Address}}"}}, variables=variables)

    assert sms.body == "SMS +14255550199"


def test_template_references_are_listed_by_channel():
    configuration = {
        "SMSTemplate": {"Name": "s", "Version": "2"},
        "EmailTemplate": {"Name": "e"},
        "PushTemplate": {"Name": "p"},
    }

    assert template_references(configuration) == {"SMS": ("s", "2"), "EMAIL": ("e", None)}


@pytest.mark.parametrize(
    ("configuration", "problem"),
    [
        ({"SMSMessage": {"Body": "x" * 1601}}, "SMSMessage.Body .* 1600"),
        ({"SMSMessage": {"Body": "{{"}}, "SMSMessage.Body: Template, line 1, column 1"),
        ({"SMSMessage": {"Body": "x", "MessageType": "URGENT"}}, "TRANSACTIONAL or PROMOTIONAL"),
        ({"EmailMessage": {"HtmlBody": "{{#if}}"}}, "EmailMessage.HtmlBody: Template"),
        (
            {"EmailMessage": {"SimpleEmail": {"Subject": {"Data": "{{/if}}"}}}},
            "EmailMessage.SimpleEmail.Subject.Data: Template",
        ),
        ({"EmailMessage": {"Headers": [{"Name": "", "Value": "x"}]}}, r"Headers\[0\].Name"),
        ({"CustomMessage": {"Data": "x" * 5121}}, "at most 5120 bytes"),
    ],
)
def test_content_that_breaks_a_rule_is_refused_by_member(configuration, problem):
    with pytest.raises(BadRequest, match=problem):
        validate_messages(configuration)


@pytest.mark.parametrize(
    ("message", "template"),
    [
        ({"Body": "Hallo", "LanguageCode": "de-DE"}, None),
        ({}, {"Body": "Hallo", "LanguageCode": "de-DE"}),
    ],
)
def test_a_voice_message_in_another_language_needs_a_voice_that_speaks_it(message, template):
    templates = {"VOICE": template} if template else {}
    with pytest.raises(BadRequest, match="VoiceId"):
        resolve({"VoiceMessage": message}, templates, "VOICE")

    assert resolve({"VoiceMessage": {**message, "VoiceId": "Hans"}}, templates, "VOICE") is not None
    assert resolve({"VoiceMessage": {"Body": "Hi", "LanguageCode": "en-US"}}, {}, "VOICE")


def test_the_digest_of_a_content_depends_on_its_words_and_its_address_alone():
    digests = [
        content_digest(SmsContent("Hi"), "+14255550100"),
        content_digest(SmsContent("Hi "), "+14255550100"),
        content_digest(SmsContent("Hi"), "+14255550101"),
        content_digest(VoiceContent("Hi"), "+14255550100"),
        content_digest(VoiceContent("Hi", ssml=True), "+14255550100"),
        content_digest(EmailContent(subject="Hi", text="x"), "ann@example.com"),
        content_digest(EmailContent(subject="Hi", html="x"), "ann@example.com"),
        content_digest(EmailContent(subject="Hi", text="x", headers=(("A", "b"),)), "ann@x.org"),
        content_digest(EmailContent(raw=b"x"), "ann@example.com"),
        content_digest(EmailContent(raw=b"y"), "ann@example.com"),
    ]

    assert len(set(digests)) == len(digests)
    assert digests[0] == content_digest(SmsContent("Hi", sender_id="SHOP"), "+14255550100")
