"""Settings that CloudFront and log deliveries refuse, or answer otherwise than they were given.

CloudFront API reference, "ViewerCertificate", "CreateCachePolicy", "CreateInvalidation",
"CreateResponseHeadersPolicy"; CloudWatch Logs API reference, "PutDeliverySource".
"""

from __future__ import annotations

import re
from typing import Any
from xml.etree.ElementTree import Element

from ministack.core.responses import error_response_json, get_region
from ministack.services import cloudfront, cloudwatch_logs

from local_aws.patches.rewriting import rewrite

REQUIRED = (
    "ministack.services.cloudfront._build_rhp_config_xml",
    "ministack.services.cloudfront._create_distribution",
    "ministack.services.cloudfront._create_invalidation",
    "ministack.services.cloudfront._dist_config_el",
    "ministack.services.cloudfront._distributions",
    "ministack.services.cloudfront._error",
    "ministack.services.cloudfront._find",
    "ministack.services.cloudfront._parse_body",
    "ministack.services.cloudfront._parse_cache_policy_config",
    "ministack.services.cloudfront._text",
    "ministack.services.cloudfront._unwrap_distribution_create_xml",
    "ministack.services.cloudfront._update_distribution",
    "ministack.services.cloudwatch_logs._deliveries",
    "ministack.services.cloudwatch_logs._delete_delivery_source",
    "ministack.services.cloudwatch_logs._put_delivery_source",
)


def apply() -> None:
    _check_distributions()
    _check_cache_policies()
    _check_invalidations()
    _check_delivery_sources()
    # A policy without these headers is answered without their elements.
    rewrite(
        cloudfront,
        "_build_rhp_config_xml",
        *(
            (
                f'SubElement(parent, "{name}Config")',
                f'SubElement(parent if cfg["{name}"] else _unused(), "{name}Config")',
            )
            for name in ("CustomHeaders", "RemoveHeaders")
        ),
        _unused=lambda: Element("unused"),
    )


def _check_distributions() -> None:
    create, update = cloudfront._create_distribution, cloudfront._update_distribution

    def create_distribution(headers: Any, body: bytes) -> Any:
        root = cloudfront._parse_body(body)
        config, _ = cloudfront._unwrap_distribution_create_xml(root)
        return _refusal(config, None) or create(headers, _with_true_tls(body))

    def update_distribution(dist_id: str, headers: Any, body: bytes) -> Any:
        return _refusal(cloudfront._parse_body(body), dist_id) or update(
            dist_id, headers, _with_true_tls(body)
        )

    cloudfront._create_distribution = create_distribution
    cloudfront._update_distribution = update_distribution


def _refusal(config: Any, own_id: str | None) -> Any:
    if config is None:
        return None
    certificate = cloudfront._find(config, "ViewerCertificate")
    acm = cloudfront._text(certificate, "ACMCertificateArn") if certificate is not None else ""
    iam = cloudfront._text(certificate, "IAMCertificateId") if certificate is not None else ""
    aliases = _aliases(config)
    if aliases and not (acm or iam):
        return cloudfront._error(
            "InvalidViewerCertificate",
            "To add an alternate domain name (CNAME) to a CloudFront distribution, you must attach "
            "a trusted certificate that validates your authorization to use the domain name.",
            400,
        )
    if acm and acm.split(":")[3:4] != ["us-east-1"]:
        return cloudfront._error(
            "InvalidViewerCertificate",
            "The specified SSL certificate doesn't exist, isn't in us-east-1 region, isn't valid, "
            "or doesn't include a valid certificate chain.",
            400,
        )
    for other in cloudfront._distributions.values():
        taken = aliases & _aliases(cloudfront._dist_config_el(other))
        if other["Id"] != own_id and taken:
            return cloudfront._error(
                "CNAMEAlreadyExists",
                "One or more of the CNAMEs you provided are already associated with a different "
                "resource.",
                409,
            )
    web_acl = cloudfront._text(config, "WebACLId")
    if web_acl.startswith("arn:") and not re.match(
        r"arn:[a-z-]+:wafv2:us-east-1:\d{12}:global/webacl/", web_acl
    ):
        return cloudfront._error(
            "InvalidWebACLId", "The web ACL is not of the scope CLOUDFRONT.", 400
        )
    return None


