"""Points the bounce and complaint notifications of SES identities at a topic, and takes them back.

Runs when Terraform creates, changes and destroys the wiring, and on a schedule, since identities
are verified at any time. Every run looks at all identities and changes only what is not as wanted:
a run can be repeated, and the next one goes on where one ended.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from shared.transient import error_code

if TYPE_CHECKING:
    from mypy_boto3_ses import SESClient
    from mypy_boto3_sesv2 import SESV2Client

NOTIFICATIONS = ("Bounce", "Complaint")
PAGE_SIZE = 1000  # the most that ListEmailIdentities gives
GROUP_SIZE = 100  # the most that GetIdentityNotificationAttributes takes

# SES API Reference: each of these operations runs "no more than once per second", account-wide.
SECONDS_BETWEEN_CALLS = 1.0

# A policy attached in the same apply may take seconds to count (IAM User Guide, "Changes that I
# make are not always immediately visible"): a refusal is only believed after these waits.
REFUSAL_WAITS_SECONDS = (1, 2, 4, 8)
REFUSAL_CODES = frozenset({"AccessDenied", "AccessDeniedException"})
# Error code of SES for an identity that does not exist, or no longer.
UNKNOWN_IDENTITY = "InvalidParameterValue"


class MalformedWish(ValueError):
    """The input is not what modules/ses_event_processing sends."""


class IdentitiesNotWired(RuntimeError):
    """Some identities are not as wanted after a run that tried all of them."""


class EndlessListing(RuntimeError):
    """A listing gave the token of the page that was just read: it would never end."""


@dataclass(frozen=True, slots=True)
class Wish:
    """Where notifications shall go.

    Attributes:
        topic_arn: our topic.
        identities: names of the identities to wire; None for all that are verified.
        overwrite: whether to replace a topic that is not ours.
        ours: topics that may be replaced or taken away: ours, and ours before an update.
        unwire: whether to take our topic from every identity instead.
    """

    topic_arn: str
    identities: frozenset[str] | None
    overwrite: bool
    ours: frozenset[str]
    unwire: bool = False

    def wants(self, identity: str) -> bool:
        return not self.unwire and (self.identities is None or identity in self.identities)


def wish_from(event: Mapping[str, Any]) -> Wish:
    """Read an invocation: of the schedule, or of Terraform, which adds `tf` with the action.

    Raises:
        MalformedWish: a member is missing or has the wrong type; names it.
    """
    topic_arn = _topic_of(event)
    identities = event.get("identities")
    if identities is not None and not isinstance(identities, list):
        raise MalformedWish("identities must be a list of names, or null for all.")
    lifecycle = event.get("tf") or {}
    previous = lifecycle.get("prev_input") or {}
    return Wish(
        topic_arn=topic_arn,
        identities=None if identities is None else frozenset(identities),
        overwrite=event.get("overwrite") is True,
        ours=frozenset({topic_arn, _topic_of(previous)} if previous else {topic_arn}),
        unwire=lifecycle.get("action") == "delete",
    )


def _topic_of(event: Mapping[str, Any]) -> str:
    topic_arn = event.get("topic_arn")
    if not isinstance(topic_arn, str) or not topic_arn:
        raise MalformedWish("topic_arn must be the ARN of the topic that notifications go to.")
    return topic_arn


@dataclass(frozen=True, slots=True)
class Plan:
    """The change of one identity.

    Attributes:
        topics: the topic per notification that has to change; None to have no topic.
        keeps: whether a topic that is not ours stays where ours was wanted.
    """

    topics: Mapping[str, str | None]
    keeps: bool = False


def plan(identity: str, topics: Mapping[str, str], wish: Wish) -> Plan:
    """Plan the change of an identity with these topics (notification => ARN)."""
    if not wish.wants(identity):
        return Plan({name: None for name in NOTIFICATIONS if topics.get(name) in wish.ours})
    wrong = {name: topics.get(name) for name in NOTIFICATIONS if topics.get(name) != wish.topic_arn}
    replaceable = {
        name: wish.topic_arn
        for name, topic in wrong.items()
        if not topic or topic in wish.ours or wish.overwrite
    }
    return Plan(replaceable, keeps=len(replaceable) < len(wrong))


@dataclass(slots=True)
class Outcome:
    """How many identities became what; each counts once.

    Attributes:
        wired: got our topic now, for one notification or both.
        unwired: had our topic and should not.
        as_wanted: needed no change, or are not in the list of wanted identities.
        kept: stay with a topic that is not ours.
        unverified: shall be wired once they are verified, or do not exist.
        failed: could not be changed; `codes` says why, by number of identities.
        left: not looked at for lack of time.
    """

    wired: int = 0
    unwired: int = 0
    as_wanted: int = 0
    kept: int = 0
    unverified: int = 0
    failed: int = 0
    left: int = 0
    codes: Counter[str] = field(default_factory=Counter)

    def raise_if_short(self, wish: Wish) -> None:
        """Fail a run with failed identities, or that left identities while the topic goes away.

        Raises:
            IdentitiesNotWired: an identity failed, or our topic goes away and some still have it.
        """
        if self.failed:
            codes = ", ".join(f"{code} ({number})" for code, number in sorted(self.codes.items()))
            raise IdentitiesNotWired(
                f"{self.failed} SES identities could not be changed: {codes}. "
                f"{self.wired + self.unwired} others were. "
                "The next run tries again; every change can be repeated."
            )
        if self.left and wish.unwire:
            raise IdentitiesNotWired(
                f"Time ran out with {self.left} SES identities to look at, which may still have "
                "the topic. Destroy again: the next run goes on from here."
            )


class Identities:
    """The identities of the account and region, by API calls at the pace that SES allows."""

    def __init__(
        self,
        ses: SESClient,
        sesv2: SESV2Client,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._ses = ses
        self._sesv2 = sesv2
        self._clock = clock
        self._sleep = sleep
        self._free_at: dict[str, float] = {}
        self._waits = iter(REFUSAL_WAITS_SECONDS)

    def verified(self) -> Iterator[tuple[str, bool]]:
        """Yield every identity with whether it is verified: only then can it be wired.

        Raises:
            EndlessListing: SES gave the same token twice.
        """
        token: dict[str, Any] = {}
        while True:
            answer = self._call(self._sesv2, "list_email_identities", PageSize=PAGE_SIZE, **token)
            for identity in answer["EmailIdentities"]:
                yield identity["IdentityName"], identity["VerificationStatus"] == "SUCCESS"
            following = answer.get("NextToken")
            if not following:
                return
            if following == token.get("NextToken"):
                raise EndlessListing("ListEmailIdentities gave the same NextToken twice.")
            token = {"NextToken": following}

    def topics(self, names: list[str]) -> dict[str, dict[str, str]]:
        """Return the topics of up to 100 identities: name => notification => ARN."""
        answer = self._call(self._ses, "get_identity_notification_attributes", Identities=names)
        found = answer["NotificationAttributes"]
        return {
            name: {
                notification: attributes[f"{notification}Topic"]
                for notification in NOTIFICATIONS
                if attributes.get(f"{notification}Topic")
            }
            for name, attributes in found.items()
        }

    def set_topic(self, name: str, notification: str, topic_arn: str | None) -> None:
        topic = {} if topic_arn is None else {"SnsTopic": topic_arn}
        self._call(
            self._ses,
            "set_identity_notification_topic",
            Identity=name,
            NotificationType=notification,
            **topic,
        )

    def _call(self, client: Any, operation: str, **parameters: Any) -> Any:
        while True:
            delay = self._free_at.get(operation, 0.0) - self._clock()
            if delay > 0:
                self._sleep(delay)
            self._free_at[operation] = self._clock() + SECONDS_BETWEEN_CALLS
            try:
                return getattr(client, operation)(**parameters)
            except ClientError as error:
                refused = error.response["Error"]["Code"] in REFUSAL_CODES
                wait = next(self._waits, None) if refused else None
                if wait is None:
                    raise
                self._sleep(wait)


def wire(wish: Wish, identities: Identities, has_time: Callable[[], bool]) -> Outcome:
    """Bring about a wish as far as time allows; one identity's failure is that identity's alone.

    Raises:
        ClientError, BotoCoreError: the identities could not be listed, or their topics not read.
    """
    outcome = Outcome()
    listed = dict(identities.verified())
    # An identity that is not verified any more may still have our topic, so unwiring asks all.
    names = [name for name, verified in listed.items() if verified or not wish.wants(name)]
    asked_for = listed.keys() if wish.identities is None else wish.identities
    outcome.unverified = sum(wish.wants(name) and not listed.get(name) for name in asked_for)

    for start in range(0, len(names), GROUP_SIZE):
        group = names[start : start + GROUP_SIZE]
        topics = identities.topics(group) if has_time() else {}
        for position, name in enumerate(group, start):
            if not has_time():
                outcome.left = len(names) - position
                return outcome
            _wire_one(name, plan(name, topics.get(name, {}), wish), wish, identities, outcome)
    return outcome


def _wire_one(name: str, todo: Plan, wish: Wish, identities: Identities, outcome: Outcome) -> None:
    try:
        for notification, topic_arn in todo.topics.items():
            identities.set_topic(name, notification, topic_arn)
    except (ClientError, BotoCoreError) as error:
        code = error_code(error)
        # Deleted since the listing: then it has no topic either.
        if wish.wants(name) or code != UNKNOWN_IDENTITY:
            outcome.failed += 1
            outcome.codes[code] += 1
            return
    if todo.keeps:
        outcome.kept += 1
    elif not todo.topics:
        outcome.as_wanted += 1
    elif wish.wants(name):
        outcome.wired += 1
    else:
        outcome.unwired += 1
