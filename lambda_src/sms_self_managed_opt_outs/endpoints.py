"""Find the endpoints of a number in a project, and mark them with the number's opt-outs.

The API has no query by address. Candidates are the ids that were seen with the number, ids built of
the number, and the other endpoints of the users; each is read, and only an endpoint that has the
number is updated. So no update creates an endpoint.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from shared.phone_numbers import same_number
from shared.pinpoint import current_endpoint
from shared.transient import error_code
from sms_self_managed_opt_outs.keywords import EVERY_CATEGORY

if TYPE_CHECKING:
    from mypy_boto3_pinpoint import PinpointClient

__all__ = ["Endpoints", "Marked"]

_TEXT_CHANNELS = frozenset({"SMS", "VOICE"})
_ABSENT = "NotFoundException"


@dataclass(frozen=True, slots=True)
class Marked:
    """Endpoints of a number: how many were found, and how many of them were updated."""

    found: int = 0
    updated: int = 0


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The endpoints of one project.

    `seen` returns the ids that were seen with a number. `id_patterns` have the placeholders
    `{number}` (`+12065550142`) and `{digits}`. `of_user` also marks the other SMS endpoints of the
    users, whatever their number.
    """

    client: PinpointClient
    project_id: str
    seen: Callable[[str], Sequence[str]]
    attribute: str
    id_patterns: Sequence[str] = ()
    of_user: bool = False

    def mark(self, number: str, opted_out: Sequence[str]) -> Marked:
        """Make the mark of every endpoint of the number say these categories.

        Raises:
            ClientError, BotoCoreError: the API refused, or did not answer; repeat all of it.
        """
        found = self._find(number)
        updated = sum(self._mark_one(endpoint, opted_out) for endpoint in found.values())
        return Marked(len(found), updated)

    def _find(self, number: str) -> dict[str, Mapping[str, Any]]:
        found: dict[str, Mapping[str, Any]] = {}
        users: dict[str, None] = {}
        for endpoint_id in self._candidates(number):
            endpoint = current_endpoint(self.client, self.project_id, endpoint_id)
            if endpoint is None or not _has(endpoint, number):
                continue
            found[endpoint["Id"]] = endpoint
            if user_id := (endpoint.get("User") or {}).get("UserId"):
                users[user_id] = None
        for user_id in users:
            for endpoint in self._of_user(user_id):
                texts = endpoint.get("ChannelType") in _TEXT_CHANNELS
                if _has(endpoint, number) or (self.of_user and texts):
                    found.setdefault(endpoint["Id"], endpoint)
        return found

    def _candidates(self, number: str) -> Iterable[str]:
        built = (
            pattern.replace("{number}", number).replace("{digits}", number.lstrip("+"))
            for pattern in self.id_patterns
        )
        return dict.fromkeys([*self.seen(number), *built])

    def _of_user(self, user_id: str) -> Sequence[Mapping[str, Any]]:
        try:
            answer = self.client.get_user_endpoints(ApplicationId=self.project_id, UserId=user_id)
        except ClientError as error:
            if error_code(error) != _ABSENT:
                raise
            return []
        return answer["EndpointsResponse"]["Item"]

    def _mark_one(self, endpoint: Mapping[str, Any], opted_out: Sequence[str]) -> bool:
        there = list((endpoint.get("Attributes") or {}).get(self.attribute) or [])
        wanted = list(opted_out)
        change: dict[str, Any] = {}
        if there != wanted:
            change["Attributes"] = {self.attribute: wanted}
        if EVERY_CATEGORY in wanted and endpoint.get("OptOut") != "ALL":
            change["OptOut"] = "ALL"
        elif EVERY_CATEGORY in there and EVERY_CATEGORY not in wanted:
            change["OptOut"] = "NONE"
        if not change:
            return False
        # An update without a status would make an inactive endpoint active.
        change["EndpointStatus"] = endpoint.get("EndpointStatus") or "ACTIVE"
        request: Any = change
        self.client.update_endpoint(
            ApplicationId=self.project_id, EndpointId=endpoint["Id"], EndpointRequest=request
        )
        return True


def _has(endpoint: Mapping[str, Any], number: str) -> bool:
    return endpoint.get("ChannelType") in _TEXT_CHANNELS and same_number(
        endpoint.get("Address") or "", number
    )
