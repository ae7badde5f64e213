"""Strategies of valid journeys that can run, and of the people in them."""

from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from tests.builders.journeys import email, holdout, journey, text_message

# Far from the changes of the clock in each of the zones.
START = datetime.fromisoformat("2026-01-12T09:00:00+00:00")
ZONES = ("America/Los_Angeles", "Asia/Kolkata", "Europe/Berlin", "Pacific/Auckland", "UTC")
CLOCKS = st.builds("{:02d}:{:02d}".format, st.integers(0, 23), st.sampled_from([0, 15, 30, 59]))
QUIET = st.builds(lambda start, end: {"Start": start, "End": end}, CLOCKS, CLOCKS)


def _condition(value: str) -> Any:
    return {"segmentDimensions": {"Attributes": {"Plan": {"Values": [value]}}}}


CONDITIONS = st.sampled_from(["free", "gold", "team"]).map(_condition)
WAITS = st.one_of(
    st.integers(1, 60).map(lambda hours: {"WaitFor": f"PT{hours}H"}),
    st.integers(0, 120).map(
        lambda hours: {"WaitUntil": (START + timedelta(hours=hours)).isoformat()}
    ),
)


@st.composite
def activities(draw: Any) -> dict[str, Any]:
    """A graph that leads forward; every activity after the first can be reached or not."""
    count = draw(st.integers(1, 8))
    made: dict[str, Any] = {}
    for number in range(count):
        later = [None, *(f"a{one}" for one in range(number + 1, count))]
        exits = st.sampled_from(later)
        made[f"a{number}"] = draw(_activity(exits))
    return made


def _activity(exits: Any) -> Any:
    return st.one_of(
        exits.map(email),
        exits.map(text_message),
        st.builds(lambda to, time: {"Wait": _to(to, {"WaitTime": time})}, exits, WAITS),
        st.builds(lambda to, share: holdout(share, to), exits, st.integers(0, 100)),
        st.builds(_random_split, exits, exits, st.integers(1, 99)),
        st.builds(
            _yes_no,
            st.lists(CONDITIONS, min_size=1, max_size=3),
            st.sampled_from(["ALL", "ANY"]),
            exits,
            exits,
            st.none() | WAITS,
        ),
        st.builds(_multi, st.lists(st.tuples(CONDITIONS, exits), min_size=1, max_size=4), exits),
    )


def _to(next_activity: str | None, body: dict[str, Any]) -> dict[str, Any]:
    return body | ({"NextActivity": next_activity} if next_activity else {})


def _random_split(first: str | None, second: str | None, share: int) -> dict[str, Any]:
    shares = ((first, share), (second, 100 - share))
    return {"RandomSplit": {"Branches": [_to(to, {"Percentage": one}) for to, one in shares]}}


def _yes_no(
    conditions: list[Any], operator: str, yes: str | None, no: str | None, wait: Any
) -> dict[str, Any]:
    split: dict[str, Any] = {"Condition": {"Conditions": conditions, "Operator": operator}}
    paths = {"TrueActivity": yes, "FalseActivity": no, "EvaluationWaitTime": wait}
    return {"ConditionalSplit": split | {name: one for name, one in paths.items() if one}}


def _multi(branches: list[tuple[Any, str | None]], default: str | None) -> dict[str, Any]:
    made: dict[str, Any] = {"Branches": [_to(to, {"Condition": one}) for one, to in branches]}
    return {"MultiCondition": made | ({"DefaultActivity": default} if default else {})}


def _rule(hours: tuple[int, int]) -> dict[str, str]:
    return {"StartTime": f"{min(hours):02d}:00", "EndTime": f"{max(hours):02d}:30"}


OPEN_HOURS = st.dictionaries(
    st.sampled_from(["EMAIL", "SMS"]),
    st.dictionaries(
        st.sampled_from(["MONDAY", "WEDNESDAY", "SATURDAY"]),
        st.lists(
            st.tuples(st.integers(0, 23), st.integers(0, 23)).map(_rule), min_size=1, max_size=2
        ),
        min_size=1,
    ),
)


@st.composite
def journeys(draw: Any) -> Any:
    """A journey that passes its review, at START."""
    members: dict[str, Any] = {"QuietTime": draw(st.none() | QUIET)}
    if members["QuietTime"] is not None:
        members["WaitForQuietTime"] = draw(st.booleans())
        hours = draw(st.none() | OPEN_HOURS)
        if hours:
            members |= {"SendingSchedule": True, "OpenHours": hours}
    return journey(START, Activities=draw(activities()), StartActivity="a0", **members)


@st.composite
def people(draw: Any, most: int = 4) -> list[Any]:
    """Endpoints with a plan, a time zone, and a channel."""
    rows = draw(
        st.lists(
            st.tuples(
                st.sampled_from(["EMAIL", "SMS"]),
                st.sampled_from(ZONES),
                st.sampled_from(["free", "gold", "team", "none"]),
            ),
            min_size=1,
            max_size=most,
        )
    )
    return [_person(number, *row) for number, row in enumerate(rows)]


def _person(number: int, channel: str, zone: str, plan: str) -> Any:
    address = f"p{number}@example.com" if channel == "EMAIL" else f"+1425555{number:04d}"
    return {
        "Id": f"p{number}",
        "ChannelType": channel,
        "Address": address,
        "Attributes": {"Plan": [plan]},
        "Demographic": {"Timezone": zone},
    }
