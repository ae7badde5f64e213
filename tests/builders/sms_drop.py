"""A module sms_s3_drop in memory: its table in moto, its queues, clock and phone as fakes."""

from __future__ import annotations

import io
import json
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from shared.pacing import RateLimiter
from shared.send_outcome import SendOutcome
from sms_s3_drop.cutting import cut, rejects_prefix
from sms_s3_drop.identities import Identities, Identity
from sms_s3_drop.ledger import Ledger, Run, Status
from sms_s3_drop.progress import Progress
from sms_s3_drop.report import Line, lines_of
from sms_s3_drop.rows import Text
from sms_s3_drop.sender import Rules, Sender
from sms_s3_drop.text_file import BadRecord, Record, read_records
from sms_s3_drop.turns import Chunk, Permit, Turns
from tests.builders.memory_table import MemoryTable

TABLE = "drop-state"
HEADER = "sms_number,message,external_campaign_id,short_code,message_type,id_1,id_2"
NOON = 1_790_000_000.0  # a moment; tests of hours name theirs
LEASE_SECONDS = 150.0
KEEP_SECONDS = 90 * 86_400


def identity(key: str = "alerts", rate: float = 100, name: str = "+12065550100") -> Identity:
    return Identity(
        key=key,
        arn=f"arn:aws:sms-voice:us-east-1:111122223333:phone-number/{key}",
        name=name,
        parts_per_second=rate,
        queue_url=f"https://sqs/{key}",
    )


def identities(*some: Identity, **more: Any) -> Identities:
    return Identities({each.key: each for each in some or (identity(),)}, **more)


def number(n: int) -> str:
    return f"+1425555{n:04d}"


def csv_file(rows: int, *, short_code: str = "+12065550100", first: int = 0) -> bytes:
    """A CSV file with rows to different numbers, all of them valid."""
    lines = [
        f"{number(first + n)},Hi {n},c1,{short_code},TRANSACTIONAL,a{n},b{n}" for n in range(rows)
    ]
    return ("\n".join([HEADER, *lines]) + "\n").encode()


def records(content: bytes, name: str = "drop/file.csv") -> list[Record | BadRecord]:
    return list(read_records(io.BytesIO(content), name=name))


class Clock:
    """A clock that sleeping moves on."""

    def __init__(self, now: float = NOON) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += max(0.0, seconds)


@dataclass
class Phone:
    """End User Messaging: takes every message, or answers as told."""

    clock: Callable[[], float]
    sent: list[tuple[float, str, Text]] = field(default_factory=list)
    answers: dict[str, deque[SendOutcome]] = field(default_factory=dict)
    attempts: int = 0
    fail: Callable[[Text], None] | None = None

    def send(self, identity: Identity, text: Text) -> SendOutcome:
        self.attempts += 1
        if self.fail is not None:
            self.fail(text)
        told = self.answers.get(text.number)
        if told:
            return told.popleft()
        self.sent.append((self.clock(), identity.key, text))
        return SendOutcome.accepted(f"m-{len(self.sent)}")

    def numbers(self) -> list[str]:
        return [text.number for _, _, text in self.sent]


class Drop:
    """Files, senders and queues. `work` delivers permits one after the other, by due time."""

    def __init__(
        self,
        known: Identities | None = None,
        rules: Rules | None = None,
        clock: Any = None,
        dynamodb: Any = None,
    ) -> None:
        self.clock = clock or Clock()
        self.identities = known or identities()
        self.dynamodb = cast(Any, MemoryTable() if dynamodb is None else dynamodb)
        self.table = TABLE
        self.ledger = Ledger(
            self.dynamodb,
            self.table,
            lease_seconds=LEASE_SECONDS,
            keep_seconds=KEEP_SECONDS,
            clock=self.clock,
        )
        self.turns = Turns(self.dynamodb, self.table, KEEP_SECONDS, self.clock, self.clock.sleep)
        self.objects: dict[str, bytes] = {}
        self.phone = Phone(self.clock)
        self.queue: list[tuple[float, int, Permit]] = []
        self._serial = 0
        self._pacers: dict[str, RateLimiter] = {}
        self.sender = Sender(
            ledger=self.ledger,
            turns=self.turns,
            rows=self.rows,
            pacer=self.pacer,
            send=self.phone.send,
            requeue=self.requeue,
            rules=rules or Rules(retry_seconds=3600),
            clock=self.clock,
            sleep=self.clock.sleep,
        )

    def pacer(self, identity: Identity) -> RateLimiter:
        return self._pacers.setdefault(
            identity.key,
            RateLimiter(
                self.dynamodb, self.table, identity.key, identity.pace, self.clock, self.clock.sleep
            ),
        )

    def drop(self, run: str, content: bytes, *, hours: float = 24, name: str = "drop/f.csv") -> Run:
        """Cut a file, register its run and enqueue its permits."""
        books = cut(records(content, name), self.identities, run, self.objects.__setitem__)
        new = Run(
            run=run,
            execution=f"drop-{run}",
            started=self.clock.now,
            deadline=self.clock.now + hours * 3600,
            rows=books.rows,
            rejected=books.rejected,
            lanes=books.lanes,
        )
        registered = self.ledger.register(new, self.turns.lane_puts(run, books.lanes))
        for lane in registered.lanes.values():
            for n in range(lane.chunks):
                self.requeue(
                    self.identities.by_key[lane.identity], Permit.first(run, lane.identity, n), 0
                )
        return registered

    def rows(self, chunk: Chunk) -> list[Text] | None:
        from sms_s3_drop.run import piece_key

        piece = self.objects.get(piece_key(chunk.run, chunk.identity, chunk.piece))
        if piece is None:
            return None
        lines = [json.loads(line) for line in piece.split(b"\n") if line]
        some = lines[chunk.first_line : chunk.first_line + chunk.rows_per_chunk]
        return [Text.restored(line, chunk.identity) for line in some]

    def requeue(self, identity: Identity, permit: Permit, delay: int) -> None:
        self._serial += 1
        self.queue.append((self.clock.now + delay, self._serial, permit))

    def deliver(self, permit: Permit, seconds: float = 120) -> Counter[Status]:
        known = self.identities.by_key[permit.identity]
        return self.sender.work_off(permit, known, self.clock.now + seconds)

    def work(self, most: int = 10_000) -> int:
        """Deliver permits until the queue is empty; returns the number of deliveries."""
        done = 0
        while self.queue and done < most:
            self.queue.sort()
            due, _, permit = self.queue.pop(0)
            self.clock.now = max(self.clock.now, due)
            self.deliver(permit)
            done += 1
        return done

    def progress(self, run: str) -> Progress:
        known = self.ledger.run(run)
        assert known is not None
        return Progress.of(known, self.ledger.counts(run).values())

    def result(self, run: str) -> list[Line]:
        known = self.ledger.run(run)
        assert known is not None
        return list(lines_of(known, self.ledger, self.read_lines, self.rejects(run)))

    def read_lines(self, key: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.objects[key].split(b"\n") if line]

    def rejects(self, run: str) -> Iterable[Mapping[str, Any]]:
        keys = sorted(key for key in self.objects if key.startswith(rejects_prefix(run)))
        return (line for key in keys for line in self.read_lines(key))
