"""The part of the Pinpoint API that lives on, as boto3 sees it."""

import threading

import pytest
from botocore.exceptions import ClientError

from builders.local_server import LocalServer, allow
from local_aws.engagement.pinpoint import Quota

MOBILE = "+12065550142"


def validate(local_aws: LocalServer, number: str, country: str | None = None) -> dict[str, object]:
    request = {"PhoneNumber": number} | ({"IsoCountryCode": country} if country else {})
    answer: dict[str, object] = local_aws.client("pinpoint").phone_number_validate(
        NumberValidateRequest=request
    )["NumberValidateResponse"]
    return answer


def new_app(local_aws: LocalServer) -> dict[str, str]:
    app: dict[str, str] = local_aws.client("pinpoint").create_app(
        CreateApplicationRequest={"Name": "shop", "tags": {"team": "crm"}}
    )["ApplicationResponse"]
    return app


@pytest.mark.parametrize(
    ("number", "country", "kind", "code"),
    [
        ("+12065550142", None, "MOBILE", 0),  # North America: fixed line or mobile
        ("12065550142", None, "MOBILE", 0),  # calling code without "+"
        ("2065550142", "US", "MOBILE", 0),
        ("07400123456", "GB", "MOBILE", 0),
        ("+5511961234567", None, "MOBILE", 0),
        ("+442071838750", None, "LANDLINE", 1),
        ("+4930123456", None, "LANDLINE", 1),
        ("+445612345678", None, "VOIP", 2),
        ("+12065550", None, "INVALID", 3),  # too short
        ("2065550142", "GB", "INVALID", 3),
        ("not a number", None, "INVALID", 3),
        ("+18005551234", None, "OTHER", 4),  # toll-free
        ("+19005551234", None, "OTHER", 4),  # premium
    ],
)
def test_a_number_has_the_type_its_numbering_plan_gives(
    local_aws: LocalServer, number: str, country: str | None, kind: str, code: int
) -> None:
    answer = validate(local_aws, number, country)

    assert (answer["PhoneType"], answer["PhoneTypeCode"]) == (kind, code)
    assert answer["OriginalPhoneNumber"] == number


def test_a_valid_number_has_carrier_place_and_time_zone(local_aws: LocalServer) -> None:
    mobile, landline = validate(local_aws, "07400123456", "GB"), validate(local_aws, "+14155552671")

    assert mobile == {
        "Carrier": "Three",
        "CleansedPhoneNumberE164": "+447400123456",
        "CleansedPhoneNumberNational": "07400123456",
        "Country": "United Kingdom",
        "CountryCodeIso2": "GB",
        "CountryCodeNumeric": "44",
        "OriginalCountryCodeIso2": "GB",
        "OriginalPhoneNumber": "07400123456",
        "PhoneType": "MOBILE",
        "PhoneTypeCode": 0,
        "Timezone": "Europe/London",
    }
    assert landline["City"] == "San Francisco, CA"
    assert landline["Timezone"] == "America/Los_Angeles"


def test_an_invalid_number_has_neither_carrier_nor_place(local_aws: LocalServer) -> None:
    answer = validate(local_aws, "+12065550", "US")

    assert not answer.keys() & {"Carrier", "City", "Country", "County", "ZipCode", "Timezone"}


def test_a_request_without_a_number_is_refused(local_aws: LocalServer) -> None:
    with pytest.raises(ClientError) as refused:
        local_aws.client("pinpoint").phone_number_validate(NumberValidateRequest={})

    assert refused.value.response["Error"]["Code"] == "BadRequestException"
    assert "PhoneNumber is missing" in str(refused.value)


def test_validations_beyond_the_quota_are_throttled_and_counted(local_aws: LocalServer) -> None:
    local_aws.post("phone-number-validate", {"per_second": 1})
    codes = []

    for _ in range(30):
        try:
            validate(local_aws, MOBILE)
            codes.append("ok")
        except ClientError as error:
            codes.append(error.response["Error"]["Code"])

    assert set(codes) == {"ok", "TooManyRequestsException"}
    assert local_aws.get("health")[1]["phone_number_validate"] == {
        "per_second": 1,
        "answered": codes.count("ok"),
        "throttled": codes.count("TooManyRequestsException"),
    }


def test_the_quota_counts_any_second_and_not_the_clocks() -> None:
    quota = Quota(per_second=2)

    taken = [quota.take(at) for at in (0.6, 0.9, 1.1, 1.65, 1.7, 1.95)]

    assert taken == [True, True, False, True, False, True]


