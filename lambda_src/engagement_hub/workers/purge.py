"""Deletes the members of lists that no segment has any more: replaced, deleted or never finished.

The import state machine waits LIST_RETIREMENT first, for runs that still read the list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engagement_hub.hub import Hub
from engagement_hub.store.entities import Kind
from engagement_hub.workers.steps import Answer, Event, time_is_up

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

# Left of a function's time for the batch under way.
_LAST_MILLISECONDS = 30_000


def purge_members(hub: Hub, event: Event, context: LambdaContext) -> Answer:
    """Delete members of a list for as long as the function may run.

    Takes {"ApplicationId", "SegmentId", "List"} and returns {"Done": whether no member is left}. A
    list that its segment has is kept: the request that ordered the deletion did not end well.
    """
    app_id, list_id = str(event["ApplicationId"]), str(event["List"])
    segment = hub.entities.get(app_id, Kind.SEGMENT, str(event["SegmentId"]))
    if segment is not None and segment.get("Members") == list_id:
        return {"Done": True}
    out_of_time = time_is_up(hub, event, context, _LAST_MILLISECONDS)
    return {"Done": hub.endpoints.delete_members(app_id, list_id, out_of_time=out_of_time)}


STEPS = {"PurgeMembers": purge_members}
