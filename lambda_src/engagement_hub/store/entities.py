"""Everything of the hub that is not an endpoint: projects, segments, campaigns, templates, jobs …

One item per entity, its API shape as one JSON string, so that no number changes on the way.

    pk <app>#<kind>        sk <id>         the entity
    pk <app>#<kind>#<id>   sk v00000001    its versions, apart so that no listing wades through them
    pk <app>#<job kind>#<segment>  sk <job id>  the jobs of a segment, which are listed by it
"""

import base64
import json
import os
from collections.abc import Callable, Iterator
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from engagement_hub.engagement.errors import BadRequest, Conflict, NotFound
from engagement_hub.store import (
    Page,
    attempts,
    batch_get,
    batch_write,
    dynamodb_client,
    error_code,
    new_rev,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

__all__ = ["ACCOUNT", "AlreadyExists", "EntityStore", "Kind"]

Body = dict[str, Any]

# The `app_id` of entities of the account, not of one project: projects and templates.
ACCOUNT = "account"

_QUERY_ITEMS = 200
_CONDITION_FAILED = "ConditionalCheckFailedException"


class Kind(StrEnum):
    """The kind of an entity."""

    APP = "app"
    SETTINGS = "settings"
    CHANNEL = "channel"
    EVENT_STREAM = "event-stream"
    SEGMENT = "segment"
    CAMPAIGN = "campaign"
    ACTIVITY = "activity"
    IMPORT_JOB = "import-job"
    EXPORT_JOB = "export-job"
    TEMPLATE = "template"


_VERSIONED = frozenset({Kind.SEGMENT, Kind.CAMPAIGN, Kind.TEMPLATE})
_FILED_BY_SEGMENT = frozenset({Kind.IMPORT_JOB, Kind.EXPORT_JOB})


class AlreadyExists(Conflict):
    """There is an entity of this kind and id already."""


class EntityStore:
    """Entities by project, kind and id."""

    def __init__(self, table: str, client: "DynamoDBClient | None" = None) -> None:
        self._table = table
        self._client = client or dynamodb_client()

    @classmethod
    def from_environment(cls) -> "EntityStore":
        """Return the store in the table that ENTITIES_TABLE names."""
        return cls(os.environ["ENTITIES_TABLE"])

    def get(self, app_id: str, kind: Kind, entity_id: str) -> Body | None:
        """Return the entity, or None."""
        item = self._read(_pk(app_id, kind), entity_id)
        return None if item is None else _body(item)

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
        """Write an entity that must not be there yet. A job is filed by its segment, too.

        Raises:
            AlreadyExists: it is.
        """
        if (filed := _filed_key(app_id, kind, entity_id, body)) is not None:
            # Written first: a listing leaves out a job that is not there.
            self._client.put_item(TableName=self._table, Item=filed)
        try:
            self._client.put_item(
                TableName=self._table,
                Item=_item(_pk(app_id, kind), entity_id, body),
                ConditionExpression="attribute_not_exists(pk)",
            )
        except ClientError as error:
            if error_code(error) == _CONDITION_FAILED:
                raise AlreadyExists(f"There is already a {kind} {entity_id!r}.") from error
            raise

    def put(self, app_id: str, kind: Kind, entity_id: str, body: Body) -> None:
        """Write an entity, whatever is there."""
        self._client.put_item(TableName=self._table, Item=_item(_pk(app_id, kind), entity_id, body))

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
            TooManyRequests: others were faster every time.
        """
        pk = _pk(app_id, kind)
        for _ in attempts(f"{kind} {entity_id}"):
            item = self._read(pk, entity_id)
            if item is None:
                raise _not_found(kind, entity_id)
            changed = change(_body(item))
            if self._replace(pk, entity_id, changed, read=item):
                break
        return changed

    def upsert(
        self, app_id: str, kind: Kind, entity_id: str, change: Callable[[Body | None], Body]
    ) -> Body:
        """Update like `update`, but `change` gets None where there is no entity yet."""
        pk = _pk(app_id, kind)
        for _ in attempts(f"{kind} {entity_id}"):
            item = self._read(pk, entity_id)
            changed = change(None if item is None else _body(item))
            if self._replace(pk, entity_id, changed, read=item):
                break
        return changed

    def delete(self, app_id: str, kind: Kind, entity_id: str) -> Body | None:
        """Remove an entity and its versions; return its last body, or None if it was absent."""
        answer = self._client.delete_item(
            TableName=self._table,
            Key={"pk": {"S": _pk(app_id, kind)}, "sk": {"S": entity_id}},
            ReturnValues="ALL_OLD",
        )
        if kind in _VERSIONED:
            self._delete_partition(_versions_pk(app_id, kind, entity_id))
        item = answer.get("Attributes")
        return None if item is None else _body(item)

    def list(
        self,
        app_id: str,
        kind: Kind,
        limit: int,
        token: str | None = None,
        prefix: str | None = None,
        keep: Callable[[Body], bool] = lambda _: True,
    ) -> Page[Body]:
        """Return a page of entities in the order of their ids.

        Args:
            limit: how many at most; fewer only on the last page.
            token: of the page before.
            prefix: only ids that begin with it.
            keep: only bodies for which it is true.

        Raises:
            BadRequest: the token is not ours.
        """
        return self._page(_pk(app_id, kind), limit, token, prefix, keep)

    def list_filed(
        self, app_id: str, kind: Kind, segment_id: str, limit: int, token: str | None = None
    ) -> Page[Body]:
        """Return a page of the jobs of a segment, in the order of their ids.

        Raises:
            BadRequest: the token is not ours.
        """
        filed = self._query(
            _filed_pk(app_id, kind, segment_id), None if token is None else _sk_of(token), None
        )
        ids = [str(item["sk"]["S"]) for item in islice(filed, limit + 1)]
        keys = [(_pk(app_id, kind), entity_id) for entity_id in ids[:limit]]
        found = batch_get(self._client, self._table, keys, consistent=True)
        bodies = [_body(found[key]) for key in keys if key in found]
        return Page(bodies, _token_for(ids[limit - 1]) if len(ids) > limit else None)

    def all(self, app_id: str, kind: Kind, prefix: str | None = None) -> Iterator[Body]:
        """Yield every entity of a kind, read as the caller goes."""
        for item in self._query(_pk(app_id, kind), None, prefix):
            yield _body(item)

    def put_version(self, app_id: str, kind: Kind, entity_id: str, number: int, body: Body) -> None:
        """Keep version `number` of an entity."""
        pk = _versions_pk(app_id, kind, entity_id)
        self._client.put_item(TableName=self._table, Item=_item(pk, _version_sk(number), body))

    def get_version(self, app_id: str, kind: Kind, entity_id: str, number: int) -> Body | None:
        """Return version `number` of an entity, or None."""
        item = self._read(_versions_pk(app_id, kind, entity_id), _version_sk(number))
        return None if item is None else _body(item)

    def list_versions(
        self, app_id: str, kind: Kind, entity_id: str, limit: int, token: str | None = None
    ) -> Page[Body]:
        """Return a page of an entity's versions, oldest first."""
        pk = _versions_pk(app_id, kind, entity_id)
        return self._page(pk, limit, token, None, lambda _: True)

    def delete_version(self, app_id: str, kind: Kind, entity_id: str, number: int) -> None:
        """Forget version `number` of an entity; one that is not there is forgotten."""
        self._client.delete_item(
            TableName=self._table,
            Key={
                "pk": {"S": _versions_pk(app_id, kind, entity_id)},
                "sk": {"S": _version_sk(number)},
            },
        )

    def delete_app(self, app_id: str) -> None:
        """Remove everything of a project except the project's own entry."""
        for kind in Kind:
            if kind in _VERSIONED:
                for item in self._query(_pk(app_id, kind), None, None):
                    self._delete_partition(_versions_pk(app_id, kind, item["sk"]["S"]))
            if kind in _FILED_BY_SEGMENT:
                for item in self._query(_pk(app_id, kind), None, None):
                    if (
                        filed := _filed_key(app_id, kind, item["sk"]["S"], _body(item))
                    ) is not None:
                        self._client.delete_item(TableName=self._table, Key=filed)
            self._delete_partition(_pk(app_id, kind))

    def _read(self, pk: str, sk: str) -> Any | None:
        # Consistent: a client that got the answer "created" must find the entity.
        answer = self._client.get_item(
            TableName=self._table, Key={"pk": {"S": pk}, "sk": {"S": sk}}, ConsistentRead=True
        )
        return answer.get("Item")

    def _replace(self, pk: str, sk: str, body: Body, *, read: Any | None) -> bool:
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(pk)"}
        if read is not None:
            condition = {
                "ConditionExpression": "rev = :read",
                "ExpressionAttributeValues": {":read": read["rev"]},
            }
        try:
            self._client.put_item(TableName=self._table, Item=_item(pk, sk, body), **condition)
        except ClientError as error:
            if error_code(error) == _CONDITION_FAILED:
                return False
            raise
        return True

    def _query(self, pk: str, after: str | None, prefix: str | None) -> Iterator[Any]:
        condition = "pk = :pk"
        values: dict[str, Any] = {":pk": {"S": pk}}
        if prefix:
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
        limit: int,
        token: str | None,
        prefix: str | None,
        keep: Callable[[Body], bool],
    ) -> Page[Body]:
        # One more than asked for is looked at, so that the last page is known to be the last.
        items: list[Body] = []
        last = ""
        for item in self._query(pk, None if token is None else _sk_of(token), prefix):
            body = _body(item)
            if not keep(body):
                continue
            if len(items) == limit:
                return Page(items, _token_for(last))
            items.append(body)
            last = item["sk"]["S"]
        return Page(items, None)

    def _delete_partition(self, pk: str) -> None:
        batch_write(
            self._client,
            self._table,
            (
                {"DeleteRequest": {"Key": {"pk": item["pk"], "sk": item["sk"]}}}
                for item in self._query(pk, None, None)
            ),
        )


