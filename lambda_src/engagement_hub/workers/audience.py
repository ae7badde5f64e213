"""The current members of a segment: read shard by shard, imported lists by their members."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from engagement_hub.engagement.errors import NotFound
from engagement_hub.engagement.model import Combination, Endpoint, Segment, SegmentType
from engagement_hub.engagement.segments import compile_segment
from engagement_hub.store.endpoints import shard_of
from engagement_hub.store.entities import Kind
from engagement_hub.workers.hub import Hub

USER_MEMBER = "user#"
PAGE_ENDPOINTS = 1000
# A definition that builds on itself through others ends here instead of never.
_DEEPEST_NESTING = 10

Predicate = Callable[[Endpoint], bool]


def segment_at(hub: Hub, app_id: str, segment_id: str, version: int | None) -> dict[str, Any]:
    """Return a segment as it was in a version, or as it is.

    Raises:
        NotFound: the segment was deleted, or never had that version.
    """
    if version is None:
        return hub.entities.require(app_id, Kind.SEGMENT, segment_id)
    latest = hub.entities.require(app_id, Kind.SEGMENT, segment_id)
    if latest.get("Version") == version or latest.get("SegmentType") == SegmentType.IMPORT:
        return latest
    body = hub.entities.get_version(app_id, Kind.SEGMENT, segment_id, version)
    if body is None:
        raise NotFound(f"Segment {segment_id} has no version {version}.")
    return body


@dataclass(frozen=True, slots=True)
class AudiencePage:
    """Endpoints that match, in whatever state, and where the next page begins (None: the end)."""

    endpoints: list[Endpoint]
    after: str | None
    looked_at: int


class Audience:
    """Reads the endpoints of a segment, or of the whole project when `segment` is None.

    Where the segment is an imported list, or every match must be on one, the list is read and not
    the project. Other imported sources are held in memory, one shard of them at a time.
    """

    def __init__(self, hub: Hub, app_id: str, segment: Mapping[str, Any] | None) -> None:
        self._hub = hub
        self._app_id = app_id
        self._lists: dict[tuple[str, int], frozenset[str]] = {}
        self._base = None if segment is None else self._imported_base(segment, 0)
        self._matches = self._compiled(segment, 0)

    def page(self, shard: int, after: str | None, limit: int = PAGE_ENDPOINTS) -> AudiencePage:
        if self._base is None:
            page = self._hub.endpoints.scan(self._app_id, shard, after, limit)
            found, token = page.items, page.token
        else:
            members = self._hub.endpoints.members(self._app_id, self._base, shard, after, limit)
            found, token = self._endpoints_of(members.items), members.token
        return AudiencePage([one for one in found if self._matches(one)], token, len(found))

    def _endpoints_of(self, members: list[str]) -> list[Endpoint]:
        ids = [member for member in members if not member.startswith(USER_MEMBER)]
        found = list(self._hub.endpoints.get_many(self._app_id, ids).values()) if ids else []
        for member in members:
            if member.startswith(USER_MEMBER):
                user_id = member.removeprefix(USER_MEMBER)
                found += self._hub.endpoints.user_endpoints(self._app_id, user_id)
        return found

    def _imported_base(self, segment: Mapping[str, Any], depth: int) -> str | None:
        """Return the imported segment that every match is a member of, if there is one."""
        if segment.get("SegmentType") == SegmentType.IMPORT:
            return str(segment["Id"])
        groups = segment.get("SegmentGroups") or {}
        listed = groups.get("Groups") or []
        include = groups.get("Include") or Combination.ALL
        if depth == _DEEPEST_NESTING or include == Combination.NONE:
            return None
        if include == Combination.ANY and len(listed) > 1:
            return None
        for group in listed:
            sources = group.get("SourceSegments") or []
            how = group.get("SourceType") or Combination.ALL
            if how == Combination.NONE or (how == Combination.ANY and len(sources) > 1):
                continue
            for source in sources:
                definition = segment_at(
                    self._hub, self._app_id, source["Id"], source.get("Version")
                )
                base = self._imported_base(definition, depth + 1)
                if base is not None:
                    return base
        return None

    def _compiled(self, segment: Mapping[str, Any] | None, depth: int) -> Predicate:
        if segment is None:
            return lambda endpoint: True
        if depth > _DEEPEST_NESTING:
            raise NotFound(
                f"Segment {segment.get('Id')} builds on itself, or on more than "
                f"{_DEEPEST_NESTING} levels of segments."
            )
        if segment.get("SegmentType") == SegmentType.IMPORT:
            return self._member_of(str(segment["Id"]))

        def source(segment_id: str, version: int | None) -> Predicate:
            definition = segment_at(self._hub, self._app_id, segment_id, version)
            return self._compiled(definition, depth + 1)

        return compile_segment(cast(Segment, segment), now=self._hub.now(), sources=source)

    def _member_of(self, segment_id: str) -> Predicate:
        if segment_id == self._base:
            return lambda endpoint: True

        def listed(endpoint: Endpoint) -> bool:
            if self._holds(segment_id, endpoint["Id"]):
                return True
            user_id = (endpoint.get("User") or {}).get("UserId")
            return bool(user_id) and self._holds(segment_id, f"{USER_MEMBER}{user_id}")

        return listed

    def _holds(self, segment_id: str, member: str) -> bool:
        shard = shard_of(member, self._hub.shards)
        if (segment_id, shard) not in self._lists:
            members: set[str] = set()
            after: str | None = None
            while True:
                page = self._hub.endpoints.members(self._app_id, segment_id, shard, after, 1000)
                members.update(page.items)
                after = page.token
                if after is None:
                    break
            self._lists[segment_id, shard] = frozenset(members)
        return member in self._lists[segment_id, shard]
