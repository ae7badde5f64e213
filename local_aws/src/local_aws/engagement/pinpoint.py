"""What is left of the Amazon Pinpoint API since 2026-10-30 (scope ``mobiletargeting``).

Projects and their SMS, voice and push channels, tags, SendMessages to addresses, one-time
passwords, and PhoneNumberValidate by the ``phonenumbers`` package. The operations that ended answer
an error that says so.
"""

from __future__ import annotations

import os
import re
import secrets
import threading
import time
import uuid
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

import phonenumbers
from phonenumbers import PhoneNumberFormat, PhoneNumberType, carrier, geocoder, timezone

from local_aws.engagement import outbox, sms_voice
from local_aws.engagement.modelled import ModelledError, Service
from local_aws.engagement.registration import Scoped, arn, serve

SCOPE = "mobiletargeting"
END = "2026-10-30"
Json = dict[str, Any]


def ended(what: str) -> ModelledError:
    return ModelledError(
        "BadRequestException",
        f"{what}: Amazon Pinpoint ended this on {END}. Give the client the endpoint_url of an API "
        "that still offers it, or use Amazon SES for email.",
    )


service = Service("pinpoint", invalid="BadRequestException", absent=ended)


@dataclass
class Projects:
    """The projects of one account and region, by id."""

    apps: dict[str, Json] = field(default_factory=dict)
    channels: dict[tuple[str, str], Json] = field(default_factory=dict)
    passwords: dict[tuple[str, str, str], Password] = field(default_factory=dict)


@dataclass
class Password:
    """A one-time password: attempts that are left, and the end of its time (monotonic seconds)."""

    code: str
    attempts: int
    until: float


projects: Scoped[Projects] = Scoped(Projects)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _app(app_id: str) -> Json:
    found = projects.here().apps.get(app_id)
    if found is None:
        raise ModelledError("NotFoundException", f"Resource not found: there is no app {app_id!r}.")
    return found


# Projects


@service.operation
def create_app(request: Json) -> Json:
    body = request["CreateApplicationRequest"]
    app_id = uuid.uuid4().hex
    app = {
        "Id": app_id,
        "Arn": arn(SCOPE, f"apps/{app_id}"),
        "Name": body["Name"],
        "tags": dict(body.get("tags", {})),
        "CreationDate": _now(),
    }
    projects.here().apps[app_id] = app
    return {"ApplicationResponse": app}


@service.operation
def get_app(request: Json) -> Json:
    return {"ApplicationResponse": _app(request["ApplicationId"])}


@service.operation
def get_apps(request: Json) -> Json:
    apps = list(projects.here().apps.values())
    sizes = (request.get("PageSize", "100"), request.get("Token", "0"))
    if not all(size.isdigit() for size in sizes):
        raise ModelledError("BadRequestException", "page-size and token must be numbers.")
    size, start = map(int, sizes)
    token = {"NextToken": str(start + size)} if start + size < len(apps) else {}
    return {"ApplicationsResponse": {"Item": apps[start : start + size], **token}}


@service.operation
def delete_app(request: Json) -> Json:
    gone = _app(request["ApplicationId"])
    here = projects.here()
    del here.apps[gone["Id"]]
    here.channels = {key: value for key, value in here.channels.items() if key[0] != gone["Id"]}
    here.passwords = {key: value for key, value in here.passwords.items() if key[0] != gone["Id"]}
    return {"ApplicationResponse": gone}


def _settings(app_id: str) -> Json:
    empty: Json = {"CampaignHook": {}, "Limits": {}, "QuietTime": {}}
    return {"ApplicationSettingsResource": {"ApplicationId": app_id, **empty}}


@service.operation
def get_application_settings(request: Json) -> Json:
    """Settings ended, but Terraform's aws_pinpoint_app reads them: there are none."""
    return _settings(_app(request["ApplicationId"])["Id"])


@service.operation
def update_application_settings(request: Json) -> Json:
    """Terraform's aws_pinpoint_app writes settings even when it has none."""
    app = _app(request["ApplicationId"])
    body = request["WriteApplicationSettingsRequest"]
    given = [name for name, value in body.items() if value not in (None, {}, False)]
    if given:
        raise ended(f"UpdateApplicationSettings with {', '.join(sorted(given))}")
    return _settings(app["Id"])