def _pk(app_id: str, kind: Kind) -> str:
    return f"{app_id}#{kind}"


def _versions_pk(app_id: str, kind: Kind, entity_id: str) -> str:
    return f"{app_id}#{kind}#{entity_id}"


def _filed_pk(app_id: str, kind: Kind, segment_id: str) -> str:
    return f"{app_id}#{kind}#{segment_id}"


def _filed_key(app_id: str, kind: Kind, entity_id: str, body: Body) -> dict[str, Any] | None:
    """Return the key that a job is listed by under its segment; None without a segment."""
    segment_id = body.get("Definition", {}).get("SegmentId")
    if kind not in _FILED_BY_SEGMENT or segment_id is None:
        return None
    return {"pk": {"S": _filed_pk(app_id, kind, segment_id)}, "sk": {"S": entity_id}}


def _version_sk(number: int) -> str:
    return f"v{number:08d}"


def _item(pk: str, sk: str, body: Body) -> dict[str, Any]:
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return {"pk": {"S": pk}, "sk": {"S": sk}, "rev": {"N": new_rev()}, "body": {"S": text}}


def _body(item: Any) -> Body:
    body: Body = json.loads(item["body"]["S"])
    return body


def _not_found(kind: Kind, entity_id: str) -> NotFound:
    return NotFound(f"There is no {kind.replace('-', ' ')} {entity_id!r}.")


def _token_for(sk: str) -> str:
    return base64.urlsafe_b64encode(sk.encode()).decode()


def _sk_of(token: str) -> str:
    try:
        return base64.b64decode(token, altchars=b"-_", validate=True).decode()
    except ValueError as error:
        raise BadRequest(
            "The paging token is not one this API gave out. Use the NextToken of the page before, "
            "or leave it out to begin again."
        ) from error
