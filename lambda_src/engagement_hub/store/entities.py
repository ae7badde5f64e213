"""Everything of the hub that is not an endpoint: projects, segments, campaigns, templates, jobs …

One item per entity, its API shape as one JSON string, so that no number changes on the way.

    pk <app>#<kind>             sk <id>         the entity
    pk <app>#<kind>#<id>        sk v00000001    its versions, apart so that no listing reads them
    pk <app>#<job kind>#<segment>  sk <job id>  the jobs of a segment, which are listed by it
    pk part#<app>#<kind>#<id>   sk <rev>#000    the parts of a body too large for an item

An entity of a versioned kind and the row of its newest version are written in one transaction, with
one body and one `rev`, so that no crash and no race leaves the one without the other. So are a new
job and its row under its segment.

A long body is compressed (attribute `zip`). A body that exceeds an item even then is in `parts`
rows of its `rev`, which are written in the transaction of their entity.

The item of a campaign, journey or segment also has its `summary`, and `revision`, which counts its
writes. The table's stream carries both, so that each change is announced with the entity's name,
whichever function made it (`engagement_hub.entity_changes`).
"""

import base64
import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from itertools import islice
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from engagement_hub.engagement.errors import BadRequest, NotFound
from engagement_hub.store import (
    Key,
    Page,
    attempts,
    batch_delete,
    batch_get,
    can_be_a_key,
    chunks,
    dynamodb_client,
    error_code,
    new_rev,
)
from shared.entity_summary import KINDS as SUMMARISED
from shared.entity_summary import summary_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

__all__ = ["ACCOUNT", "EXPIRES_AT", "AlreadyExists", "EntityStore", "Kind"]

Body = dict[str, Any]

# The `app_id` of entities of the account, not of one project: projects and templates.
ACCOUNT = "account"

# A member of a body that the API never shows: the epoch second at which DynamoDB may delete it.
EXPIRES_AT = "ExpiresAt"

_QUERY_ITEMS = 200
_DELETED_AT_ONCE = 500
_LOST_PUT = frozenset({"ConditionalCheckFailedException", "TransactionConflictException"})
_LOST_RACE = frozenset(
    {"ConditionalCheckFailed", "TransactionConflict", "ThrottlingError"}
    | {"ProvisionedThroughputExceeded", "None"}
)

# DynamoDB keeps 400 KB in an item and 4 MB in a transaction, names and keys included.
_PLAIN_BYTES = 64 * 1024
_PART_BYTES = 380_000
_PACKED_BYTES = 3_400_000
# A function answers at most 6 MB, so a body and a page of bodies stay below.
_BODY_BYTES = 5_000_000
_PAGE_BYTES = 4_000_000


class Kind(StrEnum):
    """The kind of an entity."""

    APP = "app"
    SETTINGS = "settings"
    CHANNEL = "channel"
    EVENT_STREAM = "event-stream"
    SEGMENT = "segment"
    CAMPAIGN = "campaign"
    ACTIVITY = "activity"
    JOURNEY = "journey"
    JOURNEY_RUN = "journey-run"
    IMPORT_JOB = "import-job"
    EXPORT_JOB = "export-job"
    TEMPLATE = "template"
    RECOMMENDER = "recommender"
    LONG_REQUEST = "long-request"


_VERSIONED = frozenset({Kind.SEGMENT, Kind.CAMPAIGN, Kind.TEMPLATE})
_FILED_BY_SEGMENT = frozenset({Kind.IMPORT_JOB, Kind.EXPORT_JOB})


class AlreadyExists(BadRequest):
    """There is an entity of this kind and id already."""


@dataclass(frozen=True, slots=True)
class Only:
    """Narrows a listing to the bodies for which `keep` is true. The name tells its filter from
    other ones: a listing refuses the token of a listing with another filter."""

    name: str
    keep: Callable[[Body], bool]