# Tags


def _tagged(resource_arn: str) -> Json:
    for app in projects.here().apps.values():
        if app["Arn"] == resource_arn:
            return app
    raise ModelledError("NotFoundException", f"Resource not found: {resource_arn!r}.")


@service.operation
def list_tags_for_resource(request: Json) -> Json:
    return {"TagsModel": {"tags": _tagged(request["ResourceArn"])["tags"]}}


@service.operation
def tag_resource(request: Json) -> Json:
    _tagged(request["ResourceArn"])["tags"].update(request["TagsModel"]["tags"])
    return {}


@service.operation
def untag_resource(request: Json) -> Json:
    tags = _tagged(request["ResourceArn"])["tags"]
    for key in request["TagKeys"]:
        tags.pop(key, None)
    return {}


# Channels


def _channel(request: Json, platform: str) -> Json:
    app = _app(request["ApplicationId"])
    found = projects.here().channels.get((app["Id"], platform))
    if found is None:
        raise ModelledError("NotFoundException", f"The app has no {platform} channel.")
    return found


def _set_channel(request: Json, platform: str) -> Json:
    app, body = _app(request["ApplicationId"]), request[_payload(platform, "Update", "input")]
    channels = projects.here().channels
    before = channels.get((app["Id"], platform), {"CreationDate": _now(), "Version": 0})
    shown = {name: value for name, value in body.items() if name not in _SECRETS}
    if "ApiKey" in body:
        shown["Credential"] = body["ApiKey"]
    if "ServiceJson" in body:
        shown["HasFcmServiceCredentials"] = True
    if "TokenKey" in body:
        shown["HasTokenKey"] = True
    channels[app["Id"], platform] = {
        **before,
        **shown,
        "ApplicationId": app["Id"],
        "Enabled": body.get("Enabled", True),
        "HasCredential": True,
        "Id": platform.lower(),
        "IsArchived": False,
        "LastModifiedDate": _now(),
        "Platform": platform,
        "Version": before["Version"] + 1,
    }
    return channels[app["Id"], platform]


def _delete_channel(request: Json, platform: str) -> Json:
    gone = _channel(request, platform)
    return projects.here().channels.pop((gone["ApplicationId"], platform))


@service.operation
def get_channels(request: Json) -> Json:
    app = _app(request["ApplicationId"])
    found = {
        platform: channel
        for (app_id, platform), channel in projects.here().channels.items()
        if app_id == app["Id"]
    }
    return {"ChannelsResponse": {"Channels": found}}


# A platform and its word in the names of operations.
_WORDS = {
    "ADM": "Adm",
    "APNS": "Apns",
    "APNS_SANDBOX": "ApnsSandbox",
    "APNS_VOIP": "ApnsVoip",
    "APNS_VOIP_SANDBOX": "ApnsVoipSandbox",
    "BAIDU": "Baidu",
    "GCM": "Gcm",
    "SMS": "Sms",
    "VOICE": "Voice",
}
_SECRETS = frozenset(
    {"ApiKey", "Certificate", "ClientSecret", "PrivateKey", "SecretKey", "ServiceJson", "TokenKey"}
)


def _payload(platform: str, verb: str, side: str) -> str:
    """Return the name of the payload of a channel's operation, on the ``input`` or ``output``."""
    model = service.model.operation_model(f"{verb}{_WORDS[platform]}Channel")
    shape: Any = getattr(model, f"{side}_shape")
    return str(shape.serialization["payload"])


for _platform, _word in _WORDS.items():
    for _verb, _function in {
        "Get": _channel, "Update": _set_channel, "Delete": _delete_channel
    }.items():  # fmt: skip

        def _serve(
            request: Json, function: Any = _function, platform: str = _platform, verb: str = _verb
        ) -> Json:
            return {_payload(platform, verb, "output"): function(request, platform)}

        service.operations[f"{_verb}{_word}Channel"] = _serve


