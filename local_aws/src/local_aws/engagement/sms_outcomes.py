"""What becomes of a text message: the simulator's numbers, and outcomes that a tester asks for.

``POST /_local/outcomes/sms`` adds outcomes for numbers that match a pattern, ``GET`` lists them and
``DELETE`` ends them.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

# "Simulator phone numbers", End User Messaging SMS user guide: the success number of a country and
# its failure number. The guide does not say which failure; here it is UNREACHABLE.
SIMULATOR = {
    "+61455944038": "+61455944039",  # Australia
    "+43676800442031": "+43676800442032",  # Austria
    "+32460213922": "+32460213923",  # Belgium
    "+56229140630": "+56229140631",  # Chile
    "+420790542286": "+420790542287",  # Czech Republic
    "+4525919410": "+4525919215",  # Denmark
    "+37282720792": "+37282720793",  # Estonia
    "+3584573979110": "+3584573979111",  # Finland
    "+33755512501": "+33755512502",  # France
    "+85257048426": "+85257048854",  # Hong Kong
    "+36707178770": "+36707178772",  # Hungary
    "+394390009172": "+394390009174",  # Italy
    "+447937404990": "+447937404992",  # Jersey
    "+352691385880": "+352691385882",  # Luxembourg
    "+3197008100148": "+3197008100150",  # Netherlands
    "+4759449384": "+4759449387",  # Norway
    "+48732141440": "+48732141442",  # Poland
    "+351927946948": "+351927946950",  # Portugal
    "+40783900330": "+40783900332",  # Romania
    "+34683783440": "+34683783442",  # Spain
    "+46790645100": "+46790645102",  # Sweden
    "+41798075872": "+41798075874",  # Switzerland
    "+886903444630": "+886903444632",  # Taiwan
    "+447860019066": "+447860019067",  # United Kingdom
    "+14254147755": "+14254147167",  # United States
}
FAILURES = frozenset(SIMULATOR.values())
# The statuses with which the events of a text message can end.
FINAL = (
    "BLOCKED",
    "CARRIER_BLOCKED",
    "CARRIER_UNREACHABLE",
    "DELIVERED",
    "INVALID",
    "INVALID_MESSAGE",
    "SPAM",
    "SUCCESSFUL",
    "TTL_EXPIRED",
    "UNKNOWN",
    "UNREACHABLE",
)
EXAMPLE = '{"to": "+1425555*", "statuses": ["UNREACHABLE", "UNREACHABLE", "DELIVERED"]}'


@dataclass
class Outcomes:
    """Outcomes of the texts to each number that matches: in order, and the last from then on."""

    to: str
    statuses: list[str]
    sent: dict[str, int] = field(default_factory=dict)

    def next(self, number: str) -> str:
        count = self.sent[number] = self.sent.get(number, 0) + 1
        return self.statuses[min(count, len(self.statuses)) - 1]


_lock = threading.Lock()
_asked: list[Outcomes] = []


def add(change: dict[str, Any]) -> list[dict[str, Any]]:
    """Add outcomes before the outcomes that were added earlier. Returns all of them.

    Raises:
        ValueError: the change has another form; the text shows an example.
    """
    to, statuses = change.get("to"), change.get("statuses")
    unknown = change.keys() - {"to", "statuses"}
    if unknown:
        raise ValueError(f"There is no {', '.join(sorted(unknown))}: send {EXAMPLE}.")
    # A pattern that begins otherwise would match no number.
    if not isinstance(to, str) or not to.startswith(("+", "*")):
        raise ValueError(
            f"to must be a number with its plus sign, or a pattern with *: send {EXAMPLE}."
        )
    if not isinstance(statuses, list) or not statuses or not set(map(str, statuses)) <= set(FINAL):
        raise ValueError(f"statuses must be a list of {', '.join(FINAL)}: send {EXAMPLE}.")
    with _lock:
        _asked.insert(0, Outcomes(to, list(statuses)))
    return listed()


def listed() -> list[dict[str, Any]]:
    """Return the outcomes that were asked for, and how many messages each number got."""
    with _lock:
        return [{"to": o.to, "statuses": o.statuses, "sent": dict(o.sent)} for o in _asked]


def status_of(number: str) -> str | None:
    """Return the last status of the next message to a number; None leaves it to the number."""
    with _lock:
        for outcomes in _asked:
            if fnmatchcase(number, outcomes.to):
                return outcomes.next(number)
    if number in SIMULATOR:
        return "DELIVERED"
    return "UNREACHABLE" if number in FAILURES else None


def reset() -> None:
    with _lock:
        _asked.clear()
