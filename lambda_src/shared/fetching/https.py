"""One HTTPS request within a deadline: no redirect, a limit of the answer, public addresses only.

The URL is the operator's; data of an endpoint belongs into the body or, quoted, into the query.
The function is in no VPC, so that a private, loopback or link-local address can only be a mistake,
such as a name that resolves to the address of an instance's metadata. The check is made on the
connected socket: a name cannot resolve to another address in between.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from urllib3 import PoolManager, Timeout
from urllib3.connection import HTTPSConnection
from urllib3.connectionpool import HTTPSConnectionPool
from urllib3.exceptions import HTTPError
from urllib3.exceptions import SSLError as Urllib3SSLError
from urllib3.exceptions import TimeoutError as Urllib3TimeoutError

from shared.fetching.deadline import Deadline
from shared.fetching.failures import FetchFailed, Reason

__all__ = ["Https", "HttpsAnswer", "InvalidUrl", "check_url", "is_public"]

_CONNECT_SECONDS = 3.0
_FIRST_PAUSE_SECONDS = 0.1
_PIECE_BYTES = 16_384
_LATER = frozenset({408, 425, 429})  # and 5xx
_INTERNET = ipaddress.IPv6Network("2000::/3")  # IANA: all global unicast addresses so far
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class InvalidUrl(ValueError):
    """A URL cannot be fetched; the text names the rule."""


@dataclass(frozen=True, slots=True)
class HttpsAnswer:
    """An answer with status 200; names of headers are lower case."""

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class _PrivateAddress(Exception):
    """A name resolved to an address that is not public."""


def is_public(address: str) -> bool:
    """Check whether an IP address is on the internet; not one of a private or special network."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    if isinstance(found, ipaddress.IPv6Address) and (found not in _INTERNET or found.sixtofour):
        return False  # NAT64 and 6to4 carry an IPv4 address, which may be private
    return found.is_global and not found.is_multicast


