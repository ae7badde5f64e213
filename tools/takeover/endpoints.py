"""Bring saved endpoints into one form, and decide what a hub gets of each.

The endpoints of all files wait in a SQLite file, so that their number is bounded by the disk. It
holds addresses: its caller deletes it at the end of a run.

Nothing that is opted out becomes opted in:

- An endpoint that one of the files has opted out is opted out. Otherwise the copy with the latest
  EffectiveDate counts.
- `OptOut` is written where it is ALL, and nowhere else. A new endpoint gets NONE by itself, and an
  endpoint of the hub keeps what it has.
- `EndpointStatus` is always written, because an update without it makes an endpoint ACTIVE. An
  endpoint that is INACTIVE in the hub stays so.
- An endpoint that the hub has with the same or a later EffectiveDate stays as it is. In the first
  takeover of a project, it is still opted out where the files have it opted out.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from itertools import groupby
from pathlib import Path
from typing import Any

from engagement_hub.engagement.endpoint_requests import parsed_instant
from engagement_hub.engagement.endpoints import endpoint_id_for
from engagement_hub.engagement.import_rows import RejectedRow, read_rows
from engagement_hub.engagement.quotas import ENDPOINTS_PER_USER
from shared.import_columns import IGNORED
from shared.instants import iso
from tools.takeover.shapes import Unfit, fitted, shape_of

__all__ = ["Staging", "Write"]

Json = dict[str, Any]
_BLOCK = 1_000
_SCHEMA = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE endpoint (
    id TEXT PRIMARY KEY, user TEXT, effective TEXT NOT NULL, opted_out INTEGER NOT NULL,
    newest_opted_out INTEGER NOT NULL, inactive INTEGER NOT NULL, body TEXT NOT NULL,
    place TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE member (segment TEXT, id TEXT, PRIMARY KEY (segment, id)) WITHOUT ROWID;
CREATE TABLE hub (
    id TEXT PRIMARY KEY, effective TEXT NOT NULL, opted_out INTEGER NOT NULL,
    inactive INTEGER NOT NULL, given_effective TEXT
) WITHOUT ROWID;
CREATE TABLE refused (id TEXT PRIMARY KEY) WITHOUT ROWID;
"""
_PUT = """
INSERT INTO endpoint VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET
    opted_out = max(opted_out, excluded.opted_out),
    newest_opted_out = CASE WHEN excluded.effective > effective
        THEN excluded.newest_opted_out ELSE newest_opted_out END,
    inactive = CASE WHEN excluded.effective > effective THEN excluded.inactive
        WHEN excluded.effective = effective THEN max(inactive, excluded.inactive)
        ELSE inactive END,
    user = CASE WHEN excluded.effective > effective THEN excluded.user ELSE user END,
    body = CASE WHEN excluded.effective > effective THEN excluded.body ELSE body END,
    place = CASE WHEN excluded.effective > effective THEN excluded.place ELSE place END,
    effective = max(effective, excluded.effective)
"""
_ALL = """
SELECT e.id, e.user, e.effective, e.opted_out, e.inactive, e.body, e.place,
    h.id, h.effective, h.opted_out, h.inactive, h.given_effective
FROM endpoint e LEFT JOIN hub h ON h.id = e.id
ORDER BY e.user, e.effective DESC, e.id
"""


@dataclass(frozen=True, slots=True)
class Write:
    """An endpoint to write: its request, with the Id, and its place in the files."""

    endpoint: Json
    place: str


@dataclass(frozen=True, slots=True)
class _Row:
    id: str
    user: str | None
    effective: str
    opted_out: bool
    inactive: bool
    body: Json
    place: str
    in_hub: bool
    hub_effective: str
    hub_opted_out: bool
    hub_inactive: bool
    hub_given: str | None

    @property
    def is_newer_in_hub(self) -> bool:
        return self.in_hub and (not self.effective or self.hub_effective >= self.effective)