class EntityStore:
    """Entities by project, kind and id."""

    def __init__(self, table: str, client: "DynamoDBClient | None" = None) -> None:
        self._table = table
        self._client = client or dynamodb_client()

    def get(self, app_id: str, kind: Kind, entity_id: str) -> Body | None:
        """Return the entity, or None."""
        item = self._read(_pk(app_id, kind), entity_id)
        return None if item is None else self._body(app_id, kind, entity_id, item)

    def require(self, app_id: str, kind: Kind, entity_id: str) -> Body:
        """Return the entity.

        Raises:
            NotFound: naming kind and id.
        """
        body = self.get(app_id, kind, entity_id)
        if body is None:
            raise _not_found(kind, entity_id)
        return body

    def put_new(self, app_id: str, kind: Kind, entity_id: str, body: Body) -> None:
        """Write an entity that must not be there yet, and its version.

        Raises:
            AlreadyExists: it is.
            BadRequest: the body is too large.
        """
        for _ in attempts(f"{kind} {entity_id}"):
            if self._replace(app_id, kind, entity_id, body, read=None):
                return
            if self._read(_pk(app_id, kind), entity_id) is not None:
                raise AlreadyExists(f"There is already a {kind} {entity_id!r}.")

    def put(self, app_id: str, kind: Kind, entity_id: str, body: Body) -> None:
        """Write an entity, whatever is there."""
        self.upsert(app_id, kind, entity_id, lambda _: body)

    def update(
        self, app_id: str, kind: Kind, entity_id: str, change: Callable[[Body], Body]
    ) -> Body:
        """Read, change and write, without losing concurrent changes.

        Args:
            change: gets the current body and returns the new one; is called again on a body read
                anew when another writer was faster, so it must not do anything else. An exception
                of it ends the update.

        Raises:
            NotFound: there is no such entity.
            BadRequest: the new body is too large.
            TooManyRequests: others were faster every time.
        """

        def changed(body: Body | None) -> Body:
            if body is None:
                raise _not_found(kind, entity_id)
            return change(body)

        return self.upsert(app_id, kind, entity_id, changed)

    def upsert(
        self, app_id: str, kind: Kind, entity_id: str, change: Callable[[Body | None], Body]
    ) -> Body:
        """Update like `update`, but `change` gets None where there is no entity yet."""
        pk = _pk(app_id, kind)
        for _ in attempts(f"{kind} {entity_id}"):
            item = self._read(pk, entity_id)
            body = None if item is None else self._body(app_id, kind, entity_id, item)
            changed = change(body)
            if self._replace(app_id, kind, entity_id, changed, read=item, before=body):
                break
        return changed

    def delete(self, app_id: str, kind: Kind, entity_id: str) -> Body | None:
        """Remove an entity and its versions; return its last body, or None if it was absent.

        The entity goes last: a deletion that breaks off can be repeated.
        """
        pk = _pk(app_id, kind)
        item = self._read(pk, entity_id)
        if item is None:
            return None
        body = self._body(app_id, kind, entity_id, item)
        self._delete_rows_below(app_id, kind, entity_id, item)
        self._client.delete_item(
            TableName=self._table, Key={"pk": {"S": pk}, "sk": {"S": entity_id}}
        )
        return body

    def list(
        self,
        app_id: str,
        kind: Kind,
        limit: int,
        token: str | None = None,
        prefix: str | None = None,
        only: Only | None = None,
    ) -> Page[Body]:
        """Return a page of entities in the order of their ids.

        Args:
            limit: how many at most. Fewer are on the last page, and on a page of large bodies.
            token: of the page before, of the same listing.
            prefix: only ids that begin with it.

        Raises:
            BadRequest: the token is not of this listing.
        """

        def body_of(item: Any) -> Body:
            return self._body(app_id, kind, item["sk"]["S"], item)

        return self._page(_pk(app_id, kind), body_of, limit, token, prefix, only)

    def list_filed(
        self, app_id: str, kind: Kind, segment_id: str, limit: int, token: str | None = None
    ) -> Page[Body]:
        """Return a page of the jobs of a segment, in the order of their ids.

        Raises:
            BadRequest: the token is not of this listing.
        """
        filed_pk = _filed_pk(app_id, kind, segment_id)
        listing = _listing(filed_pk)
        after = None if token is None else _sk_of(token, filed_pk, listing)
        filed = self._query(filed_pk, after, None)
        ids = [str(item["sk"]["S"]) for item in islice(filed, limit + 1)]
        keys = [(_pk(app_id, kind), entity_id) for entity_id in ids[:limit]]
        found = batch_get(self._client, self._table, keys, consistent=True)
        bodies = [self._body(app_id, kind, key[1], found[key]) for key in keys if key in found]
        more = len(ids) > limit
        return Page(bodies, _token_for(ids[limit - 1], listing) if more else None)

    def all(self, app_id: str, kind: Kind, prefix: str | None = None) -> Iterator[Body]:
        """Yield every entity of a kind, read as the caller goes."""
        for item in self._query(_pk(app_id, kind), None, prefix):
            yield self._body(app_id, kind, item["sk"]["S"], item)

    def delete_all(
        self,
        app_id: str,
        kind: Kind,
        prefix: str | None = None,
        but: Callable[[str], bool] = lambda _: False,
        between: Callable[[], None] = lambda: None,
    ) -> None:
        """Remove the entities of a kind, and their versions.

        Args:
            prefix: only ids that begin with it.
            but: keeps the ids for which it is true.
            between: called between batches. An exception of it ends the work; removed
                entities stay removed.
        """
        pk = _pk(app_id, kind)
        for some in chunks(self._query(pk, None, prefix), _DELETED_AT_ONCE):
            between()
            gone = [item for item in some if not but(item["sk"]["S"])]
            for item in gone:
                if kind in _VERSIONED:
                    between()
                self._delete_rows_below(app_id, kind, item["sk"]["S"], item)
            batch_delete(self._client, self._table, ((pk, item["sk"]["S"]) for item in gone))

    def get_version(self, app_id: str, kind: Kind, entity_id: str, number: int) -> Body | None:
        """Return version `number` of an entity, or None."""
        item = self._read(_versions_pk(app_id, kind, entity_id), _version_sk(number))
        return None if item is None else self._body(app_id, kind, entity_id, item)

    def list_versions(
        self, app_id: str, kind: Kind, entity_id: str, limit: int, token: str | None = None
    ) -> Page[Body]:
        """Return a page of an entity's versions, oldest first."""

        def body_of(item: Any) -> Body:
            return self._body(app_id, kind, entity_id, item)

        pk = _versions_pk(app_id, kind, entity_id)
        return self._page(pk, body_of, limit, token, None, None)

    def version_numbers(self, app_id: str, kind: Kind, entity_id: str) -> Sequence[int]:
        """Return the numbers of an entity's versions, the lowest first."""
        pk = _versions_pk(app_id, kind, entity_id)
        return [int(item["sk"]["S"].removeprefix("v")) for item in self._query(pk, None, None)]

    def delete_version(self, app_id: str, kind: Kind, entity_id: str, number: int) -> None:
        """Forget version `number` of an entity, which is not its newest; an absent one is
        forgotten."""
        answer = self._client.delete_item(
            TableName=self._table,
            Key={
                "pk": {"S": _versions_pk(app_id, kind, entity_id)},
                "sk": {"S": _version_sk(number)},
            },
            ReturnValues="ALL_OLD",
        )
        item = answer.get("Attributes")
        if item is not None:
            batch_delete(self._client, self._table, _part_keys(app_id, kind, entity_id, item))

    # Items

    def _read(self, pk: str, sk: str) -> Any | None:
        if not can_be_a_key(pk, sk):
            return None  # DynamoDB would refuse the read, and would have refused the write
        # Consistent: a client that got the answer "created" must find the entity.
        answer = self._client.get_item(
            TableName=self._table, Key={"pk": {"S": pk}, "sk": {"S": sk}}, ConsistentRead=True
        )
        return answer.get("Item")

    def _body(self, app_id: str, kind: Kind, entity_id: str, item: Any) -> Body:
        """Return the body of an item.

        Raises:
            TooManyRequests: other writers replaced the parts under way, every time.
        """
        for _ in attempts(f"{kind} {entity_id}"):
            keys = _part_keys(app_id, kind, entity_id, item)
            parts = batch_get(self._client, self._table, keys, consistent=True) if keys else {}
            if len(parts) == len(keys):
                break
            # Another writer has replaced or deleted the item since it was read.
            item = self._read(item["pk"]["S"], item["sk"]["S"])
            if item is None:
                raise _not_found(kind, entity_id)
        return _unpacked(item, [parts[key]["zip"]["B"] for key in keys])

    def _replace(
        self,
        app_id: str,
        kind: Kind,
        entity_id: str,
        body: Body,
        *,
        read: Any | None,
        before: Body | None = None,
    ) -> bool:
        """Write an entity in the place of the item that was read; False: another writer was
        faster."""
        pk, rev = _pk(app_id, kind), new_rev()
        content, parts = _packed(body)
        rest = {"rev": {"N": rev}, **content, **_expiry(body)}
        # The condition also holds for this very write, so that botocore's repetition of a write
        # whose answer was lost is no lost race.
        condition: dict[str, Any] = {
            "ConditionExpression": "attribute_not_exists(pk) OR rev = :mine",
            "ExpressionAttributeValues": {":mine": {"N": rev}},
        }
        if read is not None:
            condition = {
                "ConditionExpression": "rev = :read OR rev = :mine",
                "ExpressionAttributeValues": {":mine": {"N": rev}, ":read": read["rev"]},
            }
        entity = {"pk": {"S": pk}, "sk": {"S": entity_id}, **rest, **_summary(kind, body, read)}
        others: list[dict[str, Any]] = [
            {"pk": {"S": part_pk}, "sk": {"S": part_sk}, "zip": {"B": part}, **_expiry(body)}
            for (part_pk, part_sk), part in zip(
                _part_keys(app_id, kind, entity_id, entity), parts, strict=True
            )
        ]
        if kind in _VERSIONED and "Version" in body:
            version_pk, version_sk = (
                _versions_pk(app_id, kind, entity_id),
                _version_sk(int(body["Version"])),
            )
            others.append({"pk": {"S": version_pk}, "sk": {"S": version_sk}, **rest})
        if read is None and (filed := _filed_key(app_id, kind, entity_id, body)) is not None:
            others.append({"pk": {"S": filed[0]}, "sk": {"S": filed[1]}})
        if not self._commit(entity, condition, others):
            return False
        # The parts of the body before are needed only by a version that stays.
        if read is not None and (before or {}).get("Version") == body.get("Version"):
            batch_delete(self._client, self._table, _part_keys(app_id, kind, entity_id, read))
        return True

    def _commit(
        self, entity: dict[str, Any], condition: dict[str, Any], others: Sequence[dict[str, Any]]
    ) -> bool:
        table = self._table
        if not others:
            try:
                self._client.put_item(TableName=table, Item=entity, **condition)
            except ClientError as error:
                if error_code(error) in _LOST_PUT:
                    return False
                raise
            return True
        puts: list[Any] = [{"Put": {"TableName": table, "Item": entity, **condition}}]
        puts += [{"Put": {"TableName": table, "Item": item}} for item in others]
        try:
            self._client.transact_write_items(TransactItems=puts)
        except self._client.exceptions.TransactionCanceledException as error:
            reasons = error.response.get("CancellationReasons", [])
            if all(str(reason.get("Code", "None")) in _LOST_RACE for reason in reasons):
                return False
            raise
        return True

    def _query(self, pk: str, after: str | None, prefix: str | None) -> Iterator[Any]:
        condition = "pk = :pk"
        values: dict[str, Any] = {":pk": {"S": pk}}
        if prefix:
            if not can_be_a_key(pk, prefix):
                return  # longer than any id
            condition += " AND begins_with(sk, :prefix)"
            values[":prefix"] = {"S": prefix}
        start: dict[str, Any] = {}
        if after is not None:
            start = {"ExclusiveStartKey": {"pk": {"S": pk}, "sk": {"S": after}}}
        while True:
            answer = self._client.query(
                TableName=self._table,
                KeyConditionExpression=condition,
                ExpressionAttributeValues=values,
                ConsistentRead=True,
                Limit=_QUERY_ITEMS,
                **start,
            )
            yield from answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def _page(
        self,
        pk: str,
        body_of: Callable[[Any], Body],
        limit: int,
        token: str | None,
        prefix: str | None,
        only: Only | None,
    ) -> Page[Body]:
        listing = _listing(pk, prefix, only)
        # One more than asked for is looked at, so that the last page is known to be the last.
        items: list[Body] = []
        last, size = "", 0
        for item in self._query(pk, None if token is None else _sk_of(token, pk, listing), prefix):
            body = body_of(item)
            if only is not None and not only.keep(body):
                continue
            size += len(_text(body))
            if len(items) == limit or (items and size > _PAGE_BYTES):
                return Page(items, _token_for(last, listing))
            items.append(body)
            last = item["sk"]["S"]
        return Page(items, None)

    def _delete_rows_below(self, app_id: str, kind: Kind, entity_id: str, item: Any) -> None:
        """Remove the versions of an entity, the parts of all its bodies, and a job's place under
        its segment."""
        if kind in _FILED_BY_SEGMENT:
            body = self._body(app_id, kind, entity_id, item)
            filed = _filed_key(app_id, kind, entity_id, body)
            batch_delete(self._client, self._table, [filed] if filed is not None else [])
        in_parts = "parts" in item
        if kind in _VERSIONED:
            pk = _versions_pk(app_id, kind, entity_id)
            rows = list(self._query(pk, None, None))
            in_parts = in_parts or any("parts" in row for row in rows)
            if in_parts:
                self._delete_partition(_parts_pk(app_id, kind, entity_id))
            batch_delete(self._client, self._table, ((pk, row["sk"]["S"]) for row in rows))
        elif in_parts:
            self._delete_partition(_parts_pk(app_id, kind, entity_id))

    def _delete_partition(self, pk: str) -> None:
        batch_delete(
            self._client,
            self._table,
            ((pk, item["sk"]["S"]) for item in self._query(pk, None, None)),
        )


