"""Places where content is kept: a bucket, a CMS behind HTTPS, a function of the caller's own.

A source gives the content of a template in a locale, or None for a locale without content.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, ReadTimeoutError

from campaign_templates.content import Content, UnusableContent, read_content, read_document
from shared.fetching.failures import FetchFailed, Reason
from shared.transient import error_code, is_transient

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from shared.fetching.callers_function import CallersFunction
    from shared.fetching.deadline import Deadline
    from shared.fetching.header_value import SecretHeader
    from shared.fetching.https import Https

__all__ = ["BucketSource", "CmsSource", "FunctionSource", "Source"]

_ABSENT = frozenset({"NoSuchKey", "404"})


class Source(Protocol):
    """Where content comes from. An implementation is safe to use by several threads."""

    def get(self, template: str, locale: str, deadline: Deadline) -> Content | None:
        """Return the content, or None where the source has no content of this locale.

        Raises:
            FetchFailed: the source gave no answer, or no content.
        """
        ...


class BucketSource:
    """Content in S3 under `<prefix><template>/<locale>.json`: the newest version, or a pinned one.

    Args:
        versions: `<template>/<locale>` to the id of a version.
    """

    def __init__(
        self,
        client: S3Client,
        bucket: str,
        prefix: str,
        versions: Mapping[str, str],
        max_bytes: int,
    ) -> None:
        self._client = client
        self._bucket = bucket
        self._prefix = prefix
        self._versions = versions
        self._max_bytes = max_bytes

    def get(self, template: str, locale: str, deadline: Deadline) -> Content | None:
        deadline.check()
        name = f"{template}/{locale}"
        request: dict[str, Any] = {"Bucket": self._bucket, "Key": f"{self._prefix}{name}.json"}
        if name in self._versions:
            request["VersionId"] = self._versions[name]
        try:
            document = self._client.get_object(**request)["Body"].read(self._max_bytes + 1)
        except ClientError as error:
            if error_code(error) in _ABSENT:
                return None
            reason = Reason.UNAVAILABLE if is_transient(error) else Reason.REFUSED
            raise FetchFailed(reason, f"S3 answered {error_code(error)}.") from error
        except (ConnectTimeoutError, ReadTimeoutError) as error:
            raise FetchFailed(Reason.TIMED_OUT, "S3 did not answer in time.") from error
        except BotoCoreError as error:
            raise FetchFailed(
                Reason.UNAVAILABLE, f"S3 could not be reached ({type(error).__name__})."
            ) from error
        if len(document) > self._max_bytes:
            raise FetchFailed(
                Reason.UNUSABLE_ANSWER, f"the content is larger than {self._max_bytes:,} bytes."
            )
        return _read(document)


class CmsSource:
    """Content of a CMS: GET of a URL with `{template}` and `{locale}`; 404 means no content.

    Args:
        header: name of the header that carries the secret.
    """

    def __init__(
        self, https: Https, url: str, header: str | None = None, secret: SecretHeader | None = None
    ) -> None:
        self._https = https
        self._url = url
        self._header = header
        self._secret = secret

    def get(self, template: str, locale: str, deadline: Deadline) -> Content | None:
        url = self._url.replace("{template}", quote(template, safe=""))
        url = url.replace("{locale}", quote(locale, safe=""))
        try:
            return _read(self._document(url, deadline))
        except FetchFailed as failure:
            if failure.status == 404:
                return None
            raise

    def _document(self, url: str, deadline: Deadline) -> bytes:
        if self._secret is None or self._header is None:
            return self._asked(url, deadline, {})
        try:
            return self._asked(url, deadline, {self._header: self._secret.value()})
        except FetchFailed as failure:
            if failure.status not in (401, 403):
                raise
        renewed = self._secret.value(renew=True)  # the kept one may have been rotated
        return self._asked(url, deadline, {self._header: renewed})

    def _asked(self, url: str, deadline: Deadline, headers: Mapping[str, str]) -> bytes:
        return self._https.get(url, deadline, {"accept": "application/json", **headers}).body


class FunctionSource:
    """Content of a Lambda function: `{"template": …, "locale": …}` in, content or null out."""

    def __init__(self, function: CallersFunction) -> None:
        self._function = function

    def get(self, template: str, locale: str, deadline: Deadline) -> Content | None:
        answer = self._function.ask({"template": template, "locale": locale}, deadline)
        try:
            return None if answer is None else read_content(answer)
        except UnusableContent as error:
            raise FetchFailed(Reason.UNUSABLE_ANSWER, str(error)) from error


def _read(document: bytes) -> Content:
    try:
        return read_document(document)
    except UnusableContent as error:
        raise FetchFailed(Reason.UNUSABLE_ANSWER, str(error)) from error
