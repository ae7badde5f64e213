"""Instants as texts."""

from datetime import UTC, datetime

__all__ = ["iso"]


def iso(moment: datetime) -> str:
    """Return an instant in UTC with milliseconds and `Z`, as the Pinpoint API writes it.

    The texts of years from 1000 on sort as the instants do.
    """
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
