"""Records as Firehose gives them to a transform, and what is left of them in rows."""

import base64
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
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
    """What Firehose invokes a transform with."""
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


# What is lost between an event and its rows


def lost(event: Any, rows: Any) -> list[Any]:
    """The leaves of an event that are nowhere in its rows, neither in columns nor as JSON text.

    A leaf may come back as a text, a time as its milliseconds, dollars as millicents, a list of
    senders joined; that null is gone loses nothing.
    """
    leaves = list(_leaves(rows))
    there = {form for leaf in leaves for form in _forms(leaf)}
    # Values of a tag and senders of a mail are joined, lists among them as JSON.
    lists = [_commas(text.lower()) for text in leaves if isinstance(text, str)]

    def found(leaf: Any) -> bool:
        forms = _forms(leaf)
        if forms & there or (_inside(leaf) and not lost(_inside(leaf), rows)):
            return True
        return any(_commas(form) in text for form in forms for text in lists)

    return [leaf for leaf in _leaves(event) if not found(leaf)]


def _commas(text: str) -> str:
    """A text between commas, with those in place of all that separates."""
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


def _forms(leaf: Any) -> set[str]:
    forms = {leaf.lower() if isinstance(leaf, str) else json.dumps(leaf)}
    if isinstance(leaf, str) and re.match(r"\d{4}-\d\d-\d\dT", leaf):
        with suppress(ValueError):  # it only looks like a time
            moment = datetime.fromisoformat(leaf)
            forms.add(str(round(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() * 1000)))
    if isinstance(leaf, int | float) and not isinstance(leaf, bool):
        forms |= {f"{leaf:.9g}", f"{leaf * 100_000:.9g}"}
    return forms
