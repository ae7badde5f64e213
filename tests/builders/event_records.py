"""Records as Firehose gives them to a transform, and what is left of them in rows."""

import base64
import json
import math
import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

EVENTS = Path(__file__).parents[1] / "data" / "events"
INDEX: dict[str, dict[str, Any]] = json.loads((EVENTS / "index.json").read_text())
ARRIVED = 1772470000000
ACCOUNT = "111122223333"
STREAM = f"arn:aws:firehose:us-east-1:{ACCOUNT}:deliverystream/events-direct"


def sample(name: str) -> Any:
    """The sample event `<folder>/<name>`."""
    return json.loads((EVENTS / f"{name}.json").read_text())


def samples(*folders: str) -> list[str]:
    """Names of all samples in these folders, as `sample` takes them."""
    return sorted(name.removesuffix(".json") for name in INDEX if name.split("/")[0] in folders)


def record(data: object, number: int = 1) -> dict[str, Any]:
    """A Firehose record of bytes, a text, or a value as JSON."""
    if not isinstance(data, bytes | str):
        data = json.dumps(data)
    raw = data.encode() if isinstance(data, str) else data
    return {
        "recordId": f"record-{number}",
        "approximateArrivalTimestamp": ARRIVED,
        "data": base64.b64encode(raw).decode(),
    }


def invocation(*data: object) -> dict[str, Any]:
    """Build the event with which Firehose invokes a transform."""
    return {
        "invocationId": "invocation-1",
        "deliveryStreamArn": STREAM,
        "region": "us-east-1",
        "records": [record(one, number) for number, one in enumerate(data)],
    }


def rows_of(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows in one record of an answer."""
    text = base64.b64decode(answer.get("data", "")).decode()
    return [json.loads(line) for line in text.split("\n") if line]


# Whether a value fits a Hive type, read in another way than the code does: as Python's.


def fits(value: Any, kind: str) -> bool:
    """Whether a JSON value is of exactly this Hive type; null fits all."""
    name, _, inner = kind.partition("<")
    parts = list(_parts(inner[:-1]))
    if value is None:
        return True
    if name == "struct":
        members = dict(part.split(":", 1) for part in parts)
        return (
            isinstance(value, dict)
            and set(value) <= set(members)
            and all(fits(item, members[key]) for key, item in value.items())
        )
    if name == "array":
        return isinstance(value, list) and all(fits(item, parts[0]) for item in value)
    if name == "map":
        return isinstance(value, dict) and all(fits(item, parts[1]) for item in value.values())
    if name in ("int", "bigint"):
        bound = 2 ** (31 if name == "int" else 63)
        return type(value) is int and -bound <= value < bound
    return type(value) is {"string": str, "boolean": bool, "double": float}[name]


def _parts(text: str) -> Iterator[str]:
    depth, start = 0, 0
    for position, mark in enumerate(text):
        depth += {"<": 1, ">": -1}.get(mark, 0)
        if mark == "," and depth == 0:
            yield text[start:position]
            start = position + 1
    yield text[start:]


# Losses between an event and its rows

# As JSON writes one.
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?")


def lost(event: Any, rows: Any) -> list[Any]:
    """The leaves of an event that are nowhere in its rows, neither in columns nor as JSON text.

    A leaf may be kept as a text, a number in another notation, a time in milliseconds, dollars as
    millicents, a list of senders joined. Leaving out null is no loss.
    """
    leaves = list(_leaves(rows))
    there = {form for leaf in leaves for form in (_text(leaf), *_numbers(leaf))}
    # Values of a tag and senders of a mail are joined, lists among them as JSON.
    lists = [_commas(text.casefold()) for text in leaves if isinstance(text, str)]

    def found(leaf: Any) -> bool:
        if there & {_text(leaf), *_values(leaf)}:
            return True
        if _inside(leaf) and not lost(_inside(leaf), rows):
            return True
        # A list within a list is JSON text, in which some characters are escaped.
        forms = {_text(leaf), json.dumps(_text(leaf), ensure_ascii=False)[1:-1]}
        return any(_commas(form) in text for form in forms for text in lists)

    return [leaf for leaf in _leaves(event) if not found(leaf)]


def _commas(text: str) -> str:
    """Put a text between commas, with a comma for each run of separators."""
    return re.sub(r"[,\s\[\]{}:\"]+", ",", f",{text},")


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _leaves(item)
    elif value is not None:
        yield value
        yield from _leaves(_inside(value))


def _inside(leaf: Any) -> Any:
    """The value of a text that is JSON of an object, a list or a string; else None."""
    if not isinstance(leaf, str) or not leaf.startswith(("{", "[", '"')):
        return None
    try:
        return json.loads(leaf)
    except (ValueError, RecursionError):
        return None


def _text(leaf: Any) -> str:
    """A leaf as text, in which case says nothing (of true and True, say)."""
    return leaf.casefold() if isinstance(leaf, str) else json.dumps(leaf)


def _values(leaf: Any) -> Iterator[Fraction]:
    """List the numbers as which a leaf may be kept: its own, in millicents, in milliseconds."""
    for number in _numbers(leaf):
        yield number
        yield number * 100_000
    if isinstance(leaf, str):
        with suppress(ValueError, OverflowError):  # no time, or a time without milliseconds
            moment = datetime.fromisoformat(leaf)
            seconds = moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()
            yield Fraction(round(seconds * 1000))


def _numbers(leaf: Any) -> Iterator[Fraction]:
    """The exact number that a leaf is, or is a text of; a float's as it is and as it is written."""
    if isinstance(leaf, float) and math.isfinite(leaf):
        yield Fraction(leaf)
        yield Fraction(repr(leaf))
    elif isinstance(leaf, str) and _NUMBER.fullmatch(leaf) or type(leaf) is int:
        yield Fraction(leaf)