class Staging:
    """The endpoints of all files, in a SQLite file that is made anew."""

    def __init__(self, path: Path, new_project: str) -> None:
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
        self._path = path
        self._new_project = new_project
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.executescript(_SCHEMA)
        self.unknown_members: Counter[str] = Counter()

    def close(self) -> None:
        """Close and delete the file."""
        self._database.close()
        self._path.unlink(missing_ok=True)

    def add(self, endpoint: Mapping[str, Any], place: str, segment: str | None = None) -> None:
        """Keep an endpoint, and that it is a member of a segment.

        Raises:
            Unfit: a member has another type; the text names it.
        """
        known = {name: one for name, one in endpoint.items() if name not in IGNORED}
        body: Json = fitted(shape_of("EndpointResponse"), known, self._note_unknown)
        endpoint_id = body.pop("Id", None) or self._derived_id(body)
        user = (body.get("User") or {}).get("UserId")
        _check_text("Id", endpoint_id)
        _check_text("User.UserId", user or "")
        effective = _instant(body.get("EffectiveDate"))
        opted_out = str(body.pop("OptOut", "")).upper() not in ("", "NONE")
        inactive = str(body.pop("EndpointStatus", "")).upper() not in ("", "ACTIVE")
        text = json.dumps(body, separators=(",", ":"))
        self._database.execute(
            _PUT,
            (endpoint_id, user, effective, opted_out, opted_out, inactive, text, place),
        )
        if segment is not None:
            self._database.execute(
                "INSERT OR IGNORE INTO member VALUES (?, ?)", (segment, endpoint_id)
            )

    def add_of_hub(self, endpoints: Iterable[Mapping[str, Any]]) -> None:
        """Keep the state of endpoints that the hub has."""
        self._database.executemany(
            "INSERT OR REPLACE INTO hub VALUES (?, ?, ?, ?, ?)",
            (
                (
                    one["Id"],
                    _instant(one.get("EffectiveDate")),
                    one.get("OptOut") == "ALL",
                    one.get("EndpointStatus") == "INACTIVE",
                    one.get("EffectiveDate"),
                )
                for one in endpoints
            ),
        )

    @property
    def count(self) -> int:
        """Return the number of endpoints."""
        return int(self._one("SELECT count(*) FROM endpoint"))

    @property
    def kept_opted_out(self) -> int:
        """Return the number of endpoints whose newest copy is opted in, and an older one not."""
        return int(
            self._one("SELECT count(*) FROM endpoint WHERE opted_out AND NOT newest_opted_out")
        )

    def ids(self) -> Iterator[str]:
        """Yield the ids of all endpoints."""
        yield from (row[0] for row in self._database.execute("SELECT id FROM endpoint ORDER BY id"))

    def segments(self) -> list[str]:
        """List the segments that have members."""
        rows = self._database.execute("SELECT DISTINCT segment FROM member ORDER BY segment")
        return [row[0] for row in rows]

    def members(self, segment: str) -> Iterator[str]:
        """Yield the ids of a segment's members that were not refused."""
        rows = self._database.execute(
            "SELECT id FROM member WHERE segment = ? AND id NOT IN (SELECT id FROM refused)"
            " ORDER BY id",
            (segment,),
        )
        yield from (row[0] for row in rows)

    def writes(
        self, *, is_first: bool, refused: Callable[[str, str], None], kept: Callable[[], None]
    ) -> Iterator[Write]:
        """Yield the endpoints to write.

        Args:
            is_first: whether this is the first takeover into the project.
            refused: gets the place and the reason of each endpoint that the hub would refuse.
            kept: is called for each endpoint that stays as the hub has it.
        """

        def refuse(row: _Row, reason: str) -> None:
            self._database.execute("INSERT OR IGNORE INTO refused VALUES (?)", (row.id,))
            refused(row.place, reason)

        block: list[tuple[_Row, Json]] = []
        for row, endpoint in self._decided(is_first, refuse, kept):
            block.append((row, endpoint))
            if len(block) == _BLOCK:
                yield from _checked(block, refuse)
                block = []
        yield from _checked(block, refuse)

    def refuse(self, endpoint_id: str) -> None:
        """Note an endpoint that the hub refused."""
        self._database.execute("INSERT OR IGNORE INTO refused VALUES (?)", (endpoint_id,))

    def _decided(
        self,
        is_first: bool,
        refuse: Callable[[_Row, str], None],
        kept: Callable[[], None],
    ) -> Iterator[tuple[_Row, Json]]:
        rows = (
            _Row(
                id,
                user,
                effective,
                bool(opted_out),
                bool(inactive),
                json.loads(body),
                place,
                hub_id is not None,
                hub_effective or "",
                bool(hub_opted_out),
                bool(hub_inactive),
                given,
            )
            for (
                id,
                user,
                effective,
                opted_out,
                inactive,
                body,
                place,
                hub_id,
                hub_effective,
                hub_opted_out,
                hub_inactive,
                given,
            ) in self._database.execute(_ALL)
        )
        for user, group in groupby(rows, key=lambda row: row.user):
            for row, endpoint in _of_one_user(list(group)) if user is not None else _alone(group):
                if row is not None and endpoint is None:
                    refuse(
                        row,
                        f"The user has more than {ENDPOINTS_PER_USER} endpoints in the files; this "
                        "is one of the oldest.",
                    )
                    continue
                change = _change(row, endpoint or {}, is_first)
                if change is None:
                    kept()
                else:
                    yield row, change

    def _derived_id(self, body: Json) -> str:
        """Return the id that an import into the hub would give."""
        channel, address = body.get("ChannelType"), body.get("Address")
        if not channel or not address:
            raise Unfit("Id", "is missing, and so is Address or ChannelType.")
        return endpoint_id_for(self._new_project, channel.upper(), address)

    def _note_unknown(self, path: str) -> None:
        self.unknown_members[path] += 1

    def _one(self, query: str) -> Any:
        return self._database.execute(query).fetchone()[0]


