"""Import and export jobs: written down here, done by their state machines.

What the combinations of an import's two switches mean is missing from AWS's text. Ours: endpoints
are registered unless RegisterEndpoints is false; a segment is defined when DefineSegment says so
or, left out, when SegmentName or SegmentId is given. Neither asks for nothing, and is refused.
"""

import re
from collections.abc import Callable

from engagement_hub.api.creation import create_and_start
from engagement_hub.api.operation import Operation, new_id
from engagement_hub.api.segments import segment_version
from engagement_hub.api.wire import Call
from engagement_hub.engagement.errors import BadRequest
from engagement_hub.engagement.model import JobStatus, JsonObject, SegmentType
from engagement_hub.hub import Hub
from engagement_hub.machines import NotStarted
from engagement_hub.store.entities import Kind

__all__ = ["OPERATIONS"]

_LOCATION = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/.*)?", re.DOTALL)
_ROLE = re.compile(r"arn:[a-z-]+:iam::\d{12}:role/.+")


def create_import_job(hub: Hub, call: Call) -> JsonObject:
    """CreateImportJob: the answer already names the segment that the import will define.

    Raises:
        InternalServerError, TooManyRequests: the machine did not start; the job is FAILED.
    """
    return _create(
        hub, call, Kind.IMPORT_JOB, "IMPORT", _import_definition, hub.machines.start_import
    )


def _import_definition(hub: Hub, call: Call) -> JsonObject:
    definition: JsonObject = {"RegisterEndpoints": True, **call.body}
    wants_segment = "SegmentId" in definition or "SegmentName" in definition
    definition.setdefault("DefineSegment", wants_segment)
    definition.setdefault("ExternalId", call.app_id)
    _check_location("S3Url", definition["S3Url"])
    _check_role(definition["RoleArn"])
    if not definition["DefineSegment"] and not definition["RegisterEndpoints"]:
        raise BadRequest(
            "DefineSegment and RegisterEndpoints are both false, so there is nothing to import. "
            "Set one of them to true."
        )
    if not definition["DefineSegment"]:
        definition.pop("SegmentId", None)
    elif "SegmentId" in definition:
        segment = segment_version(hub, call.app_id, definition["SegmentId"], None)
        if segment["SegmentType"] != SegmentType.IMPORT:
            raise BadRequest(
                "SegmentId names a segment of criteria. Name an imported one, or leave it out to "
                "define a new one."
            )
        # Not of the API: an import does not bring back the segment that is deleted before its end.
        definition["FillsSegment"] = True
    else:
        definition["SegmentId"] = new_id()
    return definition


def create_export_job(hub: Hub, call: Call) -> JsonObject:
    """CreateExportJob: of a segment, or of every endpoint of the project.

    Raises:
        InternalServerError, TooManyRequests: the machine did not start; the job is FAILED.
    """
    return _create(
        hub, call, Kind.EXPORT_JOB, "EXPORT", _export_definition, hub.machines.start_export
    )


def _export_definition(hub: Hub, call: Call) -> JsonObject:
    definition: JsonObject = dict(call.body)
    _check_location("S3UrlPrefix", definition["S3UrlPrefix"])
    _check_role(definition["RoleArn"])
    if "SegmentId" in definition:
        segment_version(hub, call.app_id, definition["SegmentId"], definition.get("SegmentVersion"))
    elif "SegmentVersion" in definition:
        raise BadRequest("SegmentVersion is given without SegmentId. Give both, or neither.")
    return definition


def get_import_job(hub: Hub, call: Call) -> JsonObject:
    """GetImportJob."""
    return hub.entities.require(call.app_id, Kind.IMPORT_JOB, call.labels["job-id"])


def get_export_job(hub: Hub, call: Call) -> JsonObject:
    """GetExportJob."""
    return hub.entities.require(call.app_id, Kind.EXPORT_JOB, call.labels["job-id"])


def get_import_jobs(hub: Hub, call: Call) -> JsonObject:
    """GetImportJobs."""
    return _list(hub, call, Kind.IMPORT_JOB)


def get_export_jobs(hub: Hub, call: Call) -> JsonObject:
    """GetExportJobs."""
    return _list(hub, call, Kind.EXPORT_JOB)


def _list(hub: Hub, call: Call, kind: Kind) -> JsonObject:
    page = hub.entities.list(call.app_id, kind, call.page_size, call.token)
    return {"Item": page.items, "NextToken": page.token}


def _create(
    hub: Hub,
    call: Call,
    kind: Kind,
    job_type: str,
    definition: Callable[[Hub, Call], JsonObject],
    start: Callable[[str, str], None],
) -> JsonObject:
    def new_job(job_id: str) -> JsonObject:
        return {
            "ApplicationId": call.app_id,
            "CreationDate": call.timestamp,
            "Definition": definition(hub, call),
            "Id": job_id,
            "JobStatus": JobStatus.CREATED.value,
            "Type": job_type,
        }

    def failed(job: JsonObject, error: NotStarted) -> JsonObject:
        return {
            **job,
            "JobStatus": JobStatus.FAILED.value,
            "CompletionDate": call.timestamp,
            "Failures": [error.answer.message],
        }

    # The execution has the job's id as its name, so that however often the start is tried, the job
    # is done once.
    return create_and_start(
        hub,
        call,
        kind,
        new_job,
        start=lambda job: start(call.app_id, job["Id"]),
        is_waiting=lambda job: bool(job["JobStatus"] == JobStatus.CREATED),
        given_up=failed,
    )


def _check_location(member: str, url: str) -> None:
    if not _LOCATION.fullmatch(url):
        raise BadRequest(f"{member} must have the form s3://bucket/key.")


def _check_role(arn: str) -> None:
    if not _ROLE.fullmatch(arn):
        raise BadRequest("RoleArn must be the ARN of an IAM role.")


OPERATIONS: dict[str, Operation] = {
    "CreateExportJob": create_export_job,
    "CreateImportJob": create_import_job,
    "GetExportJob": get_export_job,
    "GetExportJobs": get_export_jobs,
    "GetImportJob": get_import_job,
    "GetImportJobs": get_import_jobs,
}
