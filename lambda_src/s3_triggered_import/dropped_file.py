"""Name the run that imports a file dropped into the bucket."""

import hashlib

from shared.dropped_files import DroppedFile, Run

__all__ = ["execution_name", "run_input", "run_of"]


def run_of(file: DroppedFile) -> Run:
    """Return the import of a file."""
    return Run(execution_name(file), run_input(file))


def run_input(file: DroppedFile) -> dict[str, str]:
    """Return the input of the file's run: its location, and the version that the event is about."""
    content = {"S3URL": file.s3_url}
    if file.version_id is not None:
        return content | {"VersionId": file.version_id}
    return content if file.etag is None else content | {"ETag": file.etag}


def execution_name(file: DroppedFile) -> str:
    """Return the run's name, the same for every event about the same version of the same object.

    Step Functions refuses a second execution of a name for 90 days, which makes a repeated
    event harmless. 47 of the 80 characters allowed.
    """
    identity = "\n".join((file.bucket, file.key, file.revision))
    return f"import-{hashlib.sha256(identity.encode()).hexdigest()[:40]}"
