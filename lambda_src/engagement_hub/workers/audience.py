"""The current members of a segment: read shard by shard, imported lists by their members."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, cast

from engagement_hub.engagement.errors import BadRequest, NotFound
from engagement_hub.engagement.model import Combination, Endpoint, Segment, SegmentType
from engagement_hub.engagement.segments import (
    LIST_RETIREMENT,
    Reference,
    compile_segment,
    resolved_sources,
)
from engagement_hub.hub import Hub
from engagement_hub.store.endpoints import Member, MemberKind
from engagement_hub.store.entities import Kind

PAGE_ENDPOINTS = 1000

Predicate = Callable[[Endpoint], bool]
Body = Mapping[str, Any]


def segment_at(hub: Hub, app_id: str, segment_id: str, version: int | None) -> dict[str, Any]:
    """Return a segment as it was in a version, or as it is.

    An imported segment is always as it is: its versions have no members of their own.

    Raises:
        NotFound: the segment was deleted, or never had that version.
    """
    latest = hub.entities.require(app_id, Kind.SEGMENT, segment_id)
    if version is None or latest.get("Version") == version or _is_imported(latest):
        return latest
    body = hub.entities.get_version(app_id, Kind.SEGMENT, segment_id, version)
    if body is None:
        raise NotFound(f"Segment {segment_id} has no version {version}.")
    return body


def snapshot(hub: Hub, app_id: str, segment_id: str, version: int | None) -> dict[str, Any]:
    """Return a segment with every segment that it builds on, in the member `Sources`.

    All parts of a run or of an export read the same snapshot, so that later changes do not reach
    one half of an audience.

    Raises:
        NotFound: the segment, or a segment that it builds on, is gone.
        BadRequest: it builds on itself, or on too many segments, or has no list of members.
    """
    segment = segment_at(hub, app_id, segment_id, version)
    look_up = cast("Callable[[str, int | None], Segment]", partial(segment_at, hub, app_id))
    sources = resolved_sources(cast("Segment", segment), look_up)
    taken = {
        **segment,
        "Sources": [
            {"Id": source_id, "Version": source_version, "Segment": body}
            for (source_id, source_version), body in sources.items()
        ],
    }
    for imported in filter(_is_imported, _segments_of(taken)):
        if "Members" not in imported:
            raise BadRequest(
                f"Segment {imported['Id']} was imported by an earlier version of the hub, whose "
                "list of members is not read any more. Import the file into it again."
            )
    return taken


def require_whole(hub: Hub, app_id: str, taken: Body, since: datetime) -> None:
    """Check that everything was still there that an audience was read from.

    Args:
        taken: the snapshot, taken at the instant `since`.

    Raises:
        NotFound: a segment was deleted since, or a list so long ago that its members are gone.
    """
    for segment in _segments_of(taken):
        current = hub.entities.require(app_id, Kind.SEGMENT, segment["Id"])
        replaced = current.get("Members") != segment.get("Members")
        if replaced and hub.now() - since >= LIST_RETIREMENT:
            raise NotFound(f"The members of segment {segment['Id']} were imported anew.")


def _segments_of(taken: Body) -> list[Body]:
    return [taken, *(source["Segment"] for source in taken["Sources"])]


def _is_imported(segment: Body) -> bool:
    return segment.get("SegmentType") == SegmentType.IMPORT


@dataclass(frozen=True, slots=True)
class AudiencePage:
    """Endpoints that match, in whatever state, and where the next page begins (None: the end).

    `duplicates` counts endpoints left out because the list has them beside their users. `users` are
    the users by whom the list has an endpoint, by the endpoint's id.
    """

    endpoints: list[Endpoint]
    after: str | None
    looked_at: int
    duplicates: int = 0
    users: Mapping[str, str] = field(default_factory=dict)


class Audience:
    """Reads the endpoints of a snapshot, or of the whole project when it is None.

    Where the segment is an imported list, or every match must be on one, the list is read and not
    the project. For other imported sources the members among a page's endpoints are looked up, so
    that a page takes the same memory for a list of any size.
    """

    def __init__(
        self, hub: Hub, app_id: str, taken: Body | None, *, with_pages: bool = True
    ) -> None:
        self._hub = hub
        self._app_id = app_id
        self._sources: dict[Reference, Body] = {}
        self._predicates: dict[Reference, Predicate] = {}
        # Lists that endpoints are compared with, and the members of them on the current page.
        self._listed: dict[str, frozenset[Member]] = {}
        self._base: str | None = None
        self._matches: Predicate = _everyone
        if taken is not None:
            self._sources = {
                (source["Id"], source["Version"]): source["Segment"] for source in taken["Sources"]
            }
            self._base = self._imported_base(taken) if with_pages else None
            self._matches = self._compiled(taken)

    def page(self, shard: int, after: str | None) -> AudiencePage:
        """Return the matches among the next endpoints of a shard.

        A page is PAGE_ENDPOINTS endpoints, or the endpoints of 100 users: seconds at most, so that
        a caller with an eye on the clock asks it between pages.
        """
        duplicates = 0
        users: dict[str, str] = {}
        store = self._hub.endpoints
        if self._base is None:
            scanned = store.scan(self._app_id, shard, after, PAGE_ENDPOINTS)
            found, token = scanned.items, scanned.token
        else:
            members = store.members(self._app_id, self._base, shard, after, PAGE_ENDPOINTS)
            named, of_users, duplicates = self._endpoints_of(self._base, members.items)
            users = {one["Id"]: str(one["User"]["UserId"]) for one in of_users}
            found = named + of_users
            token = members.token
        self._look_up(found)
        return AudiencePage(
            [endpoint for endpoint in found if self._matches(endpoint)],
            token,
            len(found),
            duplicates,
            users,
        )

    def matching(self, endpoints: Sequence[Endpoint]) -> set[str]:
        """Return the ids of endpoints that are in the segment, of an audience without pages."""
        self._look_up(endpoints)
        return {endpoint["Id"] for endpoint in endpoints if self._matches(endpoint)}

    def _endpoints_of(
        self, base: str, members: Iterable[Member]
    ) -> tuple[list[Endpoint], list[Endpoint], int]:
        """Return the endpoints of members, each once in all pages: endpoints that the list names,
        endpoints of users, and the number left out."""
        ids: dict[MemberKind, list[str]] = {kind: [] for kind in MemberKind}
        for kind, member_id in members:
            ids[kind].append(member_id)
        store = self._hub.endpoints
        named = list(store.get_many(self._app_id, ids[MemberKind.ENDPOINT]).values())
        of_users = store.endpoints_of_users(self._app_id, ids[MemberKind.USER])
        # An endpoint that the list has itself is on the page of that entry, in its own shard.
        candidates = [Member(MemberKind.ENDPOINT, endpoint["Id"]) for endpoint in of_users]
        twice = store.members_among(self._app_id, base, candidates)
        once = [
            endpoint
            for endpoint in of_users
            if Member(MemberKind.ENDPOINT, endpoint["Id"]) not in twice
        ]
        return named, once, len(of_users) - len(once)

    def _look_up(self, endpoints: Iterable[Endpoint]) -> None:
        if not self._listed:
            return
        candidates = {member for endpoint in endpoints for member in _members_for(endpoint)}
        for list_id in self._listed:
            self._listed[list_id] = self._hub.endpoints.members_among(
                self._app_id, list_id, candidates
            )

    def _imported_base(self, segment: Body) -> str | None:
        """Return the list that every match is a member of, if there is one."""
        if _is_imported(segment):
            return str(segment["Members"])
        groups = segment.get("SegmentGroups") or {}
        listed = groups.get("Groups") or []
        include = groups.get("Include") or Combination.ALL
        if include == Combination.NONE or (include == Combination.ANY and len(listed) > 1):
            return None
        for group in listed:
            sources = group.get("SourceSegments") or []
            how = group.get("SourceType") or Combination.ALL
            if how == Combination.NONE or (how == Combination.ANY and len(sources) > 1):
                continue
            for source in sources:
                base = self._imported_base(self._sources[source["Id"], source.get("Version")])
                if base is not None:
                    return base
        return None

    def _compiled(self, segment: Body) -> Predicate:
        if _is_imported(segment):
            return self._member_of(str(segment["Members"]))

        def source(segment_id: str, version: int | None) -> Predicate:
            reference = segment_id, version
            if reference not in self._predicates:
                self._predicates[reference] = self._compiled(self._sources[reference])
            return self._predicates[reference]

        return compile_segment(cast("Segment", segment), now=self._hub.now(), sources=source)

    def _member_of(self, list_id: str) -> Predicate:
        if list_id == self._base:
            return _everyone
        self._listed[list_id] = frozenset()
        return lambda endpoint: not self._listed[list_id].isdisjoint(_members_for(endpoint))


def _everyone(_endpoint: Endpoint) -> bool:
    return True


def _members_for(endpoint: Endpoint) -> list[Member]:
    """Return the entries by which a list can hold an endpoint."""
    members = [Member(MemberKind.ENDPOINT, endpoint["Id"])]
    user_id = (endpoint.get("User") or {}).get("UserId")
    if user_id:
        members.append(Member(MemberKind.USER, user_id))
    return members
