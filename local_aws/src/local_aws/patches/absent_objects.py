"""S3 answers 404 for an absent object only to a caller that may list the bucket, and 403 to others.

A function that takes an absent object for an answer works here with ``s3:GetObject`` alone, and on
AWS it does not. GetObject passes no ``s3:prefix``, so a permission with a condition on it does not
count.

Source: API reference of GetObject and HeadObject, "Permissions".
"""

from __future__ import annotations

from typing import Any

from ministack.core import iam_evaluator
from ministack.services import s3

REQUIRED = (
    "ministack.core.iam_evaluator.enforce",
    "ministack.services.s3._buckets",
    "ministack.services.s3._object_versions",
)


def apply() -> None:
    enforce = iam_evaluator.enforce

    def checked(
        access_key_id: str,
        iam_action: str,
        service: str,
        region: str,
        resource_arn: str = "*",
        service_context: dict[str, Any] | None = None,
    ) -> Any:
        denied = enforce(access_key_id, iam_action, service, region, resource_arn, service_context)
        if denied or iam_action != "s3:GetObject":
            return denied
        bucket, _, key = resource_arn.rpartition(":::")[2].partition("/")
        found = s3._buckets.get(bucket)
        # A request for a version looks like any other here, so old versions count as there.
        if found is None or key in found["objects"] or s3._object_versions.get((bucket, key)):
            return denied
        return enforce(access_key_id, "s3:ListBucket", service, region, f"arn:aws:s3:::{bucket}")

    iam_evaluator.enforce = checked
