"""A world for the sender of ses_load_testing: a queue, SES, DynamoDB and time, in memory.

The sender's own classes talk to these by the calls of the real clients, so that what is simulated
is what runs.
"""

from __future__ import annotations

import heapq
import itertools
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

from botocore.exceptions import ClientError, ReadTimeoutError

from ses_load_testing.account import Account, StopReason
from ses_load_testing.bulk_email import send_bulk
from ses_load_testing.ledger import Ledger
from ses_load_testing.queues import Delivery, Queues
from ses_load_testing.sender import Fate, Report, Sender
from ses_load_testing.users import Users
from ses_load_testing.valve import Valve, ValveItem
from shared.pacing import RateLimiter

EPOCH = 1_772_470_800.0
STATE, METADATA = "state", "users"
QUEUE, DEAD_LETTERS, PARKED = "queue", "dead-letters", "parked"
TIMEOUT_SECONDS = 90


def body(number: int = 1, **changes: Any) -> dict[str, Any]:
    """A message as a producer writes it; None leaves a member out."""
    message = {
        "from": "shop@example.com",
        "to": f"user-{number}@example.com",
        "template_name": "SimpleEmail",
        "user_id": str(number % 10),
        "config_set": "tracked",
        "tags": [{"Name": "campaign", "Value": "run1"}],
        "unique_code": f"code-{number}",
        **changes,
    }
    return {name: value for name, value in message.items() if value is not None}


