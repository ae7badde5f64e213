"""Queue emails to SES's mailbox simulator at a rate, follow them, and report what became of them.

    terraform output -json | python ses_load_generator.py --messages 1000 --rate 50
    terraform output -json > outputs.json
    uvx --from . ses-load-generator --outputs outputs.json --mix success=90,bounce=10

It seeds users in the metadata table, queues messages for them by SQS (not by the HTTP API, which
would be what is measured), waits until the queue is empty and the events are in the database, and
asks Athena and CloudWatch. All messages of a run carry three tags: `campaign` (the run), `message`
(the run and a number, which is the `unique_code` too) and `queued_at` (milliseconds since 1970).
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3

SIMULATOR = ("success", "bounce", "complaint", "ooto", "suppressionlist")
"""Mailboxes of simulator.amazonses.com; none of them counts towards bounce or complaint rates."""
OUTPUTS = (
    "athena_database",
    "athena_workgroup",
    "configuration_set",
    "dead_letter_queue_url",
    "from_address",
    "metadata_table",
    "metrics_dimensions",
    "metrics_namespace",
    "parked_queue_url",
    "queue_url",
    "template_name",
)
SQS_BATCH = 10
TABLE_BATCH = 25
ATTEMPTS = 6
FIRST_NAMES = (
    "Ada",
    "Björn",
    "Chinwe",
    "Dolores",
    "Emre",
    "Farah",
    "Grace",
    "Hiroshi",
    "Inês",
    "José",
)

# Copies of an event count once: every number here is one of distinct messages.
REPORT_SQL = """
WITH event AS (
  SELECT
    event_type,
    message_id,
    bounce_type,
    complaint_feedbacktype,
    element_at(tags, 'message')[1] AS message,
    to_unixtime(from_iso8601_timestamp(message_time)) AS sent_at,
    CAST(element_at(tags, 'queued_at')[1] AS double) / 1e3 AS queued_at
  FROM email_events
  WHERE ingest_hour >= date_format(current_timestamp - interval '2' day, '%Y/%m/%d/%H')
    AND contains(element_at(tags, 'campaign'), ?)
),
send AS (
  SELECT message_id, min(message) AS message, min(sent_at) AS sent_at, min(queued_at) AS queued_at
  FROM event
  WHERE event_type = 'Send'
  GROUP BY message_id
),
second AS (
  SELECT floor(sent_at) AS at, count(*) AS emails FROM send GROUP BY floor(sent_at)
),
became AS (
  SELECT
    count(DISTINCT message_id) FILTER (WHERE event_type = 'Delivery') AS delivered,
    count(DISTINCT message_id) FILTER (WHERE event_type = 'Bounce') AS bounced,
    count(DISTINCT message_id) FILTER (
      WHERE event_type = 'Complaint' AND complaint_feedbacktype IS DISTINCT FROM 'not-spam'
    ) AS complained
  FROM event
)
SELECT
  count(*) AS sent,
  count(*) - count(DISTINCT message) AS duplicates,
  min(delivered) AS delivered,
  min(bounced) AS bounced,
  min(complained) AS complained,
  approx_percentile(sent_at - queued_at, 0.50) AS p50,
  approx_percentile(sent_at - queued_at, 0.95) AS p95,
  approx_percentile(sent_at - queued_at, 0.99) AS p99,
  max(sent_at) - min(sent_at) AS seconds,
  (SELECT max(emails) FROM second) AS most_in_a_second
