"""Another way to say how people go through a journey: each alone, one minute after the other."""

import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

DAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
MINUTE = timedelta(minutes=1)
WEEK = 7 * 24 * 60 + 1  # minutes; hours and quiet times come again each week


def sent(journey: Any, person: Any, at: datetime) -> Iterator[tuple[datetime, str]]:
    """Yield moment and activity of each message to an endpoint that enters at `at`."""
    where = journey["StartActivity"]
    while where:
        [(kind, body)] = journey["Activities"][where].items()
        here, where = where, body.get("NextActivity")
        if kind in ("EMAIL", "SMS") and kind == person["ChannelType"]:
            minutes = WEEK if journey.get("WaitForQuietTime") else 1
            tries = (at + number * MINUTE for number in range(minutes))
            opens = next((one for one in tries if allowed(journey, kind, person, one)), None)
            if opens is not None:  # else the hours are over before they begin, every day
                at = opens
                yield at, here
        elif kind == "Wait" or "EvaluationWaitTime" in body:
            wait = body["WaitTime"] if kind == "Wait" else body["EvaluationWaitTime"]
            until = datetime.fromisoformat(wait.get("WaitUntil") or at.isoformat())
            at = max(until, at + timedelta(hours=int((wait.get("WaitFor") or "PT0H")[2:-1])))
        if kind == "Holdout" and draw(journey, here, person) < body["Percentage"]:
            where = None
        elif kind == "RandomSplit":
            shares = [one["Percentage"] for one in body["Branches"]]
            tops = [sum(shares[: number + 1]) for number in range(len(shares))]
            chosen = next(n for n, top in enumerate(tops) if draw(journey, here, person) < top)
            where = body["Branches"][chosen].get("NextActivity")
        elif kind == "ConditionalSplit":
            answers = [holds(one, person) for one in body["Condition"]["Conditions"]]
            yes = all(answers) if body["Condition"]["Operator"] == "ALL" else any(answers)
            where = body.get("TrueActivity" if yes else "FalseActivity")
        elif kind == "MultiCondition":
            ways = [one.get("NextActivity") for one in body["Branches"] if holds_of(one, person)]
            where = [*ways, body.get("DefaultActivity")][0]


def allowed(journey: Any, channel: str, person: Any, at: datetime) -> bool:
    there = at.astimezone(ZoneInfo(person["Demographic"]["Timezone"]))
    clock = there.strftime("%H:%M")
    quiet = journey.get("QuietTime")
    if quiet and between(quiet["Start"], clock, quiet["End"]):
        return False
    hours = (
        (journey.get("OpenHours") or {}).get(channel) if journey.get("SendingSchedule") else None
    )
    today = (hours or {}).get(DAYS[there.weekday()], [])
    return not hours or any(one["StartTime"] <= clock < one["EndTime"] for one in today)


def between(start: str, clock: str, end: str) -> bool:
    return start <= clock <= end if start <= end else clock >= start or clock <= end


def holds_of(branch: Any, person: Any) -> bool:
    return holds(branch["Condition"], person)


def holds(condition: Any, person: Any) -> bool:
    [(name, dimension)] = condition["segmentDimensions"]["Attributes"].items()
    return bool(set(person["Attributes"].get(name, [])) & set(dimension["Values"]))


def draw(journey: Any, activity: str, person: Any) -> float:
    text = f"{journey['Id']}\0{activity}\0endpoint#{person['Id']}\0001"
    return int(hashlib.sha256(text.encode()).hexdigest()[:12], 16) * 100 / 2**48