# Sending


@service.operation
def send_messages(request: Json) -> Json:
    """SMS, voice and push to addresses. The call succeeds even when every address fails."""
    app, body = _app(request["ApplicationId"]), request["MessageRequest"]
    addresses: Mapping[str, Json] = body.get("Addresses", {})
    if body.get("Endpoints"):
        raise ended("SendMessages to endpoints")
    if body.get("TemplateConfiguration"):
        raise ended("SendMessages with a template")
    if not addresses:
        raise ModelledError("BadRequestException", "Addresses is missing: name at least one.")
    channels = {address.get("ChannelType", "") for address in addresses.values()}
    if "EMAIL" in channels:
        raise ended("SendMessages to email addresses")
    if others := channels - _WORDS.keys():
        raise ModelledError(
            "BadRequestException",
            f"ChannelType {', '.join(sorted(others)) or 'of an address'} has no messages to "
            f"addresses: it must be one of {', '.join(_WORDS)}.",
        )
    sent = {
        to: (_send if address["ChannelType"] in ("SMS", "VOICE") else _push)(app, to, address, body)
        for to, address in addresses.items()
    }
    answer = {"ApplicationId": app["Id"], "RequestId": str(uuid.uuid4()), "Result": sent}
    return {"MessageResponse": answer}


def _send(app: Json, to: str, address: Json, body: Json) -> Json:
    channel = address["ChannelType"]
    messages = body["MessageConfiguration"]
    message = messages.get("SMSMessage" if channel == "SMS" else "VoiceMessage", {})
    text = address.get("BodyOverride") or message.get("Body")
    text = text or messages.get("DefaultMessage", {}).get("Body")
    enabled = projects.here().channels.get((app["Id"], channel), {}).get("Enabled", True)
    if not text or not enabled:
        reason = f"The {channel} channel is disabled." if text else f"No {channel} message given."
        return _result("PERMANENT_FAILURE", 400, reason)
    values = {**message.get("Substitutions", {}), **address.get("Substitutions", {})}
    request = {
        "DestinationPhoneNumber": to,
        "MessageBody": _substituted(text, values),
        "MessageType": message.get("MessageType"),
        "OriginationIdentity": message.get("OriginationNumber") or message.get("SenderId"),
        "VoiceId": message.get("VoiceId"),
        "Context": {**body.get("Context", {}), **address.get("Context", {})},
    }
    request = {name: value for name, value in request.items() if value is not None}
    send = sms_voice.send_text_message if channel == "SMS" else sms_voice.send_voice_message
    try:
        message_id = send(request)["MessageId"]
    except ModelledError as error:
        if error.members.get("Reason") == "DESTINATION_PHONE_NUMBER_OPTED_OUT":
            return _result("OPT_OUT", 400, error.message)
        return _result("PERMANENT_FAILURE", 400, error.message)
    return _result("SUCCESSFUL", 200, f"MessageId: {message_id}") | {"MessageId": message_id}


def _push(app: Json, to: str, address: Json, body: Json) -> Json:
    """Put a notification in the outbox, if the project has the channel of its service."""
    channel = address["ChannelType"]
    if not projects.here().channels.get((app["Id"], channel), {}).get("Enabled"):
        return _result("PERMANENT_FAILURE", 400, f"The app has no enabled {channel} channel.")
    messages = body["MessageConfiguration"]
    member = {"ADM": "ADM", "BAIDU": "Baidu", "GCM": "GCM"}.get(channel, "APNS")
    notification: Json = next(
        (
            messages[name]
            for name in (
                f"{member}Message", "DefaultPushNotificationMessage", "DefaultMessage"
            )
            if name in messages
        ),
        {},
    )  # fmt: skip
    values = {**notification.get("Substitutions", {}), **address.get("Substitutions", {})}
    texts = {
        "title": address.get("TitleOverride") or notification.get("Title"),
        "body": address.get("BodyOverride") or notification.get("Body"),
        "raw_content": address.get("RawContent") or notification.get("RawContent"),
    }
    if not any(texts.values()):
        return _result("PERMANENT_FAILURE", 400, f"No {channel} message given.")
    message_id = str(uuid.uuid4())
    outbox.deliver(
        "push",
        {
            "to": to,
            "channel": channel,
            **{name: text and _substituted(text, values) for name, text in texts.items()},
            "message": notification,
            "message_id": message_id,
            "context": {**body.get("Context", {}), **address.get("Context", {})},
        },
    )
    return _result("SUCCESSFUL", 200, f"MessageId: {message_id}") | {"MessageId": message_id}


