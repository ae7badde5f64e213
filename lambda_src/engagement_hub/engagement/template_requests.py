"""Template requests: names, lengths, default values, and parts that can be compiled."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from engagement_hub.engagement.errors import BadRequest
from shared.messages.content import SMS_BODY_LIMIT, default_substitutions
from shared.messages.templates import TemplateError, compile_template

EMAIL_PART_LIMIT = 600_000
VOICE_BODY_LIMIT = 10_000
# Characters of all texts of a platform together.
PUSH_LIMITS = {"ADM": 6_000, "APNS": 4_000, "Baidu": 4_000, "Default": 4_000, "GCM": 4_000}
IN_APP_LIMIT = 200_000
IN_APP_MESSAGES = 5
TEMPLATE_TYPES = ("EMAIL", "SMS", "VOICE", "PUSH", "INAPP")
HEADER_LIMIT = 15
HEADER_NAME_LIMIT = 126
HEADER_VALUE_LIMIT = 870
TEMPLATE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")
_COLOR = re.compile(r"#(?:[0-9A-Fa-f]{3}){1,2}")
HEADER_NAME = re.compile(r"[!-9;-~]+")  # RFC 5322: printable ASCII without the colon


def validate_template_name(name: str) -> None:
    """Check a template's name.

    Raises:
        BadRequest: it does not start with a letter or digit, is longer than 128, or has characters
            other than letters, digits, `_` and `-`.
    """
    if not TEMPLATE_NAME.fullmatch(name):
        raise BadRequest(
            f"Template name {name[:128]!r} must start with a letter or digit and have 1 to 128 of "
            "A-Z, a-z, 0-9, _ and -."
        )


def _check_part(
    request: Mapping[str, Any], member: str, limit: int, html: bool = False, within: str = ""
) -> bool:
    text = request.get(member)
    if text is None or text == "":
        return False
    if not isinstance(text, str):
        raise BadRequest(f"{within}{member} must be a string.")
    if len(text) > limit:
        raise BadRequest(
            f"{within}{member} has {len(text)} characters; the limit is {limit}. Shorten it."
        )
    try:
        compile_template(text, html=html)
    except TemplateError as error:
        raise BadRequest(f"{within}{member}: {error.message}") from error
    return True


def validate_template(kind: str, request: Mapping[str, Any]) -> None:
    """Check a template request before it is stored.

    Args:
        kind: EMAIL, SMS, VOICE, PUSH or INAPP.

    Raises:
        BadRequest: a part is too long, cannot be compiled (member, line and column are named), all
            parts are missing, or DefaultSubstitutions is no JSON object in a string.

    Source: Pinpoint quotas, "Message templates": SMS 1,600 characters, email 600,000, voice 10,000,
    push 4,000 (ADM 6,000), in-app 200,000.
    """
    default_substitutions(request)
    if kind == "EMAIL":
        parts = [
            _check_part(request, "Subject", EMAIL_PART_LIMIT),
            _check_part(request, "HtmlPart", EMAIL_PART_LIMIT, html=True),
            _check_part(request, "TextPart", EMAIL_PART_LIMIT),
        ]
        validate_headers(request.get("Headers"))
        wanted = "a Subject, an HtmlPart or a TextPart"
    elif kind in ("SMS", "VOICE"):
        limit = SMS_BODY_LIMIT if kind == "SMS" else VOICE_BODY_LIMIT
        parts = [_check_part(request, "Body", limit)]
        wanted = "a Body"
    elif kind == "PUSH":
        parts = [_check_notification(request, platform) for platform in PUSH_LIMITS]
        wanted = f"one of {', '.join(PUSH_LIMITS)} with a Title, a Body or a RawContent"
    elif kind == "INAPP":
        parts = [_check_in_app_content(request)]
        wanted = "a Content of 1 message or more"
    else:
        raise BadRequest(
            f"There are no {kind} templates; the types are {', '.join(TEMPLATE_TYPES)}."
        )
    if not any(parts):
        raise BadRequest(f"The template needs {wanted}.")


def _check_notification(request: Mapping[str, Any], platform: str) -> bool:
    """Check the notification of one platform; return whether it has something to show."""
    notification = request.get(platform)
    if not notification:
        return False
    within, limit = f"{platform}.", PUSH_LIMITS[platform]
    texts = {name: text for name, text in notification.items() if name != "Action"}
    written = {name for name in texts if _check_part(texts, name, limit, within=within)}
    length = sum(len(texts[name]) for name in written)
    if length > limit:
        raise BadRequest(
            f"{platform} has {length} characters in all; the limit is {limit}. Shorten its texts."
        )
    if notification.get("Action") == "URL" and not written & {"Url", "RawContent"}:
        raise BadRequest(f"{platform}.Url is missing: Action URL opens it. Give Url.")
    raw = notification.get("RawContent") or ""
    if raw and "{{" not in raw:  # with variables only the rendered text is JSON
        try:
            decoded = json.loads(raw)
        except (ValueError, RecursionError):
            decoded = None
        if not isinstance(decoded, dict):
            raise BadRequest(f"{platform}.RawContent must be a string that holds a JSON object.")
    return bool(written & {"Title", "Body", "RawContent"})


def _check_in_app_content(request: Mapping[str, Any]) -> bool:
    """Check the messages of an in-app template; return whether it has one.

    Variables have no effect in them, so their texts are not compiled.

    Source: Amazon Pinpoint API, InAppTemplateRequest.Content: at most 5 messages, each with a
    header, a body and a background color. AWS CloudFormation, AWS::Pinpoint::InAppTemplate: colors
    are hex color codes.
    """
    messages = request.get("Content") or []
    if len(messages) > IN_APP_MESSAGES:
        raise BadRequest(f"Content has {len(messages)} messages; the limit is {IN_APP_MESSAGES}.")
    for number, message in enumerate(messages):
        _check_in_app_message(f"Content[{number}]", message)
    length = sum(len(text) for text in _texts_of(messages))
    if length > IN_APP_LIMIT:
        raise BadRequest(
            f"Content has {length} characters in all; the limit is {IN_APP_LIMIT}. Shorten it."
        )
    return bool(messages)


def _check_in_app_message(place: str, message: Mapping[str, Any]) -> None:
    for member in ("BackgroundColor", "HeaderConfig", "BodyConfig"):
        if not message.get(member):
            raise BadRequest(
                f"{place}.{member} is missing: an in-app message has a header, a body and a "
                "background color."
            )
    for config, text in (("HeaderConfig", "Header"), ("BodyConfig", "Body")):
        if not message[config].get(text):
            raise BadRequest(f"{place}.{config}.{text} must not be empty.")
    colors = {f"{place}.BackgroundColor": message["BackgroundColor"]}
    for config in ("HeaderConfig", "BodyConfig"):
        colors[f"{place}.{config}.TextColor"] = message[config].get("TextColor")
    for name in ("PrimaryBtn", "SecondaryBtn"):
        for where, button in (message.get(name) or {}).items():
            inside = f"{place}.{name}.{where}"
            if button.get("ButtonAction") != "CLOSE" and not button.get("Link"):
                raise BadRequest(f"{inside}.Link is missing: ButtonAction opens it. Give Link.")
            if where == "DefaultConfig":
                for color in ("BackgroundColor", "TextColor"):
                    colors[f"{inside}.{color}"] = button.get(color)
    for member, color in colors.items():
        if color and not _COLOR.fullmatch(color):
            raise BadRequest(f"{member} must be a hex color code, such as #1A2B3C.")


def _texts_of(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _texts_of(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts_of(one)


def validate_headers(headers: Any) -> None:
    """Check an email's own headers: at most 15, plain names, values of one line.

    Raises:
        BadRequest: one of them breaks the rules; SES would refuse the message.
    """
    if headers is None:
        return
    if not isinstance(headers, list) or len(headers) > HEADER_LIMIT:
        raise BadRequest(f"Headers must be a list of at most {HEADER_LIMIT}.")
    for number, header in enumerate(headers):
        name, value = header.get("Name") or "", header.get("Value") or ""
        if not HEADER_NAME.fullmatch(name) or len(name) > HEADER_NAME_LIMIT:
            raise BadRequest(
                f"Headers[{number}].Name must be 1 to {HEADER_NAME_LIMIT} printable ASCII "
                "characters without a colon."
            )
        if not value or len(value) > HEADER_VALUE_LIMIT or "\n" in value or "\r" in value:
            raise BadRequest(
                f"Headers[{number}].Value must be 1 to {HEADER_VALUE_LIMIT} characters on one line."
            )
        _check_part({f"Headers[{number}].Value": value}, f"Headers[{number}].Value", 10**6)
