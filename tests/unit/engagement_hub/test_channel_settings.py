"""A project's channel settings, in direct sends and campaigns alike."""

from typing import Any

import pytest

from engagement_hub.engagement.channel_settings import ChannelSettings, settings_of
from engagement_hub.senders import SendOutcome
from engagement_hub.store.entities import Kind
from shared.messages.content import EmailContent, SmsContent, VoiceContent
from tests.builders.campaign_runs import build, campaign, people, send
from tests.builders.hub_workers import APP, segment

EMAIL = {
    "Platform": "EMAIL",
    "Enabled": True,
    "FromAddress": "brand@shop.example",
    "ConfigurationSet": "shop",
}
SHOP = ChannelSettings(
    email_from="brand@shop.example", email_configuration_set="shop", sms_origination="SHOP"
)


def test_a_project_without_channels_has_the_hubs_senders():
    assert settings_of([]) == ChannelSettings()


def test_settings_are_read_from_every_channel():
    channels: list[dict[str, Any]] = [
        EMAIL,
        {"Platform": "SMS", "Enabled": True, "SenderId": "SHOP"},
        {"Platform": "VOICE", "Enabled": False},
    ]

    assert settings_of(channels) == ChannelSettings(
        disabled=frozenset({"VOICE"}),
        email_from="brand@shop.example",
        email_configuration_set="shop",
        sms_origination="SHOP",
    )


@pytest.mark.parametrize(
    ("content", "applied"),
    [
        (
            EmailContent(text="T"),
            EmailContent(text="T", from_address="brand@shop.example", configuration_set="shop"),
        ),
        (
            EmailContent(text="T", from_address="own@shop.example"),
            EmailContent(text="T", from_address="own@shop.example", configuration_set="shop"),
        ),
        (SmsContent("T"), SmsContent("T", origination_identity="SHOP")),
        (
            SmsContent("T", origination_identity="+12065550100"),
            SmsContent("T", origination_identity="+12065550100"),
        ),
        (SmsContent("T", sender_id="OWN"), SmsContent("T", sender_id="OWN")),
        (VoiceContent("T"), VoiceContent("T")),
    ],
)
def test_a_projects_senders_fill_in_what_a_message_does_not_name(content, applied):
    assert SHOP.applied(content) == applied


def test_a_campaign_sends_from_the_senders_of_its_project(hub, sender, stream):
    segment(hub)
    people(hub, 1)
    event = campaign(hub)
    [key] = build(hub, event)
    contents: list[Any] = []
    sender.send = lambda content, address, context: (
        contents.append(content) or SendOutcome.accepted("m-1")
    )
    channel = {"Platform": "SMS", "Enabled": True, "SenderId": "SHOP"}
    hub.entities.put(APP, Kind.CHANNEL, "sms", channel)

    send(hub, event, key)

    [content] = contents
    assert content.origination_identity == "SHOP"