FROM send CROSS JOIN became
"""


class UsageError(Exception):
    """An input is wrong. The message names the input, the rule and the way out."""


@dataclass(frozen=True)
class Load:
    """A load: `messages` in all, `rate` a second, for `users`, to mailboxes in a `mix`."""

    run: str
    messages: int
    rate: float
    users: int
    mix: Mapping[str, float]


@dataclass(frozen=True)
class Report:
    """The outcome of a run. Times are seconds, rates emails a second."""

    run: str
    queued: int
    refused_by_queue: int
    sent: int
    duplicates: int
    throttled: int
    delivered: int
    bounced: int
    complained: int
    dead_letters: int
    parked: int
    not_accounted_for: int
    queue_to_send_p50: float | None
    queue_to_send_p95: float | None
    queue_to_send_p99: float | None
    achieved_rate: float | None
    most_in_a_second: int | None
    quota_rate: float


def mix_of(text: str) -> dict[str, float]:
    """`success=90,bounce=10` as parts of one.

    Raises:
        UsageError: a mailbox that the simulator does not have, or parts that are no numbers.
    """
    parts: dict[str, float] = {}
    for entry in text.split(","):
        mailbox, _, share = entry.strip().partition("=")
        if mailbox not in SIMULATOR:
            raise UsageError(f"--mix names {mailbox!r}: the simulator has {', '.join(SIMULATOR)}.")
        try:
            parts[mailbox] = float(share)
        except ValueError:
            parts[mailbox] = -1
        if not 0 <= parts[mailbox] < float("inf"):
            raise UsageError(f"--mix gives {mailbox} {share!r}: a number of 0 or more is needed.")
    total = sum(parts.values())
    if not total:
        raise UsageError("--mix is all zeros: give one mailbox a share, as in success=100.")
    return {mailbox: share / total for mailbox, share in parts.items()}


def mailboxes(mix: Mapping[str, float], count: int, seed: str) -> list[str]:
    """A mailbox for each message: the shares to within one message, in random order."""
    exact = {mailbox: share * count for mailbox, share in mix.items()}
    chosen = {mailbox: int(number) for mailbox, number in exact.items()}
    by_remainder = sorted(mix, key=lambda mailbox: chosen[mailbox] - exact[mailbox])
    for mailbox in by_remainder[: count - sum(chosen.values())]:
        chosen[mailbox] += 1
    found = [mailbox for mailbox, number in chosen.items() for _ in range(number)]
    random.Random(seed).shuffle(found)
    return found


def message(load: Load, number: int, mailbox: str, target: Mapping[str, Any]) -> dict[str, Any]:
    """The body of one message; `queued_at` is added when it is queued."""
    code = f"{load.run}-{number}"
    return {
        "from": target["from_address"],
        # A label makes every recipient another one, as in a real campaign.
        "to": f"{mailbox}+{code}@simulator.amazonses.com",
        "template_name": target["template_name"],
        "user_id": str(number % load.users + 1),
        "config_set": target["configuration_set"],
        "tags": [{"Name": "campaign", "Value": load.run}, {"Name": "message", "Value": code}],
        "unique_code": code,
    }


def starts(count: int, rate: float) -> Iterator[tuple[float, int]]:
    """When (seconds from the start) to queue how many, in batches that SQS takes."""
    for first in range(0, count, SQS_BATCH):
        yield first / rate, min(SQS_BATCH, count - first)


class Run:
    """One run against the deployed example; `target` are Terraform's outputs."""

    def __init__(self, load: Load, target: Mapping[str, Any], say: Callable[[str], None]) -> None:
        self.load = load
        self.target = target
        self.say = say
        self.started = datetime.now(UTC)
        self.sqs = boto3.client("sqs")
        self.queued = 0
        self.refused = 0

    def seed_users(self) -> None:
        """Put the users into the metadata table, under the ids 1, 2, …

        Raises:
            UsageError: DynamoDB went on refusing some of them.
        """
        dynamodb = boto3.client("dynamodb")
        table = self.target["metadata_table"]
        for first in range(0, self.load.users, TABLE_BATCH):
            items = {
                table: [
                    {"PutRequest": {"Item": user(number + 1)}}
                    for number in range(first, min(first + TABLE_BATCH, self.load.users))
                ]
            }
            for attempt in range(ATTEMPTS):
                items = dynamodb.batch_write_item(RequestItems=items).get("UnprocessedItems", {})
                if not items:
                    break
                time.sleep(0.1 * 2**attempt)
            else:
                raise UsageError(f"{table} refuses writes: try fewer --users, or later.")
            self.say(
                f"writing users: {min(first + TABLE_BATCH, self.load.users)}/{self.load.users}"
            )

    def queue(self) -> None:
        """Queue the messages at the rate; count the messages that SQS refuses after all retries."""
        boxes = mailboxes(self.load.mix, self.load.messages, self.load.run)
        began = time.monotonic()
        with ThreadPoolExecutor(max_workers=8) as pool:
            waiting = []
            first = 0
            for due, size in starts(self.load.messages, self.load.rate):
                time.sleep(max(0.0, began + due - time.monotonic()))
                bodies = [
                    message(self.load, number, boxes[number], self.target)
                    for number in range(first, first + size)
                ]
                waiting.append((size, pool.submit(self._send, bodies)))
                first += size
                while waiting and (waiting[0][1].done() or len(waiting) > 100):
                    self._count(*waiting.pop(0))
            for size, future in waiting:
                self._count(size, future)

    def _count(self, size: int, future: Any) -> None:
        refused = future.result()
        self.queued += size - refused
        self.refused += refused
        self.say(f"queueing messages: {self.queued}/{self.load.messages}")

    def _send(self, bodies: Sequence[dict[str, Any]]) -> int:
        """How many of one batch SQS would not take in the end."""
        left = list(bodies)
        for attempt in range(ATTEMPTS):
            if attempt:
                time.sleep(0.1 * 2**attempt)
            now = str(int(time.time() * 1000))
            entries = [
                {
                    "Id": str(position),
                    "MessageBody": json.dumps(
                        {**body, "tags": [*body["tags"], {"Name": "queued_at", "Value": now}]}
                    ),
                }
                for position, body in enumerate(left)
            ]
            answer = self.sqs.send_message_batch(QueueUrl=self.target["queue_url"], Entries=entries)
            left = [left[int(failed["Id"])] for failed in answer.get("Failed", [])]
            if not left:
                break
        return len(left)

    def wait_for_empty_queue(self, seconds: float) -> bool:
        """Whether the queue was seen empty, three times in a row, within the time."""
        deadline = time.monotonic() + seconds
        empty = 0
        while empty < 3:
            left = self._messages_in("queue_url", waiting_only=False)
            empty = empty + 1 if left == 0 else 0
            self.say(f"waiting for the queue to empty: about {left} messages")
            if time.monotonic() > deadline:
                return False
            time.sleep(2)
        return True

    def _messages_in(self, output: str, *, waiting_only: bool = True) -> int:
        names = ["ApproximateNumberOfMessages"]
        if not waiting_only:
            names += [
                "ApproximateNumberOfMessagesNotVisible",
                "ApproximateNumberOfMessagesDelayed",
            ]
        answer = self.sqs.get_queue_attributes(
            QueueUrl=self.target[output],
            AttributeNames=names,
        )
        return sum(int(number) for number in answer["Attributes"].values())

    def report(self, settle_seconds: float, before: Mapping[str, int]) -> Report:
        """Ask until every message is accounted for by events and queues, or the time is over."""
        deadline = time.monotonic() + settle_seconds
        while True:
            dead, parked = (self._messages_in(name) - before[name] for name in before)
            row = self._ask()
            sent, duplicates = int(row["sent"]), int(row["duplicates"])
            missing = self.queued - (sent - duplicates) - dead - parked
            self.say(
                f"waiting for the events of the last {missing} of {self.queued} messages: SES "
                "sends first and its events are in the database about a minute later"
                if missing > 0
                else f"all {self.queued} messages are accounted for"
            )
            if missing <= 0 or time.monotonic() > deadline:
                break
            time.sleep(10)
        seconds = number_of(row["seconds"])
        quota = boto3.client("sesv2").get_account()["SendQuota"]["MaxSendRate"]
        return Report(
            run=self.load.run,
            queued=self.queued,
            refused_by_queue=self.refused,
            sent=sent,
            duplicates=duplicates,
            throttled=self._throttled(),
            delivered=int(row["delivered"] or 0),
            bounced=int(row["bounced"] or 0),
            complained=int(row["complained"] or 0),
            dead_letters=dead,
            parked=parked,
            not_accounted_for=missing,
            queue_to_send_p50=number_of(row["p50"]),
            queue_to_send_p95=number_of(row["p95"]),
            queue_to_send_p99=number_of(row["p99"]),
            # The first email starts the clock: the others came in the time between.
            achieved_rate=round((sent - 1) / seconds, 2) if seconds else None,
            most_in_a_second=int(row["most_in_a_second"]) if row["most_in_a_second"] else None,
            quota_rate=quota,
        )

    def counts_before(self) -> dict[str, int]:
        """Count the messages that are in the two other queues before the run."""
        return {
            name: self._messages_in(name) for name in ("dead_letter_queue_url", "parked_queue_url")
        }

    def _ask(self) -> dict[str, str]:
        athena = boto3.client("athena")
        query = athena.start_query_execution(
            QueryString=REPORT_SQL,
            WorkGroup=self.target["athena_workgroup"],
            QueryExecutionContext={"Database": self.target["athena_database"]},
            ExecutionParameters=[f"'{self.load.run}'"],
        )["QueryExecutionId"]
        while True:
            status = athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]["Status"]
            if status["State"] in ("FAILED", "CANCELLED"):
                raise UsageError(
                    f"Athena {status['State'].lower()} the query of the report: "
                    f"{status.get('StateChangeReason', 'no reason given')}"
                )
            if status["State"] == "SUCCEEDED":
                break
            time.sleep(1)
        names, values = athena.get_query_results(QueryExecutionId=query)["ResultSet"]["Rows"]
        return {
            name["VarCharValue"]: value.get("VarCharValue", "")
            for name, value in zip(names["Data"], values["Data"], strict=True)
        }

    def _throttled(self) -> int:
        """How often SES told the sender to slow down, by the sender's own metric."""
        found = boto3.client("cloudwatch").get_metric_statistics(
            Namespace=self.target["metrics_namespace"],
            MetricName="Throttled",
            Dimensions=[
                {"Name": name, "Value": value}
                for name, value in self.target["metrics_dimensions"].items()
            ],
            StartTime=self.started.replace(second=0, microsecond=0),
            EndTime=datetime.now(UTC) + timedelta(minutes=1),
            Period=60,
            Statistics=["Sum"],
        )
        return int(sum(point["Sum"] for point in found["Datapoints"]))


