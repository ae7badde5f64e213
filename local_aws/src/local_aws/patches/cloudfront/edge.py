"""Viewer requests: geo restriction, the cache, and the log.

One edge location serves all viewers. A viewer's country is the value of the header
``X-Local-Viewer-Country`` (US without it), because every viewer comes from this machine.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from ministack.services import cloudfront

from local_aws.patches.cloudfront import logs
from local_aws.patches.cloudfront.cache import (
    DEFAULT_ERROR_SECONDS,
    EdgeCache,
    Entry,
    Limits,
    lifetime,
)

REQUIRED = (
    "ministack.services.cloudfront._ERROR_X_CACHE",
    "ministack.services.cloudfront._MANAGED_CACHE_POLICIES",
    "ministack.services.cloudfront._add_cloudfront_headers",
    "ministack.services.cloudfront._cache_policies",
    "ministack.services.cloudfront._cf_error_response",
    "ministack.services.cloudfront._create_invalidation",
    "ministack.services.cloudfront._dist_config_el",
    "ministack.services.cloudfront._distributions",
    "ministack.services.cloudfront._fetch_from_origin",
    "ministack.services.cloudfront._find",
    "ministack.services.cloudfront._invalidations",
    "ministack.services.cloudfront._local_tag_name",
    "ministack.services.cloudfront._match_behavior",
    "ministack.services.cloudfront._text",
    "ministack.services.cloudfront.handle_viewer_request",
    "ministack.services.cloudfront.parse_distribution_dataplane_config",
    "ministack.services.cloudfront.reset",
    *logs.REQUIRED,
)

CONDITIONAL = frozenset({"if-match", "if-modified-since", "if-none-match", "if-unmodified-since"})
COUNTRY_HEADER = "x-local-viewer-country"
MISS, HIT, REFRESHED = ("Miss from cloudfront", "Hit from cloudfront", "RefreshHit from cloudfront")

cache = EdgeCache()


@dataclass(slots=True)
class Viewing:
    """One viewer request on its way, and what the edge found out about it."""

    distribution: str
    viewer_path: str
    conditions: Mapping[str, str]
    policy: Mapping[str, Any] | None
    error_seconds: Mapping[int, float]
    result: str | None = None
    age: float | None = None


_viewing: ContextVar[Viewing | None] = ContextVar("viewing", default=None)


class NoSuchDistribution(LookupError):
    """No distribution has the id."""


def apply() -> None:
    serve, fetch = cloudfront.handle_viewer_request, cloudfront._fetch_from_origin
    mark, reset = cloudfront._add_cloudfront_headers, cloudfront.reset
    invalidate = cloudfront._create_invalidation

    async def handle_viewer_request(
        dist: dict[str, Any],
        method: str,
        path: str,
        raw_uri: str,
        raw_query_string: str,
        headers: dict[str, str],
        *arguments: Any,
        **named: Any,
    ) -> Any:
        started = time.monotonic()
        viewing = _of(dist, path, raw_uri, headers)
        token = _viewing.set(viewing)
        try:
            if _blocked(dist, headers.get(COUNTRY_HEADER, "US")):
                answer = cloudfront._cf_error_response(
                    403,
                    "The Amazon CloudFront distribution is configured to block access from your "
                    "country.",
                    cloudfront._ERROR_X_CACHE,
                )
            else:
                answer = await serve(
                    dist, method, path, raw_uri, raw_query_string, headers, *arguments, **named
                )
        finally:
            _viewing.reset(token)
        logs.deliver(dist, method, raw_uri, headers, answer, time.monotonic() - started)
        return answer

    async def fetch_from_origin(
        origin: Any, method: str, uri: str, query: str, headers: dict[str, str], *rest: Any
    ) -> Any:
        viewing = _viewing.get()
        if viewing is None or viewing.policy is None or method not in ("GET", "HEAD"):
            return await fetch(origin, method, uri, query, headers, *rest)
        if "range" in headers:
            return await fetch(origin, method, uri, query, headers, *rest)
        unconditional = {k: v for k, v in headers.items() if k not in CONDITIONAL}
        key = _key(viewing, uri, query, unconditional)
        entry, now = cache.get(key), time.monotonic()
        result, age = MISS, None
        if entry is not None and entry.fresh(now):
            result, age = HIT, entry.age(now)
        else:
            asked = dict(unconditional)
            if entry is not None and entry.status == 200 and "etag" in entry.headers:
                asked["if-none-match"] = entry.headers["etag"]
            status, reason, found, body = await fetch(origin, method, uri, query, asked, *rest)
            if status == 304 and entry is not None:
                entry.stored_at, result, age = now, REFRESHED, 0.0
            else:
                entry = _keep(viewing, key, method, Entry(status, reason, found, body, now, 0))
        entry.viewer_paths.add(viewing.viewer_path)
        first = viewing.result is None  # the second fetch is that of an error page
        if first:
            viewing.result = cloudfront._ERROR_X_CACHE if entry.status >= 400 else result
            viewing.age = age
            if _unchanged(viewing.conditions, entry):
                return 304, "Not Modified", dict(entry.headers), b""
        body = b"" if method == "HEAD" else entry.body
        return entry.status, entry.reason, dict(entry.headers), body

    def add_cloudfront_headers(
        headers: dict[str, str], x_cache: str, *arguments: Any, **named: Any
    ) -> Any:
        viewing = _viewing.get()
        if viewing is None or x_cache != MISS or viewing.result is None:
            return mark(headers, x_cache, *arguments, **named)
        marked = mark(headers, viewing.result, *arguments, **named)
        return marked if viewing.age is None else {**marked, "age": str(int(viewing.age))}

    def create_invalidation(dist_id: str, body: bytes) -> Any:
        before = len(cloudfront._invalidations.get(dist_id, []))
        answer = invalidate(dist_id, body)
        created = cloudfront._invalidations.get(dist_id, [])[before:]
        for invalidation in created:
            cache.invalidate(dist_id, invalidation["InvalidationBatch"]["Paths"]["Items"])
        return answer

    def reset_all() -> None:
        reset()
        cache.clear()

    cloudfront.handle_viewer_request = handle_viewer_request
    cloudfront._fetch_from_origin = fetch_from_origin
    cloudfront._add_cloudfront_headers = add_cloudfront_headers
    cloudfront._create_invalidation = create_invalidation
    cloudfront.reset = reset_all


def grow_older(distribution: str, seconds: object) -> dict[str, Any]:
    """Let time pass at the edge.

    Raises:
        NoSuchDistribution: no distribution has the id.
        ValueError: the number of seconds is wrong.
    """
    if distribution not in cloudfront._distributions:
        raise NoSuchDistribution(f"No distribution has the id {distribution}.")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds < 0:
        raise ValueError('seconds must be a number of 0 or more: {"seconds": 3600}.')
    return {"distribution": distribution, "aged": cache.grow_older(distribution, seconds)}


def _of(dist: Any, path: str, raw_uri: str, headers: Mapping[str, str]) -> Viewing:
    parsed = cloudfront.parse_distribution_dataplane_config(dist)
    behavior = cloudfront._match_behavior(parsed, path) or {}
    policy_id = behavior.get("cache_policy_id")
    policy = cloudfront._cache_policies.get(policy_id)
    policy = policy or cloudfront._MANAGED_CACHE_POLICIES.get(policy_id)
    return Viewing(
        distribution=dist["Id"],
        viewer_path=raw_uri,
        conditions={k: v for k, v in headers.items() if k in CONDITIONAL},
        policy=policy["Config"] if policy else None,
        error_seconds=_error_seconds(dist),
    )


def _key(viewing: Viewing, uri: str, query: str, headers: Mapping[str, str]) -> tuple[str, ...]:
    """Return the cache key: the parts that the policy names, or more."""
    parameters = (viewing.policy or {}).get("Parameters") or {}
    parts = [viewing.distribution, uri]
    if parameters.get("QueryStringBehavior", "none") != "none":
        parts.append(query)
    if parameters.get("HeaderBehavior", "none") != "none":
        parts.extend(f"{k}: {v}" for k, v in sorted(headers.items()) if k != "cookie")
    if parameters.get("CookieBehavior", "none") != "none":
        parts.append(headers.get("cookie", ""))
    return tuple(parts)


def _keep(viewing: Viewing, key: tuple[str, ...], method: str, entry: Entry) -> Entry:
    """Store an answer if it may be kept; the answer to HEAD has no body to keep."""
    policy = viewing.policy or {}
    limits = Limits(
        minimum=float(policy["MinTTL"]),
        default=float(policy.get("DefaultTTL", 86400)),
        maximum=float(policy.get("MaxTTL", 31536000)),
    )
    error_seconds = viewing.error_seconds.get(entry.status, DEFAULT_ERROR_SECONDS)
    entry.lifetime = lifetime(entry.status, entry.headers, limits, error_seconds)
    if method == "GET" and entry.lifetime > 0 and entry.status not in (206, 304):
        cache.put(key, entry)
    else:
        cache.drop(key)
    return entry


def _unchanged(conditions: Mapping[str, str], entry: Entry) -> bool:
    if entry.status != 200:
        return False
    if "if-none-match" in conditions:
        tags = [tag.strip() for tag in conditions["if-none-match"].split(",")]
        return "*" in tags or entry.headers.get("etag") in tags
    return "last-modified" in entry.headers and (
        conditions.get("if-modified-since") == entry.headers["last-modified"]
    )


def _items(config: Any, block: str, tag: str) -> list[Any]:
    holder = cloudfront._find(config, block)
    items = cloudfront._find(holder, "Items") if holder is not None else None
    return [] if items is None else [i for i in items if cloudfront._local_tag_name(i) == tag]


def _error_seconds(dist: Any) -> dict[int, float]:
    """Status code => error caching minimum TTL."""
    errors = _items(cloudfront._dist_config_el(dist), "CustomErrorResponses", "CustomErrorResponse")
    return {
        int(cloudfront._text(error, "ErrorCode")): float(seconds)
        for error in errors
        if (seconds := cloudfront._text(error, "ErrorCachingMinTTL"))
    }


def _blocked(dist: Any, country: str) -> bool:
    restrictions = cloudfront._find(cloudfront._dist_config_el(dist), "Restrictions")
    if restrictions is None:
        return False
    geo = cloudfront._find(restrictions, "GeoRestriction")
    kind = cloudfront._text(geo, "RestrictionType") if geo is not None else "none"
    listed = country in [item.text for item in _items(restrictions, "GeoRestriction", "Location")]
    return (kind == "whitelist" and not listed) or (kind == "blacklist" and listed)
