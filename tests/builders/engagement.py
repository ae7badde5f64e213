"""Valid endpoints, users, segments and import files, to change one thing at a time."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Sequence
from typing import Any

from engagement_hub.engagement.endpoints import MergedEndpoint, merge_endpoint
from engagement_hub.engagement.import_rows import ImportRow, RejectedRow, read_rows
from engagement_hub.engagement.model import Endpoint, EndpointRequest, User

APP_ID = "0123456789abcdef0123456789abcdef"
NOW = "2026-11-01T09:00:00.000Z"
TYPICAL_HEADER = (
    "ChannelType",
    "Address",
    "User.UserId",
    "User.UserAttributes.FirstName",
    "Attributes.Plan",
    "Location.Country",
)
TYPICAL_ROW = ("SMS", "+12065550142", "ann", "Ann", "gold", "US")


def an_endpoint(**members: Any) -> Endpoint:
    """An active SMS endpoint as the API answers it."""
    endpoint: dict[str, Any] = {
        "ApplicationId": APP_ID,
        "Id": "endpoint-1",
        "Address": "+12065550142",
        "ChannelType": "SMS",
        "CohortId": "42",
        "CreationDate": NOW,
        "EffectiveDate": NOW,
        "EndpointStatus": "ACTIVE",
        "OptOut": "NONE",
        "RequestId": "request-1",
    }
    return {**endpoint, **members}  # type: ignore[typeddict-item]  # members are free


def a_request(**members: Any) -> EndpointRequest:
    """Build a client's request to create an SMS endpoint."""
    request: dict[str, Any] = {"Address": "+12065550142", "ChannelType": "SMS"}
    return {**request, **members}  # type: ignore[typeddict-item]  # members are free


def merge(
    current: Endpoint | None,
    update: dict[str, Any] | EndpointRequest,
    user: User | None = None,
    **context: Any,
) -> MergedEndpoint:
    """Merge an update, at the usual moment and under the usual ids."""
    usual: dict[str, Any] = {
        "app_id": APP_ID,
        "endpoint_id": "endpoint-1",
        "now": NOW,
        "request_id": "request-2",
        "cohort": 42,
    }
    return merge_endpoint(current, user, update, **{**usual, **context})  # type: ignore[arg-type]  # also takes what is no request


def csv_file(*rows: Sequence[str], header: Sequence[str] = TYPICAL_HEADER) -> bytes:
    """A CSV as spreadsheets write it."""
    text = io.StringIO()
    csv.writer(text).writerows([header, *rows])
    return text.getvalue().encode()


def json_lines(*rows: dict[str, Any]) -> bytes:
    """One object per line."""
    return "".join(f"{json.dumps(row)}\n" for row in rows).encode()


def gzipped(content: bytes) -> bytes:
    """The same, compressed; equal input gives equal bytes."""
    return gzip.compress(content, mtime=0)


def read(
    content: bytes, format: str = "CSV", name: str = "people.csv"
) -> tuple[list[ImportRow], list[RejectedRow]]:
    """The good rows and the rejected ones."""
    good: list[ImportRow] = []
    rejected: list[RejectedRow] = []
    for row in read_rows(io.BytesIO(content), format, name=name):
        if isinstance(row, ImportRow):
            good.append(row)
        else:
            rejected.append(row)
    return good, rejected
