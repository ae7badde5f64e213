"""The metrics of the archive."""

from __future__ import annotations

from shared.metrics import write_counts

__all__ = ["report"]


def report(function_name: str, counts: dict[str, int]) -> None:
    """Write counts by the name of the metric, in the namespace `MessageArchive`."""
    write_counts("MessageArchive", function_name, counts)
