"""The map of old ids to new ids, kept in a file while resources are created.

Each line is `[kind, old, new]`, written and flushed to the disk before the next resource is
created. The first line names the pair of projects.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from tools.errors import ToolError

__all__ = ["MapUnusable", "StoredMap"]

_PAIR = "pair"


class MapUnusable(ToolError):
    """The file belongs to another pair of projects, is in use, or is damaged."""


class StoredMap:
    """The map of one pair of projects; a context manager that holds the file."""

    def __init__(self, path: Path, old_project: str, new_project: str) -> None:
        """Read the map of a file, or begin one.

        A last line that an interruption cut off is dropped.

        Raises:
            MapUnusable: see the class.
        """
        self._path = path
        self._entries: dict[tuple[str, str], str] = {}
        self._file = path.open("a+b")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._file.close()
            raise MapUnusable(
                f"{path} is in use by another run. Wait for its end, and run again."
            ) from error
        try:
            self._read()
            self._check_pair(old_project, new_project)
        except MapUnusable:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def get(self, kind: str, old: str) -> str | None:
        """Return the new id of an old one; None if there is no entry."""
        return self._entries.get((kind, old))

    def put(self, kind: str, old: str, new: str) -> None:
        """Write an entry; a later entry of the same old id counts."""
        self._entries[kind, old] = new
        self._file.write(json.dumps([kind, old, new]).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def entries(self, kind: str) -> Iterator[tuple[str, str]]:
        """Yield the old and the new ids of a kind."""
        return ((old, new) for (one, old), new in self._entries.items() if one == kind)

    def _read(self) -> None:
        self._file.seek(0)
        content = self._file.read()
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) < len(content):
            self._file.truncate(len(whole))
        for number, line in enumerate(whole.splitlines(), start=1):
            try:
                kind, old, new = json.loads(line)
            except (ValueError, TypeError):
                raise MapUnusable(
                    f"{self._path}, line {number}, is no entry of a map. Delete the line, or name "
                    "another folder with --work: the next run finds the resources by their tags."
                ) from None
            self._entries[kind, old] = new

    def _check_pair(self, old_project: str, new_project: str) -> None:
        pair = self.get(_PAIR, old_project)
        if pair is None and not self._entries:
            self.put(_PAIR, old_project, new_project)
        elif pair != new_project:
            raise MapUnusable(
                f"{self._path} is the map of other projects than {old_project} and {new_project}. "
                "Name another folder with --work."
            )
