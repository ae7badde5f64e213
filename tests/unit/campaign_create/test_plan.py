"""Input of a run: the three documented members, and options that are checked."""

import hashlib

import pytest

from campaign_create.plan import (
    BadCampaignRequest,
    Defaults,
    campaign_plan,
    campaign_request,
    campaigns_named,
)

DEFAULTS = Defaults(message_type="TRANSACTIONAL")
MINIMAL = {"SegmentId": "s1", "SegmentName": "people.csv", "SmsTemplateName": "greeting"}


def digest_of(correlation_id):
    return hashlib.sha256(correlation_id.encode()).hexdigest()[:16]


def request_for(run_input, correlation_id="run-1", defaults=DEFAULTS):
    return campaign_request(campaign_plan(run_input, correlation_id, defaults), correlation_id)


def test_the_documented_input_makes_the_campaign_of_the_reference_architecture():
    assert request_for(MINIMAL) == {
        "Name": f"people.csv [{digest_of('run-1')}]",
        "SegmentId": "s1",
        "TemplateConfiguration": {"SMSTemplate": {"Name": "greeting"}},
        "MessageConfiguration": {"SMSMessage": {"MessageType": "TRANSACTIONAL"}},
        "Schedule": {
            "StartTime": "IMMEDIATE",
            "Frequency": "ONCE",
            "Timezone": "UTC",
            "IsLocalTime": False,
        },
        "HoldoutPercent": 0,
        "IsPaused": False,
        "tags": {"CorrelationId": "run-1"},
    }


def test_options_reach_the_campaign():
    request = request_for(
        MINIMAL
        | {
            "TemplateVersion": "2",
            "MessageType": "PROMOTIONAL",
            "OriginationIdentity": "+14255550100",
            "SenderId": "Shop",
            "QuietTime": {"Start": "22:00", "End": "06:00"},
            "Limits": {"Daily": 1, "MessagesPerSecond": 50},
        }
    )

    assert request["TemplateConfiguration"]["SMSTemplate"] == {"Name": "greeting", "Version": "2"}
    assert request["MessageConfiguration"]["SMSMessage"] == {
        "MessageType": "PROMOTIONAL",
        "OriginationNumber": "+14255550100",
        "SenderId": "Shop",
    }
    assert request["Schedule"]["QuietTime"] == {"Start": "22:00", "End": "06:00"}
    assert request["Limits"] == {"Daily": 1, "MessagesPerSecond": 50}


def test_the_module_s_defaults_fill_what_the_input_leaves_out():
    defaults = Defaults("PROMOTIONAL", origination_identity="+14255550100", sender_id="Shop")

    message = request_for(MINIMAL, defaults=defaults)["MessageConfiguration"]["SMSMessage"]

    assert message == {
        "MessageType": "PROMOTIONAL",
        "OriginationNumber": "+14255550100",
        "SenderId": "Shop",
    }


def test_an_email_campaign_uses_an_email_template():
    request = request_for(
        {
            "SegmentId": "s1",
            "SegmentName": "people",
            "Channel": "EMAIL",
            "EmailTemplateName": "welcome",
            "FromAddress": "shop@example.com",
        }
    )

    assert request["TemplateConfiguration"] == {"EmailTemplate": {"Name": "welcome"}}
    assert request["MessageConfiguration"] == {"EmailMessage": {"FromAddress": "shop@example.com"}}


def test_a_scheduled_campaign_is_waited_for_in_utc():
    plan = campaign_plan(
        MINIMAL | {"Schedule": {"StartTime": "2027-01-31T09:00:00+01:00"}}, "c", DEFAULTS
    )

    assert plan.wait_until == "2027-01-31T08:00:00Z"


def test_an_immediate_campaign_is_not_waited_for():
    assert campaign_plan(MINIMAL, "c", DEFAULTS).wait_until is None


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"SegmentId": None}, "SegmentId"),
        ({"SegmentId": "  "}, "SegmentId"),
        ({"SegmentName": 3}, "SegmentName"),
        ({"SmsTemplateName": None}, "SmsTemplateName"),
        ({"SmsTemplateName": "two words"}, "SmsTemplateName"),
        ({"Channel": "PUSH"}, "Channel must be SMS or EMAIL"),
        ({"Channel": "EMAIL"}, "EmailTemplateName"),
        ({"TemplateVersion": 2}, "TemplateVersion"),
        ({"MessageType": "LOUD"}, "MessageType must be TRANSACTIONAL or PROMOTIONAL"),
        ({"FromAddress": "a@example.com"}, "FromAddress is for Channel EMAIL"),
        ({"Schedule": {"StartTime": "tomorrow"}}, "Schedule.StartTime"),
        ({"Schedule": {"StartTime": "2027-01-31T09:00:00"}}, "Schedule.StartTime"),
        ({"Schedule": {"Frequency": "EVENT"}}, "Schedule.Frequency"),
        ({"Schedule": {"Begin": "now"}}, "Schedule must be"),
        ({"Schedule": "now"}, "Schedule must be"),
        ({"QuietTime": {"Start": "25:00", "End": "06:00"}}, "QuietTime"),
        ({"QuietTime": {"Start": "22:00"}}, "QuietTime"),
        ({"Limits": {"Daily": 0}}, "Limits.Daily"),
        ({"Limits": {"Daily": True}}, "Limits.Daily"),
        ({"Limits": {"MessagesPerSecond": 20_001}}, "at most 20000"),
        ({"Limits": {"Weekly": 1}}, "Limits must be"),
        ({"ExpectedRecipients": -1}, "ExpectedRecipients"),
        ({"Colour": "red"}, "Unknown member 'Colour'"),
    ],
)
def test_a_bad_input_is_refused_by_name(change, named):
    with pytest.raises(BadCampaignRequest, match=named):
        campaign_plan(MINIMAL | change, "c", DEFAULTS)


def test_an_input_that_is_no_object_is_refused():
    with pytest.raises(BadCampaignRequest, match="JSON object"):
        campaign_plan([], "c", DEFAULTS)


def test_an_audience_above_the_guard_is_refused_and_nothing_is_sent():
    with pytest.raises(BadCampaignRequest, match="5001 recipients, more than MaxRecipients 5000"):
        campaign_plan(MINIMAL | {"ExpectedRecipients": 5001, "MaxRecipients": 5000}, "c", DEFAULTS)


def test_an_audience_at_the_guard_passes():
    campaign_plan(MINIMAL | {"ExpectedRecipients": 5000, "MaxRecipients": 5000}, "c", DEFAULTS)


def test_campaigns_of_one_segment_name_have_names_of_their_own():
    names = {campaign_plan(MINIMAL, run, DEFAULTS).name for run in ("run-1", "run-2")}

    assert len(names) == 2


def test_a_long_segment_name_leaves_room_for_what_tells_runs_apart():
    names = {
        campaign_plan(MINIMAL | {"SegmentName": "x" * 300}, run, DEFAULTS).name
        for run in ("run-1", "r" * 80)
    }

    assert [len(name) for name in names] == [64, 64]


def test_a_deleted_campaign_is_not_the_run_s():
    deleted = {"Id": "c1", "Name": "n", "State": {"CampaignStatus": "DELETED"}}

    assert list(campaigns_named([deleted], "n")) == []
