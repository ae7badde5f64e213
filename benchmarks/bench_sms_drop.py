"""Rows of a dropped file enqueued per second, the calls that takes, and the error of the pace.

Enqueuing is the cutting of a file and the permits of its chunks, by the functions' own code on
clients that answer at once and count. The pace is that of two minutes on a virtual clock: senders
of one number with a backlog of two files, whose calls are late by up to DELAY_SECONDS.
"""

from __future__ import annotations

import bisect
import io
import random
import sys
import time
from collections import Counter
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import Figure

sys.path.insert(0, str(Path(__file__).parent.parent / "lambda_src"))

from sms_s3_drop.cutting import cut, pieces_of  # noqa: E402 - path first
from sms_s3_drop.enqueue import enqueue  # noqa: E402 - same
from sms_s3_drop.identities import Identities, Identity  # noqa: E402 - same
from sms_s3_drop.text_file import read_records  # noqa: E402 - same
from sms_s3_drop.turns import Permit  # noqa: E402 - same
from tests.builders.load_testing import SharedTime  # noqa: E402 - same
from tests.builders.sms_drop import Drop, csv_file, identities, identity  # noqa: E402 - same

ROWS = 100_000
REPEATS = 3
RATES = (1, 10, 100)
SECONDS = 60
DELAY_SECONDS = 0.004
FIGURES = {
    "rows_enqueued_per_second": Figure(
        "Rows of a file of {rows:,} parsed, checked, cut into pieces and enqueued, on one core",
        "rows/s",
        at_least=2_000,
    ),
    "calls_per_1000_rows.short_code.*": Figure(
        "Calls that enqueue 1,000 rows for a short code of 100 parts a second, a message of the "
        "queue being a turn of 100 rows",
        "calls",
    ),
    "calls_per_1000_rows.long_code.*": Figure(
        "Calls that enqueue 1,000 rows for a long code of 1 part a second, a message of the queue "
        "being a turn of 5 rows",
        "calls",
    ),
    "pacing_error_percent.*": Figure(
        "Messages of {seconds} s below the rate of their number, on a virtual clock, with calls "
        "that start up to {delay_milliseconds} ms late",
        "%",
        at_most=2,
    ),
    "most_in_any_second_of_rate.*": Figure(
        "Messages in the busiest second of that run, as a share of the rate of a second",
        "of the rate",
        at_most=1,
    ),
    "turns_apart": Figure(
        "Largest difference between the turns that two files have had at one number, sampled at "
        "each turn of 400",
        "turns",
        at_most=2,
    ),
}


class Queue:
    """SQS: takes every message, and counts calls."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()

    def send_message_batch(self, **request: Any) -> dict[str, Any]:
        self.calls["SendMessageBatch"] += 1
        self.calls["permits"] += len(request["Entries"])
        return {}


def _known(rate: float) -> Identities:
    return identities(identity(rate=rate))


def _enqueued(content: bytes, known: Identities) -> tuple[float, dict[str, float]]:
    """Return the seconds that a file took, and the calls for each 1,000 rows of it."""
    queue, puts = Queue(), Counter[str]()

    def put(key: str, body: bytes) -> None:
        puts["PutObject"] += 1

    sqs: Any = queue
    started = time.perf_counter()
    books = cut(read_records(io.BytesIO(content), name="f.csv"), known, "r", put)
    for piece in pieces_of("r", books.lanes.values()):
        first, permits = int(str(piece["First"])), int(str(piece["Permits"]))
        enqueue(
            sqs,
            "https://queue",
            [Permit.first("r", str(piece["Identity"]), n) for n in range(first, first + permits)],
        )
    seconds = time.perf_counter() - started
    thousands = books.rows / 1000
    return seconds, {
        "SendMessageBatch": round(queue.calls["SendMessageBatch"] / thousands, 2),
        "PutObject": round(puts["PutObject"] / thousands, 2),
    }


def _paced(rate: float) -> tuple[float, float]:
    """Return the error of the pace over a minute in percent, and the busiest second's share."""
    clock = SharedTime()
    known = _known(rate)
    drop = Drop(known, clock=clock)
    drop.phone.clock = clock
    each = int(rate * SECONDS * 1.2) + 50
    for run in ("first", "second"):
        drop.drop(run, csv_file(each))
    delays = random.Random(7)
    send = drop.phone.send

    def late(one: Identity, text: Any) -> Any:
        clock.sleep(delays.uniform(0, DELAY_SECONDS))
        outcome = send(one, text)
        clock.sleep(0.06)
        return outcome

    drop.sender._send = late
    # Threads of a sender are senders of their own here, because the clock knows its threads.
    single = _SingleThread(**{f: getattr(known.by_key["alerts"], f) for f in _FIELDS})
    end = clock() + SECONDS * 2

    def work(number: int) -> None:
        clock.sleep(number * 0.013)
        while clock() < end and drop.queue:
            _, _, permit = drop.queue.pop(0)
            drop.sender.work_off(permit, single, clock() + 120)

    clock.run([partial(work, n) for n in range(2 * known.by_key["alerts"].threads)])
    times = sorted(at for at, _, _ in drop.phone.sent)
    start = times[0] + 2
    sent = bisect.bisect_left(times, start + SECONDS) - bisect.bisect_left(times, start)
    busiest = max(bisect.bisect_left(times, at + 1.0) - n for n, at in enumerate(times))
    return round(100 * (rate * SECONDS - sent) / (rate * SECONDS), 2), round(busiest / rate, 4)


_FIELDS = ("key", "arn", "name", "parts_per_second", "queue_url")


class _SingleThread(Identity):
    @property
    def threads(self) -> int:
        return 1


def _turns_apart() -> int:
    drop = Drop(_known(100))
    for run in ("first", "second"):
        drop.drop(run, csv_file(20_000))
    taken: Counter[str] = Counter()
    apart = 0
    for _, _, permit in list(drop.queue):
        chunk = drop.turns.take(permit).chunk
        assert chunk is not None
        taken[chunk.run] += 1
        if len(taken) == 2:
            apart = max(apart, abs(taken["first"] - taken["second"]))
    return apart


def run() -> dict[str, Any]:
    """Return the medians of the repeats of enqueuing, and one run of each pace."""
    content = csv_file(ROWS)
    short, long = _known(100), _known(1)
    seconds = [_enqueued(content, short)[0] for _ in range(REPEATS)]
    paced = {f"{rate}_per_second": _paced(rate) for rate in RATES}
    return {
        "rows": ROWS,
        "seconds": SECONDS,
        "delay_milliseconds": round(DELAY_SECONDS * 1000),
        "repeats": REPEATS,
        "rows_enqueued_per_second": round(ROWS / median(seconds)),
        "calls_per_1000_rows": {
            "short_code": _enqueued(content, short)[1],
            "long_code": _enqueued(content, long)[1],
        },
        "pacing_error_percent": {name: error for name, (error, _) in paced.items()},
        "most_in_any_second_of_rate": {name: share for name, (_, share) in paced.items()},
        "turns_apart": _turns_apart(),
    }