def number_of(text: str) -> float | None:
    """A number of an answer to two places; None for null."""
    return round(float(text), 2) if text else None


def user(number: int) -> dict[str, Any]:
    """A user of the metadata table, as DynamoDB's JSON."""
    name = FIRST_NAMES[number % len(FIRST_NAMES)]
    return {"user_id": {"S": str(number)}, "metadata": {"M": {"first_name": {"S": name}}}}


def read_outputs(text: str) -> dict[str, Any]:
    """Read the output of `terraform output -json`.

    Raises:
        UsageError: it is no such text, or an output that is needed is not in it.
    """
    try:
        found = {name: output["value"] for name, output in json.loads(text).items()}
    except (ValueError, AttributeError, TypeError, KeyError) as error:
        raise UsageError(
            "--outputs is not what `terraform output -json` prints: run that in the example's "
            "folder, after `terraform apply`."
        ) from error
    missing = [name for name in OUTPUTS if name not in found]
    if missing:
        raise UsageError(
            f"--outputs lacks {', '.join(missing)}: take those of examples/ses_load_testing, "
            "after `terraform apply`."
        )
    return found


UNITS = {
    "queued": "messages",
    "refused_by_queue": "messages",
    "sent": "emails",
    "duplicates": "emails",
    "throttled": "answers of SES",
    "delivered": "emails",
    "bounced": "emails",
    "complained": "emails",
    "dead_letters": "messages",
    "parked": "messages",
    "not_accounted_for": "messages",
    "queue_to_send_p50": "s",
    "queue_to_send_p95": "s",
    "queue_to_send_p99": "s",
    "achieved_rate": "emails/s",
    "most_in_a_second": "emails",
    "quota_rate": "emails/s",
}


