"""The origination identities that files may send from, with their rates."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Identities", "Identity", "identities_from"]

# Aimed at. A call starts at most 10 ms late (sender.LATE_SECONDS), so that the calls that start
# within a second never hold more than the rate: 0.985 x rate x 1.01 + 1 is below rate + 1.
SHARE_OF_RATE = 0.985
_SECONDS_PER_TURN = 5
_ROWS_PER_TURN = 100
_ROWS_PER_PIECE = 1000
# A thread sends one message at a time, and its calls take up to half a second.
_SECONDS_PER_CALL = 0.5
_THREADS = 24


@dataclass(frozen=True, slots=True)
class Identity:
    """One origination identity.

    `key` names it in the module, `name` in files (a number, a short code, a sender ID, a pool),
    `parts_per_second` is its quota in message parts.
    """

    key: str
    arn: str
    name: str
    parts_per_second: float
    queue_url: str

    @property
    def pace(self) -> float:
        """Parts per second to aim at."""
        return SHARE_OF_RATE * self.parts_per_second

    @property
    def rows_per_chunk(self) -> int:
        """Rows of one turn: about five seconds of sending, and at most 100."""
        return max(1, min(_ROWS_PER_TURN, math.floor(_SECONDS_PER_TURN * self.parts_per_second)))

    @property
    def chunks_per_piece(self) -> int:
        return max(1, _ROWS_PER_PIECE // self.rows_per_chunk)

    @property
    def threads(self) -> int:
        return max(1, min(_THREADS, math.ceil(_SECONDS_PER_CALL * self.parts_per_second)))


@dataclass(frozen=True, slots=True)
class Identities:
    """The allow-list, and what a row without the column gets."""

    by_key: Mapping[str, Identity]
    default: str | None = None
    default_message_type: str | None = None

    def find(self, text: str) -> Identity | None:
        """Return the identity that a cell names: by its name, or by its key in the module.

        A number may be written with or without its plus sign, spaces and hyphens.
        """
        if not text:
            return None if self.default is None else self.by_key[self.default]
        if text in self.by_key:
            return self.by_key[text]
        wanted = _folded(text)
        return next((i for i in self.by_key.values() if _folded(i.name) == wanted), None)


def identities_from(settings: str) -> Identities:
    """Read the setting IDENTITIES, JSON that the module writes."""
    given = json.loads(settings)
    return Identities(
        {
            key: Identity(
                key=key,
                arn=each["arn"],
                name=each["name"],
                parts_per_second=float(each["parts_per_second"]),
                queue_url=each.get("queue_url", ""),
            )
            for key, each in given["identities"].items()
        },
        default=given.get("default_identity"),
        default_message_type=given.get("default_message_type"),
    )


def _folded(name: str) -> str:
    digits = "".join(c for c in name if c not in " -().+")
    return digits if digits.isdigit() else name.casefold()
