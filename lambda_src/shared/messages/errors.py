"""The errors of a message or template that cannot be used.

`shared.messages.errors` has the other errors of the Pinpoint API.
"""

__all__ = ["BadRequest", "EngagementError"]


class EngagementError(Exception):
    """Base of everything the engagement domain refuses."""

    code = "InternalServerErrorException"
    status = 500

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class BadRequest(EngagementError):
    """The request breaks a rule; sending it again unchanged cannot help."""

    code = "BadRequestException"
    status = 400
