"""A site behind CloudFront, as viewers and editors meet it."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from pytest_terraform import terraform

from tests.builders.local_account import LocalAccount
from tests.builders.logs import log_lines
from tests.builders.terraform_example import left_behind, outputs, second_plan
from tests.builders.viewers import Page, view

pytestmark = pytest.mark.integration

View = Callable[..., Page]


@pytest.fixture(scope="module", autouse=True)
def short_window() -> Iterator[None]:
    """Set the window of invalidations before the example is applied."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TF_VAR_window_seconds", "2")
        yield


@pytest.fixture(scope="module")
def example(simple_cms: Any) -> dict[str, Any]:
    return outputs(simple_cms)


@pytest.fixture(scope="module")
def page(account: LocalAccount, example: dict[str, Any]) -> View:
    """Request a path of the site."""
    domain = str(example["distribution_domain_name"])
    return lambda path, *arguments, **named: view(account, domain, path, *arguments, **named)


def put(account: LocalAccount, example: dict[str, Any], key: str, body: str) -> None:
    account.client("s3").put_object(
        Bucket=example["bucket"], Key=key, Body=body.encode(), ContentType="text/html"
    )


def grow_older(account: LocalAccount, example: dict[str, Any], seconds: int) -> None:
    account.local(f"cloudfront/{example['distribution_id']}/age", {"seconds": seconds})


@terraform("simple_cms", scope="module")
@pytest.mark.parametrize(
    ("path", "content_type", "word"),
    [
        ("/", "text/html; charset=utf-8", "<h1>Octank</h1>"),
        ("/docs/", "text/html; charset=utf-8", "<h1>Documentation</h1>"),
        ("/docs/index.html", "text/html; charset=utf-8", "<h1>Documentation</h1>"),
        ("/style.css", "text/css; charset=utf-8", "font-family"),
        ("/images/logo.svg", "image/svg+xml", "<svg"),
    ],
)
def test_a_page_has_its_type_and_a_directory_has_its_index_document(
    simple_cms: Any, page: View, path: str, content_type: str, word: str
) -> None:
    answer = page(path)

    assert (answer.status, answer.headers["content-type"]) == (200, content_type)
    assert word in answer.text


@terraform("simple_cms", scope="module")
def test_a_directory_has_one_address(simple_cms: Any, page: View) -> None:
    answers = [page("/docs?utm_source=mail"), page("//evil.example/a/..;/b")]

    assert (answers[0].status, answers[0].headers["location"]) == (301, "/docs/?utm_source=mail")
    assert answers[1].headers["location"] == "/evil.example/a/..;/b/"


@terraform("simple_cms", scope="module")
def test_every_answer_has_the_security_headers_and_no_detail_of_the_bucket(
    simple_cms: Any, page: View
) -> None:
    wanted = {
        "content-security-policy": "default-src 'self'; base-uri 'self'; form-action 'self'; "
        "frame-ancestors 'none'; object-src 'none'",
        "referrer-policy": "strict-origin-when-cross-origin",
        "strict-transport-security": "max-age=31536000",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
    }

    for answer in (page("/"), page("/nothing.html")):
        assert wanted.items() <= answer.headers.items()
        assert [name for name in answer.headers if re.match("x-amz-(?!cf-)", name)] == []


@terraform("simple_cms", scope="module")
def test_a_page_of_another_site_may_read_an_image(simple_cms: Any, page: View) -> None:
    crossed = page("/images/logo.svg", Origin="https://shop.example.com")
    own = page("/images/logo.svg")

    assert crossed.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-origin" not in own.headers


@terraform("simple_cms", scope="module")
@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("/nothing.html", "GET"),
        ("/nothing.html", "HEAD"),
        ("/nothing/", "GET"),
        ("/docs/docs/", "GET"),
        ("/Index.html", "GET"),
        ("/index.html.", "GET"),
        ("/docs/index.htm", "GET"),
        ("/..html", "GET"),
        ("/docs%2Findex.htm", "GET"),
        ("/%00.html", "GET"),
        ("/%FF.html", "GET"),
        ("/a%20b.svg", "GET"),
        ("/nothing.html?list-type=2&prefix=docs/", "GET"),
        ("/.well-known/security", "GET"),
        ("//index.html/", "GET"),
    ],
)
def test_a_missing_page_is_404_with_the_page_about_missing_pages(
    simple_cms: Any, page: View, path: str, method: str
) -> None:
    answer = page(path, method)

    assert answer.status == 404
    assert ("<h1>Not found</h1>" in answer.text) is (method == "GET")


@terraform("simple_cms", scope="module")
@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "PATCH", "OPTIONS"])
def test_viewers_can_only_read(simple_cms: Any, page: View, method: str) -> None:
    assert page("/index.html", method).status == 403


@terraform("simple_cms", scope="module")
def test_nobody_lists_the_bucket_through_the_distribution(simple_cms: Any, page: View) -> None:
    answers = [page("/?list-type=2"), page("/?versions"), page("/?location"), page("/?policy")]

    assert {answer.status for answer in answers} == {200}
    assert all("<h1>Octank</h1>" in answer.text for answer in answers)


@terraform("simple_cms", scope="module")
def test_plain_http_is_redirected(simple_cms: Any, page: View, example: dict[str, Any]) -> None:
    answer = page("/docs/", scheme="http")

    assert (answer.status, answer.headers["location"]) == (301, f"{example['url']}docs/")


