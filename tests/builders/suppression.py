"""Feedback as SES writes it, and services in memory that suppression works on."""

from __future__ import annotations

import copy
import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import boto3
from botocore.exceptions import ClientError
from moto import mock_aws

from shared.suppression import (
    Feedback,
    FeedbackKind,
    SuppressionStore,
    Suppressor,
    TransientBounces,
)

MONDAY = datetime(2026, 3, 2, 17, 0, tzinfo=UTC)
THREE_A_WEEK = TransientBounces(limit=3, window=timedelta(days=7))
SOURCE = "ses_event_processing"
_numbers = itertools.count(1)


def feedback(
    kind: FeedbackKind = FeedbackKind.HARD_BOUNCE,
    *recipients: str,
    at: datetime = MONDAY,
    feedback_id: str | None = None,
    sub_type: str | None = None,
) -> Feedback:
    """Build feedback with an id of its own, about ann@example.com by default."""
    number = next(_numbers)
    return Feedback(
        kind=kind,
        recipients=recipients or ("ann@example.com",),
        message_id=f"message-{number}",
        feedback_id=feedback_id or f"feedback-{number}",
        occurred_at=at,
        sub_type=sub_type,
    )


# -- SES's words -------------------------------------------------------------------------


def bounce(
    *recipients: str,
    kind: str = "Permanent",
    sub_type: str = "General",
    style: str = "eventType",
    feedback_id: str | None = None,
    at: datetime = MONDAY,
    report: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """A Bounce; `style` is eventType (configuration set) or notificationType (identity).

    Args:
        report: members that a delivery status notification fills in, for every recipient.
    """
    reported = {"action": "failed", "status": "4.4.7"} if report is None else report
    if kind == "Permanent" and report is None:
        reported = {}
    return {
        style: "Bounce",
        "mail": {"messageId": f"message-{next(_numbers)}", "destination": list(recipients)},
        "bounce": {
            "bounceType": kind,
            "bounceSubType": sub_type,
            "bouncedRecipients": [{"emailAddress": each, **reported} for each in recipients],
            "timestamp": at.isoformat(),
            "feedbackId": feedback_id or f"feedback-{next(_numbers)}",
        },
    }


def complaint(
    *recipients: str,
    kind: str | None = "abuse",
    sub_type: str | None = None,
    style: str = "eventType",
    at: datetime = MONDAY,
) -> dict[str, Any]:
    """A Complaint; without a report when `kind` is None."""
    detail: dict[str, Any] = {
        "complainedRecipients": [{"emailAddress": each} for each in recipients],
        "timestamp": at.isoformat(),
        "feedbackId": f"feedback-{next(_numbers)}",
        "complaintSubType": sub_type,
    }
    if kind is not None:
        detail["complaintFeedbackType"] = kind
    return {
        style: "Complaint",
        "mail": {"messageId": f"message-{next(_numbers)}", "destination": list(recipients)},
        "complaint": detail,
    }


def envelope(event: Any) -> str:
    """Build a queue's message from a topic, with raw message delivery off."""
    text = event if isinstance(event, str) else json.dumps(event)
    return json.dumps({"Type": "Notification", "MessageId": "n", "Message": text})


# -- services ----------------------------------------------------------------------------


def client_error(operation: str, code: str, status: int = 400) -> ClientError:
    """An answer whose text quotes an address, which must not be passed on."""
    return ClientError(
        {
            "Error": {"Code": code, "Message": "about ann@example.com"},
            "ResponseMetadata": {"HTTPStatusCode": status},  # type: ignore[typeddict-item]  # enough for us
        },
        operation,
    )


class FakeSes:
    """The suppression list; `failing` has errors by address, taken off one by one."""

    def __init__(self, log: list[str]) -> None:
        self.suppressed: dict[str, str] = {}
        self.failing: dict[str, list[Exception]] = {}
        self.calls = 0
        self._log = log

    def put_suppressed_destination(self, *, EmailAddress: str, Reason: str) -> None:
        self.calls += 1
        if errors := self.failing.get(EmailAddress):
            raise errors.pop(0)
        self.suppressed[EmailAddress] = Reason
        self._log.append(f"list {EmailAddress}")


class FakeEvents:
    """A bus; `failing` has addresses whose entries are refused once."""

    def __init__(self, log: list[str]) -> None:
        self.entries: list[dict[str, Any]] = []
        self.failing: set[str] = set()
        self.down: list[Exception] = []
        self.calls = 0
        self._log = log

    def put_events(self, *, Entries: list[dict[str, Any]]) -> dict[str, Any]:
        assert len(Entries) <= 10
        self.calls += 1
        if self.down:
            raise self.down.pop(0)
        answers: list[dict[str, str]] = []
        for entry in Entries:
            address = json.loads(entry["Detail"])["address"]
            if address in self.failing:
                self.failing.remove(address)
                answers.append({"ErrorCode": "ThrottlingException"})
                continue
            self.entries.append(entry)
            self._log.append(f"event {address}")
            answers.append({"EventId": "e"})
        return {"FailedEntryCount": 0, "Entries": answers}

    @property
    def details(self) -> list[dict[str, Any]]:
        return [json.loads(entry["Detail"]) for entry in self.entries]


class TransactionCanceledException(ClientError):
    pass


class FakeDynamoDB:
    """Both tables in memory, with the conditions that the store writes.

    `overtaking` is called once before the next transaction: another function's write.
    """

    exceptions = SimpleNamespace(TransactionCanceledException=TransactionCanceledException)

    def __init__(self, log: list[str] | None = None) -> None:
        self.tables: dict[str, dict[tuple[str, ...], dict[str, Any]]] = {
            "addresses": {},
            "feedback": {},
        }
        self.calls: Counter[str] = Counter()
        self.overtaking: list[Any] = []
        self.down: list[Exception] = []
        self._log = [] if log is None else log

    @staticmethod
    def _key(item: Mapping[str, Any], table: str) -> tuple[str, ...]:
        names = ("address",) if table == "addresses" else ("feedback_id", "address")
        return tuple(item[name]["S"] for name in names)

    def batch_get_item(self, *, RequestItems: Mapping[str, Any]) -> dict[str, Any]:
        assert sum(len(wanted["Keys"]) for wanted in RequestItems.values()) <= 100
        self.calls["BatchGetItem"] += 1
        found: dict[str, list[Any]] = {}
        for table, wanted in RequestItems.items():
            assert wanted["ConsistentRead"]
            items = (self.tables[table].get(self._key(key, table)) for key in wanted["Keys"])
            found[table] = [copy.deepcopy(item) for item in items if item is not None]
        return {"Responses": found, "UnprocessedKeys": {}}

    def transact_write_items(self, *, TransactItems: list[dict[str, Any]]) -> None:
        assert len(TransactItems) <= 100
        self.calls["TransactWriteItems"] += 1
        if self.overtaking:
            self.overtaking.pop()()
        if self.down:
            raise self.down.pop(0)
        codes = [
            "None" if self._holds(action) else "ConditionalCheckFailed" for action in TransactItems
        ]
        if set(codes) != {"None"}:
            raise TransactionCanceledException(
                {
                    "Error": {"Code": "TransactionCanceledException", "Message": ""},
                    "CancellationReasons": [{"Code": code} for code in codes],
                },
                "TransactWriteItems",
            )
        for action in TransactItems:
            if put := action.get("Put"):
                self.tables["feedback"][self._key(put["Item"], "feedback")] = put["Item"]
                continue
            update = action["Update"]
            key = self._key(update["Key"], "addresses")
            item = self.tables["addresses"].setdefault(key, dict(update["Key"]))
            for part in update["UpdateExpression"].removeprefix("SET ").split(", "):
                name, value = part.split(" = ")
                item[update["ExpressionAttributeNames"][name]] = update[
                    "ExpressionAttributeValues"
                ][value]
            self._log.append(f"record {key[0]}")

    def _holds(self, action: Mapping[str, Any]) -> bool:
        if put := action.get("Put"):
            assert put["ConditionExpression"] == "attribute_not_exists(feedback_id)"
            return self._key(put["Item"], "feedback") not in self.tables["feedback"]
        update = action["Update"]
        item = self.tables["addresses"].get(self._key(update["Key"], "addresses"), {})
        if update["ConditionExpression"] == "attribute_not_exists(#revision)":
            return "revision" not in item
        assert update["ConditionExpression"] == "#revision = :before"
        return bool(item.get("revision") == update["ExpressionAttributeValues"][":before"])


class World:
    """A suppressor with its services; `log` has what was done, in order."""

    def __init__(self, dynamodb: Any = None, rule: TransientBounces = THREE_A_WEEK) -> None:
        self.log: list[str] = []
        self.ses = FakeSes(self.log)
        self.events = FakeEvents(self.log)
        fake: Any = FakeDynamoDB(self.log)
        self.dynamodb = fake if dynamodb is None else dynamodb
        self.pauses: list[float] = []
        self.suppressor = Suppressor(
            SuppressionStore(
                self.dynamodb,
                address_table="addresses",
                feedback_table="feedback",
                clock=lambda: MONDAY.timestamp(),
                sleep=self.pauses.append,
            ),
            self.ses,  # type: ignore[arg-type]  # the one call that is used
            self.events,  # type: ignore[arg-type]  # likewise
            event_bus_name="default",
            event_source=SOURCE,
            rule=rule,
            sleep=self.pauses.append,
        )

    def process(self, *feedbacks: Feedback, **options: Any) -> Any:
        """One message for each; they are named m0, m1, …"""
        return self.suppressor.process(
            {f"m{n}": [one] for n, one in enumerate(feedbacks)}, **options
        )

    def deliver(self, feedbacks: Iterable[Feedback]) -> None:
        """One invocation each."""
        for one in feedbacks:
            assert self.process(one).failed == {}

    def item(self, address: str = "ann@example.com") -> dict[str, Any]:
        """Read the item of an address, as plain values."""
        found = self.dynamodb.batch_get_item(
            RequestItems={
                "addresses": {"Keys": [{"address": {"S": address}}], "ConsistentRead": True}
            }
        )["Responses"]["addresses"]
        return {name: _plain(value) for name, value in found[0].items()} if found else {}


def strict(world: World) -> World:
    """Let the world's DynamoDB and SES refuse a request with a text that AWS refuses."""
    dynamodb, ses = world.dynamodb, world.ses

    def checked(operation: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def run(**request: Any) -> Any:
            for text, is_key in _texts_of(request):
                size = len(text.encode())
                if is_key and not 0 < size <= 1024:
                    raise client_error(operation, "ValidationException")
            return call(**request)

        return run

    dynamodb.batch_get_item = checked("BatchGetItem", dynamodb.batch_get_item)
    dynamodb.transact_write_items = checked("TransactWriteItems", dynamodb.transact_write_items)
    ses.put_suppressed_destination = checked(  # type: ignore[method-assign]  # of the same shape
        "PutSuppressedDestination", ses.put_suppressed_destination
    )
    return world


def _texts_of(value: Any, name: str = "") -> Iterator[tuple[str, bool]]:
    """Find the texts of a request, and whether they are part of a key."""
    if isinstance(value, Mapping):
        for member, one in value.items():
            inside = name if member == "S" else member
            yield from _texts_of(one, inside)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _texts_of(one, name)
    elif isinstance(value, str):
        yield value, name in ("address", "feedback_id", "EmailAddress")


def _plain(value: Mapping[str, Any]) -> Any:
    [(kind, inner)] = value.items()
    if kind == "M":
        return {name: _plain(each) for name, each in inner.items()}
    return int(inner) if kind == "N" else inner


@contextmanager
def tables_on_moto() -> Iterator[Any]:
    """DynamoDB as moto has it, with both tables as the module declares them."""
    with mock_aws():
        dynamodb = boto3.client("dynamodb", region_name="eu-west-1")
        for table, keys in {
            "addresses": ["address"],
            "feedback": ["feedback_id", "address"],
        }.items():
            dynamodb.create_table(
                TableName=table,
                BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[
                    {"AttributeName": name, "AttributeType": "S"} for name in keys
                ],
                KeySchema=[
                    {"AttributeName": name, "KeyType": kind}
                    for name, kind in zip(keys, ("HASH", "RANGE"), strict=False)
                ],
            )
        yield dynamodb
