"""Opt-out lists of End User Messaging: the service refuses to send to the numbers on them.

A list counts for the origination identities that it is attached to. A number can be deleted from a
list once in 30 days (API reference, DeleteOptedOutNumber).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from shared.transient import error_code

if TYPE_CHECKING:
    from mypy_boto3_pinpoint_sms_voice_v2 import PinpointSMSVoiceV2Client

__all__ = ["OptOutLists"]

# PHONE_NUMBER_CANNOT_BE_OPTED_IN; the model also has ConflictException for this operation.
_NOT_NOW = frozenset({"ValidationException", "ConflictException"})


@dataclass(frozen=True, slots=True)
class OptOutLists:
    """The lists of the categories, by category: names or ARNs."""

    client: PinpointSMSVoiceV2Client
    by_category: Mapping[str, str]

    def apply(
        self, number: str, *, opted_out: Collection[str], opted_in: Collection[str]
    ) -> tuple[str, ...]:
        """Put a number on the lists of some categories, and take it off the lists of others.

        A list that serves two categories has the number while one of them is opted out. A list
        whose category is in neither collection stays as it is: another program may have put the
        number there.

        Returns:
            The categories whose lists keep the number: it was deleted in the last 30 days.

        Raises:
            ClientError, BotoCoreError: the service refused, or did not answer; repeat all of it.
        """
        wanted = {name for category, name in self.by_category.items() if category in opted_out}
        for name in sorted(wanted):
            self.client.put_opted_out_number(OptOutListName=name, OptedOutNumber=number)
        free = {name for category, name in self.by_category.items() if category in opted_in}
        kept = {name for name in sorted(free - wanted) if not self._delete(name, number)}
        return tuple(one for one, name in sorted(self.by_category.items()) if name in kept)

    def _delete(self, name: str, number: str) -> bool:
        try:
            self.client.delete_opted_out_number(OptOutListName=name, OptedOutNumber=number)
        except ClientError as error:
            response: Mapping[str, Any] = error.response
            code = error_code(error)
            if code == "ResourceNotFoundException":
                if response.get("ResourceType") == "opt-out-list":
                    raise
                return True
            if code in _NOT_NOW:
                return False
            raise
        return True
