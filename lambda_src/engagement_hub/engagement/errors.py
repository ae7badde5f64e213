"""The errors that the Pinpoint API can answer instead of a result.

Every error knows the exception name clients catch (`code`) and the HTTP status, so callers classify
by class and never by message text. Messages name the input, the rule and the way out; they never
carry an address, a number or a message body.

Source: Amazon Pinpoint API, service model 2016-12-01 (the eight modelled exceptions).
"""

import re

from shared.messages.errors import BadRequest, EngagementError

__all__ = [
    "AnsweredByAws",
    "BadRequest",
    "Conflict",
    "EngagementError",
    "Forbidden",
    "InternalServerError",
    "MethodNotAllowed",
    "NotFound",
    "NotImplementedOperation",
    "NotReached",
    "PayloadTooLarge",
    "TooManyRequests",
]

OPERATIONS_PAGE = "modules/engagement_hub/README.md (Operations of the API)"
# Operations that AWS still answers after 2026-10-30: numbers, one-time passwords, push.
LIVES_ON_AT_AWS = re.compile(
    r"PhoneNumberValidate|SendOTPMessage|VerifyOTPMessage"
    r"|(?:Get|Update|Delete)(?:Adm|Apns|ApnsSandbox|ApnsVoip|ApnsVoipSandbox|Baidu|Gcm)Channel"
)

_NO_ANALYTICS = "the hub keeps no analytics; the views of pinpoint_event_database answer it"
# Operations that are neither answered nor handed on, and the reasons.
REFUSALS = {
    "GetApplicationDateRangeKpi": _NO_ANALYTICS,
    "GetCampaignDateRangeKpi": _NO_ANALYTICS,
    "GetInAppMessages": "the hub delivers no in-app messages",
}


class Forbidden(EngagementError):
    """The caller may not do this."""

    code = "ForbiddenException"
    status = 403


class NotFound(EngagementError):
    """The project or the resource is not there."""

    code = "NotFoundException"
    status = 404


class MethodNotAllowed(EngagementError):
    """The resource does not take this verb."""

    code = "MethodNotAllowedException"
    status = 405


class NotImplementedOperation(MethodNotAllowed):
    """An operation of the API that the hub does not offer."""

    def __init__(self, operation: str) -> None:
        if LIVES_ON_AT_AWS.fullmatch(operation):
            advice = (
                f"AWS goes on answering it: name {operation} in the input forward of the module "
                "engagement_hub, so that the hub hands the call on to AWS; or call it with a "
                'client of its own that has no endpoint_url, as boto3.client("pinpoint").'
            )
        else:
            advice = f"{OPERATIONS_PAGE} lists the operations that it answers."
        reason = f": {REFUSALS[operation]}" if operation in REFUSALS else ""
        super().__init__(f"{operation} is not offered by this engagement hub{reason}. {advice}")
        self.operation = operation


class AnsweredByAws(EngagementError):
    """The error of AWS for a call that the hub handed on: its class, status and text."""

    def __init__(self, code: str, status: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


class Conflict(EngagementError):
    """The state of the resource, or a concurrent change of it, forbids this change."""

    code = "ConflictException"
    status = 409


class PayloadTooLarge(EngagementError):
    """The request body is over the limit."""

    code = "PayloadTooLargeException"
    status = 413


class TooManyRequests(EngagementError):
    """The caller should slow down and try again."""

    code = "TooManyRequestsException"
    status = 429


class InternalServerError(EngagementError):
    """The hub itself failed; trying again may help."""

    code = "InternalServerErrorException"
    status = 500


class NotReached(InternalServerError):
    """AWS could not be reached, so that it did nothing; trying again may help."""
