"""Segments, their versions, and the jobs that built or exported them."""

from typing import cast

from engagement_hub.api.creation import create_once
from engagement_hub.api.operation import Operation
from engagement_hub.api.tags import tags_of
from engagement_hub.api.wire import Call
from engagement_hub.engagement.errors import BadRequest, NotFound
from engagement_hub.engagement.model import JsonObject, Segment, SegmentRequest, SegmentType
from engagement_hub.engagement.segments import resolved_sources, validate_segment
from engagement_hub.hub import Hub
from engagement_hub.machines import NotStarted
from engagement_hub.store.entities import Kind

__all__ = ["OPERATIONS", "purge_members", "segment_version", "version_number"]


def create_segment(hub: Hub, call: Call) -> JsonObject:
    """CreateSegment: a dimensional one; imported ones are made by import jobs."""

    def segment(segment_id: str) -> JsonObject:
        _check(hub, call.app_id, call.body)
        return {
            **call.body,
            "Id": segment_id,
            "Arn": hub.account.arn(f"apps/{call.app_id}/segments/{segment_id}"),
            "ApplicationId": call.app_id,
            "CreationDate": call.timestamp,
            "LastModifiedDate": call.timestamp,
            "SegmentType": SegmentType.DIMENSIONAL.value,
            "Version": 1,
            "tags": tags_of(call.body),
        }

    return create_once(hub, call, call.app_id, Kind.SEGMENT, segment)


def get_segment(hub: Hub, call: Call) -> JsonObject:
    """GetSegment."""
    return hub.entities.require(call.app_id, Kind.SEGMENT, call.labels["segment-id"])


def get_segments(hub: Hub, call: Call) -> JsonObject:
    """GetSegments."""
    page = hub.entities.list(call.app_id, Kind.SEGMENT, call.page_size, call.token)
    return {"Item": page.items, "NextToken": page.token}


def update_segment(hub: Hub, call: Call) -> JsonObject:
    """UpdateSegment: makes the next version. A definition given replaces the whole definition.

    Raises:
        BadRequest: the segment was imported, or the definition breaks a rule.
    """
    segment_id = call.labels["segment-id"]
    # `tags` in an update are ignored, as AWS does since 2023-05-22.
    changes = {name: one for name, one in call.body.items() if name != "tags"}
    _check(hub, call.app_id, {"Dimensions": {}, **changes}, segment_id)

    def updated(segment: JsonObject) -> JsonObject:
        if segment["SegmentType"] == SegmentType.IMPORT:
            raise BadRequest(
                f"Segment {segment_id} was imported, and cannot be updated: import into it with "
                "CreateImportJob and its SegmentId."
            )
        defines = "Dimensions" in changes or "SegmentGroups" in changes
        kept = {
            name: one
            for name, one in segment.items()
            if not (defines and name in ("Dimensions", "SegmentGroups"))
        }
        return {
            **kept,
            **changes,
            "LastModifiedDate": call.timestamp,
            "Version": segment["Version"] + 1,
        }

    return hub.entities.update(call.app_id, Kind.SEGMENT, segment_id, updated)


def delete_segment(hub: Hub, call: Call) -> JsonObject:
    """DeleteSegment: campaigns that use it cannot run any more.

    The members of an imported one are deleted by the import state machine, some hours later.

    Raises:
        InternalServerError, TooManyRequests: the machine did not start; the segment stays.
    """
    segment_id = call.labels["segment-id"]
    segment = hub.entities.require(call.app_id, Kind.SEGMENT, segment_id)
    purge_members(hub, segment)
    hub.entities.delete(call.app_id, Kind.SEGMENT, segment_id)
    return segment


def purge_members(hub: Hub, segment: JsonObject) -> None:
    """Order the deletion of an imported segment's members.

    Ordered before the segment is deleted: when the request dies between the two, the machine finds
    that the segment still has the list, and leaves it.

    Raises:
        InternalServerError, TooManyRequests: the machine did not start.
    """
    if segment.get("Members") is None:
        return
    try:
        hub.machines.start_purge(segment["ApplicationId"], segment["Id"], segment["Members"])
    except NotStarted as error:
        raise error.answer from error


def get_segment_version(hub: Hub, call: Call) -> JsonObject:
    """GetSegmentVersion."""
    return segment_version(
        hub, call.app_id, call.labels["segment-id"], version_number(call.labels["version"])
    )


def get_segment_versions(hub: Hub, call: Call) -> JsonObject:
    """GetSegmentVersions: oldest first."""
    segment_id = call.labels["segment-id"]
    hub.entities.require(call.app_id, Kind.SEGMENT, segment_id)
    page = hub.entities.list_versions(
        call.app_id, Kind.SEGMENT, segment_id, call.page_size, call.token
    )
    return {"Item": page.items, "NextToken": page.token}


def get_segment_import_jobs(hub: Hub, call: Call) -> JsonObject:
    """GetSegmentImportJobs: the jobs that import into the segment."""
    return _jobs(hub, call, Kind.IMPORT_JOB)


def get_segment_export_jobs(hub: Hub, call: Call) -> JsonObject:
    """GetSegmentExportJobs: the jobs that export the segment."""
    return _jobs(hub, call, Kind.EXPORT_JOB)


def segment_version(hub: Hub, app_id: str, segment_id: str, number: int | None) -> JsonObject:
    """Return a segment in a version, or as it is now when `number` is None.

    Raises:
        NotFound: there is no such segment or version.
    """
    segment = hub.entities.require(app_id, Kind.SEGMENT, segment_id)
    if number is None or number == segment["Version"]:
        return segment
    version = hub.entities.get_version(app_id, Kind.SEGMENT, segment_id, number)
    if version is None:
        raise NotFound(f"Segment {segment_id} has no version {number}.")
    return version


def version_number(text: str) -> int:
    """Return the number of a version in a path.

    Raises:
        BadRequest: it is no such number.
    """
    if not text.isascii() or not text.isdecimal() or len(text) > 8:
        raise BadRequest("The version in the path must be a whole number.")
    return int(text)


def _jobs(hub: Hub, call: Call, kind: Kind) -> JsonObject:
    segment_id = call.labels["segment-id"]
    page = hub.entities.list_filed(call.app_id, kind, segment_id, call.page_size, call.token)
    if not page.items:  # an import's segment is not there before the import is done
        hub.entities.require(call.app_id, Kind.SEGMENT, segment_id)
    return {"Item": page.items, "NextToken": page.token}


def _check(hub: Hub, app_id: str, request: JsonObject, own_id: str | None = None) -> None:
    definition = cast("SegmentRequest", request)  # the model has checked its shape
    validate_segment(definition)

    def look_up(segment_id: str, version: int | None) -> Segment:
        return cast("Segment", segment_version(hub, app_id, segment_id, version))

    resolved_sources(definition, look_up, own_id=own_id)


OPERATIONS: dict[str, Operation] = {
    "CreateSegment": create_segment,
    "DeleteSegment": delete_segment,
    "GetSegment": get_segment,
    "GetSegmentExportJobs": get_segment_export_jobs,
    "GetSegmentImportJobs": get_segment_import_jobs,
    "GetSegments": get_segments,
    "GetSegmentVersion": get_segment_version,
    "GetSegmentVersions": get_segment_versions,
    "UpdateSegment": update_segment,
}
