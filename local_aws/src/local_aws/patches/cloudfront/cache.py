"""How long an edge keeps an answer, and which answers an invalidation removes.

CloudFront Developer Guide: "Manage how long content stays in the cache (expiration)", "How
CloudFront processes HTTP 4xx and 5xx status codes from your origin", "What you need to know when
invalidating paths".
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime

ALWAYS_CACHED_ERRORS = frozenset({404, 414, 500, 501, 502, 503, 504})
CACHED_ERRORS_WITH_MAX_AGE = frozenset({400, 403, 405, 412, 415})
DEFAULT_ERROR_SECONDS = 10

Headers = dict[str, str]


@dataclass(frozen=True, slots=True)
class Limits:
    """The TTLs of a cache policy, in seconds."""

    minimum: float
    default: float
    maximum: float


@dataclass(slots=True)
class Entry:
    """An answer of the origin at the edge."""

    status: int
    reason: str
    headers: Headers
    body: bytes
    stored_at: float
    lifetime: float
    viewer_paths: set[str] = field(default_factory=set)

    def age(self, now: float) -> float:
        return now - self.stored_at

    def fresh(self, now: float) -> bool:
        return self.age(now) < self.lifetime


def lifetime(
    status: int, headers: Mapping[str, str], limits: Limits, error_seconds: float
) -> float:
    """The seconds that an answer may be kept; 0 for an answer that may not be kept."""
    asked = _asked(headers)
    if status >= 400:
        if status in CACHED_ERRORS_WITH_MAX_AGE and asked is None:
            return 0
        if status not in ALWAYS_CACHED_ERRORS | CACHED_ERRORS_WITH_MAX_AGE:
            return 0
        return max(error_seconds, min(asked or 0, limits.maximum))
    if asked is None:
        return max(limits.default, limits.minimum)
    return min(max(asked, limits.minimum), limits.maximum)


def _asked(headers: Mapping[str, str]) -> float | None:
    """The seconds that the origin asks for; None where it does not ask."""
    directives = dict(
        part.strip().lower().partition("=")[::2]
        for part in headers.get("cache-control", "").split(",")
        if part.strip()
    )
    if directives.keys() & {"no-cache", "no-store", "private"}:
        return 0
    for name in ("s-maxage", "max-age"):
        if directives.get(name, "").isdigit():
            return float(directives[name])
    if "expires" in headers:
        try:
            return max(0.0, parsedate_to_datetime(headers["expires"]).timestamp() - time.time())
        except ValueError:
            return 0
    return None


class EdgeCache:
    """The answers that one edge keeps: one for all viewers."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, ...], Entry] = {}

    def get(self, key: tuple[str, ...]) -> Entry | None:
        return self._entries.get(key)

    def put(self, key: tuple[str, ...], entry: Entry) -> None:
        self._entries[key] = entry

    def drop(self, key: tuple[str, ...]) -> None:
        self._entries.pop(key, None)

    def grow_older(self, distribution: str, seconds: float) -> int:
        """Let time pass for the answers of a distribution. Returns their number."""
        aged = [entry for key, entry in self._entries.items() if key[0] == distribution]
        for entry in aged:
            entry.stored_at -= seconds
        return len(aged)

    def invalidate(self, distribution: str, paths: Iterable[str]) -> None:
        """Remove the answers whose every path is named.

        AWS recommends to invalidate the path of the viewer's request and the path that a function
        made of it, and does not say which of the two suffices. Here neither suffices alone.
        """
        patterns = [_pattern(path) for path in paths]
        for key, entry in list(self._entries.items()):
            own = {key[1], *entry.viewer_paths}
            if key[0] == distribution and all(
                any(pattern.fullmatch(path) for pattern in patterns) for path in own
            ):
                del self._entries[key]

    def clear(self) -> None:
        self._entries.clear()


def _pattern(path: str) -> re.Pattern[str]:
    """A path of an invalidation; a * at its end matches any characters."""
    text = path if path.startswith("/") else f"/{path}"
    if text.endswith("*"):
        return re.compile(re.escape(text[:-1]) + ".*")
    return re.compile(re.escape(text))