def test_an_app_is_created_tagged_listed_and_deleted(local_aws: LocalServer) -> None:
    pinpoint = local_aws.client("pinpoint")
    app = new_app(local_aws)
    pinpoint.tag_resource(ResourceArn=app["Arn"], TagsModel={"tags": {"stage": "test"}})
    pinpoint.untag_resource(ResourceArn=app["Arn"], TagKeys=["team"])

    tags = pinpoint.list_tags_for_resource(ResourceArn=app["Arn"])["TagsModel"]["tags"]
    listed = pinpoint.get_apps()["ApplicationsResponse"]["Item"]
    pinpoint.delete_app(ApplicationId=app["Id"])

    assert tags == {"stage": "test"}
    assert [item["Id"] for item in listed] == [app["Id"]]
    with pytest.raises(pinpoint.exceptions.NotFoundException):
        pinpoint.get_app(ApplicationId=app["Id"])


def test_a_message_to_addresses_is_personalised_and_answered_for_each(
    local_aws: LocalServer,
) -> None:
    app = new_app(local_aws)

    answer = local_aws.client("pinpoint").send_messages(
        ApplicationId=app["Id"],
        MessageRequest={
            "Context": {"order": "7"},
            "Addresses": {
                MOBILE: {"ChannelType": "SMS", "Substitutions": {"Name": ["Ann"]}},
                "+14155552671": {"ChannelType": "VOICE"},
                "+1": {"ChannelType": "SMS"},
            },
            "MessageConfiguration": {
                "SMSMessage": {"Body": "Hello {{Name}}", "MessageType": "PROMOTIONAL"},
                "VoiceMessage": {"Body": "Hello there"},
            },
        },
    )["MessageResponse"]["Result"]

    statuses = {to: (item["DeliveryStatus"], item["StatusCode"]) for to, item in answer.items()}
    assert statuses == {
        MOBILE: ("SUCCESSFUL", 200),
        "+14155552671": ("SUCCESSFUL", 200),
        "+1": ("PERMANENT_FAILURE", 400),
    }
    [sms], [call] = local_aws.outbox("sms"), local_aws.outbox("voice")
    assert (sms["to"], sms["body"], sms["context"]) == (MOBILE, "Hello Ann", {"order": "7"})
    assert (sms["message_type"], sms["message_id"]) == ("PROMOTIONAL", answer[MOBILE]["MessageId"])
    assert call["body"] == "Hello there"


def test_an_address_that_opted_out_is_answered_as_such(local_aws: LocalServer) -> None:
    app = new_app(local_aws)
    local_aws.client("pinpoint-sms-voice-v2").put_opted_out_number(
        OptOutListName="Default", OptedOutNumber=MOBILE
    )

    result = local_aws.client("pinpoint").send_messages(
        ApplicationId=app["Id"],
        MessageRequest={
            "Addresses": {MOBILE: {"ChannelType": "SMS"}},
            "MessageConfiguration": {"SMSMessage": {"Body": "Hello"}},
        },
    )["MessageResponse"]["Result"][MOBILE]

    assert result["DeliveryStatus"] == "OPT_OUT"
    assert local_aws.outbox("sms") == []


@pytest.mark.parametrize(
    "request_body",
    [
        {"Addresses": {"ann@example.com": {"ChannelType": "EMAIL"}}, "MessageConfiguration": {}},
        {"Endpoints": {"e-1": {}}, "MessageConfiguration": {}},
        {
            "Addresses": {MOBILE: {"ChannelType": "SMS"}},
            "TemplateConfiguration": {"SMSTemplate": {"Name": "t"}},
            "MessageConfiguration": {},
        },
    ],
    ids=["email", "endpoints", "template"],
)
def test_what_send_messages_lost_in_2026_is_refused_with_the_date(
    local_aws: LocalServer, request_body: dict[str, object]
) -> None:
    app = new_app(local_aws)

    with pytest.raises(ClientError) as refused:
        local_aws.client("pinpoint").send_messages(
            ApplicationId=app["Id"], MessageRequest=request_body
        )

    assert refused.value.response["Error"]["Code"] == "BadRequestException"
    assert "SendMessages" in str(refused.value)
    assert "2026-10-30" in str(refused.value)


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        ("create_segment", {"WriteSegmentRequest": {"Name": "all"}}),
        ("get_campaigns", {}),
        ("update_endpoint", {"EndpointId": "e", "EndpointRequest": {"Address": MOBILE}}),
        ("create_journey", {"WriteJourneyRequest": {"Name": "j"}}),
        ("put_events", {"EventsRequest": {"BatchItem": {}}}),
    ],
)
def test_an_operation_that_ended_says_so_by_name(
    local_aws: LocalServer, operation: str, parameters: dict[str, object]
) -> None:
    app = new_app(local_aws)

    with pytest.raises(ClientError) as refused:
        getattr(local_aws.client("pinpoint"), operation)(ApplicationId=app["Id"], **parameters)

    assert refused.value.response["Error"]["Code"] == "BadRequestException"
    assert operation.replace("_", "") in str(refused.value).lower()
    assert "ended this on 2026-10-30" in str(refused.value)


