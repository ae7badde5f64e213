"""Measure the mails per second that the auto reply decides about, and the replies it writes.

A decision goes from SES's event to the recipient of the answer, or to the reason for no answer. A
reply is a template rendered and written as MIME. Figures are medians of processor time, so that
other programs on the machine count less.
"""

import copy
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import Figure

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "lambda_src"))

from ses_auto_reply.decision import Ignore, Mailbox, Reply, decide  # noqa: E402 - path first
from ses_auto_reply.incoming import incoming_mail  # noqa: E402 - path first
from ses_auto_reply.reply import Template, mime  # noqa: E402 - path first

REPEATS = 21
MAILS = 1_000
SAMPLE = ROOT / "tests" / "data" / "events" / "ses_receiving" / "lambda_action.json"
FIGURES = {
    "decisions_per_second.*": Figure(
        "Auto reply: decisions whether to answer, from SES's event on, {mails:,} in a row, on one "
        "core",
        "mails/s",
    ),
    "replies_per_second": Figure(
        "Auto reply: replies rendered and written as MIME (HTML and text), on one core", "replies/s"
    ),
}
MAILBOX = Mailbox(own=frozenset({"robot@example.net", "ours.example"}))
TEMPLATE = Template(
    subject="We got your message:",
    html="<p>Hello %%NAME%%,</p><p>your message has the number <b>%%ID%%</b>.</p>",
    text="Hello %%NAME%%,\n\nyour message has the number %%ID%%.\n",
)


def mails(*headers: tuple[str, str]) -> list[dict[str, Any]]:
    """Build MAILS events from SES's documented example, with additional headers."""
    sample = json.loads(SAMPLE.read_text())
    events = []
    for number in range(MAILS):
        event = copy.deepcopy(sample)
        mail = event["Records"][0]["ses"]["mail"]
        mail["messageId"] = f"mail-{number}"
        mail["headers"] += [{"name": name, "value": value} for name, value in headers]
        events.append(event)
    return events


def decisions(events: list[dict[str, Any]]) -> list[Reply | Ignore]:
    return [decide(incoming_mail(event), MAILBOX) for event in events]


def seconds(work: Callable[[], object]) -> float:
    """Return the median processor time of one run."""
    times = []
    for _ in range(REPEATS):
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    return statistics.median(times)


def run() -> dict[str, Any]:
    people, lists = mails(), mails(("List-Id", "<people.example.org>"))
    answers = [one for one in decisions(people) if isinstance(one, Reply)]
    left = [one for one in decisions(lists) if isinstance(one, Ignore)]
    if len(answers) != MAILS or len(left) != MAILS:
        raise RuntimeError("The mails of people must be answered, and those of lists left.")
    return {
        "unit": "per second per core",
        "repeats": REPEATS,
        "mails": MAILS,
        "decisions_per_second": {
            "answered": round(MAILS / seconds(lambda: decisions(people))),
            "left (a list's)": round(MAILS / seconds(lambda: decisions(lists))),
        },
        "replies_per_second": round(
            MAILS / seconds(lambda: [mime(answer, TEMPLATE) for answer in answers])
        ),
    }
