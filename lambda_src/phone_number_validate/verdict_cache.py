"""Verdicts of the last weeks by number, so that nobody pays twice for the same question."""

import json
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from phone_number_validate.verdicts import Verdict
from shared.transient import ServiceUnavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import DynamoDBServiceResource

__all__ = ["VerdictCache"]

KEYS_PER_READ = 100  # BatchGetItem takes no more
SECONDS_PER_DAY = 86_400
ATTEMPTS = 8


class VerdictCache:
    """The items `pk = number#<E.164>`, `sk = verdict` of a table with the TTL attribute
    `expires_at`."""

    def __init__(
        self,
        dynamodb: "DynamoDBServiceResource",
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

    def read(self, numbers: Iterable[str]) -> dict[str, Verdict]:
        """The verdicts that are there and young enough; DynamoDB may keep expired items for days.

        Raises:
            ServiceUnavailable: DynamoDB kept leaving keys unprocessed.
        """
        if self._days == 0:
            return {}
        now = self._clock()
        found: dict[str, Verdict] = {}
        keys = [{"pk": f"number#{number}", "sk": "verdict"} for number in numbers]
        for first in range(0, len(keys), KEYS_PER_READ):
            for item in self._batch_get(keys[first : first + KEYS_PER_READ]):
                # Compared by the age allowed today, which may be less than when it was written.
                age = now - float(item["checked_at"])
                if age < self._days * SECONDS_PER_DAY:
                    number = str(item["pk"]).removeprefix("number#")
                    found[number] = Verdict(json.loads(str(item["response"])))
        return found

    def write(self, verdicts: Mapping[str, Verdict]) -> None:
        """Keep the verdicts by number."""
        if self._days == 0:
            return
        now = int(self._clock())
        with self._dynamodb.Table(self._table_name).batch_writer() as writer:
            for number, verdict in verdicts.items():
                writer.put_item(
                    Item={
                        "pk": f"number#{number}",
                        "sk": "verdict",
                        "response": json.dumps(dict(verdict.response)),
                        "checked_at": now,
                        "expires_at": now + self._days * SECONDS_PER_DAY,
                    }
                )

    def _batch_get(self, keys: list[dict[str, str]]) -> Iterable[Mapping[str, Any]]:
        pending: Any = {self._table_name: {"Keys": keys}}
        for attempt in range(ATTEMPTS):
            answer = self._dynamodb.batch_get_item(RequestItems=pending)
            yield from answer["Responses"].get(self._table_name, [])
            pending = answer.get("UnprocessedKeys")
            if not pending:
                return
            self._sleep(0.1 * 2**attempt)
        raise ServiceUnavailable("DynamoDB left keys of the verdict cache unprocessed.")