def _result(status: str, code: int, message: str) -> Json:
    return {"DeliveryStatus": status, "StatusCode": code, "StatusMessage": message}


def _substituted(text: str, values: Mapping[str, list[str]]) -> str:
    return re.sub(
        r"\{\{\s*([\w.]+)\s*\}\}",
        lambda found: ", ".join(values[found[1]]) if found[1] in values else found[0],
        text,
    )


# One-time passwords

# Member => least, most, default. AWS does not publish the defaults.
_PASSWORD_NUMBERS = {
    "AllowedAttempts": (1, 5, 3), "CodeLength": (5, 8, 6), "ValidityPeriod": (5, 60, 15)
}  # fmt: skip
_PASSWORD_TEXTS = {"BrandName": 20, "ReferenceId": 48}


@service.operation
def send_otp_message(request: Json) -> Json:
    """Send a code by SMS; the same destination and reference id verify it."""
    app, body = _app(request["ApplicationId"]), request["SendOTPMessageRequestParameters"]
    if body["Channel"] != "SMS":
        raise ModelledError("BadRequestException", "Channel must be SMS.")
    for member, longest in _PASSWORD_TEXTS.items():
        if not 1 <= len(body[member]) <= longest:
            raise ModelledError(
                "BadRequestException", f"{member} must have 1 to {longest} characters."
            )
    numbers = {}
    for member, (least, most, default) in _PASSWORD_NUMBERS.items():
        numbers[member] = body.get(member, default)
        if not least <= numbers[member] <= most:
            raise ModelledError("BadRequestException", f"{member} must be {least} to {most}.")
    code = "".join(secrets.choice("0123456789") for _ in range(numbers["CodeLength"]))
    to = body["DestinationIdentity"]
    text = {
        "DestinationPhoneNumber": to,
        "MessageBody": f"{body['BrandName']}: your code is {code}.",
        "MessageType": "TRANSACTIONAL",
        "OriginationIdentity": body["OriginationIdentity"],
    }
    try:
        message_id = sms_voice.send_text_message(text)["MessageId"]
    except ModelledError as error:
        result = _result("PERMANENT_FAILURE", 400, error.message)
    else:
        until = time.monotonic() + 60 * numbers["ValidityPeriod"]
        key = (app["Id"], to, body["ReferenceId"])
        projects.here().passwords[key] = Password(code, numbers["AllowedAttempts"], until)
        result = _result("SUCCESSFUL", 200, f"MessageId: {message_id}") | {"MessageId": message_id}
    answer = {"ApplicationId": app["Id"], "RequestId": str(uuid.uuid4()), "Result": {to: result}}
    return {"MessageResponse": answer}


@service.operation
def verify_otp_message(request: Json) -> Json:
    """Check a code: each check uses an attempt up, and a code is valid once."""
    app, body = _app(request["ApplicationId"]), request["VerifyOTPMessageRequestParameters"]
    key = (app["Id"], body["DestinationIdentity"], body["ReferenceId"])
    passwords = projects.here().passwords
    password = passwords.get(key)
    valid = False
    if password is not None:
        password.attempts -= 1
        in_time = password.until > time.monotonic()
        valid = in_time and secrets.compare_digest(password.code, body["Otp"])
        if valid or not in_time or password.attempts <= 0:
            del passwords[key]
    return {"VerificationResponse": {"Valid": valid}}


# Phone number validation

_CODES = {"MOBILE": 0, "LANDLINE": 1, "VOIP": 2, "INVALID": 3, "OTHER": 4, "PREPAID": 5}
_TYPES = {
    PhoneNumberType.MOBILE: "MOBILE",
    PhoneNumberType.FIXED_LINE_OR_MOBILE: "MOBILE",
    PhoneNumberType.FIXED_LINE: "LANDLINE",
    PhoneNumberType.VOIP: "VOIP",
}


