"""Read the event of a file that is dropped into a bucket."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["DroppedFile", "MalformedEvent", "dropped_file", "ignored_because"]


class MalformedEvent(ValueError):
    """A message is not an S3 "Object Created" event; retrying cannot help."""


@dataclass(frozen=True, slots=True)
class DroppedFile:
    """One version of one object.

    `revision` tells two versions of a key apart: the version id, or in a bucket without
    versioning the ETag and the event's sequencer. `version_id` and `etag` are None where the event
    lacks them.
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
            f"Not an S3 Object Created event of EventBridge: {type(error).__name__} {error}. "
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