@pytest.mark.parametrize(
    ("word", "request_name", "settings", "shown"),
    [
        ("gcm", "GCM", {"ServiceJson": "{}"}, {"HasFcmServiceCredentials": True}),
        ("apns", "APNS", {"TokenKey": "k", "BundleId": "b"}, {"HasTokenKey": True}),
        ("apns_voip_sandbox", "APNSVoipSandbox", {"Certificate": "c", "PrivateKey": "k"}, {}),
        ("baidu", "Baidu", {"ApiKey": "a", "SecretKey": "s"}, {"Credential": "a"}),
        ("adm", "ADM", {"ClientId": "c", "ClientSecret": "s"}, {"HasCredential": True}),
    ],
)
def test_a_push_channel_is_set_read_listed_and_deleted_without_its_secrets(
    local_aws: LocalServer,
    word: str,
    request_name: str,
    settings: dict[str, str],
    shown: dict[str, object],
) -> None:
    app, pinpoint = new_app(local_aws), local_aws.client("pinpoint")
    of_app = {"ApplicationId": app["Id"]}

    getattr(pinpoint, f"update_{word}_channel")(
        **of_app, **{f"{request_name}ChannelRequest": settings}
    )
    read = getattr(pinpoint, f"get_{word}_channel")(**of_app)[f"{request_name}ChannelResponse"]
    listed = pinpoint.get_channels(**of_app)["ChannelsResponse"]["Channels"]

    assert read.items() >= {"Platform": word.upper(), "Enabled": True, **shown}.items()
    assert not {"ServiceJson", "TokenKey", "PrivateKey", "SecretKey", "ClientSecret"} & set(read)
    assert list(listed) == [word.upper()]
    getattr(pinpoint, f"delete_{word}_channel")(**of_app)
    assert pinpoint.get_channels(**of_app)["ChannelsResponse"]["Channels"] == {}


def test_a_push_message_reaches_the_outbox_where_the_project_has_its_channel(
    local_aws: LocalServer,
) -> None:
    app, pinpoint = new_app(local_aws), local_aws.client("pinpoint")
    pinpoint.update_gcm_channel(
        ApplicationId=app["Id"], GCMChannelRequest={"ServiceJson": "{}", "Enabled": True}
    )

    result = pinpoint.send_messages(
        ApplicationId=app["Id"],
        MessageRequest={
            "Addresses": {
                "token-1": {"ChannelType": "GCM", "Substitutions": {"Name": ["Ann"]}},
                "token-2": {"ChannelType": "APNS"},
            },
            "MessageConfiguration": {"GCMMessage": {"Title": "Hi {{Name}}", "Body": "Hello"}},
            "Context": {"order": "7"},
        },
    )["MessageResponse"]["Result"]

    assert {to: one["DeliveryStatus"] for to, one in result.items()} == {
        "token-1": "SUCCESSFUL",
        "token-2": "PERMANENT_FAILURE",  # the project has no APNS channel
    }
    [sent] = local_aws.outbox("push")
    assert (sent["to"], sent["channel"], sent["title"]) == ("token-1", "GCM", "Hi Ann")
    assert (sent["body"], sent["context"]) == ("Hello", {"order": "7"})


def send_code(local_aws: LocalServer, app: dict[str, str], **members: object) -> str:
    """Send a one-time password by SMS; return its code."""
    sms = local_aws.client("pinpoint-sms-voice-v2")
    origin = sms.request_phone_number(
        IsoCountryCode="US",
        MessageType="TRANSACTIONAL",
        NumberCapabilities=["SMS"],
        NumberType="TOLL_FREE",
    )["PhoneNumber"]
    request = {
        "BrandName": "Shop",
        "Channel": "SMS",
        "DestinationIdentity": MOBILE,
        "OriginationIdentity": origin,
        "ReferenceId": "login-1",
        **members,
    }
    local_aws.client("pinpoint").send_otp_message(
        ApplicationId=app["Id"], SendOTPMessageRequestParameters=request
    )
    return str(local_aws.outbox("sms")[-1]["body"]).rstrip(".").rpartition(" ")[2]


