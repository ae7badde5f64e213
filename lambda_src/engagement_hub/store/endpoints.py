"""Endpoints, their users and their addresses, so that no update is lost.

    pk <app>#endpoint#<shard>        sk <endpoint id>  the endpoint, without its user's attributes
    pk <app>#user#<user id>          sk user           UserAttributes, and the endpoints' ids
    pk <app>#address#<hash>          sk owner          the id of the endpoint that has the address
    pk <app>#list#<list>#<shard>     sk endpoint#<id>  a member of a list, which an import fills;
                                        user#<id>      the segment names the list of its last import

An update of the user or the address of an endpoint writes the endpoint too; so a condition on the
endpoint's `rev` also covers the items of the other two that were only read.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple, cast
from zlib import crc32

from engagement_hub.engagement import quotas
from engagement_hub.engagement.endpoints import (
    attach,
    displaced,
    in_use,
    matching_attribute_names,
    merge_endpoint,
    superseded,
)
from engagement_hub.engagement.errors import EngagementError, TooManyRequests
from engagement_hub.engagement.model import Endpoint, EndpointRequest, EndpointStatus, User
from engagement_hub.store import (
    Item,
    Key,
    Page,
    batch_delete,
    batch_get,
    batch_write,
    chunks,
    dynamodb_client,
    in_threads,
)
from engagement_hub.store.transactions import Draft, Operation, run, stored_body

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

__all__ = [
    "BEGINNING",
    "SHARDS",
    "EndpointStore",
    "Member",
    "MemberKind",
    "Position",
    "shard_of",
]

SHARDS = 32
_UPDATES_PER_RUN = 100
_SCAN_ITEMS = 1000
_DELETED_AT_ONCE = 500
_CONTENDED = "The project's endpoints"
# Users on one page of members. A user has at most 15 endpoints, so a page leads to at most 1,500.
_USERS_A_PAGE = 100

# The member that RemoveAttributes empties, by the attribute type in its path.
_ENDPOINT_MEMBER = {
    "endpoint-custom-attributes": "Attributes",
    "endpoint-metric-attributes": "Metrics",
}
_USER_ATTRIBUTES = "endpoint-user-attributes"


class MemberKind(StrEnum):
    """The kind of a member of a list."""

    ENDPOINT = "endpoint"
    USER = "user"


class Member(NamedTuple):
    """A member of a list: an endpoint, or a user with all endpoints."""

    kind: MemberKind
    id: str


@dataclass(frozen=True, slots=True)
class Position:
    """A place among the endpoints of a project: a shard, and the last id that is done with."""

    shard: int
    after: str | None = None


BEGINNING = Position(0)


def shard_of(entry_id: str, shards: int = SHARDS) -> int:
    """Return the shard of an endpoint, or of a member of a list."""
    return crc32(entry_id.encode()) % shards


class EndpointStore:
    """The endpoints of all projects of the hub."""

    def __init__(
        self, table: str, shards: int = SHARDS, client: DynamoDBClient | None = None
    ) -> None:
        self.shards = shards
        self._table = table
        self._client = client or dynamodb_client()

    @classmethod
    def from_environment(cls) -> EndpointStore:
        """Return the store in the table ENDPOINTS_TABLE, with ENDPOINT_SHARDS shards (32 when
        unset)."""
        shards = int(os.environ.get("ENDPOINT_SHARDS") or SHARDS)
        return cls(os.environ["ENDPOINTS_TABLE"], shards)

    # Reading

    def get(self, app_id: str, endpoint_id: str) -> Endpoint | None:
        """Return an endpoint with its user's attributes, or None."""
        return self.get_many(app_id, [endpoint_id]).get(endpoint_id)

    def get_many(self, app_id: str, endpoint_ids: Iterable[str]) -> dict[str, Endpoint]:
        """Return endpoints with their users' attributes, by id; unknown ids are left out."""
        keys = [self._endpoint_key(app_id, endpoint_id) for endpoint_id in endpoint_ids]
        found = batch_get(self._client, self._table, keys, consistent=True)
        bodies = [stored_body(found[key]) for key in keys if key in found]
        endpoints = self._with_users(app_id, bodies, consistent=True)
        return {endpoint["Id"]: endpoint for endpoint in endpoints}

    def user_endpoints(self, app_id: str, user_id: str) -> list[Endpoint]:
        """Return all endpoints of a user; an empty list for an unknown user."""
        return self.endpoints_of_users(app_id, [user_id])

    def endpoints_of_users(self, app_id: str, user_ids: Iterable[str]) -> list[Endpoint]:
        """Return all endpoints of many users; an unknown user has no endpoint."""
        keys = [_user_key(app_id, user_id) for user_id in user_ids]
        users = batch_get(self._client, self._table, keys, consistent=True)
        ids = (
            endpoint_id
            for key in keys
            if key in users
            for endpoint_id in stored_body(users[key])["Endpoints"]
        )
        return list(self.get_many(app_id, ids).values())

    def scan(
        self, app_id: str, shard: int, after: str | None = None, limit: int = _SCAN_ITEMS
    ) -> Page[Endpoint]:
        """Return a page of one shard's endpoints, users joined; its token is the next `after`."""
        bodies: list[Any] = []
        last: str | None = None
        for item in self._query(self._shard_pk(app_id, shard), after, limit + 1):
            if len(bodies) == limit:
                return Page(self._with_users(app_id, bodies), last)
            bodies.append(stored_body(item))
            last = item["sk"]["S"]
        return Page(self._with_users(app_id, bodies), None)

    # Writing

    def update_many(
        self,
        app_id: str,
        updates: Sequence[tuple[str, EndpointRequest]],
        *,
        now: str,
        request_id: str,
    ) -> list[Endpoint]:
        """Create or merge endpoints, as if one after the other; ids may repeat.

        An endpoint that ends ACTIVE takes its address from another endpoint, which turns INACTIVE.

        Returns: each endpoint as its update left it.

        Raises:
            EngagementError: an update breaks a rule. No update of the (at most 100) updates sent
                together with it is written, unless others changed the same endpoints concurrently.
            TooManyRequests: others changed the same endpoints first, every time.
        """
        results = self._update(app_id, updates, now, request_id, all_or_nothing=True)
        return cast("list[Endpoint]", results)

    def try_update_many(
        self,
        app_id: str,
        updates: Sequence[tuple[str, EndpointRequest | None]],
        *,
        now: str,
        request_id: str,
    ) -> list[Endpoint | EngagementError]:
        """Update like `update_many`, but return an error in the place of an invalid update.

        None in the place of an update only shows that the endpoint is in use; an endpoint that is
        not there yet is created without data.
        """
        return self._update(app_id, updates, now, request_id, all_or_nothing=False)

    def delete(self, app_id: str, endpoint_id: str) -> Endpoint | None:
        """Remove an endpoint, and its user with the last one; it as it was, or None."""
        key = self._endpoint_key(app_id, endpoint_id)

        def remove(draft: Draft) -> Endpoint | None:
            return self._remove(draft, app_id, endpoint_id)

        removed: Endpoint | None = self._run_one(Operation(remove, frozenset([key])))
        return removed

    def delete_user(self, app_id: str, user_id: str) -> list[Endpoint]:
        """Remove a user with all endpoints; the endpoints as they were."""
        key = _user_key(app_id, user_id)

        def remove(draft: Draft) -> list[Endpoint]:
            user = draft.get(key)
            if user is None:
                return []
            draft.need(self._endpoint_key(app_id, one) for one in user["Endpoints"])
            removed = [self._remove(draft, app_id, one, user) for one in user["Endpoints"]]
            draft.delete(key)
            return [endpoint for endpoint in removed if endpoint is not None]

        removed: list[Endpoint] = self._run_one(Operation(remove, frozenset([key])))
        return removed

    def remove_attributes(
        self,
        app_id: str,
        attribute_type: str,
        patterns: Sequence[str],
        start: Position = BEGINNING,
    ) -> Iterator[tuple[list[str], Position | None]]:
        """Remove attributes from the endpoints (or users) of a project, page after page.

        Args:
            attribute_type: endpoint-custom-attributes, endpoint-metric-attributes or
                endpoint-user-attributes.
            patterns: names or globs.
            start: the position that an earlier call yielded last.

        Yields: after each page the names that it removed, and the position of the next page, None
            after the last.
        """
        for endpoints, position in self._pages(app_id, start):
            operations = [
                operation
                for endpoint in endpoints
                if (operation := self._strip(app_id, endpoint, attribute_type, patterns))
            ]
            names: dict[str, None] = {}
            for some in chunks(operations, _UPDATES_PER_RUN):
                removed = run(self._client, self._table, some, what=_CONTENDED, all_or_nothing=True)
                names.update(dict.fromkeys(chain.from_iterable(cast("list[list[str]]", removed))))
            yield sorted(names), position

    def delete_app(self, app_id: str, *, out_of_time: Callable[[], bool] = lambda: False) -> None:
        """Remove all endpoints and users of a project, but not the members of its segments.

        Raises:
            TooManyRequests: out of time; finished work stays, and another call continues.
        """
        for shard in range(self.shards):
            pk = self._shard_pk(app_id, shard)
            for items in chunks(self._query(pk, None, _DELETED_AT_ONCE), _DELETED_AT_ONCE):
                _check_time(out_of_time, "Deleting the project")
                related: dict[Key, None] = {}
                for item in items:
                    related.update(dict.fromkeys(_related(app_id, stored_body(item))))
                # The endpoints last: after a crash the next call finds their users through them.
                batch_delete(self._client, self._table, related)
                batch_delete(self._client, self._table, ((pk, item["sk"]["S"]) for item in items))

    # Members of lists

    def add_members(
        self, app_id: str, list_id: str, ids: Iterable[str], *, users: bool = False
    ) -> None:
        """Put endpoints (or users) on a list; repeating is harmless."""
        kind = MemberKind.USER if users else MemberKind.ENDPOINT
        keys = (self._member_key(app_id, list_id, Member(kind, one)) for one in dict.fromkeys(ids))
        batch_write(
            self._client,
            self._table,
            ({"PutRequest": {"Item": {"pk": {"S": pk}, "sk": {"S": sk}}}} for pk, sk in keys),
        )

    def members(
        self,
        app_id: str,
        list_id: str,
        shard: int,
        after: str | None = None,
        limit: int = _SCAN_ITEMS,
    ) -> Page[Member]:
        """Return members of one shard of a list: `limit` members, and 100 users, at most."""
        found: list[Member] = []
        users = 0
        last: str | None = None
        for item in self._query(self._list_pk(app_id, list_id, shard), after, limit + 1):
            if len(found) == limit or users == _USERS_A_PAGE:
                return Page(found, last)
            last = str(item["sk"]["S"])
            kind, _, member_id = last.partition("#")
            found.append(Member(MemberKind(kind), member_id))
            users += kind == MemberKind.USER
        return Page(found, None)

    def members_among(
        self, app_id: str, list_id: str, candidates: Collection[Member]
    ) -> frozenset[Member]:
        """Return the candidates that are on a list."""
        keys = {self._member_key(app_id, list_id, one): one for one in candidates}
        found = batch_get(self._client, self._table, list(keys))
        return frozenset(keys[key] for key in found)

    def delete_members(
        self, app_id: str, list_id: str, *, out_of_time: Callable[[], bool] = lambda: False
    ) -> bool:
        """Delete the members of a list, several shards at a time; return whether all are deleted.

        False means that the time is over: another call deletes the rest.
        """

        def delete(shard: int) -> bool:
            pk = self._list_pk(app_id, list_id, shard)
            for some in chunks(self._query(pk, None, _SCAN_ITEMS), _SCAN_ITEMS):
                if out_of_time():
                    return False
                batch_delete(self._client, self._table, ((pk, item["sk"]["S"]) for item in some))
            return True

        return all(in_threads(delete, range(self.shards)))

    # How an update is decided

    def _update(
        self,
        app_id: str,
        updates: Sequence[tuple[str, EndpointRequest | None]],
        now: str,
        request_id: str,
        *,
        all_or_nothing: bool,
    ) -> list[Endpoint | EngagementError]:
        operations = [
            self._merging(app_id, endpoint_id, update, now, request_id)
            for endpoint_id, update in updates
        ]
        results: list[Endpoint | EngagementError] = []
        for some in chunks(operations, _UPDATES_PER_RUN):
            results += run(
                self._client, self._table, some, what=_CONTENDED, all_or_nothing=all_or_nothing
            )
        return results

    def _merging(
        self,
        app_id: str,
        endpoint_id: str,
        given: EndpointRequest | None,
        now: str,
        request_id: str,
    ) -> Operation[Endpoint]:
        update = given or {}
        key = self._endpoint_key(app_id, endpoint_id)
        cohort = int(sha256(f"{app_id}/{endpoint_id}".encode()).hexdigest()[:8], 16) % 100

        def merge(draft: Draft) -> Endpoint:
            kept = draft.get(key)
            draft.need(_related(app_id, {**(kept or {}), **update}))
            draft.need(_related(app_id, kept or {}))
            if given is None and kept is not None:
                active = in_use(kept, now)
                draft.put(key, active)
                return _joined(active, _kept_user(draft, app_id, kept))
            user_id = _user_id(update) or _user_id(kept or {})
            user = draft.get(_user_key(app_id, user_id)) if user_id else None
            merged = merge_endpoint(
                None if kept is None else _joined(kept, _kept_user(draft, app_id, kept)),
                None if user is None or user_id is None else _user(user_id, user),
                update,
                app_id=app_id,
                endpoint_id=endpoint_id,
                now=now,
                request_id=request_id,
                cohort=cohort,
            )
            self._settle_user(draft, app_id, kept, merged.endpoint, merged.user)
            self._settle_address(draft, app_id, kept, merged.endpoint)
            draft.put(key, _without_user_attributes(merged.endpoint))
            return merged.endpoint

        return Operation(merge, frozenset([key, *_related(app_id, update)]))

    def _settle_user(
        self, draft: Draft, app_id: str, kept: Any, endpoint: Endpoint, user: User | None
    ) -> None:
        """Keep the user's attributes, and who belongs to whom."""
        endpoint_id, before, after = endpoint["Id"], _user_id(kept or {}), _user_id(endpoint)
        if before is not None and before != after:
            _leave(draft, _user_key(app_id, before), endpoint_id)
        if after is None or user is None:
            return
        key = _user_key(app_id, after)
        row = draft.get(key) or {"UserAttributes": {}, "Endpoints": []}
        ids: list[str] = row["Endpoints"]
        if endpoint_id not in ids:
            ids = [one for one in ids if one not in self._displace(draft, app_id, ids, endpoint)]
            ids = [*ids, endpoint_id]
        changed = {"UserAttributes": user.get("UserAttributes", {}), "Endpoints": ids}
        if changed != draft.get(key):
            draft.put(key, changed)

    def _displace(
        self, draft: Draft, app_id: str, ids: Sequence[str], endpoint: Endpoint
    ) -> frozenset[str]:
        """Return the endpoint ids to deactivate so that the user stays within the limit."""
        if len(ids) < quotas.ENDPOINTS_PER_USER:
            return frozenset()
        keys = {one: self._endpoint_key(app_id, one) for one in ids}
        draft.need(keys.values())
        others = [body for one in ids if (body := draft.get(keys[one])) is not None]
        leaving = attach(others, endpoint).deactivate
        for one in leaving:
            draft.put(keys[one], displaced(draft.get(keys[one])))
        return frozenset(leaving)

    def _settle_address(self, draft: Draft, app_id: str, kept: Any, endpoint: Endpoint) -> None:
        """Give up the address the endpoint had, and take the one it has."""
        endpoint_id = endpoint["Id"]
        before, after = _address_key(app_id, kept or {}), _address_key(app_id, endpoint)
        if before is not None and before != after and draft.get(before) == endpoint_id:
            draft.delete(before)
        if after is None:
            return
        owner = draft.get(after)
        if owner == endpoint_id:
            return
        if owner is not None:
            if endpoint["EndpointStatus"] != EndpointStatus.ACTIVE:
                return  # it does not want to be sent to, so the owner may stay
            owner_key = self._endpoint_key(app_id, owner)
            other = draft.get(owner_key)
            if other is not None:
                draft.put(owner_key, superseded(other))
        draft.put(after, endpoint_id)

    def _remove(
        self, draft: Draft, app_id: str, endpoint_id: str, user: Any = None
    ) -> Endpoint | None:
        key = self._endpoint_key(app_id, endpoint_id)
        kept = draft.get(key)
        if kept is None:
            return None
        draft.need(_related(app_id, kept))
        address = _address_key(app_id, kept)
        if address is not None and draft.get(address) == endpoint_id:
            draft.delete(address)
        user_id = _user_id(kept)
        if user_id is not None and user is None:
            user = draft.get(_user_key(app_id, user_id))
            _leave(draft, _user_key(app_id, user_id), endpoint_id)
        draft.delete(key)
        return _joined(kept, user)

    def _strip(
        self,
        app_id: str,
        endpoint: Endpoint,
        attribute_type: str,
        patterns: Sequence[str],
    ) -> Operation[list[str]] | None:
        """Return the operation that removes the attributes, or None where there is nothing to
        remove."""
        user_id = _user_id(endpoint)
        if attribute_type != _USER_ATTRIBUTES:
            key, member = (
                self._endpoint_key(app_id, endpoint["Id"]),
                _ENDPOINT_MEMBER[attribute_type],
            )
            values: Mapping[str, Any] = cast("Mapping[str, Any]", endpoint).get(member, {})
        elif user_id is not None:
            key, member = _user_key(app_id, user_id), "UserAttributes"
            values = endpoint["User"].get("UserAttributes", {})
        else:
            return None
        if not matching_attribute_names(patterns, values):
            return None

        def strip(draft: Draft) -> list[str]:
            body = draft.get(key)
            names = matching_attribute_names(patterns, (body or {}).get(member, {}))
            if names:
                left = {name: one for name, one in body[member].items() if name not in names}
                draft.put(key, {**body, member: left})
            return names

        return Operation(strip, frozenset([key]))

    def _run_one(self, operation: Operation[Any]) -> Any:
        return run(self._client, self._table, [operation], what=_CONTENDED, all_or_nothing=True)[0]

    # Items

    def _with_users(
        self, app_id: str, bodies: Sequence[Any], *, consistent: bool = False
    ) -> list[Endpoint]:
        keys = {
            user_id: _user_key(app_id, user_id) for body in bodies if (user_id := _user_id(body))
        }
        found = batch_get(self._client, self._table, list(keys.values()), consistent=consistent)
        users = {one: stored_body(found[key]) for one, key in keys.items() if key in found}
        return [_joined(body, users.get(_user_id(body) or "")) for body in bodies]

    def _pages(
        self, app_id: str, start: Position
    ) -> Iterator[tuple[list[Endpoint], Position | None]]:
        """Yield the endpoints of a project by pages, each with the position of the next page."""
        position: Position | None = start
        while position is not None:
            page = self.scan(app_id, position.shard, position.after, _UPDATES_PER_RUN * 5)
            if page.token is not None:
                position = Position(position.shard, page.token)
            elif position.shard + 1 < self.shards:
                position = Position(position.shard + 1)
            else:
                position = None
            yield page.items, position

    def _query(self, pk: str, after: str | None, page_size: int) -> Iterator[Item]:
        start: dict[str, Any] = {}
        if after is not None:
            start = {"ExclusiveStartKey": {"pk": {"S": pk}, "sk": {"S": after}}}
        while True:
            answer = self._client.query(
                TableName=self._table,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": {"S": pk}},
                Limit=page_size,
                **start,
            )
            yield from answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def _shard_pk(self, app_id: str, shard: int) -> str:
        return f"{app_id}#endpoint#{shard:02x}"

    def _endpoint_key(self, app_id: str, endpoint_id: str) -> Key:
        return self._shard_pk(app_id, shard_of(endpoint_id, self.shards)), endpoint_id

    def _list_pk(self, app_id: str, list_id: str, shard: int) -> str:
        return f"{app_id}#list#{list_id}#{shard:02x}"

    def _member_key(self, app_id: str, list_id: str, member: Member) -> Key:
        shard = shard_of(member.id, self.shards)
        return self._list_pk(app_id, list_id, shard), f"{member.kind}#{member.id}"


