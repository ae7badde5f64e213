"""Listings of versions and of multipart uploads hand keys over as ``encoding-type=url`` asks.

The AWS SDKs ask for it and decode what they get: a key that holds ``+`` came out as another one,
so that a bucket emptied by what was listed (Terraform's ``force_destroy``) was never empty, and
one that holds ``%`` came out as an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.etree.ElementTree import Element, SubElement

from ministack.services import s3

from local_aws.patches.rewriting import rewrite

REQUIRED = (
    "ministack.services.s3._list_multipart_uploads",
    "ministack.services.s3._list_object_versions",
    "ministack.services.s3._qp",
    "ministack.services.s3._url_encode",
)

# API reference of ListObjectVersions and ListMultipartUploads, "encoding-type".
_ENCODED = {"Delimiter", "Key", "KeyMarker", "NextKeyMarker", "Prefix"}


def apply() -> None:
    for name in ("_list_object_versions", "_list_multipart_uploads"):
        rewrite(
            s3,
            name,
            ("_xml_body(root)", "_xml_body(_encoded_as_asked(root, query_params))"),
            _encoded_as_asked=_encoded_as_asked,
        )


def _encoded_as_asked(answer: Element, query: Mapping[str, Any]) -> Element:
    """The answer itself, its keys encoded if the request wants it so."""
    if s3._qp(query, "encoding-type", "") == "url":
        for element in answer.iter():
            if element.tag in _ENCODED and element.text:
                element.text = s3._url_encode(element.text)
        SubElement(answer, "EncodingType").text = "url"
    return answer
