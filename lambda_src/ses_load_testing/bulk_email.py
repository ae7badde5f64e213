"""One call of SendBulkEmail, and what its answer means for each of its emails."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from ses_load_testing.message import Message
from shared.send_once import surely_not_sent

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client

__all__ = ["Answer", "Entry", "Verdict", "send_bulk", "template_data"]


class Verdict(StrEnum):
    """The next action for one email."""

    SENT = "sent"
    LATER = "later"  # surely not sent, and may go out another time
    DENIED = "surely not sent; the role, the credentials or the account do not allow it yet"
    STOP_QUOTA = "the 24-hour quota is used up"
    STOP_PAUSED = "the account may not send"
    NEVER = "surely not sent, and will not go out as it is"
    WHOLE_CALL = "surely not sent; one of the emails of the call is why"
    UNKNOWN = "it may be sent or not"


@dataclass(frozen=True, slots=True)
class Entry:
    """A message and the data of its template, as SES takes them."""

    message: Message
    template_data: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A verdict with SES's own word for it; `detail` may quote an address: never log it."""

    verdict: Verdict
    code: str
    detail: str = ""


_ENTRIES = {
    "SUCCESS": Verdict.SENT,
    "ACCOUNT_THROTTLED": Verdict.LATER,
    "TRANSIENT_FAILURE": Verdict.LATER,
    "ACCOUNT_DAILY_QUOTA_EXCEEDED": Verdict.STOP_QUOTA,
    "ACCOUNT_SENDING_PAUSED": Verdict.STOP_PAUSED,
    "ACCOUNT_SUSPENDED": Verdict.STOP_PAUSED,
}
_CALLS = {
    "TooManyRequestsException": Verdict.LATER,
    "ThrottlingException": Verdict.LATER,
    "Throttling": Verdict.LATER,
    "RequestLimitExceeded": Verdict.LATER,
    "ServiceUnavailable": Verdict.LATER,
    "ServiceUnavailableException": Verdict.LATER,
    "LimitExceededException": Verdict.STOP_QUOTA,
    "AccountSuspendedException": Verdict.STOP_PAUSED,
    "SendingPausedException": Verdict.STOP_PAUSED,
    # One address or one template's data can be behind these.
    "BadRequestException": Verdict.WHOLE_CALL,
    "MessageRejected": Verdict.WHOLE_CALL,
    # The sender, the configuration set or the template, which all emails of a call share.
    "MailFromDomainNotVerifiedException": Verdict.NEVER,
    "NotFoundException": Verdict.NEVER,
}


def send_bulk(ses: SESV2Client, entries: Sequence[Entry]) -> list[Answer]:
    """Send emails that share sender, template and configuration set; an answer for each.

    The client must not retry: a call that SES took and did not answer would go out twice. So a
    read time-out, a cut connection and a 500 are UNKNOWN; only what found no connection, or was
    refused, is surely not sent.
    """
    try:
        results = ses.send_bulk_email(**_request(entries))["BulkEmailEntryResults"]
    except ClientError as error:
        return [_of_call(error)] * len(entries)
    except ParamValidationError:
        # botocore's text quotes the parameters, which hold addresses.
        return [Answer(Verdict.WHOLE_CALL, "ParamValidationError")] * len(entries)
    except BotoCoreError as error:
        verdict = Verdict.LATER if surely_not_sent(error) else Verdict.UNKNOWN
        return [Answer(verdict, type(error).__name__)] * len(entries)
    answers = [
        Answer(
            _ENTRIES.get(result["Status"], Verdict.NEVER),
            result["Status"],
            result.get("Error") or "",
        )
        for result in results[: len(entries)]
    ]
    missing = len(entries) - len(answers)
    return answers + [Answer(Verdict.UNKNOWN, "NO_RESULT")] * missing


def _of_call(error: ClientError) -> Answer:
    code = str(error.response.get("Error", {}).get("Code", "Unknown"))
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    detail = str(error.response.get("Error", {}).get("Message", ""))
    verdict = _CALLS.get(code)
    if verdict is None and not surely_not_sent(error):
        verdict = Verdict.UNKNOWN
    if verdict is None and status in (413, 429, 503):
        verdict = Verdict.WHOLE_CALL if status == 413 else Verdict.LATER
    # An unlisted 4xx is about the caller (permissions, credentials, the clock) and not about an
    # email. A new policy counts after seconds, so such an error ends no email.
    return Answer(verdict or Verdict.DENIED, code, detail)


def _request(entries: Sequence[Entry]) -> dict[str, Any]:
    first = entries[0].message
    request: dict[str, Any] = {
        "FromEmailAddress": first.sender,
        "DefaultContent": {"Template": {"TemplateName": first.template, "TemplateData": "{}"}},
        "BulkEmailEntries": [
            {
                "Destination": {"ToAddresses": [entry.message.to]},
                "ReplacementTags": [
                    {"Name": name, "Value": value} for name, value in entry.message.tags
                ],
                "ReplacementEmailContent": {
                    "ReplacementTemplate": {"ReplacementTemplateData": entry.template_data}
                },
            }
            for entry in entries
        ],
    }
    if first.configuration_set is not None:
        request["ConfigurationSetName"] = first.configuration_set
    return request


def template_data(metadata: dict[str, Any], message: Message) -> str:
    """Return a user's metadata and the message's unique code, which wins, as JSON."""
    code = {} if message.unique_code is None else {"unique_code": message.unique_code}
    return json.dumps(metadata | code, ensure_ascii=False, separators=(",", ":"))
