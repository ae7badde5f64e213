"""The saved files of a folder, or below a prefix of S3."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from tools.errors import ToolError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = ["NoFiles", "SavedFile", "bucket_and_key", "saved_files"]


class NoFiles(ToolError):
    """A place has no file, or cannot be read."""


@dataclass(frozen=True, slots=True)
class SavedFile:
    """One file. `name` is its path below the place, with slashes."""

    name: str
    open: Callable[[], BinaryIO]

    @property
    def folders(self) -> tuple[str, ...]:
        """Return the names of the folders around the file."""
        return tuple(self.name.split("/")[:-1])


def saved_files(place: str, s3: Callable[[], S3Client]) -> list[SavedFile]:
    """List the files of a folder, a single file, or the objects below a prefix of S3.

    Hidden files and S3's markers of folders are left out.

    Raises:
        NoFiles: there is no file.
    """
    if place.startswith("s3://"):
        found = list(_objects(place, s3()))
    else:
        root = Path(place)
        if not root.exists():
            raise NoFiles(f"--from {place} does not exist. Name the folder of the saved files.")
        paths = [root] if root.is_file() else sorted(root.rglob("*"))
        base = root.parent if root.is_file() else root
        found = [
            SavedFile(path.relative_to(base).as_posix(), partial(_file, path))
            for path in paths
            if path.is_file()
        ]
    found = [file for file in found if not any(part.startswith(".") for part in _parts(file))]
    if not found:
        raise NoFiles(f"--from {place} has no files. Name the place of the saved files.")
    return found


def bucket_and_key(url: str) -> tuple[str, str]:
    """Split `s3://bucket/key`."""
    bucket, _, key = url.removeprefix("s3://").partition("/")
    return bucket, key


def _objects(url: str, s3: S3Client) -> Iterator[SavedFile]:
    bucket, prefix = bucket_and_key(url)
    base = prefix[: prefix.rfind("/") + 1]
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for found in page.get("Contents", []):
            key = found["Key"]
            if not key.endswith("/"):
                yield SavedFile(key.removeprefix(base), partial(_opened, s3, bucket, key))


def _file(path: Path) -> BinaryIO:
    return path.open("rb")


def _opened(s3: S3Client, bucket: str, key: str) -> BinaryIO:
    return cast(BinaryIO, s3.get_object(Bucket=bucket, Key=key)["Body"])


def _parts(file: SavedFile) -> list[str]:
    return file.name.split("/")