@terraform("simple_cms", scope="module")
def test_the_bucket_is_closed_to_everybody_but_the_distribution(
    simple_cms: Any, account: LocalAccount, example: dict[str, Any]
) -> None:
    stranger = account.client("s3", config=Config(signature_version=UNSIGNED))

    with pytest.raises(ClientError) as refused:
        stranger.get_object(Bucket=example["bucket"], Key="index.html")

    policy = json.loads(account.client("s3").get_bucket_policy(Bucket=example["bucket"])["Policy"])
    readers = [s for s in policy["Statement"] if s["Effect"] == "Allow"]
    assert refused.value.response["Error"]["Code"] == "AccessDenied"
    assert {s["Principal"]["Service"] for s in readers} == {"cloudfront.amazonaws.com"}
    assert "is public" in example["public_warning"]


@terraform("simple_cms", scope="module")
def test_an_object_is_at_the_edge_for_an_hour_with_its_age(
    simple_cms: Any, account: LocalAccount, example: dict[str, Any], page: View
) -> None:
    page("/style.css")
    grow_older(account, example, 3500)
    old = page("/style.css")

    grow_older(account, example, 101)
    revalidated = page("/style.css")

    assert (old.cache, int(old.headers["age"]) // 100) == ("Hit", 35)
    assert revalidated.cache == "RefreshHit"


@terraform("simple_cms", scope="module")
def test_a_deleted_page_is_answered_from_the_edge_until_it_is_invalidated(
    simple_cms: Any, account: LocalAccount, example: dict[str, Any], page: View
) -> None:
    put(account, example, "offers/index.html", "an offer")
    page("/offers/")
    account.client("s3").delete_object(Bucket=example["bucket"], Key="offers/index.html")

    kept = page("/offers/")
    gone = account.eventually(lambda: page("/offers/"), lambda answer: answer.status == 404)

    assert (kept.status, kept.text, kept.cache) == (200, "an offer", "Hit")
    assert "<h1>Not found</h1>" in gone.text


@terraform("simple_cms", scope="module")
def test_changes_within_the_window_are_one_invalidation(
    simple_cms: Any, account: LocalAccount, example: dict[str, Any], page: View
) -> None:
    cloudfront = account.client("cloudfront")

    def paths() -> list[list[str]]:
        listed = cloudfront.list_invalidations(DistributionId=example["distribution_id"])
        return [
            cloudfront.get_invalidation(DistributionId=example["distribution_id"], Id=item["Id"])[
                "Invalidation"
            ]["InvalidationBatch"]["Paths"]["Items"]
            for item in listed["InvalidationList"].get("Items", [])
        ]

    for number in range(5):
        put(account, example, f"news/{number}.html", "new")

    found = account.eventually(
        paths, lambda lists: any("/news/4.html" in items or items == ["/*"] for items in lists)
    )

    about_news = [items for items in found if any(path.startswith("/news/") for path in items)]
    assert len(about_news) <= 2
    assert log_lines(account, "site-invalidate", "Invalidation created")


@terraform("simple_cms", scope="module")
def test_a_message_that_is_no_event_reaches_the_dead_letter_queue(
    simple_cms: Any, account: LocalAccount, example: dict[str, Any]
) -> None:
    sqs, dead_letters = account.client("sqs"), example["dead_letter_queue_urls"]["changes"]
    queue, hidden = dead_letters.removesuffix("-dead-letter"), ["VisibilityTimeout"]
    before = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=hidden)["Attributes"]
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "0"})

    sqs.send_message(QueueUrl=queue, MessageBody="not an event")
    parked = account.eventually(lambda: account.messages(dead_letters), bool, seconds=120)

    sqs.set_queue_attributes(QueueUrl=queue, Attributes=before)
    assert parked == ["not an event"]


@terraform("simple_cms", scope="module")
def test_both_logs_are_in_a_bucket_without_acls_and_without_addresses_of_viewers(
    simple_cms: Any, account: LocalAccount, example: dict[str, Any], page: View
) -> None:
    s3, bucket = account.client("s3"), example["log_bucket"]
    page("/docs/?email=ann@example.com", Cookie="session=1")
    page("/style.css", Referer=f"{example['url']}docs/?email=ann@example.com")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    keys = [item["Key"] for listed in pages for item in listed["Contents"]]

    def newest(prefix: str) -> bytes:
        found = [
            s3.head_object(Bucket=bucket, Key=k) | {"k": k} for k in keys if k.startswith(prefix)
        ]
        key = max(found, key=lambda head: head["LastModified"])["k"]
        return bytes(s3.get_object(Bucket=bucket, Key=key)["Body"].read())

    views = [
        gzip.decompress(s3.get_object(Bucket=bucket, Key=key)["Body"].read()).decode()
        for key in keys
        if key.startswith("AWSLogs/")
    ]
    ownership = s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"]

    assert ownership == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert {json.loads(line)["cs-uri-stem"] for line in views} >= {"/", "/docs/"}
    assert not any("127.0.0.1" in v or "ann@" in v or "session" in v for v in views)
    assert b"REST." in newest("bucket/")


@terraform("simple_cms", scope="module")
def test_a_second_plan_of_simple_cms_is_empty(simple_cms: Any) -> None:
    assert second_plan(simple_cms) == ""


@terraform("simple_cms", scope="module")
def test_destroying_the_site_leaves_nothing(simple_cms: Any, account: LocalAccount) -> None:
    assert len(left_behind(account, "site")) > 5

    simple_cms.terraform.destroy()

    cloudfront, logs = account.client("cloudfront"), account.client("logs")
    assert left_behind(account, "site") == []
    assert cloudfront.list_distributions()["DistributionList"]["Quantity"] == 0
    assert cloudfront.list_functions()["FunctionList"]["Quantity"] == 0
    assert logs.describe_deliveries()["deliveries"] == []