def _check_time(out_of_time: Callable[[], bool], doing: str) -> None:
    if out_of_time():
        raise TooManyRequests(
            f"{doing} takes longer than one request may. What is done stays done: "
            "send the same request again to go on."
        )


def _user_key(app_id: str, user_id: str) -> Key:
    return f"{app_id}#user#{user_id}", "user"


def _address_key(app_id: str, endpoint: Mapping[str, Any]) -> Key | None:
    address, channel = endpoint.get("Address"), endpoint.get("ChannelType")
    if not address or not channel:
        return None
    digest = sha256(f"{channel}|{address}".encode()).hexdigest()[:32]
    return f"{app_id}#address#{digest}", "owner"


def _user_id(endpoint: Mapping[str, Any]) -> str | None:
    user = endpoint.get("User")
    user_id = user.get("UserId") if isinstance(user, Mapping) else None
    return user_id if isinstance(user_id, str) and user_id else None


def _related(app_id: str, endpoint: Mapping[str, Any]) -> list[Key]:
    """Return the user and the address of an endpoint."""
    user_id, address = _user_id(endpoint), _address_key(app_id, endpoint)
    keys = [] if user_id is None else [_user_key(app_id, user_id)]
    return keys if address is None else [*keys, address]


def _kept_user(draft: Draft, app_id: str, kept: Mapping[str, Any]) -> Any:
    user_id = _user_id(kept)
    return None if user_id is None else draft.get(_user_key(app_id, user_id))


def _user(user_id: str, row: Mapping[str, Any]) -> User:
    return {"UserId": user_id, "UserAttributes": row["UserAttributes"]}


def _leave(draft: Draft, user_key: Key, endpoint_id: str) -> None:
    """Take an endpoint off its user; a user without endpoints is no more."""
    row = draft.get(user_key)
    if row is None:
        return
    ids = [one for one in row["Endpoints"] if one != endpoint_id]
    draft.put(user_key, {**row, "Endpoints": ids} if ids else None)


def _without_user_attributes(endpoint: Endpoint) -> dict[str, Any]:
    body: dict[str, Any] = {**endpoint}
    user_id = _user_id(endpoint)
    if user_id is not None:
        body["User"] = {"UserId": user_id}
    return body


def _joined(body: Mapping[str, Any], user: Any) -> Endpoint:
    """Return an endpoint as the API answers it: with its user's attributes."""
    user_id = _user_id(body)
    if user_id is None or user is None:
        return cast("Endpoint", dict(body))
    joined: dict[str, Any] = {"UserId": user_id}
    if user["UserAttributes"]:
        joined["UserAttributes"] = user["UserAttributes"]
    return cast("Endpoint", {**body, "User": joined})
