import pytest

from engagement_hub.engagement.hooks import (
    HookFailure,
    apply_hook_answer,
    custom_channel_payload,
    hook_payload,
)
from shared.messages.templates import compile_template
from tests.builders.campaigns import NOW, endpoint, sample


def endpoints_of(payload):
    return [
        {"Id": endpoint_id, "ApplicationId": "a", "CohortId": "5", **definition}
        for endpoint_id, definition in payload["Endpoints"].items()
    ]


def ids_of(payload):
    return {
        "app_id": payload["ApplicationId"],
        "campaign_id": payload["CampaignId"],
        "activity_id": payload["ActivityId"],
        "treatment_id": payload["TreatmentId"],
        "scheduled_time": NOW,
    }


def test_a_filter_hook_gets_the_documented_payload_and_message_under_both_names():
    documented = sample("campaign_hook/filter_request")

    payload = hook_payload(
        endpoints_of(documented),
        **ids_of(documented),
        message_configuration=documented["MessageConfiguration"],
    )

    assert payload == {**documented, "Message": documented["MessageConfiguration"]}


def test_a_campaigns_email_is_shown_to_the_hook_in_its_direct_form():
    email = {"FromAddress": "a@b.c", "Title": "t", "HtmlBody": "<p>", "Body": "b"}

    payload = hook_payload(
        [],
        **ids_of(sample("campaign_hook/filter_request")),
        message_configuration={"EmailMessage": email},
    )

    assert payload["MessageConfiguration"]["EmailMessage"] == {
        "FromAddress": "a@b.c",
        "SimpleEmail": {
            "Subject": {"Charset": "UTF-8", "Data": "t"},
            "HtmlPart": {"Charset": "UTF-8", "Data": "<p>"},
            "TextPart": {"Charset": "UTF-8", "Data": "b"},
        },
    }


def test_a_custom_channel_gets_the_documented_payload():
    documented = sample("campaign_hook/custom_channel_campaign_request")

    payload = custom_channel_payload(
        endpoints_of(documented), **ids_of(documented), data=documented["Data"]
    )

    assert payload == documented


def test_data_is_absent_without_a_custom_message():
    documented = sample("campaign_hook/custom_channel_campaign_request")

    assert "Data" not in custom_channel_payload([], **ids_of(documented), data=None)


def test_more_than_fifty_endpoints_do_not_go_into_one_call():
    documented = sample("campaign_hook/filter_request")
    crowd = [endpoint(str(n)) for n in range(51)]

    with pytest.raises(ValueError, match="at most 50"):
        hook_payload(crowd, **ids_of(documented), message_configuration={})


def test_the_documented_answer_drops_an_endpoint_and_changes_attributes_of_the_others():
    request = sample("campaign_hook/filter_request")

    kept = apply_hook_answer(endpoints_of(request), sample("campaign_hook/filter_response"))

    assert [one.endpoint["Id"] for one in kept] == [
        "ep-mary-email",
        "d8dcf7c5-e81a-48ae-8313-f540cexample",
    ]
    assert [one.endpoint["Attributes"]["CreditScore"] for one in kept] == [["715"], ["715"]]


def test_endpoints_the_hook_adds_are_ignored():
    assert apply_hook_answer([endpoint("a")], {"a": {}, "b": {"Address": "+1"}})[0].endpoint == (
        endpoint("a")
    )


def test_a_hook_changes_what_is_said_not_who_gets_it():
    answer = {
        "Address": "+19995550100",
        "ChannelType": "VOICE",
        "OptOut": "ALL",
        "EndpointStatus": "INACTIVE",
        "Id": "other",
        "User": {"UserId": "user-2", "UserAttributes": {"Age": [23], "Vip": True}},
        "Attributes": {"Score": "7", "Gone": None},
        "Location": {"City": "Rome"},
    }

    [one] = apply_hook_answer([endpoint("a")], {"a": answer})

    assert one.endpoint == endpoint(
        "a",
        Attributes={"Score": ["7"], "Gone": []},
        Location={"City": "Rome"},
        User={"UserId": "user-1001", "UserAttributes": {"Age": ["23"], "Vip": ["true"]}},
    )