def _pk(app_id: str, kind: Kind) -> str:
    return f"{app_id}#{kind}"


def _versions_pk(app_id: str, kind: Kind, entity_id: str) -> str:
    return f"{app_id}#{kind}#{entity_id}"


def _filed_pk(app_id: str, kind: Kind, segment_id: str) -> str:
    return f"{app_id}#{kind}#{segment_id}"


def _filed_key(app_id: str, kind: Kind, entity_id: str, body: Body) -> Key | None:
    """Return the key that a job is listed by under its segment; None without a segment."""
    segment_id = body.get("Definition", {}).get("SegmentId")
    if kind not in _FILED_BY_SEGMENT or segment_id is None:
        return None
    return _filed_pk(app_id, kind, segment_id), entity_id


def _parts_pk(app_id: str, kind: Kind, entity_id: str) -> str:
    return f"part#{app_id}#{kind}#{entity_id}"


def _part_keys(app_id: str, kind: Kind, entity_id: str, item: Any) -> list[Key]:
    pk, rev = _parts_pk(app_id, kind, entity_id), item["rev"]["N"]
    number_of_parts = int(item["parts"]["N"]) if "parts" in item else 0
    return [(pk, f"{rev}#{number:03d}") for number in range(number_of_parts)]


def _version_sk(number: int) -> str:
    return f"v{number:08d}"


