"""Changes of objects: the paths that they make stale, and one request for a batch of them."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis.strategies import lists, permutations, sampled_from, text

from simple_cms.changes import Change, MalformedEvent, change_of, invalidation_of, paths_of

KEYS = text(min_size=1, max_size=30).filter(lambda key: key.isprintable())


def event(key: Any = "index.html", kind: Any = "Object Created", sequencer: Any = "1") -> str:
    stored = {"key": key, "sequencer": sequencer, "size": 10}
    return json.dumps({"detail-type": kind, "detail": {"object": stored}})


def change(key: str, sequencer: str = "1") -> Change:
    return change_of(event(key, sequencer=sequencer))


def test_a_written_and_a_deleted_object_are_changes() -> None:
    kinds = ["Object Created", "Object Deleted"]

    assert [change_of(event("a.svg", kind)).key for kind in kinds] == ["a.svg", "a.svg"]


def test_every_change_of_an_object_is_another_change_and_a_repeated_event_is_the_same() -> None:
    first, again, later = change("a", "1"), change("a", "1"), change("a", "2")

    assert first == again
    assert first.identity != later.identity


BAD = {
    "no JSON": "not json",
    "an empty message": "",
    "a list": "[]",
    "lists within lists": "[" * 100_000 + "]" * 100_000,
    "null": "null",
    "a number": "17",
    "a test event of S3": json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent"}),
    "a notification of S3": json.dumps({"Records": [{"s3": {"object": {"key": "a"}}}]}),
    "another event of S3": event(kind="Object Tags Added"),
    "a kind that is a number": event(kind=1),
    "no detail": json.dumps({"detail-type": "Object Created"}),
    "a detail that is a list": json.dumps({"detail-type": "Object Created", "detail": []}),
    "no object": json.dumps({"detail-type": "Object Created", "detail": {}}),
    "an object that is a text": json.dumps(
        {"detail-type": "Object Created", "detail": {"object": "a"}}
    ),
    "no key": json.dumps({"detail-type": "Object Created", "detail": {"object": {}}}),
    "an empty key": event(""),
    "a key that is a number": event(17),
    "a key that is null": event(None),
    "a key longer than S3 allows": event("ü" * 600),
    "half a surrogate pair": event("\ud800"),
    "no sequencer": event(sequencer=None),
    "an empty sequencer": event(sequencer=""),
}


@pytest.mark.parametrize("body", BAD.values(), ids=BAD)
def test_a_message_that_is_no_event_of_an_object_is_named_as_such(body: str) -> None:
    with pytest.raises(MalformedEvent) as refused:
        change_of(body)

    assert len(str(refused.value)) > 20


@pytest.mark.parametrize(
    ("key", "paths"),
    [
        ("images/logo.svg", ["/images/logo.svg"]),
        ("index.html", ["/index.html", "/"]),
        ("docs/index.html", ["/docs/index.html", "/docs/"]),
        ("docs/myindex.html", ["/docs/myindex.html"]),
    ],
)
def test_an_index_document_is_stale_at_the_path_of_its_directory_too(
    key: str, paths: list[str]
) -> None:
    assert paths_of(key) == paths


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("js/runtime~main.js", "/js/runtime*"),  # CloudFront refuses a tilde
        ("icons/logo@2x.png", "/icons/logo*"),  # viewers ask for @ or for %40
        ("logo (1).svg", "/logo*"),
        ("a+b.svg", "/a*"),
        ("größe.svg", "/gr*"),
        ("50%.svg", "/50*"),
        ("star*.svg", "/star*"),
        ("q?.svg", "/q*"),
        ("new year/index.html", "/new*"),
        ("überblick.html", "/*"),
    ],
)
def test_a_key_with_several_spellings_has_the_wildcard_of_the_part_before(
    key: str, path: str
) -> None:
    assert paths_of(key) == [path]


@given(KEYS)
def test_every_spelling_of_a_key_is_invalidated_by_a_path_that_cloudfront_takes(key: str) -> None:
    (path, *_) = paths_of(key)

    assert re.fullmatch(r"/[A-Za-z0-9/._-]*\*?", path)
    for spelling in (f"/{key}", f"/{quote(key)}", "/" + quote(key, safe="/~@!$&'()*+,;=:")):
        assert spelling == path or (path.endswith("*") and spelling.startswith(path[:-1]))


def test_more_wildcards_than_cloudfront_takes_are_the_one_path_of_everything() -> None:
    some = [change(f"{letter} 1.svg") for letter in "abcde"]
    more = [*some, change("f 1.svg")]

    assert len(invalidation_of(some, max_paths=100).paths) == 5
    assert invalidation_of(more, max_paths=100).paths == ("/*",)


def test_nothing_is_named_beside_everything() -> None:
    wanted = invalidation_of([change("a.svg"), change("ü.svg")], max_paths=100)

    assert wanted.paths == ("/*",)


def test_changes_of_one_object_are_one_path() -> None:
    wanted = invalidation_of([change("a.svg", "1"), change("a.svg", "2")], max_paths=10)

    assert wanted.paths == ("/a.svg",)


@pytest.mark.parametrize(("number", "paths"), [(3, 3), (4, 1), (400, 1)])
def test_more_paths_than_the_maximum_are_the_one_path_of_everything(
    number: int, paths: int
) -> None:
    changes = [change(f"{n}.svg") for n in range(number)]

    wanted = invalidation_of(changes, max_paths=3)

    assert len(wanted.paths) == paths
    assert (wanted.paths == ("/*",)) is (number > 3)


CHANGES = [change(f"{n % 4}.svg", str(n)) for n in range(8)]


@given(permutations(CHANGES))
def test_a_redelivered_batch_has_the_same_reference_in_any_order(changes: list[Change]) -> None:
    assert invalidation_of(changes, 10) == invalidation_of(CHANGES, 10)


@given(lists(sampled_from(CHANGES), min_size=1), lists(sampled_from(CHANGES), min_size=1))
def test_other_changes_have_another_reference(one: list[Change], other: list[Change]) -> None:
    same = set(one) == set(other)

    references = {invalidation_of(batch, 10).caller_reference for batch in (one, other)}

    assert (len(references) == 1) is same
