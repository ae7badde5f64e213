"""Records per second on one core through the transforms of the event databases.

Each figure is a batch of 500 records from base64 to base64: JSON is read, fitted to the table's
columns, given an id and written. Figures are medians of the processor time of a batch, so that
other programs on the machine count less.
"""

import base64
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import Figure

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "lambda_src"))

from pinpoint_event_database.all_events import rows as all_events  # noqa: E402 - path first
from ses_event_database.ses_events import rows as ses_events  # noqa: E402 - path first
from shared.event_rows.batch import Table, transform  # noqa: E402 - path first
from sms_event_database.sms_events import rows as sms_events  # noqa: E402 - path first

EVENTS = ROOT / "tests" / "data" / "events"
REPEATS = 41
RECORDS = 500
FIGURES = {
    "records_per_second.all_events.small": Figure(
        "Pinpoint events of text messages ({small_event_bytes:.0f} bytes) transformed into rows of "
        "`all_events`, on one core, batches of {records}",
        "events/s",
        at_least=40_000,
    ),
    "records_per_second.all_events.*": Figure(
        "Other events transformed into rows of `all_events`, on one core", "events/s"
    ),
    "records_per_second.ses_events": Figure(
        "SES events of ten types transformed into rows of `ses_events`, on one core", "events/s"
    ),
    "records_per_second.sms_events": Figure(
        "End User Messaging events transformed into rows of `sms_events`, on one core", "events/s"
    ),
}
# A few samples each, in turn.
CASES: dict[str, tuple[Table, tuple[str, ...]]] = {
    "all_events.small": (
        all_events,
        ("pinpoint/sms_buffered", "pinpoint/sms_success", "pinpoint/sms_optout"),
    ),
    "all_events.campaign_and_journey": (
        all_events,
        ("pinpoint/campaign_send", "pinpoint/journey_send"),
    ),
    "all_events.custom_and_session": (
        all_events,
        ("pinpoint/custom_cartabandoned", "pinpoint/session_start"),
    ),
    "all_events.email": (all_events, ("pinpoint/email_send", "pinpoint/email_click")),
    "all_events.mapped_from_ses": (all_events, ("ses/send", "ses/bounce_permanent_general")),
    "all_events.mapped_from_sms": (all_events, ("sms/text_queued", "sms/text_delivered")),
    "ses_events": (
        ses_events,
        tuple(
            f"ses/{name}"
            for name in (
                "send",
                "delivery",
                "bounce_permanent_general",
                "complaint",
                "reject",
                "open",
                "click",
                "rendering_failure",
                "delivery_delay",
                "subscription",
            )
        ),
    ),
    "sms_events": (sms_events, ("sms/text_queued", "sms/text_delivered", "sms/voice_answered")),
}


def records(names: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """Build RECORDS different events."""
    events = [json.loads((EVENTS / f"{name}.json").read_text()) for name in names]
    for number in range(RECORDS):
        event = events[number % len(events)]
        for member in ("arrival_timestamp", "eventTimestamp"):
            if member in event:
                event[member] += 1
        if "mail" in event:
            event["mail"]["messageId"] = f"0100018c3f2b6d7e-{number:08x}-000000"
        line = json.dumps(event, separators=(",", ":")) + "\n"
        yield {
            "recordId": f"{number:056d}",
            "approximateArrivalTimestamp": 1772470000000,
            "data": base64.b64encode(line.encode()).decode(),
        }


def seconds(work: Callable[[], object]) -> float:
    """Return the median processor time of one run."""
    times = []
    for _ in range(REPEATS):
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    return statistics.median(times)


def run() -> dict[str, Any]:
    rates: dict[str, Any] = {"all_events": {}}
    for name, (table, names) in CASES.items():
        batch = list(records(names))
        answer = transform(batch, table)
        if {one["result"] for one in answer.records} != {"Ok"}:
            raise RuntimeError(f"{name}: {answer.reasons}")
        group, _, kind = name.rpartition(".")
        rate = round(RECORDS / seconds(partial(transform, batch, table)))
        (rates[group] if group else rates)[kind] = rate
    small = [len(base64.b64decode(one["data"])) for one in records(CASES["all_events.small"][1])]
    return {
        "unit": "events per second per core",
        "repeats": REPEATS,
        "records": RECORDS,
        "small_event_bytes": statistics.mean(small),
        "records_per_second": rates,
    }


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