def is_valid(local_aws: LocalServer, app: dict[str, str], code: str, to: str = MOBILE) -> bool:
    answer = local_aws.client("pinpoint").verify_otp_message(
        ApplicationId=app["Id"],
        VerifyOTPMessageRequestParameters={
            "DestinationIdentity": to, "ReferenceId": "login-1", "Otp": code
        },
    )  # fmt: skip
    return bool(answer["VerificationResponse"]["Valid"])


def test_a_code_is_valid_once_for_its_number_and_reference(local_aws: LocalServer) -> None:
    app = new_app(local_aws)

    code = send_code(local_aws, app, CodeLength=8)

    assert len(code) == 8
    assert not is_valid(local_aws, app, code, to="+12065550143")
    assert is_valid(local_aws, app, code)
    assert not is_valid(local_aws, app, code)


def test_a_code_is_gone_after_its_attempts(local_aws: LocalServer) -> None:
    app = new_app(local_aws)

    code = send_code(local_aws, app, AllowedAttempts=2)

    assert not any(is_valid(local_aws, app, "wrong") for _ in range(2))
    assert not is_valid(local_aws, app, code)


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("BrandName", "a" * 21),
        ("ReferenceId", ""),
        ("Channel", "EMAIL"),
        ("CodeLength", 4),
        ("AllowedAttempts", 6),
        ("ValidityPeriod", 61),
    ],
)
def test_a_code_outside_the_documented_limits_is_refused(
    local_aws: LocalServer, member: str, value: object
) -> None:
    app = new_app(local_aws)

    with pytest.raises(ClientError, match=member):
        send_code(local_aws, app, **{member: value})


def test_permissions_are_per_action_and_project(local_aws: LocalServer) -> None:
    mine, other = new_app(local_aws), new_app(local_aws)
    pinpoint = local_aws.as_role(
        "pinpoint", allow("mobiletargeting:SendMessages", f"{mine['Arn']}/messages")
    )
    request = {
        "Addresses": {MOBILE: {"ChannelType": "SMS"}},
        "MessageConfiguration": {"SMSMessage": {"Body": "Hello"}},
    }

    pinpoint.send_messages(ApplicationId=mine["Id"], MessageRequest=request)
    denied = []
    for call in (
        lambda: pinpoint.send_messages(ApplicationId=other["Id"], MessageRequest=request),
        lambda: pinpoint.get_app(ApplicationId=mine["Id"]),
        lambda: pinpoint.phone_number_validate(NumberValidateRequest={"PhoneNumber": MOBILE}),
    ):
        with pytest.raises(ClientError) as refused:
            call()
        denied.append(refused.value.response["ResponseMetadata"]["HTTPStatusCode"])

    assert denied == [403, 403, 403]
    assert len(local_aws.outbox("sms")) == 1


def test_parallel_sends_all_reach_the_outbox(local_aws: LocalServer) -> None:
    sms = local_aws.client("pinpoint-sms-voice-v2")

    threads = [
        threading.Thread(
            target=sms.send_text_message,
            kwargs={"DestinationPhoneNumber": f"+1206555{n:04d}", "MessageBody": str(n)},
        )
        for n in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)

    assert sorted(int(m["body"]) for m in local_aws.outbox("sms")) == list(range(20))
    assert not any(thread.is_alive() for thread in threads)


def test_tags_need_a_permission_on_the_tagged_project(local_aws: LocalServer) -> None:
    mine, other = new_app(local_aws), new_app(local_aws)
    pinpoint = local_aws.as_role(
        "pinpoint", allow("mobiletargeting:ListTagsForResource", mine["Arn"])
    )

    seen = pinpoint.list_tags_for_resource(ResourceArn=mine["Arn"])["TagsModel"]["tags"]
    denied = []
    for call in (
        lambda: pinpoint.list_tags_for_resource(ResourceArn=other["Arn"]),
        lambda: pinpoint.tag_resource(ResourceArn=mine["Arn"], TagsModel={"tags": {"a": "b"}}),
    ):
        with pytest.raises(ClientError) as refused:
            call()
        denied.append(refused.value.response["ResponseMetadata"]["HTTPStatusCode"])

    assert seen == {"team": "crm"}
    assert denied == [403, 403]
