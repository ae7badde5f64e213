"""Send the head of an HTTP response together with the first of its body, in one write.

The AWS SDK of Terraform's provider closes a request's body as soon as it has the response's head.
If Go's HTTP client has not finished sending by then, it reads the closed body once more. smithy-go,
up to the version in provider 5.100.0, answers that read with an error, for which Go's client closes
the connection. A response body that arrives after that is lost. The server has carried out the
call, the SDK repeats it, and a create fails because the resource exists. On a busy machine about
one call in a thousand met this; over a network the response's head never arrives that early.

A body that arrives with its head is in the client's buffer before the connection is closed.
"""

from __future__ import annotations

import h11
from hypercorn import protocol
from hypercorn.events import Closed, RawData
from hypercorn.protocol.h11 import H11Protocol
from hypercorn.typing import H11SendableEvent

from local_aws.faults import CLOSE

REQUIRED = (
    "hypercorn.protocol.H11Protocol",
    "hypercorn.protocol.h11.H11Protocol._send_h11_event",
)


class _WholeAnswers(H11Protocol):
    _head = b""
    _lost = False  # the answer: a fault asked for a connection that closes without one

    async def _send_h11_event(self, event: H11SendableEvent) -> None:
        try:
            data = self.connection.send(event)
        except h11.LocalProtocolError:
            if self.connection.their_state != h11.ERROR:
                raise
            return
        if isinstance(event, h11.Response):
            if CLOSE in event.headers:
                self._lost = True
                await self.send(Closed())
            self._head = data
            return
        if self._lost:
            return
        whole, self._head = self._head + data, b""
        await self.send(RawData(data=whole))


def apply() -> None:
    """Use this for connections that are accepted from now on."""
    protocol.H11Protocol = _WholeAnswers  # type: ignore[attr-defined]