@dataclass
class Quota:
    """A limit on calls in any one second, and what came of it."""

    per_second: int = field(default_factory=lambda: int(os.environ.get(RATE_VARIABLE, "20")))
    answered: int = 0
    throttled: int = 0
    _recent: deque[float] = field(default_factory=deque)

    def take(self, now: float) -> bool:
        """Count a call at ``now`` (seconds); false if it is one too many."""
        while self._recent and now - self._recent[0] >= 1:
            self._recent.popleft()
        if len(self._recent) >= self.per_second:
            self.throttled += 1
            return False
        self._recent.append(now)
        self.answered += 1
        return True


RATE_VARIABLE = "LOCAL_AWS_PHONE_NUMBER_VALIDATE_RATE"
validation_quota = Quota()


@service.operation
def phone_number_validate(request: Json) -> Json:
    if not validation_quota.take(time.monotonic()):
        raise ModelledError(
            "TooManyRequestsException",
            f"PhoneNumberValidate takes {validation_quota.per_second} requests a second.",
        )
    body = request["NumberValidateRequest"]
    number = body.get("PhoneNumber", "").strip()
    if not number:
        raise ModelledError("BadRequestException", "PhoneNumber is missing: give a phone number.")
    return {"NumberValidateResponse": validation(number, body.get("IsoCountryCode"))}


def validation(original: str, country: str | None) -> Json:
    """NumberValidateResponse of one number.

    Without a country the number has to start with its country calling code. A number that no
    numbering plan has is INVALID, and then has neither carrier nor place.
    """
    answer: Json = {"OriginalPhoneNumber": original}
    if country:
        answer["OriginalCountryCodeIso2"] = country
    text = original if country or original.startswith("+") else f"+{original}"
    try:
        number = phonenumbers.parse(text, country and country.upper())
    except phonenumbers.NumberParseException:
        return answer | {"PhoneType": "INVALID", "PhoneTypeCode": _CODES["INVALID"]}
    national = re.sub(r"\D", "", phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL))
    answer |= {
        "CleansedPhoneNumberE164": phonenumbers.format_number(number, PhoneNumberFormat.E164),
        "CleansedPhoneNumberNational": national,
        "CountryCodeNumeric": str(number.country_code),
    }
    valid = phonenumbers.is_valid_number(number)
    kind = _TYPES.get(phonenumbers.number_type(number), "OTHER") if valid else "INVALID"
    answer |= {"PhoneType": kind, "PhoneTypeCode": _CODES[kind]}
    if not valid:
        return answer
    region = phonenumbers.region_code_for_number(number) or ""
    # A number of the country that has a place: toll-free and mobile numbers have none.
    typical = phonenumbers.example_number(region) or number
    zones, home = map(timezone.time_zones_for_number, (number, typical))
    described = {
        "Country": geocoder.country_name_for_number(typical, "en"),
        "CountryCodeIso2": region if region.isalpha() else "",
        "Carrier": carrier.name_for_number(number, "en"),
        "City": geocoder.description_for_number(number, "en"),
        "Timezone": next((zone for zone in home if zone in zones), zones[0]),
    }
    if described["City"] == described["Country"]:
        del described["City"]
    unknown = ("", timezone.UNKNOWN_TIMEZONE)
    return answer | {name: value for name, value in described.items() if value not in unknown}


def _resource_of(method: str, path: str, headers: Mapping[str, str], body: bytes) -> str:
    """Developer guide, "Actions for IAM policies": the resource is the request's own path."""
    resource = unquote(path).removeprefix("/v1/")
    return resource.removeprefix("tags/")


def reset() -> None:
    global validation_quota
    projects.reset()
    validation_quota = Quota()


def register() -> None:
    serve(SCOPE, service, _resource_of)
    # The geographical data is large: read it now, and not while the first caller waits.
    threading.Thread(target=validation, args=("+12065550100", None), daemon=True).start()
