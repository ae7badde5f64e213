"""Activities of a journey: their rules, and the paths between them.

A draft may leave members out, as a journey does that is still being written; a member that it gives
follows the rules. `review_activities` checks the rest, which a journey needs to be published.

Choices where AWS is silent:

- An activity has exactly one type. A condition has exactly one of its three members.
- Paths may meet again. A circle of activities is refused, as no participant would leave it.
- An activity that no path leads to is not refused: no participant arrives there.
- `MessageActivity` of an event condition is the id of the activity that sent the message, as in the
  journeys of Pinpoint's console. (The model calls it a message identifier.)
- A custom activity has no template: the API has no type of template for it.

Source: Pinpoint API reference (Activity); user guide, "Add activities to the journey"; quotas.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from engagement_hub.engagement.campaigns import validate_custom_delivery
from engagement_hub.engagement.errors import BadRequest
from engagement_hub.engagement.journey_times import SHORTEST_WAIT, validate_wait_time
from engagement_hub.engagement.messages import MAX_CUSTOM_DATA
from engagement_hub.engagement.ranges import checked_whole
from engagement_hub.engagement.segments import validate_segment
from shared.journeys import (
    SENDING,
    TEMPLATED,
    ActivityType,
    Path,
    activity_type,
    branches_of,
    conditions_of,
    message_of,
    path_text,
)

__all__ = ["review_activities", "validate_activities", "validate_event_dimensions"]

ID_CHARACTERS = 100
ACTIVITIES = 40
CONTACT_CENTER_ACTIVITIES = 3
BRANCHES = 5  # of a random split; a multivariate split has its Else path as one of them
# Our own, undocumented by AWS: a request looks up the segment of each condition.
CONDITIONS = 20
_ID = re.compile(r"[A-Za-z0-9]{1,100}")
_TIME_TO_LIVE = re.compile(r"\d{1,9}", re.ASCII)

Json = Mapping[str, Any]


_CONDITIONS = ("EventCondition", "SegmentCondition", "segmentDimensions")


# Paths


def _exits(activity: Json) -> Iterator[tuple[str, str | None]]:
    """Yield the members that name a next activity, below the type, and the ids they name."""
    kind = activity_type(activity)
    if kind is None:
        return
    body = activity[kind]
    match kind:
        case ActivityType.CONDITIONAL_SPLIT:
            names = ["TrueActivity", "FalseActivity"]
        case ActivityType.MULTI_CONDITION:
            names = ["DefaultActivity"]
        case ActivityType.RANDOM_SPLIT:
            names = []
        case _:
            names = ["NextActivity"]
    for name in names:
        yield f"{kind}.{name}", body.get(name) or None
    for number, branch in enumerate(branches_of(body)):
        yield f"{kind}.Branches[{number}].NextActivity", branch.get("NextActivity") or None


def _check_paths(activities: Json, start: str | None) -> None:
    if start and start not in activities:
        raise BadRequest(
            f"StartActivity names {start[:ID_CHARACTERS]!r}, and Activities has no such activity. "
            "Add the activity, or name one that is there."
        )
    for activity_id, activity in activities.items():
        for member, target in _exits(activity):
            if target is not None and target not in activities:
                raise BadRequest(
                    f"Activities.{activity_id}.{member} names {target[:ID_CHARACTERS]!r}, and "
                    "Activities has no such activity. Add the activity, or leave the member out to "
                    "end the path."
                )
    _check_no_circle(activities)


def _check_no_circle(activities: Json) -> None:
    done: set[str] = set()
    path: list[str] = []

    def walk(activity_id: str) -> None:
        if activity_id in path:
            circle = [*path[path.index(activity_id) :], activity_id]
            raise BadRequest(
                f"Activities form a circle: {' to '.join(circle)}. A path leads forward: leave out "
                "one of these references."
            )
        if activity_id in done:
            return
        path.append(activity_id)
        for _, target in _exits(activities[activity_id]):
            if target is not None:
                walk(target)
        done.add(path.pop())

    for activity_id in activities:
        walk(activity_id)


# Rules of a draft


def validate_activities(activities: Json, start: str | None, end: datetime | None) -> None:
    """Check the activities of a journey, published or not.

    Args:
        start: id of the first activity.
        end: end of the journey.

    Raises:
        BadRequest: names the activity, the member and the rule.
    """
    if len(activities) > ACTIVITIES:
        raise BadRequest(
            f"Activities has {len(activities)} activities; a journey has at most {ACTIVITIES}."
        )
    for activity_id, activity in activities.items():
        if not _ID.fullmatch(activity_id):
            raise BadRequest(
                f"Activities: the id {activity_id[:ID_CHARACTERS]!r} must be 1 to {ID_CHARACTERS} "
                "of A-Z, a-z and 0-9."
            )
        _check_type(activity, f"Activities.{activity_id}")
    calls = sum(activity_type(one) == ActivityType.CONTACT_CENTER for one in activities.values())
    if calls > CONTACT_CENTER_ACTIVITIES:
        raise BadRequest(
            f"Activities has {calls} contact center activities; a journey has at most "
            f"{CONTACT_CENTER_ACTIVITIES}."
        )
    _check_paths(activities, start)
    for activity_id, activity in activities.items():
        _check_activity(activity, f"Activities.{activity_id}", activities, end)


def _check_type(activity: Json, member: str) -> None:
    types = [one for one in ActivityType if activity.get(one) is not None]
    if not types:
        raise BadRequest(f"{member} has no type. Give one of {', '.join(ActivityType)}.")
    if len(types) > 1:
        raise BadRequest(f"{member} has the types {' and '.join(types)}. An activity has one.")


def _check_activity(activity: Json, member: str, activities: Json, end: datetime | None) -> None:
    kind = activity_type(activity)
    body = activity[kind] if kind else {}
    path = f"{member}.{kind}"
    match kind:
        case ActivityType.CUSTOM:
            _check_custom(body, path)
        case ActivityType.PUSH:
            time_to_live = (body.get("MessageConfig") or {}).get("TimeToLive")
            if time_to_live and not _TIME_TO_LIVE.fullmatch(time_to_live):
                raise BadRequest(f"{path}.MessageConfig.TimeToLive must be a number of seconds.")
        case ActivityType.WAIT:
            wait = body.get("WaitTime")
            validate_wait_time(wait, f"{path}.WaitTime", least=SHORTEST_WAIT, end=end)
        case ActivityType.CONDITIONAL_SPLIT | ActivityType.MULTI_CONDITION:
            wait = body.get("EvaluationWaitTime")
            validate_wait_time(wait, f"{path}.EvaluationWaitTime", end=end)
        case ActivityType.RANDOM_SPLIT:
            _check_random_split(body, path)
        case ActivityType.HOLDOUT:
            checked_whole(body["Percentage"], f"{path}.Percentage", 0, 100)
        case _:
            pass
    if kind == ActivityType.MULTI_CONDITION and len(branches_of(body)) > BRANCHES - 1:
        raise BadRequest(
            f"{path}.Branches must be at most {BRANCHES - 1}: five paths in all, DefaultActivity "
            "included."
        )
    conditions = list(conditions_of(activity))
    if len(conditions) > CONDITIONS:
        raise BadRequest(f"{path}.Condition.Conditions must be at most {CONDITIONS}.")
    for where, condition in conditions:
        _check_condition(condition, _member(member, where), activities)


def _member(member: str, where: Path) -> str:
    return f"{member}.{path_text(where)}"


def _check_custom(custom: Json, member: str) -> None:
    if custom.get("TemplateName") or custom.get("TemplateVersion"):
        raise BadRequest(
            f"{member}.TemplateName: the API has no custom message templates. Use "
            "MessageConfig.Data, and let the function read the content from its own store."
        )
    data = (custom.get("MessageConfig") or {}).get("Data") or ""
    if len(data.encode()) > MAX_CUSTOM_DATA:
        raise BadRequest(f"{member}.MessageConfig.Data must be at most {MAX_CUSTOM_DATA} bytes.")
    if custom.get("DeliveryUri"):
        validate_custom_delivery(custom, member)


def _check_random_split(split: Json, member: str) -> None:
    branches = branches_of(split)
    if len(branches) > BRANCHES:
        raise BadRequest(f"{member}.Branches must be at most {BRANCHES}.")
    given = [
        checked_whole(branch["Percentage"], f"{member}.Branches[{number}].Percentage", 1, 100)
        for number, branch in enumerate(branches)
        if branch.get("Percentage") is not None
    ]
    total = sum(given)
    if total > 100 or (given and len(given) == len(branches) and total != 100):
        raise BadRequest(
            f"{member}.Branches: the percentages make {total}, and must make exactly 100."
        )


def _check_condition(condition: Json, member: str, activities: Json) -> None:
    given = [name for name in _CONDITIONS if condition.get(name) is not None]
    if len(given) > 1:
        raise BadRequest(f"{member} has {' and '.join(given)}. Give one of them.")
    segment = condition.get("SegmentCondition")
    if segment is not None and not segment["SegmentId"]:
        raise BadRequest(f"{member}.SegmentCondition.SegmentId must be the id of a segment.")
    if condition.get("segmentDimensions") is not None:
        _check_dimensions(condition["segmentDimensions"], f"{member}.segmentDimensions")
    event = condition.get("EventCondition") or {}
    validate_event_dimensions(event.get("Dimensions"), f"{member}.EventCondition.Dimensions")
    sender = event.get("MessageActivity")
    if sender and (sender not in activities or activity_type(activities[sender]) not in SENDING):
        raise BadRequest(
            f"{member}.EventCondition.MessageActivity must be the id of an activity that sends a "
            f"message, and {sender[:ID_CHARACTERS]!r} is none."
        )


def validate_event_dimensions(dimensions: Json | None, member: str) -> None:
    """Check the attributes, the metrics and the type of an event.

    Raises:
        BadRequest: names the member and the rule.
    """
    criteria = {
        name: dimensions[name]
        for name in ("Attributes", "Metrics")
        if dimensions is not None and dimensions.get(name)
    }
    if criteria:
        _check_dimensions(criteria, member)
    kind = (dimensions or {}).get("EventType")
    if kind is not None and not all(kind["Values"]):
        raise BadRequest(f"{member}.EventType.Values must hold names of event types.")


def _check_dimensions(dimensions: Json, member: str) -> None:
    try:
        validate_segment({"Dimensions": dimensions})  # type: ignore[typeddict-item]  # checked here
    except BadRequest as error:
        raise BadRequest(f"{member}: {error.message}") from error


# Rules of a journey to publish


def review_activities(activities: Json, start: str | None) -> None:
    """Check that valid activities leave nothing out that a run needs.

    Raises:
        BadRequest: names the activity and the missing member.
    """
    if not activities:
        raise BadRequest("Activities is missing: a journey to publish has at least one activity.")
    if not start:
        raise BadRequest("StartActivity is missing: name the first activity.")
    before = _ancestors(activities)
    for activity_id, activity in activities.items():
        kind = activity_type(activity)
        member = f"Activities.{activity_id}.{kind}"
        body = activity[kind] if kind else {}
        message = message_of(activity)
        if kind in TEMPLATED and message is not None and message.template_name is None:
            raise _missing(f"{member}.TemplateName")
        if kind == ActivityType.CUSTOM and message is not None and message.delivery_uri is None:
            raise _missing(f"{member}.DeliveryUri")
        if kind == ActivityType.WAIT and not any((body.get("WaitTime") or {}).values()):
            raise _missing(f"{member}.WaitTime")
        if kind == ActivityType.RANDOM_SPLIT:
            _review_random_split(body, member)
        if kind == ActivityType.MULTI_CONDITION:
            _review_branches(body, member)
        conditions = list(conditions_of(activity))
        if kind == ActivityType.CONDITIONAL_SPLIT and not conditions:
            raise _missing(f"{member}.Condition.Conditions")
        for where, condition in conditions:
            path = _member(f"Activities.{activity_id}", where)
            _review_condition(condition, path, before[activity_id])


def _missing(member: str) -> BadRequest:
    return BadRequest(f"{member} is missing, and a journey to publish needs it.")


def _ancestors(activities: Json) -> dict[str, set[str]]:
    """Return the activities that a participant can have passed before each activity."""
    before: dict[str, set[str]] = {activity_id: set() for activity_id in activities}

    def spread(activity_id: str) -> None:
        for _, target in _exits(activities[activity_id]):
            if target is None:
                continue
            passed = before[activity_id] | {activity_id}
            if not passed <= before[target]:
                before[target] |= passed
                spread(target)

    for activity_id in activities:
        spread(activity_id)
    return before


def _review_random_split(split: Json, member: str) -> None:
    branches = branches_of(split)
    if len(branches) < 2:
        raise BadRequest(f"{member}.Branches must be 2 to {BRANCHES}.")
    for number, branch in enumerate(branches):
        if branch.get("Percentage") is None:
            raise _missing(f"{member}.Branches[{number}].Percentage")


def _review_branches(split: Json, member: str) -> None:
    branches = branches_of(split)
    if not branches:
        raise _missing(f"{member}.Branches")
    for number, branch in enumerate(branches):
        if not branch.get("Condition"):
            raise _missing(f"{member}.Branches[{number}].Condition")


def _review_condition(condition: Json, member: str, before: set[str]) -> None:
    if not any(condition.get(name) is not None for name in _CONDITIONS):
        raise _missing(f"{member}.{' or '.join(_CONDITIONS)}")
    event = condition.get("EventCondition")
    if event is None:
        return
    if not any((event.get("Dimensions") or {}).values()):
        raise _missing(f"{member}.EventCondition.Dimensions")
    sender = event.get("MessageActivity")
    if sender and sender not in before:
        raise BadRequest(
            f"{member}.EventCondition.MessageActivity must be an activity on the way to the split, "
            f"and no path leads from {sender} to it."
        )
