"""A distribution on the way from a viewer to its bucket: keys, cache, functions, logs, refusals."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from builders.distributions import ACCOUNT, config, distribution, policy
from builders.local_server import LocalServer
from builders.ministack_server import MinistackServer, ministack_server
from local_aws.patches.cloudfront.cache import EdgeCache, Entry, Limits, lifetime

HIT, MISS, ERROR = "Hit from cloudfront", "Miss from cloudfront", "Error from cloudfront"


@pytest.fixture(scope="module")
def aws() -> Iterator[MinistackServer]:
    with ministack_server() as server:
        yield server


def refusal(call: Any) -> str:
    with pytest.raises(ClientError) as refused:
        call()
    return str(refused.value.response["Error"]["Code"])


# -- the origin --------------------------------------------------------------------------


def test_a_missing_object_is_404_only_for_a_distribution_that_may_list(aws: Any) -> None:
    site = distribution(aws, "missing")
    listed = site.view("/nothing")

    site.let_in("s3:GetObject")
    unlisted = site.view("/nothing-else")

    assert (listed.status, listed.body) == (404, b"sorry")
    assert unlisted.status == 403


@pytest.mark.parametrize("arn", ["arn:aws:cloudfront::000000000000:distribution/EOTHER", "*"])
def test_a_bucket_lets_in_only_the_distribution_that_its_policy_names(aws: Any, arn: str) -> None:
    site = distribution(aws, f"named-{len(arn)}")

    site.let_in("s3:GetObject", "s3:ListBucket", arn=arn)

    assert site.view("/").status == 403


@pytest.mark.parametrize("principals", [["cloudfront.amazonaws.com"], ["sns.amazonaws.com"]])
def test_an_encrypted_object_needs_the_policy_of_its_key(aws: Any, principals: list[str]) -> None:
    site = distribution(aws, f"encrypted-{principals[0][:3]}")
    everything = {"Effect": "Allow", "Action": "kms:*", "Resource": "*"}
    services = {
        "Effect": "Allow",
        "Action": "kms:Decrypt",
        "Resource": "*",
        "Principal": {"Service": principals},
        "Condition": {"StringEquals": {"aws:SourceArn": site.arn}},
    }
    root = {**everything, "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}}
    key = aws.client("kms").create_key(Policy=json.dumps({"Statement": [root, services]}))
    rule = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key["KeyMetadata"]["Arn"]}
    aws.client("s3").put_bucket_encryption(
        Bucket=site.bucket,
        ServerSideEncryptionConfiguration={"Rules": [{"ApplyServerSideEncryptionByDefault": rule}]},
    )

    status = site.view("/").status

    assert status == (200 if principals == ["cloudfront.amazonaws.com"] else 403)


# -- the cache ---------------------------------------------------------------------------


def test_a_second_viewer_gets_the_object_of_the_edge_with_its_age(aws: Any) -> None:
    site = distribution(aws, "second")
    first = site.view("/docs/index.html")
    aws.client("s3").delete_object(Bucket=site.bucket, Key="docs/index.html")

    second = site.view("/docs/index.html?utm_source=mail")

    assert (first.cache, "age" in first.headers) == (MISS, False)
    assert (second.status, second.body, second.cache) == (200, b"docs", HIT)
    assert second.headers["age"] == "0"


def test_an_invalidation_removes_an_object_from_the_edge(aws: Any) -> None:
    site = distribution(aws, "invalidated")
    site.view("/index.html")
    aws.client("s3").put_object(Bucket=site.bucket, Key="index.html", Body=b"new")

    before = site.view("/index.html").body
    site.invalidate("/index.html")

    assert (before, site.view("/index.html").body) == (b"home", b"new")


def test_a_missing_page_is_kept_for_a_short_time_and_an_invalidation_ends_it(aws: Any) -> None:
    site = distribution(aws, "late")
    first = site.view("/late.html")
    aws.client("s3").put_object(Bucket=site.bucket, Key="late.html", Body=b"here")

    kept = site.view("/late.html")
    site.invalidate("/late.*")

    assert [(a.status, a.cache) for a in (first, kept)] == [(404, ERROR), (404, ERROR)]
    assert site.view("/late.html").body == b"here"


def test_a_403_is_not_kept(aws: Any) -> None:
    site = distribution(aws, "forbidden")
    site.let_in("s3:ListBucket")
    refused = site.view("/")

    site.let_in("s3:GetObject", "s3:ListBucket")

    assert (refused.status, site.view("/").status) == (403, 200)


def test_a_viewer_that_has_the_object_gets_a_304_from_the_edge(aws: Any) -> None:
    site = distribution(aws, "unchanged")
    tag = site.view("/index.html").headers["etag"]

    same = site.view("/index.html", If_None_Match=tag)
    other = site.view("/index.html", If_None_Match='"other"')

    assert [(a.status, a.body, a.cache) for a in (same, other)] == [
        (304, b"", HIT),
        (200, b"home", HIT),
    ]


def test_a_head_is_answered_from_the_object_of_a_get(aws: Any) -> None:
    site = distribution(aws, "head")
    unseen = site.view("/index.html", "HEAD")
    site.view("/index.html")

    seen = site.view("/index.html", "HEAD")

    assert (unseen.cache, seen.cache, seen.body) == (MISS, HIT, b"")


def test_time_passes_at_the_edge_on_request(local_aws: LocalServer) -> None:
    site = distribution(local_aws, "aged")
    site.view("/index.html")

    status, aged = local_aws.post(f"cloudfront/{site.id}/age", {"seconds": 59})
    old = site.view("/index.html")
    local_aws.post(f"cloudfront/{site.id}/age", {"seconds": 1})
    revalidated = site.view("/index.html")
    local_aws.client("s3").put_object(Bucket=site.bucket, Key="index.html", Body=b"new")
    local_aws.post(f"cloudfront/{site.id}/age", {"seconds": 60})
    fresh = site.view("/index.html")

    assert (status, aged) == (200, {"distribution": site.id, "aged": 1})
    assert (old.cache, old.headers["age"]) == (HIT, "59")
    assert revalidated.cache == "RefreshHit from cloudfront"
    assert (fresh.cache, fresh.body) == (MISS, b"new")


@pytest.mark.parametrize("body", [{}, {"seconds": -1}, {"seconds": "60"}, {"seconds": True}])
def test_time_passes_forwards_and_in_numbers_only(local_aws: LocalServer, body: Any) -> None:
    site = distribution(local_aws, "forwards")

    status, answer = local_aws.post(f"cloudfront/{site.id}/age", body)

    assert status == 400 and "seconds must be a number" in answer["error"]
    assert local_aws.post("cloudfront/ENONE/age", {"seconds": 1})[0] == 404


LIMITS = Limits(minimum=0, default=60, maximum=600)


@pytest.mark.parametrize(
    ("status", "headers", "seconds"),
    [
        (200, {}, 60),
        (200, {"cache-control": "max-age=30"}, 30),
        (200, {"cache-control": "public, max-age=30, s-maxage=90"}, 90),
        (200, {"cache-control": "max-age=9999"}, 600),
        (200, {"cache-control": "no-store"}, 0),
        (200, {"cache-control": "private, max-age=30"}, 0),
        (200, {"expires": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0),
        (200, {"expires": "never"}, 0),
        (404, {}, 10),
        (404, {"cache-control": "max-age=30"}, 30),
        (403, {}, 0),
        (403, {"cache-control": "max-age=30"}, 30),
        (503, {}, 10),
        (401, {}, 0),
    ],
)
def test_an_answer_is_kept_for_as_long_as_its_headers_and_the_policy_say(
    status: int, headers: dict[str, str], seconds: float
) -> None:
    assert lifetime(status, headers, LIMITS, error_seconds=10) == seconds


def test_a_minimum_holds_against_every_header() -> None:
    limits = Limits(minimum=20, default=10, maximum=600)

    kept = [lifetime(200, {"cache-control": v}, limits, 10) for v in ("no-store", "max-age=1", "")]

    assert kept == [20, 20, 20]


@pytest.mark.parametrize(
    ("paths", "removed"),
    [
        (["/docs/index.html"], False),  # a function made this path of the viewer's
        (["/docs/"], False),
        (["/docs/", "/docs/index.html"], True),
        (["/docs/*"], True),
        (["/*"], True),
        (["*"], True),
        (["/Docs/*"], False),
        (["/*/index.html"], False),
    ],
)
def test_an_answer_is_removed_by_the_paths_before_and_after_a_function(
    paths: list[str], removed: bool
) -> None:
    cache = EdgeCache()
    key = ("E1", "/docs/index.html")
    cache.put(key, Entry(200, "OK", {}, b"", 0, 60, {"/docs/"}))

    cache.invalidate("E2", ["/*"])
    cache.invalidate("E1", paths)

    assert (cache.get(key) is None) is removed


# -- functions ---------------------------------------------------------------------------


def with_function(aws: Any, name: str, code: str) -> Any:
    cloudfront = aws.client("cloudfront")
    made = cloudfront.create_function(
        Name=name,
        FunctionConfig={"Comment": "", "Runtime": "cloudfront-js-2.0"},
        FunctionCode=code.encode(),
    )
    cloudfront.publish_function(Name=name, IfMatch=made["ETag"])
    arn = made["FunctionSummary"]["FunctionMetadata"]["FunctionARN"]
    association = {"EventType": "viewer-request", "FunctionARN": arn}
    associations = {"Quantity": 1, "Items": [association]}
    return distribution(aws, name, behavior={"FunctionAssociations": associations})


@pytest.mark.parametrize("kind", ["", "async "])
def test_a_function_changes_the_path_without_node(aws: Any, kind: str) -> None:
    code = (
        kind + "function handler(event) { event.request.uri = '/404.html'; return event.request; }"
    )

    answer = with_function(aws, f"rewrites-{len(kind)}", code).view("/")

    assert (answer.status, answer.body) == (200, b"sorry")


@pytest.mark.parametrize(
    "code",
    [
        "function handler(event) { throw new Error('no'); }",
        "async function handler(event) { throw new Error('no'); }",
        "function other(event) { return event.request; }",
        "function handler(event) { return undefinedName; }",
        "not JavaScript",
    ],
)
def test_a_function_that_fails_is_a_503(aws: Any, code: str) -> None:
    site = with_function(aws, f"fails-{abs(hash(code)) % 10**8}", code)

    assert site.view("/").status == 503


def test_a_function_of_more_than_10_kb_is_refused(aws: Any) -> None:
    code = "function handler(event) { return event.request; } //" + "x" * 10_240

    assert refusal(lambda: with_function(aws, "long", code)) == "FunctionSizeLimitExceeded"


# -- restrictions and refusals -----------------------------------------------------------


@pytest.mark.parametrize(("kind", "german"), [("whitelist", 200), ("blacklist", 403)])
def test_a_geo_restriction_is_applied_to_the_country_of_the_viewer(
    aws: Any, kind: str, german: int
) -> None:
    geo = {"RestrictionType": kind, "Quantity": 1, "Items": ["DE"]}
    site = distribution(aws, f"geo-{kind}", Restrictions={"GeoRestriction": geo})

    answers = [site.view("/", X_Local_Viewer_Country=country).status for country in ("DE", "US")]

    assert answers == [german, 603 - german]


US_EAST_1 = f"arn:aws:acm:us-east-1:{ACCOUNT}:certificate/c1"
ALIAS = {"Aliases": {"Quantity": 1, "Items": ["www.example.com"]}}
DEFAULT = {"ViewerCertificate": {"CloudFrontDefaultCertificate": True}}


def certificate(arn: str) -> dict[str, Any]:
    return {"ViewerCertificate": {"ACMCertificateArn": arn, "SSLSupportMethod": "sni-only"}}


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        (ALIAS, "InvalidViewerCertificate"),
        (ALIAS | DEFAULT, "InvalidViewerCertificate"),
        (
            ALIAS | certificate(US_EAST_1.replace("us-east-1", "eu-west-1")),
            "InvalidViewerCertificate",
        ),
        (
            {"WebACLId": f"arn:aws:wafv2:us-east-1:{ACCOUNT}:regional/webacl/w/1"},
            "InvalidWebACLId",
        ),
    ],
)
def test_a_distribution_that_cloudfront_refuses(aws: Any, settings: Any, code: str) -> None:
    cache_policy = policy(aws, f"refused-{abs(hash(str(settings))) % 10**8}")
    wanted = config("refused", cache_policy, **settings)

    refused = refusal(
        lambda: aws.client("cloudfront").create_distribution(DistributionConfig=wanted)
    )

    assert refused == code


def test_a_name_belongs_to_one_distribution(aws: Any) -> None:
    settings = {"Aliases": {"Quantity": 1, "Items": ["one.example.com"]}} | certificate(US_EAST_1)
    distribution(aws, "owner", **settings)

    assert refusal(lambda: distribution(aws, "other", **settings)) == "CNAMEAlreadyExists"


def test_the_tls_version_of_the_default_certificate_is_not_the_one_that_was_asked_for(
    aws: Any,
) -> None:
    asked = {"CloudFrontDefaultCertificate": True, "MinimumProtocolVersion": "TLSv1.2_2021"}
    site = distribution(aws, "default-tls", ViewerCertificate=asked)

    found = aws.client("cloudfront").get_distribution_config(Id=site.id)["DistributionConfig"]

    assert found["ViewerCertificate"]["MinimumProtocolVersion"] == "TLSv1"


@pytest.mark.parametrize("ttl", [(0, 601, 600), (61, 60, 600)])
def test_the_ttls_of_a_cache_policy_are_in_order(aws: Any, ttl: tuple[int, int, int]) -> None:
    assert refusal(lambda: policy(aws, f"order-{ttl[0]}", *ttl)) == "InvalidArgument"


def test_a_policy_without_custom_headers_is_answered_without_their_element(aws: Any) -> None:
    cloudfront = aws.client("cloudfront")
    made = cloudfront.create_response_headers_policy(
        ResponseHeadersPolicyConfig={
            "Name": "plain",
            "SecurityHeadersConfig": {"ContentTypeOptions": {"Override": True}},
        }
    )["ResponseHeadersPolicy"]["ResponseHeadersPolicyConfig"]

    assert "CustomHeadersConfig" not in made
    assert "RemoveHeadersConfig" not in made


@pytest.mark.parametrize("path", ["/ü", "/a b", "/*/b c", '/"', "/a~b", "/a[1]"])
def test_a_path_that_is_not_encoded_cannot_be_invalidated(aws: Any, path: str) -> None:
    site = distribution(aws, f"unencoded-{abs(hash(path)) % 10**8}")

    assert refusal(lambda: site.invalidate(path)) == "InvalidArgument"


def test_a_repeated_invalidation_is_the_same_and_another_needs_another_reference(aws: Any) -> None:
    site = distribution(aws, "repeated")

    ids = {site.invalidate("/a", reference="r")["Invalidation"]["Id"] for _ in range(2)}

    assert len(ids) == 1
    assert refusal(lambda: site.invalidate("/b", reference="r")) == (
        "InvalidationBatchAlreadyExists"
    )


# -- logs --------------------------------------------------------------------------------


def delivery(aws: Any, site: Any, bucket: str, **settings: Any) -> None:
    logs = aws.client("logs")
    logs.put_delivery_source(name=site.bucket, resourceArn=site.arn, logType="ACCESS_LOGS")
    destination = logs.put_delivery_destination(
        name=site.bucket,
        outputFormat="json",
        deliveryDestinationConfiguration={"destinationResourceArn": f"arn:aws:s3:::{bucket}"},
    )["deliveryDestination"]["arn"]
    logs.create_delivery(
        deliverySourceName=site.bucket, deliveryDestinationArn=destination, **settings
    )


def let_write(aws: Any, bucket: str, service: str, source_arn: str, **conditions: str) -> None:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{bucket}/*",
        "Condition": {"StringEquals": {"aws:SourceArn": source_arn, **conditions}},
    }
    aws.client("s3").put_bucket_policy(
        Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    )


def objects(aws: Any, bucket: str) -> dict[str, bytes]:
    s3 = aws.client("s3")
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]
    return {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}


def test_a_request_is_logged_in_a_bucket_whose_policy_lets_the_delivery_in(aws: Any) -> None:
    site = distribution(aws, "logged")
    aws.client("s3").create_bucket(Bucket="edge-logs")
    delivery(aws, site, "edge-logs", recordFields=["cs-uri-stem", "sc-status"])
    site.view("/")
    refused = objects(aws, "edge-logs")
    source = f"arn:aws:logs:us-east-1:{ACCOUNT}:delivery-source:logged"
    acl = {"s3:x-amz-acl": "bucket-owner-full-control"}
    let_write(aws, "edge-logs", "delivery.logs.amazonaws.com", source, **acl)

    site.view("/docs/index.html")

    ((key, text),) = objects(aws, "edge-logs").items()
    assert refused == {}
    assert key.startswith(f"AWSLogs/{ACCOUNT}/CloudFront/{site.id}.")
    assert json.loads(gzip.decompress(text)) == {
        "cs-uri-stem": "/docs/index.html",
        "sc-status": "200",
    }


def test_a_delivery_source_is_the_access_log_of_an_existing_distribution(aws: Any) -> None:
    site = distribution(aws, "source")
    logs = aws.client("logs")
    call = {"name": "s", "resourceArn": site.arn, "logType": "ACCESS_LOGS"}

    wrong_type = refusal(lambda: logs.put_delivery_source(**call | {"logType": "EVENT_LOGS"}))
    absent = refusal(lambda: logs.put_delivery_source(**call | {"resourceArn": f"{site.arn}X"}))

    assert (wrong_type, absent) == ("ValidationException", "ResourceNotFoundException")


def test_a_delivery_source_with_a_delivery_is_not_deleted(aws: Any) -> None:
    site = distribution(aws, "kept-source")
    aws.client("s3").create_bucket(Bucket="kept-logs")
    delivery(aws, site, "kept-logs")

    refused = refusal(lambda: aws.client("logs").delete_delivery_source(name="kept-source"))

    assert refused == "ConflictException"


@pytest.mark.parametrize("partitioned", [False, True])
def test_a_request_to_a_bucket_is_logged_where_its_target_lets_s3_in(
    aws: Any, partitioned: bool
) -> None:
    s3, name = aws.client("s3"), f"watched-{partitioned}".lower()
    for bucket in (name, f"{name}-logs"):
        s3.create_bucket(Bucket=bucket)
    partitions = {"PartitionedPrefix": {"PartitionDateSource": "EventTime"}}
    enabled = {"TargetBucket": f"{name}-logs", "TargetPrefix": "access/"}
    if partitioned:
        enabled["TargetObjectKeyFormat"] = partitions
    s3.put_bucket_logging(Bucket=name, BucketLoggingStatus={"LoggingEnabled": enabled})
    s3.put_object(Bucket=name, Key="refused.txt", Body=b"1")
    refused = objects(aws, f"{name}-logs")
    let_write(aws, f"{name}-logs", "logging.s3.amazonaws.com", f"arn:aws:s3:::{name}")

    s3.put_object(Bucket=name, Key="seen.txt", Body=b"1")

    ((key, line),) = objects(aws, f"{name}-logs").items()
    assert refused == {}
    assert key.startswith(f"access/{ACCOUNT}/us-east-1/{name}/20" if partitioned else "access/20")
    assert f"{name} [".encode() in line and b"REST.PUT.OBJECT seen.txt" in line


@pytest.mark.parametrize("key", ["aws:kms", None])
def test_a_logging_target_exists_and_has_the_key_of_s3(aws: Any, key: str | None) -> None:
    s3, name = aws.client("s3"), f"unlogged-{key is None}".lower()
    s3.create_bucket(Bucket=name)
    if key:
        s3.create_bucket(Bucket=f"{name}-logs")
        rules = [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": key}}]
        s3.put_bucket_encryption(
            Bucket=f"{name}-logs", ServerSideEncryptionConfiguration={"Rules": rules}
        )
    enabled = {"TargetBucket": f"{name}-logs", "TargetPrefix": ""}

    refused = refusal(
        lambda: s3.put_bucket_logging(Bucket=name, BucketLoggingStatus={"LoggingEnabled": enabled})
    )

    assert refused == "InvalidTargetBucketForLogging"
