"""The input of a run: a query, and the use of its result."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

__all__ = ["InvalidRequest", "Request", "RequestType", "request_from"]

SEGMENT_NAME_CHARACTERS = 128
_MEMBERS = ("Query", "Type", "SegmentName", "SegmentId")
# Step Functions recommends this member for an execution that another execution starts.
_ASSOCIATION = "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID"


class InvalidRequest(ValueError):
    """The input of a run is not valid; the message has every rule that it breaks."""


class RequestType(StrEnum):
    """`direct` makes or fills a segment; `mutate` writes attributes of endpoints."""

    DIRECT = "direct"
    MUTATE = "mutate"


@dataclass(frozen=True, slots=True)
class Request:
    query: str
    type: RequestType
    segment_name: str | None
    segment_id: str | None


def request_from(run_input: Any) -> Request:
    """Read the input of a run.

    Raises:
        InvalidRequest: the input breaks a rule.
    """
    if not isinstance(run_input, Mapping):
        raise InvalidRequest(
            'The input must be an object: {"Query": "SELECT …", "Type": "direct", '
            '"SegmentName": "…"}.'
        )
    problems = [
        f"{name} is not a member of the input. The members are {', '.join(_MEMBERS)}."
        for name in run_input
        if name not in (*_MEMBERS, _ASSOCIATION)
    ]
    texts: dict[str, str | None] = {}
    for name in _MEMBERS:
        value = run_input.get(name)
        texts[name] = value if isinstance(value, str) and value.strip() else None
        if name in run_input and texts[name] is None:
            problems.append(f"{name} must be a text that is not empty.")

    if "Query" not in run_input:
        problems.append("Query is missing. Give one SELECT statement.")
    if "Type" not in run_input:
        problems.append("Type is missing. Give direct or mutate.")
    elif (kind := texts["Type"]) is not None:
        if kind not in tuple(RequestType):
            problems.append("Type must be direct or mutate, in lower case.")
        problems += _segment_problems(run_input, kind)
    if problems:
        raise InvalidRequest(" ".join(problems))

    return Request(
        query=texts["Query"] or "",
        type=RequestType(str(texts["Type"])),
        segment_name=texts["SegmentName"],
        segment_id=texts["SegmentId"],
    )


def _segment_problems(run_input: Mapping[str, Any], kind: str) -> list[str]:
    if kind == RequestType.MUTATE:
        return [
            f"{name} belongs to Type direct: a run of Type mutate makes no segment. Leave it out."
            for name in ("SegmentName", "SegmentId")
            if name in run_input
        ]
    if kind == RequestType.DIRECT and "SegmentName" not in run_input:
        return ["SegmentName is missing. A run of Type direct names its segment."]
    name = run_input.get("SegmentName")
    if isinstance(name, str) and len(name) > SEGMENT_NAME_CHARACTERS:
        return [f"SegmentName has more than {SEGMENT_NAME_CHARACTERS} characters. Shorten it."]
    return []
