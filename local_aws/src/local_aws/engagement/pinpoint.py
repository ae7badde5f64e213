"""What is left of the Amazon Pinpoint API since 2026-10-30 (scope ``mobiletargeting``).

Projects and their SMS and voice channels, tags, SendMessages to addresses, and
PhoneNumberValidate by the ``phonenumbers`` package. The operations that ended answer an error
that says so, and so do those that live on but are not here.
"""

from __future__ import annotations

import os
import re
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

from local_aws.engagement import sms_voice
from local_aws.engagement.modelled import ModelledError, Service
from local_aws.engagement.registration import Scoped, arn, serve

SCOPE = "mobiletargeting"
END = "2026-10-30"
Json = dict[str, Any]

# Operations that AWS goes on offering, under the name End User Messaging; all others ended.
_LIVES_ON = re.compile(
    r"(Create|Get|Delete)Apps?|(Get|Update|Delete)(Adm|Apns\w*|Baidu|Gcm|Sms|Voice)Channel"
    r"|GetChannels|SendMessages|SendOTPMessage|VerifyOTPMessage|PhoneNumberValidate"
    r"|(Tag|Untag)Resource|ListTagsForResource"
)


def ended(what: str) -> ModelledError:
    return ModelledError(
        "BadRequestException",
        f"{what}: Amazon Pinpoint ended this on {END}. Give the client the endpoint_url of an API "
        "that still offers it, or use Amazon SES for email.",
    )


def _absent(operation: str) -> ModelledError:
    if not _LIVES_ON.fullmatch(operation):
        return ended(operation)
    return ModelledError(
        "BadRequestException",
        f"{operation} is not available in the local AWS: run it against AWS, or leave it out.",
    )


service = Service("pinpoint", invalid="BadRequestException", absent=_absent)


@dataclass
class Projects:
    """The projects of one account and region, by id."""

    apps: dict[str, Json] = field(default_factory=dict)
    channels: dict[tuple[str, str], Json] = field(default_factory=dict)


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
    app, body = _app(request["ApplicationId"]), request[f"{_WIRE[platform]}ChannelRequest"]
    channels = projects.here().channels
    before = channels.get((app["Id"], platform), {"CreationDate": _now(), "Version": 0})
    channels[app["Id"], platform] = {
        **before,
        **body,
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


_WIRE = {"SMS": "SMS", "VOICE": "Voice"}

for _platform, _name in _WIRE.items():
    for _verb, _function in {
        "Get": _channel, "Update": _set_channel, "Delete": _delete_channel
    }.items():  # fmt: skip

        def _serve(request: Json, function: Any = _function, platform: str = _platform) -> Json:
            return {f"{_WIRE[platform]}ChannelResponse": function(request, platform)}

        service.operations[f"{_verb}{_name.capitalize()}Channel"] = _serve


# Sending


@service.operation
def send_messages(request: Json) -> Json:
    """SMS and voice to addresses. The call succeeds even when every address fails."""
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
    if others := channels - {"SMS", "VOICE"}:
        raise ModelledError(
            "BadRequestException",
            f"SendMessages by ChannelType {', '.join(sorted(others)) or 'none'} is not available "
            "in the local AWS: it must be SMS or VOICE.",
        )
    sent = {to: _send(app, to, address, body) for to, address in addresses.items()}
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


def _result(status: str, code: int, message: str) -> Json:
    return {"DeliveryStatus": status, "StatusCode": code, "StatusMessage": message}


def _substituted(text: str, values: Mapping[str, list[str]]) -> str:
    return re.sub(
        r"\{\{\s*([\w.]+)\s*\}\}",
        lambda found: ", ".join(values[found[1]]) if found[1] in values else found[0],
        text,
    )


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