def _aliases(config: Any) -> set[str]:
    block = cloudfront._find(config, "Aliases")
    items = cloudfront._find(block, "Items") if block is not None else None
    return set() if items is None else {item.text or "" for item in items}


def _with_true_tls(body: bytes) -> bytes:
    """CloudFront ignores the TLS version of its own certificate, and answers TLSv1."""
    if not re.search(rb"<CloudFrontDefaultCertificate>true<", body):
        return body
    return re.sub(
        rb"(<MinimumProtocolVersion>)[^<]*(<)",
        rb"\1TLSv1\2",
        body,
    )


def _check_cache_policies() -> None:
    parse = cloudfront._parse_cache_policy_config

    def parse_cache_policy_config(element: Any) -> Any:
        config, error = parse(element)
        if error is not None:
            return config, error
        default = config.get("DefaultTTL", 86400)
        if not config["MinTTL"] <= default <= config.get("MaxTTL", 31536000):
            return None, cloudfront._error(
                "InvalidArgument",
                "The parameter MinTTL, DefaultTTL or MaxTTL is not valid: MinTTL must not be above "
                "DefaultTTL, nor DefaultTTL above MaxTTL.",
                400,
            )
        parameters = config.get("Parameters") or {}
        compressed = [
            name
            for name in ("EnableAcceptEncodingGzip", "EnableAcceptEncodingBrotli")
            if parameters.get(name)
        ]
        if config.get("MaxTTL", 31536000) == 0 and compressed:
            return None, cloudfront._error(
                "InvalidArgument",
                f"The parameter {compressed[0]} is invalid for policy with caching disabled.",
                400,
            )
        return config, None

    cloudfront._parse_cache_policy_config = parse_cache_policy_config


MAX_FILES = 3000  # of all invalidations in progress: CloudFront quotas


def _check_invalidations() -> None:
    create = cloudfront._create_invalidation

    def create_invalidation(dist_id: str, body: bytes) -> Any:
        batch = cloudfront._parse_body(body)
        block = cloudfront._find(batch, "Paths") if batch is not None else None
        items = cloudfront._find(block, "Items") if block is not None else None
        paths = [item.text or "" for item in items] if items is not None else []
        # Characters of RFC 3986 that RFC 1738 does not call unsafe, as it calls the tilde and
        # brackets; percent-encoded others; a * at the end.
        if not paths or not all(
            re.fullmatch(r"/?([A-Za-z0-9._:/?@!$&'()+,;=-]|%[0-9A-Fa-f]{2})*\*?", path)
            for path in paths
        ):
            return cloudfront._error(
                "InvalidArgument",
                "Your request contains one or more invalid invalidation paths.",
                400,
            )
        if len(paths) > MAX_FILES:
            return cloudfront._error(
                "TooManyInvalidationsInProgress",
                "Processing your request will cause you to exceed the maximum number of "
                "in-progress invalidations.",
                400,
            )
        return create(dist_id, body)

    cloudfront._create_invalidation = create_invalidation


def _check_delivery_sources() -> None:
    put, delete = cloudwatch_logs._put_delivery_source, cloudwatch_logs._delete_delivery_source

    def put_delivery_source(data: dict[str, Any]) -> Any:
        arn = str(data.get("resourceArn") or "")
        if ":cloudfront:" in arn:
            if get_region() != "us-east-1":
                return _invalid("CloudFront delivery sources exist in us-east-1 only.")
            if data.get("logType") != "ACCESS_LOGS":
                return _invalid("The log type of a CloudFront distribution is ACCESS_LOGS.")
            if not any(dist["ARN"] == arn for dist in cloudfront._distributions.values()):
                return error_response_json(
                    "ResourceNotFoundException", f"The resource does not exist: {arn}", 400
                )
        return put(data)

    def delete_delivery_source(data: dict[str, Any]) -> Any:
        for delivery in cloudwatch_logs._deliveries.values():
            if delivery["deliverySourceName"] == data.get("name"):
                return error_response_json(
                    "ConflictException", "The delivery source has a delivery: delete it first.", 400
                )
        return delete(data)

    cloudwatch_logs._put_delivery_source = put_delivery_source
    cloudwatch_logs._delete_delivery_source = delete_delivery_source


def _invalid(message: str) -> Any:
    return error_response_json("ValidationException", message, 400)