@pytest.mark.parametrize(
    ("channel", "title", "body"), [("SMS", "T", "B"), ("GCM", "T", "B"), ("EMAIL", None, None)]
)
def test_overrides_count_for_sms_and_push_but_not_for_email(channel, title, body):
    answer = {"a": {"TitleOverride": "T", "BodyOverride": "B"}}

    [one] = apply_hook_answer([endpoint("a", ChannelType=channel)], answer)

    assert (one.title_override, one.body_override) == (title, body)


@pytest.mark.parametrize(
    "answer",
    [
        None,
        "ok",
        [{"Id": "a"}],
        {"a": None},
        {"a": "keep"},
        {"a": {"Attributes": ["x"]}},
        {"a": {"Attributes": {"x": {"y": "z"}}}},
        {"a": {"Attributes": {"x": [["y"]]}}},
        {"a": {"User": "user-1"}},
        {"a": {"User": {"UserAttributes": "x"}}},
        {"a": {"BodyOverride": 5}},
    ],
)
def test_an_answer_that_cannot_be_read_fails_the_batch(answer):
    with pytest.raises(HookFailure):
        apply_hook_answer([endpoint("a")], answer)


def test_an_empty_answer_drops_everyone():
    assert apply_hook_answer([endpoint("a")], {}) == []


@pytest.mark.parametrize(
    "definition",
    [3, {"User": 3}, {"Attributes": {"A": [{}]}}, {"BodyOverride": 3}],
)
def test_a_refused_answer_names_the_endpoint_by_its_place_since_its_id_may_be_an_address(
    definition,
):
    endpoints = [endpoint("e1"), endpoint("ann@example.com", ChannelType="SMS")]

    with pytest.raises(HookFailure, match="endpoint 2 of the 2") as refused:
        apply_hook_answer(endpoints, {"ann@example.com": definition})

    assert "ann@example.com" not in str(refused.value)


def hooked(html, **definition):
    """Return the email's HTML for an endpoint that a hook gave these attributes."""
    stored = endpoint("ann", Attributes={"html": ["<i>stored</i>"]})
    answer = {"ann": {"Attributes": {"html": ["<b>Hi & bye</b>"]}, **definition}}
    [one] = apply_hook_answer([stored], answer)
    assert stored["Attributes"] == {"html": ["<i>stored</i>"]}
    return compile_template(html, html=True).render(one.endpoint)


@pytest.mark.parametrize("shell", ["<html>{{Attributes.html}}</html>", "{{Attributes.html.[0]}}"])
def test_two_braces_print_markup_that_the_hook_vouches_for_as_it_is(shell):
    assert "<b>Hi & bye</b>" in hooked(shell, MarkupAttributes=["html"])


def test_two_braces_escape_every_other_value_that_a_hook_gives():
    assert hooked("{{Attributes.html}}") == "&lt;b&gt;Hi &amp; bye&lt;/b&gt;"
    assert hooked("{{Attributes.html}}", MarkupAttributes=["subject"]).startswith("&lt;b")
    assert hooked("{{upper Attributes.html}}", MarkupAttributes=["html"]).startswith("&lt;B")


def test_a_stored_value_that_the_hook_did_not_give_is_never_markup():
    answer = {"ann": {"MarkupAttributes": ["html"]}}
    [one] = apply_hook_answer([endpoint("ann", Attributes={"html": ["<i>x</i>"]})], answer)

    written = compile_template("{{Attributes.html}}", html=True).render(one.endpoint)

    assert written == "&lt;i&gt;x&lt;/i&gt;"


@pytest.mark.parametrize("names", ["html", {"html": True}, [1]])
def test_names_of_markup_that_cannot_be_read_fail_the_batch(names):
    with pytest.raises(HookFailure, match="MarkupAttributes is not a list of names"):
        hooked("{{Attributes.html}}", MarkupAttributes=names)
