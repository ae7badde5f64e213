"""Put permits on the queue of an identity, ten a call."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from shared.transient import ServiceUnavailable
from sms_s3_drop.turns import Permit

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

__all__ = ["enqueue"]

PERMITS_PER_CALL = 10  # SQS.SendMessageBatch
_ATTEMPTS = 4


class PermitsRefused(RuntimeError):
    """SQS refused permits by a fault of ours; a retry cannot help."""


def enqueue(
    sqs: SQSClient,
    queue_url: str,
    permits: Sequence[Permit],
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Send permits; return the number of calls. A permit that is sent twice does no harm.

    Raises:
        ServiceUnavailable: SQS kept failing; the same call may succeed later.
        PermitsRefused: SQS says that the sender is at fault.
    """
    calls = 0
    for first in range(0, len(permits), PERMITS_PER_CALL):
        left: list[Permit] = list(permits[first : first + PERMITS_PER_CALL])
        for attempt in range(_ATTEMPTS):
            if attempt:
                sleep(0.2 * 2**attempt)
            entries: Any = [
                {"Id": str(n), "MessageBody": json.dumps(permit.body())}
                for n, permit in enumerate(left)
            ]
            failed = sqs.send_message_batch(QueueUrl=queue_url, Entries=entries).get("Failed", [])
            calls += 1
            if refused := [failure["Code"] for failure in failed if failure["SenderFault"]]:
                raise PermitsRefused(f"SQS refused {len(refused)} permits: {refused[0]}.")
            left = [left[int(failure["Id"])] for failure in failed]
            if not left:
                break
        else:
            raise ServiceUnavailable(f"SQS did not take {len(left)} permits.")
    return calls
