"""Copies of journeys between two projects in memory: calls of the Pinpoint API and of DynamoDB.

Each journey starts with a segment, sends an email and a text message from templates, and splits by
the segment. `journey_copy.copier` makes the calls, counted at the hosts and at moto's table;
a listing has pages of 200.
"""

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "lambda_src")]

# The path must be set first.
from benchmarks import Figure  # noqa: E402
from journey_copy.outcome import Result  # noqa: E402
from tests.builders.journey_copies import World, journey, world  # noqa: E402
from tests.builders.pinpoint_projects import PinpointHost  # noqa: E402

JOURNEYS = 50
_WHOLE = "Calls of the Pinpoint API to copy a journey with a segment and two templates of its own"
FIGURES = {
    "alone.first.api_calls": Figure(_WHOLE, "calls", at_most=20),
    "alone.repeated.api_calls": Figure(f"{_WHOLE}, again", "calls"),
    "shared.first.api_calls": Figure(
        "Calls of the Pinpoint API to copy a journey, one of {journeys} that share a segment and "
        "two templates",
        "calls",
    ),
    "shared.repeated.api_calls": Figure(
        "Calls of the Pinpoint API to copy a journey, one of {journeys} that share a segment and "
        "two templates, again",
        "calls",
    ),
    "*.first.dynamodb_calls": Figure("Calls of DynamoDB to copy a journey", "calls"),
    "*.repeated.dynamodb_calls": Figure("Calls of DynamoDB to copy a journey, again", "calls"),
}


class Counted:
    """A client that counts its calls."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.calls: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        if not callable(found) or name.startswith("_") or name == "exceptions":
            return found

        def call(*arguments: Any, **parameters: Any) -> Any:
            self.calls[name] += 1
            return found(*arguments, **parameters)

        return call


def _copied(there: World, ids: list[str], expected: Result) -> dict[str, float]:
    """Copy the journeys; return the calls of each on average."""
    for host in (there.staging, there.production):
        host.calls.clear()
    there.dynamodb.calls.clear()
    for journey_id in ids:
        result = there.copy(journey_id).result
        assert result is expected, result
    calls = there.staging.calls.total() + there.production.calls.total()
    return {
        "api_calls": calls / len(ids),
        "dynamodb_calls": there.dynamodb.calls.total() / len(ids),
    }


def _both(ids_of: Any) -> dict[str, dict[str, float]]:
    with world() as there:
        there.dynamodb = Counted(there.dynamodb)
        there.staging, there.production = PinpointHost("from1"), PinpointHost("to1")
        there.staging.page_size = there.production.page_size = 200
        ids = ids_of(there)
        return {
            "first": _copied(there, ids, Result.CREATED),
            "repeated": _copied(there, ids, Result.UNCHANGED),
        }


def _sharing(there: World) -> list[str]:
    first = there.welcome()
    others = (
        there.staging.add_journey("from1", **journey(there.segment_id, Name=f"journey-{number}"))
        for number in range(1, JOURNEYS)
    )
    return [first, *others]


def run() -> dict[str, Any]:
    """Return the calls for one journey, and for each of many that share what they refer to."""
    return {
        "journeys": JOURNEYS,
        "alone": _both(lambda there: [there.welcome()]),
        "shared": _both(_sharing),
    }


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