def _text(body: Body) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def _packed(body: Body) -> tuple[dict[str, Any], list[bytes]]:
    """Return the attributes that hold a body, and its parts when it exceeds an item.

    Raises:
        BadRequest: it exceeds a transaction, or an answer.
    """
    text = _text(body)
    if len(text) <= _PLAIN_BYTES:
        return {"body": {"S": text.decode()}}, []
    packed = zlib.compress(text)
    if len(text) > _BODY_BYTES or len(packed) > _PACKED_BYTES:
        raise BadRequest(
            f"The content has {len(text)} bytes ({len(packed)} compressed). The hub keeps at most "
            f"{_BODY_BYTES} bytes ({_PACKED_BYTES} compressed) of one resource. Shorten it."
        )
    if len(packed) <= _PART_BYTES:
        return {"zip": {"B": packed}}, []
    starts = range(0, len(packed), _PART_BYTES)
    parts = [packed[start : start + _PART_BYTES] for start in starts]
    return {"parts": {"N": str(len(parts))}}, parts


def _unpacked(item: Any, parts: Sequence[bytes]) -> Body:
    if "body" in item:
        text: str | bytes = item["body"]["S"]
    else:
        text = zlib.decompress(b"".join(parts) if "parts" in item else item["zip"]["B"])
    body: Body = json.loads(text)
    return body


