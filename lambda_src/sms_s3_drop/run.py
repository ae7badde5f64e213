"""The run of one version of a file: its name, its keys in the work bucket, its item."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.dropped_files import SUSPENDED, DroppedFile, Run

__all__ = [
    "BadInput",
    "Source",
    "execution_name",
    "piece_key",
    "run_input",
    "run_of",
    "source_from",
    "work_prefix",
]


class BadInput(ValueError):
    """The input of an execution names no version of a file; the message has the way out."""


@dataclass(frozen=True, slots=True)
class Source:
    """One version of one object, which is the identity of a run."""

    bucket: str
    key: str
    version_id: str | None = None
    etag: str | None = None
    sequencer: str | None = None

    @property
    def run(self) -> str:
        """Return the run's name: the same for every event and execution about the version."""
        revision = self.version_id or f"{self.etag or ''}/{self.sequencer or ''}"
        identity = "\n".join((self.bucket, self.key, revision))
        return hashlib.sha256(identity.encode()).hexdigest()[:32]

    @property
    def file(self) -> dict[str, str]:
        """Return the version as notifications and the status object name it."""
        named = {"Bucket": self.bucket, "Key": self.key}
        return named | ({"VersionId": self.version_id} if self.version_id else {})

    @property
    def read_parameters(self) -> dict[str, str]:
        """Return the parameters of GetObject by which S3 refuses another content."""
        if self.version_id:
            return {"VersionId": self.version_id}
        return {"IfMatch": self.etag} if self.etag else {}


def run_input(file: DroppedFile) -> dict[str, str]:
    """Return the input of a run for a dropped file."""
    source = {"Bucket": file.bucket, "Key": file.key}
    if file.version_id:
        return source | {"VersionId": file.version_id}
    etag, _, sequencer = file.revision.rpartition("/")
    return source | {"ETag": etag, "Sequencer": sequencer}


def run_of(file: DroppedFile) -> Run:
    """Return the run of a dropped file."""
    given = run_input(file)
    return Run(execution_name(given), given)


def execution_name(given: Mapping[str, str]) -> str:
    """Return the name that Step Functions refuses a second time for 90 days."""
    return f"drop-{source_from(given).run}"


def source_from(given: Any) -> Source:
    """Read an execution's input.

    Raises:
        BadInput: it has no Bucket and Key, or does not tell one content under the key from another.
    """
    if not isinstance(given, Mapping) or not all(
        isinstance(given.get(name), str) and given[name] for name in ("Bucket", "Key")
    ):
        raise BadInput('The input must be {"Bucket": …, "Key": …, "VersionId": …}.')
    is_versioned = given.get("VersionId") not in (None, "", SUSPENDED)
    # Without the sequencer the run would be another one than that of the event, and send again.
    if not is_versioned and not (given.get("ETag") and given.get("Sequencer")):
        raise BadInput(
            "The input has no VersionId (or, for a bucket without versioning, no ETag and "
            "Sequencer): they name the content to send. Take the input of the execution that "
            "failed, or drop the file again."
        )
    return Source(
        bucket=given["Bucket"],
        key=given["Key"],
        version_id=given["VersionId"] if is_versioned else None,
        etag=given.get("ETag") or None,
        sequencer=given.get("Sequencer") or None,
    )


def work_prefix(run: str) -> str:
    return f"work/{run}/"


def piece_key(run: str, identity: str, piece: int) -> str:
    return f"{work_prefix(run)}pieces/{identity}/{piece:06d}.jsonl"
