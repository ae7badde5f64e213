"""Final failures: one notification for the failures of a batch."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sms_retry.failures import End, Failure
from sms_retry.remember import Texts

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

__all__ = ["FinalFailure", "FinalFailures", "notifications"]

_PER_NOTIFICATION = 100  # some 40 KB of SNS's 256 KB


@dataclass(frozen=True, slots=True)
class FinalFailure:
    """A message that is not tried again. `retries` counts the retries before."""

    failure: Failure
    retries: int
    reason: End

    def as_json(self) -> dict[str, Any]:
        """Name the message by ids; an endpoint id can be an address and is left out."""
        ids = self.failure.ids
        named = {
            "CampaignId": ids.campaign_id,
            "JourneyId": ids.journey_id,
            "ApplicationId": ids.application_id,
        }
        return {
            "MessageId": self.failure.original_id,
            "Retries": self.retries,
            "Reason": str(self.reason),
            "RecordStatus": self.failure.status,
            **{name: value for name, value in named.items() if value},
        }


def notifications(finals: Sequence[FinalFailure]) -> Iterator[str]:
    """Yield the bodies of the notifications of final failures."""
    for start in range(0, len(finals), _PER_NOTIFICATION):
        chosen = finals[start : start + _PER_NOTIFICATION]
        yield json.dumps(
            {
                "FinalFailures": len(chosen),
                "Reasons": dict(Counter(str(one.reason) for one in chosen)),
                "Messages": [one.as_json() for one in chosen],
            }
        )


@dataclass(frozen=True, slots=True)
class FinalFailures:
    """The topic of final failures, and the texts that are of no use after them."""

    sns: SNSClient
    topic_arn: str
    texts: Texts

    def report(self, finals: Sequence[FinalFailure]) -> None:
        """Publish, then delete the texts.

        A message whose retry may have been sent keeps its text: its failure can still arrive.

        Raises:
            ClientError, BotoCoreError: some are not published; a repetition publishes all again.
        """
        for body in notifications(finals):
            self.sns.publish(
                TopicArn=self.topic_arn,
                Subject="Text messages failed permanently",
                Message=body,
                MessageAttributes={
                    "notification_type": {"DataType": "String", "StringValue": "failure"}
                },
            )
        for final in finals:
            if final.failure.text_key and final.reason is not End.UNKNOWN_OUTCOME:
                self.texts.forget(final.failure.text_key)
