"""Viewers of a distribution. The edge of the local AWS knows a distribution by the Host header."""

from __future__ import annotations

import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

from tests.builders.local_account import LocalAccount


@dataclass(frozen=True)
class Page:
    """An answer to a viewer; the names of headers are in lower case."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def cache(self) -> str:
        """The first word of X-Cache: Miss, Hit, RefreshHit, Error, FunctionGeneratedResponse."""
        return self.headers["x-cache"].split(" ")[0]


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


_browser = urllib.request.build_opener(_NoRedirect)


def view(
    account: LocalAccount,
    domain: str,
    path: str,
    method: str = "GET",
    scheme: str = "https",
    **headers: str,
) -> Page:
    """Request a path of a distribution; a redirect is an answer and is not followed."""
    request = urllib.request.Request(
        f"{account.environment['AWS_ENDPOINT_URL']}{path}",
        method=method,
        headers={
            "Host": domain,
            "X-Forwarded-Proto": scheme,
            **{name.replace("_", "-"): value for name, value in headers.items()},
        },
    )
    try:
        with _browser.open(request) as answer:
            found = (answer.status, answer.headers, answer.read())
    except urllib.error.HTTPError as error:
        found = (error.code, error.headers, error.read())
    status, sent, body = found
    return Page(status, {name.lower(): value for name, value in sent.items()}, body.decode())
