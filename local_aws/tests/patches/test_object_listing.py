"""Keys of listings, as the SDKs ask for them and read them: encoded as in a URL."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote_plus

import pytest

from builders.ministack_server import MinistackServer, ministack_server

KEYS = [
    "%C3%BC",
    "100%",
    '<tag attribute="\'">&amp;',
    "a b",
    "a+b",
    "a&b=c?d#e",
    "größe-日本.csv",
    "path/to/ü",
]


@pytest.fixture(scope="module")
def aws() -> Iterator[MinistackServer]:
    with ministack_server() as server:
        yield server


@pytest.fixture
def s3(aws: MinistackServer) -> Iterator[Any]:
    """A client, and the bucket ``keys`` with two versions of each key and a delete marker."""
    client = aws.client("s3")
    client.create_bucket(Bucket="keys")
    client.put_bucket_versioning(Bucket="keys", VersioningConfiguration={"Status": "Enabled"})
    for key in KEYS * 2:
        client.put_object(Bucket="keys", Key=key)
    client.delete_object(Bucket="keys", Key="a+b")
    yield client
    for kind in ("Versions", "DeleteMarkers"):
        for item in client.list_object_versions(Bucket="keys").get(kind, []):
            client.delete_object(Bucket="keys", Key=item["Key"], VersionId=item["VersionId"])
    client.delete_bucket(Bucket="keys")


def test_a_bucket_is_emptied_by_the_keys_that_its_listing_gives(s3: Any) -> None:
    listed = s3.list_object_versions(Bucket="keys", EncodingType="url")
    versions = [
        {"Key": unquote_plus(item["Key"]), "VersionId": item["VersionId"]}
        for item in listed["Versions"] + listed["DeleteMarkers"]
    ]

    s3.delete_objects(Bucket="keys", Delete={"Objects": versions, "Quiet": True})

    left = s3.list_object_versions(Bucket="keys")
    assert listed["EncodingType"] == "url"
    assert len(versions) == 2 * len(KEYS) + 1
    assert (left.get("Versions"), left.get("DeleteMarkers")) == (None, None)


def test_markers_prefixes_and_delimiters_of_a_listing_are_encoded(s3: Any) -> None:
    first = s3.list_object_versions(Bucket="keys", EncodingType="url", MaxKeys=2)
    marker = unquote_plus(first["NextKeyMarker"])
    second = s3.list_object_versions(
        Bucket="keys",
        EncodingType="url",
        KeyMarker=marker,
        VersionIdMarker=first["NextVersionIdMarker"],
        MaxKeys=2,
    )
    grouped = s3.list_object_versions(Bucket="keys", EncodingType="url", Prefix="a", Delimiter="+")

    assert marker == "%C3%BC"
    assert unquote_plus(second["KeyMarker"]) == "%C3%BC"
    assert [unquote_plus(item["Key"]) for item in second["Versions"]] == ["100%", "100%"]
    assert [unquote_plus(item["Prefix"]) for item in grouped["CommonPrefixes"]] == ["a+"]
    assert unquote_plus(grouped["Delimiter"]) == "+"


def test_a_listing_that_is_not_asked_to_encode_gives_the_keys_themselves(s3: Any) -> None:
    listed = s3.list_object_versions(Bucket="keys")  # botocore asks, and decodes the answer

    assert sorted({item["Key"] for item in listed["Versions"]}) == sorted(KEYS)


def test_keys_of_multipart_uploads_are_encoded(s3: Any) -> None:
    upload = s3.create_multipart_upload(Bucket="keys", Key="a+b%")

    listed = s3.list_multipart_uploads(Bucket="keys", EncodingType="url")

    s3.abort_multipart_upload(Bucket="keys", Key="a+b%", UploadId=upload["UploadId"])
    assert [unquote_plus(item["Key"]) for item in listed["Uploads"]] == ["a+b%"]
    assert listed["EncodingType"] == "url"
