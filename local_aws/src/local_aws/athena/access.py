"""Athena acts with its caller's permissions: on the catalog, on the data, on the results."""

from __future__ import annotations

from typing import Any

from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id, get_region

from local_aws.athena.errors import QueryFailed


def refusal(action: str, resource: str, context: dict[str, Any] | None = None) -> str | None:
    """Why the caller of the current request may not do this; None when it may."""
    key = iam_evaluator._verified_key.get()
    if not key:  # The server runs without authentication.
        return None
    service = action.split(":")[0]
    denied = iam_evaluator.enforce(key, action, service, get_region(), resource, context)
    if not denied:
        return None
    if message := getattr(denied, "message", ""):
        return str(message)
    caller = getattr(denied, "principal_arn", "")
    return f"User: {caller} is not authorized to perform: {action} on resource: {resource}"


def require_catalog(action: str, database: str, table: str | None = None) -> None:
    """Raises QueryFailed unless the caller has the Glue action on catalog, database and table."""
    prefix = f"arn:aws:glue:{get_region()}:{get_account_id()}:"
    names = ["catalog", f"database/{database}"]
    if table is not None:
        names.append(f"table/{database}/{table}")
    for name in names:
        if message := refusal(action, prefix + name):
            raise QueryFailed(f"Insufficient permissions to execute the query. {message}")


def require_listing(bucket: str, prefix: str) -> None:
    message = refusal("s3:ListBucket", f"arn:aws:s3:::{bucket}", {"s3:prefix": prefix})
    if message:
        raise QueryFailed(
            f"PERMISSION_DENIED: Access denied on S3 path: s3://{bucket}/{prefix}. {message}"
        )


def require_object(bucket: str, key: str) -> None:
    if message := refusal("s3:GetObject", f"arn:aws:s3:::{bucket}/{key}"):
        raise QueryFailed(
            f"PERMISSION_DENIED: Access denied on S3 path: s3://{bucket}/{key}. {message}"
        )
