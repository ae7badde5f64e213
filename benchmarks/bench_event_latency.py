"""Measure how soon an event can be queried: examples/ses_pinpoint_event_database, local AWS.

buffer_seconds has its default. The hub's PutEvents writes events to the project's event stream, and
emails through SES make events too, one of each every few seconds, so that events arrive at all
stages of Firehose's buffers. A query asks Athena once a second which events are there. The time
runs from the call that made the event to the first answer that shows it.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import threading
import time
from datetime import UTC, datetime
from typing import Any

import boto3

from benchmarks import Figure
from tests.builders.hub_client import hub_client
from tools import local_environment, terraform_run
from tools.errors import ToolError

EXAMPLE = terraform_run.ROOT / "examples" / "ses_pinpoint_event_database"
STATE = terraform_run.ROOT / ".local" / "bench_event_latency"
EVENTS = 30
SECONDS_BETWEEN = 5.3  # no divisor of the buffer
PATIENCE_SECONDS = 180
FIGURES = {
    f"seconds.{key}.*": Figure(
        f"Event database on the local AWS, from an event to the first query that shows it: {words} "
        "of {events} events by the hub's PutEvents and {events} events by SES",
        "s",
        at_most=goal,
        headline=goal is not None,
    )
    for key, words, goal in (
        ("p50", "median", None),
        ("p95", "95th percentile", 60.0),
        ("highest", "longest time", None),
    )
}
QUESTION = """
SELECT coalesce(
  element_at(attributes, 'number'), facets.email_channel.mail_event.mail.message_id
) FROM events
WHERE ingest_hour >= date_format(current_timestamp - interval '3' hour, '%Y/%m/%d/%H')
  AND event_type IN ('measured', '_email.send')
"""


def terraform(*arguments: str) -> str:
    """Run Terraform on the example with a state of this benchmark's own."""
    run = terraform_run.run(EXAMPLE, *arguments, environ={"TF_DATA_DIR": str(STATE / "data")})
    if run.returncode != 0:
        raise ToolError(f"terraform {arguments[0]} failed:\n{run.stdout}")
    return run.stdout


def apply() -> dict[str, Any]:
    state = f"-state={STATE / 'terraform.tfstate'}"
    terraform("init", "-input=false", "-no-color")
    terraform("apply", "-input=false", "-no-color", "-auto-approve", state)
    outputs = json.loads(terraform("output", "-json", state))
    return {name: output["value"] for name, output in outputs.items()}


class Sender(threading.Thread):
    """A thread that makes the events; `made` maps the id that a query shows to path and time."""

    def __init__(self, example: dict[str, Any]) -> None:
        super().__init__(daemon=True)
        self._example = example
        self._hub = hub_client(example["api_url"])
        self._ses = boto3.client("sesv2")
        self.made: dict[str, tuple[str, float]] = {}

    def run(self) -> None:
        for number in range(EVENTS):
            started = time.monotonic()
            self._put_event(str(number))
            self._send_email(number)
            time.sleep(max(0.0, SECONDS_BETWEEN - (time.monotonic() - started)))

    def _put_event(self, number: str) -> None:
        at = time.monotonic()
        event = {
            "EventType": "measured",
            "Timestamp": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "Attributes": {"number": number},
        }
        batch = {f"endpoint-{number}": {"Endpoint": {}, "Events": {number: event}}}
        self._hub.put_events(
            ApplicationId=self._example["project_id"], EventsRequest={"BatchItem": batch}
        )
        self.made[number] = ("hub", at)

    def _send_email(self, number: int) -> None:
        at = time.monotonic()
        message = self._ses.send_email(
            FromEmailAddress=self._example["from_address"],
            Destination={"ToAddresses": [f"success+{number}@simulator.amazonses.com"]},
            ConfigurationSetName=self._example["configuration_set"],
            Content={
                "Simple": {
                    "Subject": {"Data": "Measured"},
                    "Body": {"Text": {"Data": f"Number {number}"}},
                }
            },
        )
        self.made[message["MessageId"]] = ("SES", at)


def shown(athena: Any, example: dict[str, Any]) -> set[str]:
    """Return the events that a query shows now."""
    query = athena.start_query_execution(
        QueryString=QUESTION,
        QueryExecutionContext={"Database": example["athena_database"]},
        WorkGroup=example["athena_workgroup"],
    )["QueryExecutionId"]
    while True:
        status = athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]["Status"]
        if status["State"] not in ("QUEUED", "RUNNING"):
            break
        time.sleep(0.05)
    if status["State"] != "SUCCEEDED":
        raise RuntimeError(status.get("StateChangeReason", status["State"]))
    rows = athena.get_query_results(QueryExecutionId=query)["ResultSet"]["Rows"][1:]
    return {row["Data"][0].get("VarCharValue", "") for row in rows}


def latencies(example: dict[str, Any]) -> dict[str, list[float]]:
    """Return the seconds from each event to the first answer that shows it, by its path.

    Raises:
        RuntimeError: an event could not be made, or not be queried in time.
    """
    athena = boto3.client("athena")
    sender = Sender(example)
    sender.start()
    found: dict[str, list[float]] = {"hub": [], "SES": []}
    seen: set[str] = set()
    deadline = time.monotonic() + EVENTS * SECONDS_BETWEEN + PATIENCE_SECONDS
    while len(seen) < 2 * EVENTS:
        started = time.monotonic()
        there = shown(athena, example)
        answered = time.monotonic()
        for name in there & set(sender.made) - seen:
            path, at = sender.made[name]
            found[path].append(answered - at)
            seen.add(name)
        if answered > deadline or (not sender.is_alive() and len(sender.made) < 2 * EVENTS):
            raise RuntimeError(f"{len(sender.made)} of {2 * EVENTS} made, {len(seen)} seen")
        time.sleep(max(0.0, 1 - (time.monotonic() - started)))
    return found


def run() -> dict[str, Any]:
    port = local_environment.free_port()
    shutil.rmtree(STATE, ignore_errors=True)
    STATE.mkdir(parents=True)
    before = dict(os.environ)
    local_environment.local_aws("up", "--port", str(port))
    try:
        local_environment.use_local_aws(port)
        found = latencies(apply())
    finally:
        local_environment.local_aws("down", "--port", str(port))
        shutil.rmtree(STATE, ignore_errors=True)
        os.environ.clear()
        os.environ.update(before)
    return {
        "events": EVENTS,
        "seconds": {
            "p50": {path: round(statistics.median(times), 1) for path, times in found.items()},
            "p95": {
                path: round(statistics.quantiles(times, n=20, method="inclusive")[-1], 1)
                for path, times in found.items()
            },
            "highest": {path: round(max(times), 1) for path, times in found.items()},
        },
    }


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
