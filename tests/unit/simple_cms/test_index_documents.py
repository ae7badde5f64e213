"""The CloudFront function, in V8: directories have index documents and one address each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis.strategies import text
from py_mini_racer import MiniRacer

CODE = (
    Path(__file__).resolve().parents[3] / "modules" / "simple_cms" / "index_documents.js"
).read_text()
Handle = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def handle() -> Iterator[Handle]:
    with MiniRacer() as context:
        context.eval(CODE)

        def call(uri: str, querystring: dict[str, Any] | None = None) -> dict[str, Any]:
            request = {"method": "GET", "uri": uri, "querystring": querystring or {}}
            answer: dict[str, Any] = context.call("handler", {"request": request})
            return answer

        yield call


@pytest.mark.parametrize(
    ("uri", "key"),
    [
        ("/", "/index.html"),
        ("/docs/", "/docs/index.html"),
        ("/v1.2/", "/v1.2/index.html"),
        ("/index.html", "/index.html"),
        ("/docs/page.html", "/docs/page.html"),
        ("/images/logo%2Esvg", "/images/logo%2Esvg"),
        ("/.well-known/apple-app-site-association", "/.well-known/apple-app-site-association"),
        ("//", "//index.html"),
    ],
)
def test_a_directory_is_its_index_document_and_an_object_is_itself(
    handle: Handle, uri: str, key: str
) -> None:
    assert handle(uri)["uri"] == key


@pytest.mark.parametrize(
    ("uri", "location"),
    [
        ("/docs", "/docs/"),
        ("/v1.2/docs", "/v1.2/docs/"),
        ("/größe", "/größe/"),
        ("//evil", "/evil/"),
        ("/\\evil", "/evil/"),
        ("///\\/evil/path", "/evil/path/"),
    ],
)
def test_a_directory_without_its_slash_is_redirected_within_the_site(
    handle: Handle, uri: str, location: str
) -> None:
    answer = handle(uri)

    assert answer["statusCode"] == 301
    assert answer["headers"]["location"]["value"] == location


def test_a_redirect_keeps_the_query_string(handle: Handle) -> None:
    query = {
        "utm_source": {"value": "mail"},
        "flag": {"value": ""},
        "tag": {"value": "a", "multiValue": [{"value": "a"}, {"value": "b%20c"}]},
    }

    answer = handle("/docs", query)

    assert answer["headers"]["location"]["value"] == ("/docs/?utm_source=mail&flag&tag=a&tag=b%20c")


def test_a_browser_keeps_a_redirect_for_an_hour_only(handle: Handle) -> None:
    assert handle("/docs")["headers"]["cache-control"]["value"] == "max-age=3600"


@given(text())
@example("\\")
@example("\\\\")
@example("//evil.example")
def test_no_redirect_leaves_the_site(handle: Handle, path: str) -> None:
    answer = handle(f"/{path}")

    location = answer.get("headers", {}).get("location", {}).get("value", "/")
    assert location[0] == "/" and location[1:2] not in ("/", "\\")


def test_the_function_fits_into_the_10_kb_of_cloudfront() -> None:
    assert len(CODE.encode()) < 10_240


@pytest.mark.parametrize("word", ["eval(", "setTimeout", "import ", "require(", "fetch("])
def test_the_function_uses_nothing_that_the_runtime_lacks(word: str) -> None:
    assert word not in CODE