def lines(report: Report) -> Iterator[str]:
    """The report for people, each number with its unit."""
    width = max(len(name) for name in asdict(report))
    for name, value in asdict(report).items():
        shown = "unknown" if value is None else f"{value} {UNITS.get(name, '')}".rstrip()
        yield f"{name.replace('_', ' '):<{width}}  {shown}"


def progress() -> Callable[[str], None]:
    """Writes over one line of a terminal; elsewhere a line of each kind every ten seconds."""
    if sys.stderr.isatty():
        return lambda text: print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
    last: dict[str, float] = {}

    def say(text: str) -> None:
        kind = re.sub(r"[\d/-]+", "", text)
        if time.monotonic() - last.get(kind, float("-inf")) >= 10:
            last[kind] = time.monotonic()
            print(text, file=sys.stderr, flush=True)

    return say


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="ses-load-generator", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument(
        "--outputs", default="-", help="file of `terraform output -json`; - is stdin"
    )
    parser.add_argument("--messages", type=int, default=1000)
    parser.add_argument("--rate", type=float, default=50, help="messages queued a second")
    parser.add_argument("--users", type=int, default=1000, help="users to seed, ids 1 to this")
    parser.add_argument(
        "--mix",
        default="success=94,bounce=2,complaint=1,ooto=2,suppressionlist=1",
        help="shares of the simulator's mailboxes",
    )
    parser.add_argument("--run", help="name of the run, its campaign tag; default: the time")
    parser.add_argument("--drain-seconds", type=float, default=3600, help="wait for an empty queue")
    parser.add_argument(
        "--settle-seconds", type=float, default=180, help="wait for the last events"
    )
    parser.add_argument("--json", type=Path, help="write the report to this file as well")
    return parser.parse_args(given)