def _summary(kind: Kind, body: Body, read: Any | None) -> dict[str, Any]:
    if kind not in SUMMARISED:
        return {}
    revision = int((read or {}).get("revision", {"N": "0"})["N"]) + 1
    text = json.dumps(summary_of(kind, body), ensure_ascii=False, separators=(",", ":"))
    return {"revision": {"N": str(revision)}, "summary": {"S": text}}


def _expiry(body: Body) -> dict[str, Any]:
    return {"expires_at": {"N": str(body[EXPIRES_AT])}} if EXPIRES_AT in body else {}


def _not_found(kind: Kind, entity_id: str) -> NotFound:
    return NotFound(f"There is no {kind.replace('-', ' ')} {entity_id[:256]!r}.")


# A token names its listing, so that the token of another project, list or filter is refused.


def _listing(pk: str, prefix: str | None = None, only: Only | None = None) -> bytes:
    name = "" if only is None else f"\0{only.name}"
    return sha256(f"{pk}\0{prefix or ''}{name}".encode(errors="surrogatepass")).digest()[:9]


def _token_for(sk: str, listing: bytes) -> str:
    return base64.urlsafe_b64encode(listing + sk.encode()).decode()


def _sk_of(token: str, pk: str, listing: bytes) -> str:
    try:
        decoded = base64.b64decode(token, altchars=b"-_", validate=True)
        sk = decoded.removeprefix(listing).decode()
    except ValueError:
        decoded, sk = b"", ""
    if not decoded.startswith(listing) or not can_be_a_key(pk, sk):
        raise BadRequest(
            "The paging token is not of this list. Use the NextToken of the page before, "
            "or leave it out to begin again."
        )
    return sk