def _alone(rows: Iterable[_Row]) -> Iterator[tuple[_Row, Json | None]]:
    return ((row, row.body) for row in rows)


def _of_one_user(rows: list[_Row]) -> Iterator[tuple[_Row, Json | None]]:
    """Yield the endpoints of a user, the newest first; None in the place of one too many.

    All of them carry the attributes of the newest one, because the files of an import are read in
    any order. Attributes of a user that is newer in the hub stay.
    """
    newest: Json = next(
        (row.body["User"] for row in rows if "UserAttributes" in row.body["User"]), {}
    )
    is_newer_in_hub = any(row.is_newer_in_hub for row in rows)
    for number, row in enumerate(rows):
        if number >= ENDPOINTS_PER_USER:
            yield row, None
            continue
        user = {"UserId": row.user}
        if not is_newer_in_hub and "UserAttributes" in newest:
            user["UserAttributes"] = newest["UserAttributes"]
        yield row, {**row.body, "User": user}


def _change(row: _Row, endpoint: Json, is_first: bool) -> Json | None:
    """Return the update that the hub gets; None where the hub's endpoint stays as it is."""
    if row.is_newer_in_hub:
        if not (is_first and row.opted_out and not row.hub_opted_out):
            return None
        kept = {} if row.hub_given is None else {"EffectiveDate": row.hub_given}
        status = "INACTIVE" if row.hub_inactive else "ACTIVE"
        return {"Id": row.id, "OptOut": "ALL", "EndpointStatus": status, **kept}
    status = "INACTIVE" if row.inactive or row.hub_inactive else "ACTIVE"
    opt_out = {"OptOut": "ALL"} if row.opted_out else {}
    return {"Id": row.id, **endpoint, "EndpointStatus": status, **opt_out}


def _checked(
    block: list[tuple[_Row, Json]], refuse: Callable[[_Row, str], None]
) -> Iterator[Write]:
    """Yield the writes that the rules of an import admit."""
    if not block:
        return
    text = "".join(json.dumps(endpoint) + "\n" for _, endpoint in block)
    for found in read_rows(BytesIO(text.encode()), "JSON", name="block.jsonl"):
        row, endpoint = block[found.number - 1]
        if isinstance(found, RejectedRow):
            refuse(row, found.reason)
        else:
            yield Write(endpoint, row.place)


def _check_text(member: str, text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Unfit(member, "holds half of a UTF-16 surrogate pair.") from None


def _instant(text: Any) -> str:
    """Return an instant whose order as a text is its order in time; empty without an instant."""
    moment = parsed_instant(text) if isinstance(text, str) else None
    return "" if moment is None else iso(moment)