def load_of(options: argparse.Namespace) -> Load:
    """The load that the options ask for.

    Raises:
        UsageError: one of them is out of its bounds.
    """
    run = options.run or datetime.now(UTC).strftime("run-%Y%m%d-%H%M%S")
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,40}", run):
        raise UsageError(f"--run is {run!r}: SES's tags take 1-40 letters, digits, - and _ here.")
    for name in ("messages", "rate", "users"):
        if not 0 < getattr(options, name) < float("inf"):
            raise UsageError(f"--{name} is {getattr(options, name)}: it must be above 0.")
    return Load(run, options.messages, options.rate, options.users, mix_of(options.mix))


def main(given: Sequence[str] | None = None) -> int:
    """0: all is accounted for and nothing was sent twice; 1: not so; 2: bad input."""
    options = arguments(given)
    try:
        load = load_of(options)
        try:
            text = sys.stdin.read() if options.outputs == "-" else Path(options.outputs).read_text()
        except OSError as error:
            raise UsageError(
                f"--outputs={options.outputs} cannot be read ({error.strerror})."
            ) from error
        run = Run(load, read_outputs(text), progress())
        before = run.counts_before()
        run.seed_users()
        run.queue()
        if not run.wait_for_empty_queue(options.drain_seconds):
            print(
                f"\nThe queue is not empty after {options.drain_seconds:g} s: the report is of "
                "what was sent until now. Is the sender paused? Its alarms tell.",
                file=sys.stderr,
            )
        report = run.report(options.settle_seconds, before)
    except UsageError as error:
        print(f"ses-load-generator: {error}", file=sys.stderr)
        return 2
    print(file=sys.stderr)
    print("\n".join(lines(report)))
    if options.json:
        options.json.write_text(json.dumps(asdict(report), indent=2) + "\n")
    return 1 if report.not_accounted_for or report.duplicates else 0


if __name__ == "__main__":
    sys.exit(main())
