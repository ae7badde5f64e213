"""A bucket behind a distribution, and viewers."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

ACCOUNT = "000000000000"
PAGES = {"index.html": b"home", "docs/index.html": b"docs", "404.html": b"sorry"}


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def cache(self) -> str:
        return self.headers["x-cache"]


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


_viewer = urllib.request.build_opener(NoRedirect)


@dataclass(frozen=True)
class Distribution:
    """A distribution, its bucket, and the URL at which viewers reach the edge."""

    aws: Any
    id: str
    arn: str
    domain: str
    bucket: str

    def view(self, path: str, method: str = "GET", **headers: str) -> Answer:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(
            f"{self.aws.url}{path}",
            method=method,
            headers={"Host": self.domain, "X-Forwarded-Proto": "https", **sent},
        )
        try:
            with _viewer.open(request) as answer:
                found = (answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as error:
            found = (error.code, error.headers, error.read())
        return Answer(found[0], {k.lower(): v for k, v in found[1].items()}, found[2])

    def invalidate(self, *paths: str, reference: str = "once") -> dict[str, Any]:
        batch = {
            "CallerReference": reference,
            "Paths": {"Quantity": len(paths), "Items": list(paths)},
        }
        made: dict[str, Any] = self.aws.client("cloudfront").create_invalidation(
            DistributionId=self.id, InvalidationBatch=batch
        )
        return made

    def let_in(self, *actions: str, arn: str | None = None) -> None:
        """Replace the bucket policy by one that lets CloudFront in for the distribution."""
        resources = [f"arn:aws:s3:::{self.bucket}", f"arn:aws:s3:::{self.bucket}/*"]
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "cloudfront.amazonaws.com"},
            "Action": list(actions),
            "Resource": resources,
            "Condition": {"StringEquals": {"aws:SourceArn": arn or self.arn}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self.aws.client("s3").put_bucket_policy(Bucket=self.bucket, Policy=policy)


def policy(aws: Any, name: str, minimum: int = 0, default: int = 60, maximum: int = 600) -> str:
    """A cache policy with nothing but the path in its key; its id."""
    made = aws.client("cloudfront").create_cache_policy(
        CachePolicyConfig={
            "Name": name,
            "MinTTL": minimum,
            "DefaultTTL": default,
            "MaxTTL": maximum,
            "ParametersInCacheKeyAndForwardedToOrigin": {
                "EnableAcceptEncodingGzip": maximum > 0,
                "HeadersConfig": {"HeaderBehavior": "none"},
                "CookiesConfig": {"CookieBehavior": "none"},
                "QueryStringsConfig": {"QueryStringBehavior": "none"},
            },
        }
    )
    return str(made["CachePolicy"]["Id"])


def config(name: str, cache_policy: str, oac: str = "", **settings: Any) -> dict[str, Any]:
    """A DistributionConfig; settings replace its members."""
    behavior = {
        "TargetOriginId": "bucket",
        "ViewerProtocolPolicy": "redirect-to-https",
        "CachePolicyId": cache_policy,
        "Compress": True,
        **settings.pop("behavior", {}),
    }
    return {
        "CallerReference": name,
        "Comment": name,
        "Enabled": True,
        "DefaultRootObject": "index.html",
        "Origins": {
            "Quantity": 1,
            "Items": [
                {
                    "Id": "bucket",
                    "DomainName": f"{name}.s3.us-east-1.amazonaws.com",
                    "OriginAccessControlId": oac,
                    "S3OriginConfig": {"OriginAccessIdentity": ""},
                }
            ],
        },
        "DefaultCacheBehavior": behavior,
        "CustomErrorResponses": {
            "Quantity": 1,
            "Items": [
                {
                    "ErrorCode": 404,
                    "ResponseCode": "404",
                    "ResponsePagePath": "/404.html",
                    "ErrorCachingMinTTL": 10,
                }
            ],
        },
        **settings,
    }


def distribution(
    aws: Any, name: str, ttl: tuple[int, int, int] = (0, 60, 600), **settings: Any
) -> Distribution:
    """A bucket with three pages behind a distribution that may read and list it."""
    s3, cloudfront = aws.client("s3"), aws.client("cloudfront")
    s3.create_bucket(Bucket=name)
    for key, body in PAGES.items():
        s3.put_object(Bucket=name, Key=key, Body=body, ContentType="text/html")
    oac = cloudfront.create_origin_access_control(
        OriginAccessControlConfig={
            "Name": name,
            "SigningProtocol": "sigv4",
            "SigningBehavior": "always",
            "OriginAccessControlOriginType": "s3",
        }
    )["OriginAccessControl"]["Id"]
    made = cloudfront.create_distribution(
        DistributionConfig=config(name, policy(aws, name, *ttl), oac, **settings)
    )["Distribution"]
    found = Distribution(aws, made["Id"], made["ARN"], made["DomainName"], name)
    found.let_in("s3:GetObject", "s3:ListBucket")
    return found