def refusal(code: str, status: int = 400, operation: str = "SendBulkEmail") -> ClientError:
    response: Any = {
        "Error": {"Code": code, "Message": f"{code} of ann@example.com"},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(response, operation)


def no_answer() -> ReadTimeoutError:
    return ReadTimeoutError(endpoint_url="https://email.example")


class Crash(BaseException):
    """The function ends early, as by a timeout: only its completed writes exist."""


class FakeTime:
    """Clock that advances by sleeping, for one thread."""

    def __init__(self) -> None:
        self.now = EPOCH

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += max(0.0, seconds)


class SharedTime:
    """Seconds that pass when all threads sleep, to the moment when the first of them wakes up."""

    def __init__(self) -> None:
        self.now = EPOCH
        self._changed = threading.Condition()
        self._awake = 0
        self._alarms: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        with self._changed:
            moment = self.now + seconds
            if moment <= self.now:  # so short that it is no time at all
                return
            heapq.heappush(self._alarms, moment)
            self._fall_asleep()
            while self.now < moment:
                self._changed.wait()

    def run(self, works: Sequence[Callable[[], None]]) -> None:
        """Run each in a thread of its own, until all have ended."""

        def worker(work: Callable[[], None]) -> None:
            try:
                work()
            finally:
                with self._changed:
                    self._fall_asleep()

        self._awake = len(works)
        threads = [threading.Thread(target=worker, args=(work,)) for work in works]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _fall_asleep(self) -> None:
        self._awake -= 1
        if self._awake == 0 and self._alarms:
            self.now = max(self.now, self._alarms[0])
            while self._alarms and self._alarms[0] <= self.now:
                heapq.heappop(self._alarms)
                self._awake += 1
            self._changed.notify_all()


class MemoryDynamoDB:
    """The few conditional calls that the sender and the rate limiter make."""

    def __init__(self) -> None:
        self.items: dict[str, dict[tuple[str, ...], dict[str, Any]]] = {STATE: {}, METADATA: {}}
        self.calls: Counter[str] = Counter()
        self.fault: Callable[[str, Mapping[str, Any]], None] | None = None
        self._lock = threading.Lock()

    def put_item(self, *, TableName: str, Item: dict[str, Any], **rest: Any) -> dict[str, Any]:  # noqa: N803 - boto3's names
        self._begin("PutItem", Item)
        with self._lock:
            key = (Item["pk"]["S"], Item["sk"]["S"])
            there = self.items[TableName].get(key)
            condition = rest.get("ConditionExpression")
            if condition == "attribute_not_exists(pk)":
                allowed = there is None
            elif condition == "#replaced = :replaced":
                assert rest["ExpressionAttributeNames"] == {"#replaced": "call"}
                other = rest["ExpressionAttributeValues"][":replaced"]
                allowed = there is not None and there["call"] == other
            else:
                assert condition is None, condition
                allowed = True
            if not allowed:
                self._condition_failed(there)
            self.items[TableName][key] = Item
        return {}

    def get_item(self, *, TableName: str, Key: dict[str, Any], **_: Any) -> dict[str, Any]:  # noqa: N803 - boto3's names
        self._begin("GetItem", Key)
        item = self.items[TableName].get((Key["pk"]["S"], Key["sk"]["S"]))
        return {} if item is None else {"Item": item}

    def delete_item(self, *, TableName: str, Key: dict[str, Any]) -> dict[str, Any]:  # noqa: N803 - boto3's names
        self._begin("DeleteItem", Key)
        self.items[TableName].pop((Key["pk"]["S"], Key["sk"]["S"]), None)
        return {}

    def batch_get_item(self, *, RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803 - boto3's names
        ((table, request),) = RequestItems.items()
        assert 1 <= len(request["Keys"]) <= 100
        self._begin("BatchGetItem", request)
        self.calls["BatchGetItem keys"] += len(request["Keys"])
        keys = [tuple(value["S"] for value in key.values()) for key in request["Keys"]]
        found = [self.items[table][key] for key in keys if key in self.items[table]]
        return {"Responses": {table: found}, "UnprocessedKeys": {}}

    def update_item(
        self,
        *,
        TableName: str,  # noqa: N803 - boto3's names
        Key: dict[str, Any],  # noqa: N803 - boto3's names
        ExpressionAttributeValues: dict[str, Any],  # noqa: N803 - boto3's names
        **_: Any,
    ) -> dict[str, Any]:
        """The limiter's two updates."""
        self._begin("UpdateItem", Key)
        with self._lock:
            key = (Key["pk"]["S"], Key["sk"]["S"])
            item = self.items[TableName].get(key)
            values = {name: int(each["N"]) for name, each in ExpressionAttributeValues.items()}
            current = None if item is None else int(item["next"]["N"])
            if ":cost" in values:
                allowed = current is not None and values[":now"] <= current <= values[":latest"]
                after = (current or 0) + values[":cost"]
            else:
                allowed = current is None or current < values[":now"]
                after = values[":after"]
            if not allowed:
                self._condition_failed(item)
            self.items[TableName][key] = {**Key, "next": {"N": str(after)}}
        return {"Attributes": {"next": {"N": str(after)}}}

    def _begin(self, operation: str, what: Mapping[str, Any]) -> None:
        with self._lock:
            self.calls[operation] += 1
        if self.fault is not None:
            self.fault(operation, what)

    def _condition_failed(self, there: dict[str, Any] | None) -> None:
        response: Any = {"Error": {"Code": "ConditionalCheckFailedException", "Message": ""}}
        if there is not None:
            response["Item"] = there
        raise ClientError(response, "PutItem")


@dataclass
class MemorySes:
    """Accepts bulk emails, and records the time of each email."""

    clock: Callable[[], float]
    sleep: Callable[[float], None]
    seconds_per_call: float = 0.05
    max_send_rate: float = 100
    max_24_hour_send: float = -1
    enabled: bool = True
    sent: list[tuple[float, str]] = field(default_factory=list)  # when, template data
    requests: list[dict[str, Any]] = field(default_factory=list)
    account_calls: int = 0
    # Before the call: raise what SES answers. After it: raise what happens to the answer.
    before: Callable[[dict[str, Any]], None] | None = None
    after: Callable[[dict[str, Any]], None] | None = None
    status: Callable[[dict[str, Any]], str] | None = None  # of one entry

    def get_account(self) -> dict[str, Any]:
        self.account_calls += 1
        return {
            "SendingEnabled": self.enabled,
            "EnforcementStatus": "HEALTHY",
            "SendQuota": {
                "MaxSendRate": self.max_send_rate,
                "Max24HourSend": self.max_24_hour_send,
                "SentLast24Hours": float(len(self.sent)),
            },
        }

    def send_bulk_email(self, **request: Any) -> dict[str, Any]:
        assert 1 <= len(request["BulkEmailEntries"]) <= 50
        self.requests.append(request)
        if self.before is not None:
            self.before(request)
        now = self.clock()
        results = []
        for entry in request["BulkEmailEntries"]:
            status = "SUCCESS" if self.status is None else self.status(entry)
            if status == "SUCCESS" and 0 <= self.max_24_hour_send <= len(self.sent):
                status = "ACCOUNT_DAILY_QUOTA_EXCEEDED"
            if status == "SUCCESS":
                self.sent.append((now, data_of(entry)))
                results.append({"Status": status, "MessageId": f"id-{len(self.sent)}"})
            else:
                results.append({"Status": status, "Error": f"{status} of ann@example.com"})
        self.sleep(self.seconds_per_call)
        if self.after is not None:
            self.after(request)
        return {"BulkEmailEntryResults": results}

    def codes(self) -> list[str]:
        return [json.loads(data)["unique_code"] for _, data in self.sent]


def data_of(entry: Mapping[str, Any]) -> str:
    replacement = entry["ReplacementEmailContent"]["ReplacementTemplate"]
    return str(replacement["ReplacementTemplateData"])


@dataclass
class Queued:
    id: str
    body: str
    queued_at: float
    visible_at: float
    receives: int = 0


@dataclass
class MemorySqs:
    """The queue that redelivers messages, and the two queues in which messages end."""

    clock: Callable[[], float]
    messages: dict[str, Queued] = field(default_factory=dict)
    endings: dict[str, list[dict[str, Any]]] = field(
        default_factory=lambda: {DEAD_LETTERS: [], PARKED: []}
    )
    refuse: bool = False
    _ids: Any = field(default_factory=itertools.count)

    def put(self, text: str) -> str:
        message_id = f"m-{next(self._ids)}"
        now = self.clock()
        self.messages[message_id] = Queued(message_id, text, now, now)
        return message_id

    def receive(self, at_most: int, visibility: float = 6 * TIMEOUT_SECONDS) -> list[Delivery]:
        now = self.clock()
        found = [each for each in list(self.messages.values()) if each.visible_at <= now][:at_most]
        for each in found:
            each.receives += 1
            each.visible_at = now + visibility
        return [Delivery(m.id, m.id, m.body, m.receives, m.queued_at) for m in found]

    def delete(self, ids: Iterable[str]) -> None:
        for each in ids:
            self.messages.pop(each, None)

    def change_message_visibility_batch(self, *, QueueUrl: str, Entries: Any) -> dict[str, Any]:  # noqa: N803 - boto3's names
        assert QueueUrl == QUEUE and len(Entries) <= 10
        for entry in Entries:
            assert 0 <= entry["VisibilityTimeout"] <= 43_200
            self.messages[entry["ReceiptHandle"]].visible_at = (
                self.clock() + entry["VisibilityTimeout"]
            )
        return {}

    def send_message_batch(self, *, QueueUrl: str, Entries: Any) -> dict[str, Any]:  # noqa: N803 - boto3's names
        assert 1 <= len(Entries) <= 10
        if self.refuse:
            raise refusal("ServiceUnavailable", 503, "SendMessageBatch")
        self.endings[QueueUrl].extend(Entries)
        return {"Successful": [{"Id": entry["Id"]} for entry in Entries]}

    def ended(self, queue: str) -> list[tuple[str, str]]:
        """List the message ids and error codes of a queue in which messages end."""
        return [
            (
                entry["MessageAttributes"]["message_id"]["StringValue"],
                entry["MessageAttributes"]["error_code"]["StringValue"],
            )
            for entry in self.endings[queue]
        ]


class MemoryMapping:
    """Lambda, as far as the valve knows it."""

    def __init__(self) -> None:
        self.enabled = True
        self.changes: list[bool] = []

    def update_event_source_mapping(self, *, UUID: str, Enabled: bool) -> dict[str, Any]:  # noqa: N803 - boto3's names
        assert UUID == "mapping"
        self.enabled = Enabled
        self.changes.append(Enabled)
        return {}


class World:
    """Queue, SES, tables and clock that senders share."""

    def __init__(self, time: Any = None, users: int = 10) -> None:
        self.time = time or FakeTime()
        self.dynamodb = MemoryDynamoDB()
        self.ses = MemorySes(self.time, self.time.sleep)
        self.sqs = MemorySqs(self.time)
        self.mapping = MemoryMapping()
        item = ValveItem(self.dynamodb, STATE)  # type: ignore[arg-type] # of the same shape
        self.valve = Valve(
            item,
            lambda: self.mapping,  # type: ignore[arg-type, return-value] # of the same shape
            "mapping",
            limits=lambda: Account(self.ses, self.time).limits(),  # type: ignore[arg-type] # same
            clock=self.time,
            sleep=self.time.sleep,
        )
        self.valve_item = item
        for number in range(users):
            self.add_user(str(number))

    def add_user(self, user_id: str, **metadata: str) -> None:
        attributes = {name: {"S": value} for name, value in metadata.items()}
        self.dynamodb.items[METADATA][(user_id,)] = {
            "user_id": {"S": user_id},
            "metadata": {"M": {"first_name": {"S": "Ann"}, **attributes}},
        }

    def sender(self) -> Sender:
        """A new execution environment."""
        dynamodb: Any = self.dynamodb
        ses: Any = self.ses
        sqs: Any = self.sqs

        def close(reason: StopReason) -> None:
            self.valve.close(reason)

        return Sender(
            users=Users(dynamodb, METADATA, self.time.sleep),
            ledger=Ledger(
                dynamodb,
                STATE,
                keep_days=15,
                in_flight_seconds=TIMEOUT_SECONDS + 30,
                clock=self.time,
                sleep=self.time.sleep,
                threads=4,
            ),
            account=Account(ses, self.time),
            queues=Queues(sqs, queue_url=QUEUE, dead_letter_url=DEAD_LETTERS, parked_url=PARKED),
            pacer=cache(partial(self._pacer, dynamodb)),
            send=partial(send_bulk, ses),
            closed=self.valve_item.reason,
            close=close,
            clock=self.time,
            sleep=self.time.sleep,
        )

    def _pacer(self, dynamodb: Any, rate: float, clock: Callable[[], float]) -> RateLimiter:
        return RateLimiter(dynamodb, STATE, "ses", rate, clock, self.time.sleep)

    def put(self, *messages: Mapping[str, Any] | str) -> list[str]:
        return [self.sqs.put(m if isinstance(m, str) else json.dumps(m)) for m in messages]

    def deliver(self, sender: Sender | None = None, at_most: int = 100) -> Report:
        """Lambda hands over a batch and deletes what is not answered as failed; a crash deletes
        nothing."""
        report = Report()
        deliveries = self.sqs.receive(at_most) if self.mapping.enabled else []
        if not deliveries:
            return report
        try:
            (sender or self.sender()).process(deliveries, self.time() + TIMEOUT_SECONDS, report)
        except Crash:
            return report
        assert set(report.fates) == {delivery.id for delivery in deliveries}
        later = set(report.later())
        self.sqs.delete(each.id for each in deliveries if each.id not in later)
        return report

    def drain(self, most: int = 500) -> Counter[Fate]:
        """Deliver until the queue is empty; the fates of all deliveries."""
        fates: Counter[Fate] = Counter()
        sender = self.sender()
        for _ in range(most):
            if not self.sqs.messages:
                return fates
            waiting = min(each.visible_at for each in self.sqs.messages.values())
            self.time.now = max(self.time.now, waiting)
            if not self.mapping.enabled:
                self.time.now += 300
                self.valve.look()
            fates.update(self.deliver(sender).fates.values())
        raise AssertionError(f"{len(self.sqs.messages)} messages never left the queue")

    def known_as_sent(self) -> set[str]:
        """List the keys of sent messages in the ledger."""
        items = self.dynamodb.items[STATE]
        results = {pk: i["results"]["S"] for (pk, sk), i in items.items() if sk == "outcome"}
        return {
            pk.removeprefix("message#")
            for (pk, sk), item in items.items()
            if sk == "claim"
            and results.get(f"call#{item['call']['S']}", "")[int(item["entry"]["N"]) :][:1] == "S"
        }
