"""S3 server access logs: a log file for each request to a bucket that has a logging target.

S3 User Guide, "Logging requests with server access logging" and "Amazon S3 server access log
format". On AWS a file holds the requests of some minutes, and comes within hours.
"""

from __future__ import annotations

import logging
import re
import secrets
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote
from xml.etree.ElementTree import ParseError

from ministack.core.responses import get_account_id, get_region
from ministack.services import s3

from local_aws.patches.service_access import service_allowed

REQUIRED = (
    "ministack.services.s3._bucket_encryption",
    "ministack.services.s3._bucket_logging_config",
    "ministack.services.s3._bucket_policies",
    "ministack.services.s3._buckets",
    "ministack.services.s3._dispatch",
    "ministack.services.s3._error",
    "ministack.services.s3._put_bucket_logging",
    "ministack.services.s3._put_object",
    "ministack.services.s3.fromstring",
    "ministack.services.s3.serve_cloudfront_origin_fetch",
)

SERVICE = "logging.s3.amazonaws.com"

log = logging.getLogger("local_aws")


def apply() -> None:
    dispatch, fetch = s3._dispatch, s3.serve_cloudfront_origin_fetch
    put_logging = s3._put_bucket_logging

    def logged(method: str, bucket: str, key: str, headers: Any, body: bytes, query: Any) -> Any:
        answer = dispatch(method, bucket, key, headers, body, query)
        caller = re.search(r"Credential=([^/,]+)/", headers.get("authorization", ""))
        _log(bucket, key, method, answer, caller[1] if caller else "-")
        return answer

    def fetched(bucket: str, key: str, method: str, headers: Any, *rest: Any, **named: Any) -> Any:
        answer = fetch(bucket, key, method, headers, *rest, **named)
        _log(bucket, key, method, answer, "svc:cloudfront.amazonaws.com")
        return answer

    def put_bucket_logging(name: str, body: bytes) -> Any:
        target = _settings(body).get("TargetBucket")
        if target is not None and (
            target not in s3._buckets or "aws:kms" in (s3._bucket_encryption.get(target) or "")
        ):
            # A target with default encryption must have the key of S3 (SSE-S3).
            return s3._error(
                "InvalidTargetBucketForLogging",
                "The target bucket for logging does not exist, is not owned by you, or does not "
                "have the appropriate grants for the log-delivery group.",
                400,
            )
        return put_logging(name, body)

    s3._dispatch = logged
    s3.serve_cloudfront_origin_fetch = fetched
    s3._put_bucket_logging = put_bucket_logging


def _settings(configuration: str | bytes | None) -> dict[str, str]:
    """Element => text of a BucketLoggingStatus; PartitionedPrefix is there when it is chosen."""
    try:
        root = s3.fromstring(configuration) if configuration else None
    except ParseError:
        return {}
    if root is None:
        return {}
    return {element.tag.rpartition("}")[2]: element.text or "" for element in root.iter()}


def _log(bucket: str, key: str, method: str, answer: Any, requester: str) -> None:
    settings = _settings(s3._bucket_logging_config.get(bucket))
    target = settings.get("TargetBucket")
    if target is None or target not in s3._buckets:
        return
    now, account, region = datetime.now(UTC), get_account_id(), get_region()
    name = f"{now:%Y-%m-%d-%H-%M-%S}-{secrets.token_hex(8).upper()}"
    if "PartitionedPrefix" in settings:
        name = f"{account}/{region}/{bucket}/{now:%Y/%m/%d}/{name}"
    log_key = settings.get("TargetPrefix", "") + name
    resource, source = f"arn:aws:s3:::{target}/{log_key}", f"arn:aws:s3:::{bucket}"
    policy = s3._bucket_policies.get(target)
    if not service_allowed(policy, "s3:PutObject", resource, SERVICE, source):
        log.warning("The policy of bucket %s keeps out the access logs of %s", target, bucket)
        return
    status, _, body = answer
    kind = "OBJECT" if key else "BUCKET"
    line = (
        f"{account} {bucket} [{now:%d/%b/%Y:%H:%M:%S +0000}] 127.0.0.1 {requester} "
        f"{secrets.token_hex(8).upper()} REST.{method}.{kind} {quote(key) or '-'} "
        f'"{method} /{quote(key)} HTTP/1.1" {status} - {len(body or b"") or "-"} - 1 1 "-" "-" - - '
        "SigV4 TLS_AES_128_GCM_SHA256 AuthHeader - TLSv1.3 - -\n"
    )
    s3._put_object(target, log_key, line.encode(), {})
