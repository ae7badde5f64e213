"""Valid journeys; a test names only what matters to it."""

from datetime import UTC, datetime
from typing import Any

from engagement_hub.engagement.journeys import new_journey
from engagement_hub.engagement.model import Journey

APP_ID = "a1b2c3d4e5f60718293a4b5c6d7e8f90"
JOURNEY_ID = "546401670c5547b08811ac6a9d3e2f10"
NOW = datetime(2026, 3, 2, 17, 0, tzinfo=UTC)
SEGMENT_ID = "5" * 32
FUNCTION_ARN = "arn:aws:lambda:us-east-1:123456789012:function:deliver"


def email(next_activity: str | None = None, **members: Any) -> dict[str, Any]:
    """An activity that sends the template `welcome`."""
    return {"EMAIL": _to(next_activity, {"TemplateName": "welcome", **members})}


def text_message(next_activity: str | None = None, **members: Any) -> dict[str, Any]:
    """An activity that sends the template `reminder`."""
    return {"SMS": _to(next_activity, {"TemplateName": "reminder", **members})}


def custom(next_activity: str | None = None, **members: Any) -> dict[str, Any]:
    """An activity that calls a function."""
    return {"CUSTOM": _to(next_activity, {"DeliveryUri": FUNCTION_ARN, **members})}


def wait(next_activity: str | None = None, duration: str = "P1D") -> dict[str, Any]:
    """An activity that waits for a duration."""
    return {"Wait": _to(next_activity, {"WaitTime": {"WaitFor": duration}})}


def opened(activity_id: str) -> dict[str, Any]:
    """The condition that the email of an activity was opened."""
    dimensions = {"EventType": {"DimensionType": "INCLUSIVE", "Values": ["_email.open"]}}
    return {"EventCondition": {"MessageActivity": activity_id, "Dimensions": dimensions}}


def in_segment(segment_id: str = SEGMENT_ID) -> dict[str, Any]:
    """The condition that the participant is in a segment."""
    return {"SegmentCondition": {"SegmentId": segment_id}}


def yes_no(*conditions: Any, yes: str | None = None, no: str | None = None) -> dict[str, Any]:
    """A split by conditions."""
    split: dict[str, Any] = {"Condition": {"Conditions": list(conditions), "Operator": "ALL"}}
    paths = {"TrueActivity": yes, "FalseActivity": no}
    return {"ConditionalSplit": split | {name: one for name, one in paths.items() if one}}


def random_split(*percentages: int) -> dict[str, Any]:
    """A split whose paths end at once."""
    return {"RandomSplit": {"Branches": [{"Percentage": share} for share in percentages]}}


def multi(*conditions: Any) -> dict[str, Any]:
    """A multivariate split whose paths end at once."""
    return {"MultiCondition": {"Branches": [{"Condition": one} for one in conditions]}}


def holdout(percentage: int, next_activity: str | None = None) -> dict[str, Any]:
    """An activity that holds some participants out."""
    return {"Holdout": _to(next_activity, {"Percentage": percentage})}


def welcome_activities() -> dict[str, Any]:
    """An email, a day, and a text for a reader who did not open it."""
    return {
        "welcome": email("day"),
        "day": wait("opened"),
        "opened": yes_no(opened("welcome"), no="remind"),
        "remind": text_message(),
    }


def journey_request(**members: Any) -> dict[str, Any]:
    """A CreateJourney request that could be published; a member None is left out."""
    request = {
        "Name": "welcome-2026",
        "StartActivity": "welcome",
        "StartCondition": {"SegmentStartCondition": {"SegmentId": SEGMENT_ID}},
        "Activities": welcome_activities(),
        **members,
    }
    return {name: value for name, value in request.items() if value is not None}


def journey(now: datetime = NOW, **members: Any) -> Journey:
    """A journey just created at `now`."""
    request: Any = journey_request(**members)
    return new_journey(request, app_id=APP_ID, journey_id=JOURNEY_ID, now=now)


def journey_of(*activities: dict[str, Any], **members: Any) -> Journey:
    """A journey of activities `a0`, `a1` …, which begins with the first one."""
    named = {f"a{number}": activity for number, activity in enumerate(activities)}
    return journey(Activities=named, StartActivity="a0", **members)


def _to(next_activity: str | None, body: dict[str, Any]) -> dict[str, Any]:
    return body if next_activity is None else {**body, "NextActivity": next_activity}
