"""Verdicts of the last weeks by number, so that the same number is not paid for twice."""

import json
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from phone_number_validate.verdicts import Verdict
from shared.transient import ServiceUnavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

__all__ = ["VerdictCache"]

KEYS_PER_READ = 100  # BatchGetItem takes no more
ITEMS_PER_WRITE = 25  # BatchWriteItem takes no more
SECONDS_PER_DAY = 86_400
DAYS_OF_A_RUN = 2  # a million numbers at the default quota take 14 hours
ATTEMPTS = 8


class VerdictCache:
    """The items `pk = number#<E.164>`, `sk = verdict` of a table with the TTL attribute
    `expires_at`."""

    def __init__(
        self,
        dynamodb: "DynamoDBClient",
        table_name: str,
        days: int,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._dynamodb = dynamodb
        self._table_name = table_name
        self._days = days
        self._clock = clock
        self._sleep = sleep

    def read(self, numbers: Iterable[str], *, since: float) -> dict[str, Verdict]:
        """Return the verdicts that are there and young enough; DynamoDB may keep expired items for
        days.

        Args:
            since: start of the run in epoch seconds. A verdict of the run itself is young enough
                whatever the number of days, or the run would pay for it twice.

        Raises:
            ServiceUnavailable: DynamoDB kept leaving keys unprocessed.
        """
        now = self._clock()
        found: dict[str, Verdict] = {}
        keys = [_key(number) for number in numbers]
        for first in range(0, len(keys), KEYS_PER_READ):
            for item in self._batch_get(keys[first : first + KEYS_PER_READ]):
                # Compared by the age allowed today, which may be less than when it was written.
                checked_at = float(item["checked_at"]["N"])
                if now - checked_at < self._days * SECONDS_PER_DAY or checked_at >= since:
                    number = item["pk"]["S"].removeprefix("number#")
                    found[number] = Verdict(json.loads(item["response"]["S"]))
        return found

    def write(self, verdicts: Mapping[str, Verdict]) -> None:
        """Keep the verdicts by number.

        Raises:
            ServiceUnavailable: DynamoDB kept leaving items unprocessed.
        """
        now = self._clock()
        expires_at = int(now) + max(self._days, DAYS_OF_A_RUN) * SECONDS_PER_DAY
        puts = [
            {
                "PutRequest": {
                    "Item": {
                        **_key(number),
                        "response": {"S": json.dumps(dict(verdict.response))},
                        "checked_at": {"N": f"{now:.3f}"},
                        "expires_at": {"N": str(expires_at)},
                    }
                }
            }
            for number, verdict in verdicts.items()
        ]
        for first in range(0, len(puts), ITEMS_PER_WRITE):
            self._batch_write(puts[first : first + ITEMS_PER_WRITE])

    def _batch_get(self, keys: list[dict[str, Any]]) -> Iterable[Mapping[str, Any]]:
        pending: Any = {self._table_name: {"Keys": keys}}
        for attempt in range(ATTEMPTS):
            answer = self._dynamodb.batch_get_item(RequestItems=pending)
            yield from answer["Responses"].get(self._table_name, [])
            pending = answer.get("UnprocessedKeys")
            if not pending:
                return
            self._sleep(0.1 * 2**attempt)
        raise ServiceUnavailable("DynamoDB left keys of the verdict cache unprocessed.")

    def _batch_write(self, puts: list[dict[str, Any]]) -> None:
        pending: Any = {self._table_name: puts}
        for attempt in range(ATTEMPTS):
            pending = self._dynamodb.batch_write_item(RequestItems=pending).get("UnprocessedItems")
            if not pending:
                return
            self._sleep(0.1 * 2**attempt)
        raise ServiceUnavailable("DynamoDB left items of the verdict cache unprocessed.")


def _key(number: str) -> dict[str, Any]:
    return {"pk": {"S": f"number#{number}"}, "sk": {"S": "verdict"}}
