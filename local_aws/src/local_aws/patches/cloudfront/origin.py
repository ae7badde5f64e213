"""The bucket behind a distribution: who may read, and what a missing object is.

S3 API reference, GetObject: a missing object is 404 for callers that may list the bucket, and 403
for others. CloudFront Developer Guide, "Restrict access to an Amazon S3 origin": an object under a
customer managed key needs the key's policy, too.
"""

from __future__ import annotations

from ministack.services import s3

from local_aws.patches import encryption
from local_aws.patches.rewriting import rewrite
from local_aws.patches.service_access import service_allowed

REQUIRED = (
    "ministack.services.s3._bucket_policies",
    "ministack.services.s3._cloudfront_origin_allows",
    "ministack.services.s3.serve_cloudfront_origin_fetch",
)

CLOUDFRONT = "cloudfront.amazonaws.com"


def apply() -> None:
    allows = s3._cloudfront_origin_allows

    def origin_allows(owner: str, bucket: str, key: str, source_arn: str, oai_id: str) -> bool:
        return bool(allows(owner, bucket, key, source_arn, oai_id)) and _may_decrypt(
            f"arn:aws:s3:::{bucket}", source_arn
        )

    def may_list(owner: str, bucket: str, source_arn: str) -> bool:
        policy = s3._bucket_policies.get_scoped(owner, None, bucket)
        return bool(policy) and service_allowed(
            policy, "s3:ListBucket", f"arn:aws:s3:::{bucket}", CLOUDFRONT, source_arn
        )

    s3._cloudfront_origin_allows = origin_allows
    rewrite(
        s3,
        "serve_cloudfront_origin_fetch",
        (
            'or key not in bucket["objects"]:',
            'or (key not in bucket["objects"] '
            "and not _cloudfront_may_list(owner, bucket_name, source_arn)):",
        ),
        _cloudfront_may_list=may_list,
    )


def _may_decrypt(bucket_arn: str, source_arn: str) -> bool:
    """Whether the key of the bucket, if any, lets CloudFront decrypt for the distribution."""
    key = encryption.key_of(bucket_arn)
    if not key:
        return True
    record = encryption.customer_key(key)
    return (
        record is not None
        and encryption.usable(record)
        and service_allowed(
            record.get("Policy"), "kms:Decrypt", record["Arn"], CLOUDFRONT, source_arn
        )
    )
