"""Read the event of a file that is dropped into a bucket, and start one run for each version."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.transient import reading_error

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger
    from mypy_boto3_stepfunctions import SFNClient

__all__ = [
    "SUSPENDED",
    "DroppedFile",
    "MalformedEvent",
    "Run",
    "dropped_file",
    "ignored_because",
    "start_run",
]


# The version of every content under a key while the versioning of the bucket is suspended.
SUSPENDED = "null"


class MalformedEvent(ValueError):
    """A message is not an S3 "Object Created" event; retrying cannot help."""


@dataclass(frozen=True, slots=True)
class DroppedFile:
    """One version of one object.

    `revision` tells two versions of a key apart: the version id, or in a bucket without versioning
    (or with suspended versioning) the ETag and the event's sequencer. `version_id` and `etag` are
    None where the event lacks them.
    """

    bucket: str
    key: str
    size: int
    revision: str
    version_id: str | None
    etag: str | None

    @property
    def s3_url(self) -> str:
        """The location as Pinpoint takes it: the key raw, with no encoding."""
        return f"s3://{self.bucket}/{self.key}"


def dropped_file(event: Mapping[str, Any]) -> DroppedFile:
    """Read an EventBridge event of S3.

    Keys arrive as they are here: EventBridge, unlike S3's own notifications, does not URL-encode
    them, so a `+` is a plus sign and decoding would damage the key.

    Raises:
        MalformedEvent: a documented field is missing.

    Source: S3 user guide, "EventBridge event message structure".
    """
    try:
        detail = event["detail"]
        thing = detail["object"]
        version = thing.get("version-id")
        if version == SUSPENDED:
            version = None
        return DroppedFile(
            bucket=detail["bucket"]["name"],
            key=thing["key"],
            size=int(thing["size"]),
            revision=version or f"{thing.get('etag', '')}/{thing['sequencer']}",
            version_id=version or None,
            etag=thing.get("etag") or None,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise MalformedEvent(
            f"Not an S3 Object Created event of EventBridge: {reading_error(error)}. "
            "Only the module's own rule should send to this queue."
        ) from error


def ignored_because(file: DroppedFile, suffixes: Sequence[str]) -> str | None:
    """Return the reason that a file is not taken, or None when it is.

    Suffixes are compared without regard to case; no suffixes means any.
    """
    if file.key.endswith("/"):
        return "it is a folder marker"
    if suffixes and not file.key.lower().endswith(tuple(s.lower() for s in suffixes)):
        return "its name has another suffix"
    return None


@dataclass(frozen=True, slots=True)
class Run:
    """Execution for one version of a file. Every event about the version gives the same name."""

    name: str
    input: Mapping[str, str]


def start_run(
    body: str,
    states: "SFNClient",
    state_machine_arn: str,
    *,
    run_of: Callable[[DroppedFile], Run],
    suffixes: Sequence[str],
    noun: str,
    logger: "Logger",
) -> None:
    """Start the run of the file that a message of the queue is about, once for each version.

    Args:
        body: the message's body, an EventBridge event of S3.
        suffixes: as `ignored_because` takes them.
        noun: name of a run in the log, such as `Import`.

    Raises:
        MalformedEvent: the message is no such event; retrying cannot help.
        ClientError, BotoCoreError: Step Functions refused or did not answer.
    """
    try:
        event = json.loads(body)
    except json.JSONDecodeError as error:
        raise MalformedEvent(f"The message is not JSON: {error}") from error

    file = dropped_file(event)
    run = run_of(file)
    reason = ignored_because(file, suffixes)
    if reason is not None:
        logger.info("File ignored", extra={"execution": run.name, "reason": reason})
        return
    try:
        states.start_execution(
            stateMachineArn=state_machine_arn, name=run.name, input=json.dumps(run.input)
        )
    except states.exceptions.ExecutionAlreadyExists:
        logger.info(f"{noun} was started before by the same event", extra={"execution": run.name})
    else:
        logger.info(f"{noun} started", extra={"execution": run.name})
