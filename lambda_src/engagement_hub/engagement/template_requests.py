"""Template requests: names, lengths, default values, and parts that can be compiled."""

import json
import re
from collections.abc import Mapping
from typing import Any

from engagement_hub.engagement.errors import BadRequest
from engagement_hub.engagement.templates import TemplateError, compile_template

SMS_BODY_LIMIT = 1_600
EMAIL_PART_LIMIT = 600_000
VOICE_BODY_LIMIT = 10_000
HEADER_LIMIT = 15
HEADER_NAME_LIMIT = 126
HEADER_VALUE_LIMIT = 870
TEMPLATE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")
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


def default_substitutions(template: Mapping[str, Any]) -> dict[str, Any]:
    """Return the template's default values, decoded.

    Raises:
        BadRequest: DefaultSubstitutions is no string that holds a JSON object.
    """
    encoded = template.get("DefaultSubstitutions")
    if encoded is None or encoded == "":
        return {}
    try:
        decoded = json.loads(encoded)
    except (TypeError, ValueError, RecursionError):
        decoded = None
    if not isinstance(decoded, dict):
        raise BadRequest(
            "DefaultSubstitutions must be a string that holds a JSON object, such as "
            '{"User.UserAttributes.FirstName": "there"}.'
        )
    return decoded


def _check_part(request: Mapping[str, Any], member: str, limit: int, html: bool = False) -> bool:
    text = request.get(member)
    if text is None or text == "":
        return False
    if not isinstance(text, str):
        raise BadRequest(f"{member} must be a string.")
    if len(text) > limit:
        raise BadRequest(f"{member} has {len(text)} characters; the limit is {limit}. Shorten it.")
    try:
        compile_template(text, html=html)
    except TemplateError as error:
        raise BadRequest(f"{member}: {error.message}") from error
    return True


def validate_template(kind: str, request: Mapping[str, Any]) -> None:
    """Check a template request of kind EMAIL, SMS or VOICE before it is stored.

    Raises:
        BadRequest: a part is too long, cannot be compiled (member, line and column are named), all
            parts are missing, or DefaultSubstitutions is no JSON object in a string.

    Source: Pinpoint quotas, "Message templates": SMS 1,600 characters, email 600,000, voice 10,000.
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
    else:
        raise BadRequest(f"This engagement hub has no {kind} templates; it has EMAIL, SMS, VOICE.")
    if request.get("RecommenderId"):
        raise BadRequest("RecommenderId: recommenders are not offered by this engagement hub.")
    if not any(parts):
        raise BadRequest(f"The template needs {wanted}.")


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