def check_url(url: str) -> str:
    """Return a URL that can be fetched, as it is.

    Raises:
        InvalidUrl: it is not https, has user information, a fragment, a port or host that cannot
            be read, or a character that needs quoting.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise InvalidUrl("The URL cannot be read: write https://host/path.") from error
    if parts.scheme != "https":
        raise InvalidUrl("The URL must begin with https://: nothing else is encrypted.")
    if not parts.hostname or port == 0:
        raise InvalidUrl("The URL must have a host, and a port that is not 0.")
    if parts.username is not None or parts.password is not None:
        raise InvalidUrl("The URL must have no user or password: give a secret for a header.")
    if parts.fragment:
        raise InvalidUrl("The URL must have no fragment: a server never gets it.")
    if any(not "!" <= letter <= "~" for letter in url) or any(mark in url for mark in '"<>\\^`{|}'):
        raise InvalidUrl("The URL must have quoted characters only: letters, digits, %, and marks.")
    return url


class Https:
    """Requests to one or more servers, over connections that are kept.

    Args:
        max_bytes: of an answer's body; a larger one is refused while it is read.
        attempts: in all, for a request that found no connection or was answered "later". Every
            request must therefore be safe to repeat.
        allowed: checks the IP address of a connection.
        context: TLS settings; the default trusts the system's authorities.
    """

    def __init__(
        self,
        *,
        max_bytes: int,
        attempts: int = 3,
        allowed: Callable[[str], bool] = is_public,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self._max_bytes = max_bytes
        self._attempts = attempts
        self._manager = PoolManager(
            num_pools=4, maxsize=8, ssl_context=context or ssl.create_default_context()
        )
        self._manager.pool_classes_by_scheme = {"https": _pool_class(allowed)}

    def get(
        self, url: str, deadline: Deadline, headers: Mapping[str, str] | None = None
    ) -> HttpsAnswer:
        """Get a document; as `request`."""
        return self.request("GET", url, deadline, headers=headers)

    def request(
        self,
        method: str,
        url: str,
        deadline: Deadline,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> HttpsAnswer:
        """Make a request, and again within the deadline while the server says "later".

        Raises:
            FetchFailed: TIMED_OUT, UNAVAILABLE, REFUSED (any other status than 200, an untrusted
                certificate, an address that is not public, an invalid URL), UNUSABLE_ANSWER (a
                redirect, or too large).
        """
        try:
            check_url(url)
        except InvalidUrl as error:
            raise FetchFailed(Reason.REFUSED, str(error)) from error
        sent = {"accept-encoding": "identity", **(headers or {})}
        for number in range(self._attempts):
            try:
                return self._once(method, url, deadline, body, sent)
            except FetchFailed as failure:
                if failure.reason is not Reason.UNAVAILABLE or number + 1 == self._attempts:
                    raise
                if not deadline.pause(_FIRST_PAUSE_SECONDS * 2**number):
                    raise
        raise AssertionError("attempts must be 1 or more")

    def _once(
        self,
        method: str,
        url: str,
        deadline: Deadline,
        body: bytes | None,
        headers: Mapping[str, str],
    ) -> HttpsAnswer:
        deadline.check()
        left = deadline.seconds_left
        try:
            answer = self._manager.request(
                method,
                url,
                body=body,
                headers=dict(headers),
                timeout=Timeout(connect=min(_CONNECT_SECONDS, left), read=left),
                redirect=False,
                retries=False,
                preload_content=False,
                decode_content=False,
                enforce_content_length=True,  # urllib3 1.26 takes an answer that broke off as whole
            )
        except _PrivateAddress as error:
            raise FetchFailed(
                Reason.REFUSED, "the host's name resolves to an address that is not public."
            ) from error
        except Urllib3TimeoutError as error:
            # A time-out of the connection alone can be a lost packet: another attempt may do.
            reason = Reason.UNAVAILABLE if deadline.seconds_left > 0 else Reason.TIMED_OUT
            raise FetchFailed(reason, "the server did not answer in time.") from error
        except (Urllib3SSLError, ssl.SSLError) as error:
            raise FetchFailed(
                Reason.REFUSED, "TLS failed: the certificate is not trusted, or not for this host."
            ) from error
        except (HTTPError, OSError, ValueError) as error:
            raise FetchFailed(
                Reason.UNAVAILABLE, f"no connection to the server ({type(error).__name__})."
            ) from error
        try:
            _check_status(answer.status)
            found = HttpsAnswer(
                self._read(answer, deadline),
                {name.lower(): value for name, value in answer.headers.items()},
            )
        except BaseException:
            answer.close()  # what is unread must not be taken for the next answer
            raise
        answer.release_conn()
        return found

    def _read(self, answer: Any, deadline: Deadline) -> bytes:
        """Read the body piece by piece, because a server can send it for ever."""
        pieces, size = [], 0
        try:
            for piece in answer.stream(_PIECE_BYTES, decode_content=False):
                size += len(piece)
                if size > self._max_bytes:
                    raise FetchFailed(
                        Reason.UNUSABLE_ANSWER,
                        f"the answer is larger than {self._max_bytes:,} bytes.",
                    )
                pieces.append(piece)
                deadline.check()
        except Urllib3TimeoutError as error:
            raise FetchFailed(Reason.TIMED_OUT, "the answer was not whole in time.") from error
        except (HTTPError, OSError) as error:
            raise FetchFailed(
                Reason.UNAVAILABLE, f"the answer broke off ({type(error).__name__})."
            ) from error
        return b"".join(pieces)


def _check_status(status: int) -> None:
    if status == 200:
        return
    if status in _REDIRECTS:
        raise FetchFailed(
            Reason.UNUSABLE_ANSWER,
            f"the server answered {status}, a redirect: give the URL that it redirects to.",
        )
    later = status in _LATER or status >= 500
    raise FetchFailed(
        Reason.UNAVAILABLE if later else Reason.REFUSED,
        f"the server answered {status}.",
        status,
    )


def _pool_class(allowed: Callable[[str], bool]) -> type[HTTPSConnectionPool]:
    class CheckedConnection(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            connected = super()._new_conn()
            try:
                address = connected.getpeername()[0]
            except OSError:
                connected.close()
                raise
            if not allowed(address):
                connected.close()
                raise _PrivateAddress
            return connected

    class CheckedPool(HTTPSConnectionPool):
        ConnectionCls = CheckedConnection

    return CheckedPool
