"""One HTTPS request: its answer, its refusals, and its end."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from urllib3 import PoolManager

from shared.fetching.deadline import Deadline
from shared.fetching.failures import FetchFailed, Reason
from shared.fetching.https import Https, InvalidUrl, check_url, is_public
from tests.builders.https_server import Answer, HttpsServer, https_server


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpsServer]:
    with https_server(Path(tmp_path_factory.mktemp("tls"))) as server:
        yield server


@pytest.fixture
def server(running: HttpsServer) -> HttpsServer:
    running.requests.clear()
    running.answer = lambda _: Answer(b"found")
    return running


def client(server: HttpsServer, max_bytes: int = 100) -> Https:
    return Https(max_bytes=max_bytes, allowed=lambda _: True, context=server.context)


def soon(seconds: float = 5) -> Deadline:
    return Deadline.after(seconds, sleep=lambda _: None)


def failure(call: object) -> FetchFailed:
    with pytest.raises(FetchFailed) as caught:
        call()  # type: ignore[operator]
    return caught.value


def test_a_request_carries_its_body_and_headers_and_returns_the_answer(
    server: HttpsServer,
) -> None:
    server.answer = lambda _: Answer(b"found", headers={"ETag": "v1"})

    answer = client(server).request(
        "POST", f"{server.url}/offers", soon(), body=b"asked", headers={"authorization": "Bearer x"}
    )

    assert (answer.body, answer.headers["etag"]) == (b"found", "v1")
    [request] = server.requests
    assert (request.method, request.path, request.body) == ("POST", "/offers", b"asked")
    assert request.headers["authorization"] == "Bearer x"


def test_a_connection_is_used_for_the_next_request(server: HttpsServer) -> None:
    https = client(server)

    assert [https.get(server.url, soon()).body for _ in range(3)] == [b"found"] * 3
    assert len({request.client_port for request in server.requests}) == 1


@pytest.mark.parametrize("target", ["http://127.0.0.1/", "https://127.0.0.1/", "/elsewhere"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(server: HttpsServer, status: int, target: str) -> None:
    server.answer = lambda _: Answer(status=status, headers={"Location": target})

    found = failure(lambda: client(server).get(server.url, soon()))

    assert found.reason is Reason.UNUSABLE_ANSWER
    assert "redirect" in str(found)
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [201, 204, 304, 400, 401, 403, 404, 410])
def test_any_other_status_than_200_is_refused_and_not_asked_again(
    server: HttpsServer, status: int
) -> None:
    server.answer = lambda _: Answer(status=status)

    found = failure(lambda: client(server).get(server.url, soon()))

    assert (found.reason, len(server.requests)) == (Reason.REFUSED, 1)
    assert str(status) in str(found)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_server_that_says_later_is_asked_again(server: HttpsServer, status: int) -> None:
    server.answer = lambda _: Answer(b"found", status=status if len(server.requests) < 3 else 200)

    assert client(server).get(server.url, soon()).body == b"found"
    assert len(server.requests) == 3


def test_three_attempts_are_the_most(server: HttpsServer) -> None:
    server.answer = lambda _: Answer(status=503)

    assert failure(lambda: client(server).get(server.url, soon())).reason is Reason.UNAVAILABLE
    assert len(server.requests) == 3


def test_no_attempt_begins_that_would_end_after_the_deadline(server: HttpsServer) -> None:
    server.answer = lambda _: Answer(status=503)

    found = failure(lambda: client(server).get(server.url, soon(0.09)))

    assert (found.reason, len(server.requests)) == (Reason.UNAVAILABLE, 1)


def test_an_answer_that_is_too_large_is_refused_while_it_is_read(server: HttpsServer) -> None:
    server.answer = lambda _: Answer(b"x" * 101)

    found = failure(lambda: client(server, max_bytes=100).get(server.url, soon()))

    assert (found.reason, len(server.requests)) == (Reason.UNUSABLE_ANSWER, 1)
    assert "100 bytes" in str(found)


def test_an_answer_of_exactly_the_limit_is_taken(server: HttpsServer) -> None:
    server.answer = lambda _: Answer(b"x" * 100)

    assert len(client(server, max_bytes=100).get(server.url, soon()).body) == 100


def test_a_compressed_answer_does_not_grow_beyond_the_limit(server: HttpsServer) -> None:
    server.answer = lambda request: Answer(b"\x1f\x8b small", headers={"Content-Encoding": "gzip"})

    assert client(server).get(server.url, soon()).body == b"\x1f\x8b small"
    assert server.requests[0].headers["accept-encoding"] == "identity"


def test_an_answer_that_breaks_off_is_asked_for_again(server: HttpsServer) -> None:
    server.answer = lambda _: Answer(b"found", cut=2 if len(server.requests) < 2 else None)

    assert client(server).get(server.url, soon()).body == b"found"
    assert len(server.requests) == 2


def test_a_release_of_urllib3_that_takes_a_short_answer_as_whole_is_told_not_to(
    server: HttpsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Any] = []
    request = PoolManager.request

    def recorded(*given: Any, **options: Any) -> Any:
        told.append(options.get("enforce_content_length"))
        return request(*given, **options)

    monkeypatch.setattr(PoolManager, "request", recorded)

    client(server).get(server.url, soon())

    assert told == [True]  # 1.26 does not, and 2 does by default


def test_a_server_that_is_silent_costs_no_more_than_the_deadline(server: HttpsServer) -> None:
    done = threading.Event()

    def silent(_: object) -> Answer:
        done.wait(5)
        return Answer()

    server.answer = silent
    began = time.monotonic()

    found = failure(lambda: client(server).get(server.url, soon(0.2)))

    done.set()
    assert found.reason is Reason.TIMED_OUT
    assert time.monotonic() - began < 2


def test_a_server_whose_certificate_is_not_trusted_is_refused(server: HttpsServer) -> None:
    https = Https(max_bytes=100, allowed=lambda _: True, context=ssl.create_default_context())

    found = failure(lambda: https.get(server.url, soon()))

    assert (found.reason, server.requests) == (Reason.REFUSED, [])
    assert "certificate" in str(found)


def test_a_name_that_resolves_to_a_loopback_address_gets_no_request(server: HttpsServer) -> None:
    https = Https(max_bytes=100, context=server.context)

    found = failure(lambda: https.get(server.url, soon()))

    assert (found.reason, server.requests) == (Reason.REFUSED, [])
    assert "not public" in str(found)


def test_a_port_where_nothing_listens_is_unavailable(server: HttpsServer) -> None:
    found = failure(lambda: client(server).get("https://localhost:1/", soon()))

    assert found.reason is Reason.UNAVAILABLE


@pytest.mark.parametrize(
    "url",
    [
        "",
        "offers",
        "http://offers.example.com",
        "ftp://offers.example.com",
        "file:///etc/passwd",
        "https://",
        "https:///offers",
        "https://user@offers.example.com",
        "https://user:secret@offers.example.com",
        "https://offers.example.com/#top",
        "https://offers.example.com:0/",
        "https://offers.example.com:port/",
        "https://offers.example.com/a b",
        "https://offers.example.com/a\r\nHost: other",
        "https://offers.example.com/{id}",
        "https://offers.example.com/ä",
        "https://[::1/",
        "https://offers.example.com\\@other.example.com",
    ],
)
def test_a_url_that_is_not_plain_https_is_refused_before_any_connection(url: str) -> None:
    with pytest.raises(InvalidUrl, match="The URL"):
        check_url(url)
    found = failure(lambda: Https(max_bytes=1).get(url, soon()))
    assert found.reason is Reason.REFUSED


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.215.14", True),
        ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fd00:ec2::254", False),
        ("::ffff:169.254.169.254", False),
        ("::ffff:93.184.215.14", True),
        ("64:ff9b::169.254.169.254", False),
        ("64:ff9b:1::10.0.0.1", False),
        ("2002:a9fe:a9fe::1", False),
        ("2001:0:4136:e378:8000:63bf:3fff:fdd2", False),
        ("::169.254.169.254", False),
        ("fec0::1", False),
        ("localhost", False),
        ("", False),
    ],
)
def test_only_addresses_of_the_internet_are_public(address: str, public: bool) -> None:
    assert is_public(address) is public
