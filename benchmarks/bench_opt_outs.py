"""Inbound messages through the decisions of sms_self_managed_opt_outs.

A decision is the way from the body of the queue's message to the preferences to write: parsing,
matching 60 words in four languages, and the effect on three categories. Half of the messages are
conversation. Tables and services are left out. Figures are medians of processor time.
"""

from __future__ import annotations

import random
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks import Figure

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "lambda_src"))

from sms_self_managed_opt_outs.inbound import inbound_in  # noqa: E402 - path first
from sms_self_managed_opt_outs.keywords import Keywords, keywords_from  # noqa: E402
from sms_self_managed_opt_outs.preferences import Preference, Status, decide  # noqa: E402
from tests.builders.opt_outs import KEYWORDS, notification, payload  # noqa: E402

MESSAGES = 20_000
REPEATS = 5
WORDS = 60
CONVERSATION = [
    "See you at the weekend, friend!",
    "Thanks 🙏 that was quick. Can you send the invoice to Acme Ltd as well?",
    "ok",
    "Où est mon colis ? Je ne l'ai pas encore reçu, merci de me répondre.",
]
FIGURES = {
    "decisions_per_second": Figure(
        "Opt-out decisions of `sms_self_managed_opt_outs` on one core, from the body of the "
        "queue's message to the preferences to write: {messages:,} messages, half of them "
        "conversation, {words} words",
        "decisions/s",
        at_least=5_000,
    ),
}


def keywords() -> Keywords:
    """The keywords of the tests, with more words up to WORDS."""
    known = sum(len(words) for one in KEYWORDS.values() for words in one["words"].values())
    more = [f"WORD{number}" for number in range(WORDS - known)]
    extra = {
        "action": "reply",
        "match": "first_word",
        "words": {"de": more[::2], "es": more[1::2]},
        "replies": {"en": "Hello"},
    }
    return keywords_from({**KEYWORDS, "extra": extra})


def bodies(chance: random.Random) -> list[str]:
    asked = ["STOP", "Stop.", "ARRÊT", "start", "STOP ALL", "HELP"]
    return [
        notification(
            payload(
                chance.choice(asked if number % 2 else CONVERSATION),
                originationNumber=f"+1206555{chance.randrange(10_000):04d}",
                inboundMessageId=f"inbound-{number}",
            )
        )
        for number in range(MESSAGES)
    ]


def decided(messages: list[str], known_words: Keywords) -> int:
    """Decide all messages in their order. Returns the number of changes."""
    preferences: dict[str, dict[str, Preference]] = {}
    changes = 0
    for position, body in enumerate(messages):
        message = inbound_in(body, 0)
        match = known_words.match(message.texts[0])
        if match is None or match.keyword.category is None:
            continue
        known = preferences.setdefault(message.number, {})
        wanted = Status.OPTED_OUT if match.keyword.action == "opt_out" else Status.OPTED_IN
        decision = decide(
            wanted,
            match.keyword.category,
            known,
            said_at=message.said_at + position,
            message_id=message.id,
        )
        known.update({write.category: write for write in decision.writes})
        changes += decision.outcome == "CHANGED"
    return changes


def run() -> dict[str, Any]:
    messages, known_words = bodies(random.Random(7)), keywords()
    seconds = []
    for _ in range(REPEATS):
        began = time.process_time()
        changes = decided(messages, known_words)
        seconds.append(time.process_time() - began)
    assert changes > 0
    return {
        "unit": "decisions per second per core",
        "messages": MESSAGES,
        "repeats": REPEATS,
        "words": WORDS,
        "decisions_per_second": round(MESSAGES / statistics.median(seconds)),
    }
