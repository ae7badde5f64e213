"""An HTTPS endpoint and a Lambda function as sources: one question, one answer, as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial
from urllib.parse import urlencode, urlsplit

from campaign_attributes.sources import Fetched, Item, question, read_answer
from shared.campaign_calls import Sending
from shared.fetching.callers_function import CallersFunction
from shared.fetching.deadline import Deadline
from shared.fetching.documents import read_json
from shared.fetching.failures import FetchFailed, Reason
from shared.fetching.header_value import SecretHeader
from shared.fetching.https import Https
from shared.fetching.pool import FetchPool

__all__ = ["FunctionSource", "HttpsSource"]

# Servers and load balancers take request lines of 8 KB or more.
_URL_CHARACTERS = 7_500
_REQUESTS_AT_A_TIME = 8


class FunctionSource:
    """The caller's own function."""

    per_campaign = True

    def __init__(self, function: CallersFunction) -> None:
        self._function = function

    def fetch(self, keys: Sequence[str], sending: Sending, deadline: Deadline) -> Fetched:
        """Invoke the function with all keys."""
        return read_answer(self._function.ask(question(keys, sending), deadline), keys)


class HttpsSource:
    """An HTTPS endpoint, asked by POST with JSON or by GET with the query.

    A POST has all keys. A GET has as many as its URL can hold; the rest is asked at the same time.

    Args:
        header: name of the header that carries the secret.
    """

    per_campaign = True

    def __init__(
        self,
        https: Https,
        url: str,
        *,
        method: str = "POST",
        header: str = "Authorization",
        secret: SecretHeader | None = None,
    ) -> None:
        self._https = https
        self._url = url
        self._method = method
        self._header = header
        self._secret = secret
        self._pool = FetchPool(_REQUESTS_AT_A_TIME)

    def fetch(self, keys: Sequence[str], sending: Sending, deadline: Deadline) -> Fetched:
        """Ask the endpoint."""
        if self._method == "POST":
            body = json.dumps(question(keys, sending)).encode()
            return read_answer(read_json(self._body(self._url, body, deadline)), keys)
        urls, too_long = get_urls(self._url, keys, sending)
        failure = FetchFailed(
            Reason.REFUSED, "a key is too long for the URL of a GET: use the method POST."
        )
        if not urls:
            raise failure
        found = (
            self._one(*urls.popitem(), deadline)
            if len(urls) == 1
            else self._several(urls, deadline)
        )
        return Fetched(found.items, {**found.failed, **dict.fromkeys(too_long, failure)})

    def _several(self, urls: Mapping[str, Sequence[str]], deadline: Deadline) -> Fetched:
        found = self._pool.fetch_all(
            {url: partial(self._one, url, keys) for url, keys in urls.items()}, deadline
        )
        failures = [each for each in found.values() if isinstance(each, FetchFailed)]
        if len(failures) == len(found):
            raise failures[0]
        items: dict[str, Item] = {}
        failed: dict[str, FetchFailed] = {}
        for url, each in found.items():
            if isinstance(each, FetchFailed):
                failed.update(dict.fromkeys(urls[url], each))
            else:
                items.update(each.items)
                failed.update(each.failed)
        return Fetched(items, failed)

    def _one(self, url: str, keys: Sequence[str], deadline: Deadline) -> Fetched:
        return read_answer(read_json(self._body(url, None, deadline)), keys)

    def _body(self, url: str, body: bytes | None, deadline: Deadline) -> bytes:
        headers = {"accept": "application/json"}
        if body is not None:
            headers["content-type"] = "application/json"
        if self._secret is None:
            return self._https.request(self._method, url, deadline, body=body, headers=headers).body
        try:
            return self._authorized(url, body, deadline, headers, self._secret.value())
        except FetchFailed as failure:
            if failure.status not in (401, 403):
                raise
        renewed = self._secret.value(renew=True)
        return self._authorized(url, body, deadline, headers, renewed)

    def _authorized(
        self,
        url: str,
        body: bytes | None,
        deadline: Deadline,
        headers: Mapping[str, str],
        value: str,
    ) -> bytes:
        sent = {**headers, self._header: value}
        return self._https.request(self._method, url, deadline, body=body, headers=sent).body


def get_urls(
    url: str, keys: Sequence[str], sending: Sending
) -> tuple[dict[str, list[str]], list[str]]:
    """Return the URLs of GET requests, each with its keys, and the keys that fit into no URL."""
    asked = question([], sending)
    del asked["Keys"]
    begin = url.removesuffix("?") + ("&" if urlsplit(url).query else "?") + urlencode(asked)
    urls: dict[str, list[str]] = {}
    too_long: list[str] = []
    current, its_keys = begin, list[str]()
    for key in keys:
        part = "&" + urlencode({"Key": key})
        if len(begin) + len(part) > _URL_CHARACTERS:
            too_long.append(key)
            continue
        if len(current) + len(part) > _URL_CHARACTERS:
            urls[current] = its_keys
            current, its_keys = begin, []
        current += part
        its_keys.append(key)
    if its_keys:
        urls[current] = its_keys
    return urls, too_long
