"""Entity-change events: each change of a campaign, journey or segment, for EventBridge.

The stream of the entities table has every write of every function of the hub, in the order of the
writes of each item. So a change is announced once it is written, and a function that dies after its
write loses no event.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from shared.instants import iso
from shared.record_batches import batches

__all__ = ["DETAIL_TYPE", "SOURCE", "EntityChange", "change_in", "requests"]

SOURCE = "engagement_hub"
DETAIL_TYPE = "Entity Changed"

# API reference of PutEvents: entries of a call, and their bytes together.
ENTRIES_PER_CALL = 10
_BYTES_PER_CALL = 250_000


@dataclass(frozen=True, slots=True)
class EntityChange:
    """A change of one entity, and its place in the stream."""

    sequence_number: str
    at: datetime
    detail: Mapping[str, Any]

    def entry(self, event_bus: str) -> dict[str, Any]:
        """Return the change as an entry of PutEvents."""
        return {
            "EventBusName": event_bus,
            "Source": SOURCE,
            "DetailType": DETAIL_TYPE,
            "Time": self.at,
            "Detail": json.dumps(self.detail, ensure_ascii=False, separators=(",", ":")),
        }


def change_in(record: Mapping[str, Any]) -> EntityChange | None:
    """Return the change that a record of the table's stream describes.

    None for an item without a summary (another kind of entity, a version), and for a write after
    which the summary is as it was before.
    """
    written = record["dynamodb"]
    before, after = written.get("OldImage") or {}, written.get("NewImage") or {}
    item = after or before
    if "summary" not in item or before.get("summary") == after.get("summary"):
        return None
    app_id, _, kind = item["pk"]["S"].rpartition("#")
    at = datetime.fromtimestamp(float(written["ApproximateCreationDateTime"]), UTC)
    detail = {
        "applicationId": app_id,
        "kind": kind,
        "id": item["sk"]["S"],
        "change": "deleted" if not after else "changed" if before else "created",
        # A deletion is one more change than the last one that was written.
        "revision": int(item["revision"]["N"]) + (0 if after else 1),
        "at": iso(at),
        **json.loads(item["summary"]["S"]),
    }
    return EntityChange(written["SequenceNumber"], at, detail)


def requests(changes: Sequence[EntityChange]) -> list[list[EntityChange]]:
    """Return the changes in order, as many together as one call of PutEvents takes."""

    def size(change: EntityChange) -> int:
        return len(change.entry("")["Detail"].encode(errors="surrogatepass")) + 100

    return list(batches(changes, size, most_bytes=_BYTES_PER_CALL, most_records=ENTRIES_PER_CALL))
