"""Standard logging (v2) of a distribution to S3: a log file for each request.

CloudFront Developer Guide, "Configure standard logging (v2)" and "Standard logging reference";
CloudWatch Logs User Guide, "Logs sent to Amazon S3". On AWS a file holds the requests of some
minutes.
"""

from __future__ import annotations

import gzip
import json
import logging
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ministack.core.responses import get_account_id
from ministack.services import cloudwatch_logs, s3

from local_aws.patches.service_access import service_allowed

REQUIRED = (
    "ministack.services.cloudwatch_logs._deliveries",
    "ministack.services.cloudwatch_logs._delivery_destinations",
    "ministack.services.cloudwatch_logs._delivery_sources",
    "ministack.services.s3._bucket_policies",
    "ministack.services.s3._put_object",
)

SERVICE = "delivery.logs.amazonaws.com"
# The fields of a delivery without a list of fields, as far as this edge knows their values.
FIELDS = (
    *("date", "time", "x-edge-location", "sc-bytes", "c-ip", "cs-method", "cs(Host)"),
    *("cs-uri-stem", "sc-status", "cs(Referer)", "cs(User-Agent)", "x-edge-result-type"),
    *("x-edge-request-id", "x-host-header", "cs-protocol", "cs-bytes", "time-taken"),
    *("ssl-protocol", "sc-content-type"),
)

log = logging.getLogger("local_aws")


def deliver(
    dist: Mapping[str, Any],
    method: str,
    path: str,
    headers: Mapping[str, str],
    answer: Any,
    seconds: float,
) -> None:
    """Write a request to the bucket of each delivery of the distribution."""
    sources = [
        source
        for source in cloudwatch_logs._delivery_sources.values()
        if dist["ARN"] in source["resourceArns"]
    ]
    for source in sources:
        for delivery in cloudwatch_logs._deliveries.values():
            if delivery["deliverySourceName"] == source["name"]:
                record = _record(dist, method, path, headers, answer, seconds)
                fields = delivery["recordFields"] or FIELDS
                _write(dist, source, delivery, {name: record.get(name, "-") for name in fields})


def _record(
    dist: Mapping[str, Any],
    method: str,
    path: str,
    headers: Mapping[str, str],
    answer: Any,
    seconds: float,
) -> dict[str, str]:
    status, sent, body = answer
    now = datetime.now(UTC)
    found = {name.lower(): str(value) for name, value in sent.items()}
    return {
        "date": now.strftime("%Y-%m-%d"),
        "time": now.strftime("%H:%M:%S"),
        "x-edge-location": found.get("x-amz-cf-pop", "-"),
        "sc-bytes": str(len(body)),
        "c-ip": "127.0.0.1",
        "cs-method": method,
        "cs(Host)": dist["DomainName"],
        "cs-uri-stem": path,
        "sc-status": str(status),
        "cs(Referer)": headers.get("referer", "-"),
        "cs(User-Agent)": headers.get("user-agent", "-"),
        "x-edge-result-type": found.get("x-cache", "-").split(" ")[0],
        "x-edge-request-id": found.get("x-amz-cf-id", "-"),
        "x-host-header": headers.get("host", "-"),
        "cs-protocol": headers.get("x-forwarded-proto", "http"),
        "cs-bytes": str(sum(len(name) + len(value) + 4 for name, value in headers.items())),
        "time-taken": f"{seconds:.3f}",
        "ssl-protocol": "TLSv1.3" if headers.get("x-forwarded-proto") == "https" else "-",
        "sc-content-type": found.get("content-type", "-"),
    }


def _write(
    dist: Mapping[str, Any],
    source: Mapping[str, Any],
    delivery: Mapping[str, Any],
    record: dict[str, str],
) -> None:
    destination = next(
        item
        for item in cloudwatch_logs._delivery_destinations.values()
        if item["arn"] == delivery["deliveryDestinationArn"]
    )
    if destination["deliveryDestinationType"] != "S3":
        return
    target = destination["deliveryDestinationConfiguration"]["destinationResourceArn"]
    bucket, _, prefix = target.rpartition(":")[2].partition("/")
    hour = datetime.now(UTC).strftime("%Y-%m-%d-%H")
    account = get_account_id()
    key = f"AWSLogs/{account}/CloudFront/{dist['Id']}.{hour}.{secrets.token_hex(4)}.gz"
    if prefix:
        key = f"{prefix}/{key}"
    resource = f"arn:aws:s3:::{bucket}/{key}"
    acl = {"s3:x-amz-acl": "bucket-owner-full-control"}
    policy = s3._bucket_policies.get(bucket)
    if not service_allowed(policy, "s3:PutObject", resource, SERVICE, source["arn"], acl):
        log.warning("The policy of bucket %s keeps out the logs of %s", bucket, source["arn"])
        return
    text = (
        json.dumps(record) if destination["outputFormat"] == "json" else "\t".join(record.values())
    )
    s3._put_object(bucket, key, gzip.compress(f"{text}\n".encode()), {})
