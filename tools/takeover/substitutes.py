"""Read the file of substitutes: the input `substitutes` of the module journey_copy, as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from journey_copy.substitutes import NO_SUBSTITUTES, Substitutes
from shared.journeys import TEMPLATE_TYPES
from tools.errors import ToolError

__all__ = ["BadSubstitutes", "read_substitutes"]

_KINDS = (
    "connect_campaigns",
    "connect_roles",
    "delivery_uris",
    "from_addresses",
    "origination_numbers",
    "segments",
    "sender_ids",
    "templates",
)
_TYPES = (*sorted(TEMPLATE_TYPES.values()), "CUSTOM")


class BadSubstitutes(ToolError):
    """The file of substitutes cannot be used."""


def read_substitutes(path: Path | None) -> Substitutes:
    """Read `{kind: {any key: {"from": …, "to": …}}}`; templates also have a type, and may have a
    version.

    Raises:
        BadSubstitutes: names the entry and the rule.
    """
    if path is None:
        return NO_SUBSTITUTES
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise BadSubstitutes(f"--substitutes {path} cannot be read as JSON: {error}") from error
    if not isinstance(document, dict):
        raise BadSubstitutes(f"--substitutes {path} must hold a JSON object.")
    for kind, entries in document.items():
        if kind not in _KINDS:
            raise BadSubstitutes(
                f"--substitutes {path}: {kind} is not known; known are {', '.join(_KINDS)}."
            )
        if not isinstance(entries, dict):
            raise BadSubstitutes(
                f'--substitutes {path}: {kind} must be {{"key": {{"from", "to"}}}}.'
            )
        for key, entry in entries.items():
            _check(path, kind, key, entry)
    return Substitutes.from_json(document)


def _check(path: Path, kind: str, key: str, entry: Any) -> None:
    place = f"--substitutes {path}: {kind}.{key}"
    if not isinstance(entry, dict) or not isinstance(entry.get("from"), str):
        raise BadSubstitutes(f'{place} must have the members "from" and "to".')
    if not isinstance(entry.get("to"), str | None) or "to" not in entry:
        raise BadSubstitutes(f"{place}.to must be a text, or null to leave the member out.")
    if kind == "templates" and entry.get("type") not in _TYPES:
        raise BadSubstitutes(f"{place}.type must be one of {', '.join(_TYPES)}.")
    if kind in ("segments", "templates") and entry["to"] is None:
        raise BadSubstitutes(f"{place}.to must be a text.")
