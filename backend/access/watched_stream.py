"""A stream of events may go on for hours; it ends soon after the key or session of its reader does."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from anyio import CancelScope
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_ASKED_EVERY_S = 5.0


async def serve_watched(
    app: ASGIApp, scope: Scope, receive: Receive, send: Send, is_still_in: Callable[[], Awaitable[bool]]
) -> None:
    """Have a request answered; an answer that is a stream of events ends when its reader may no longer read it.

    Args:
        app: what answers.
        scope: of the request.
        receive: of the request.
        send: of the request.
        is_still_in: tells whether the reader would be let in again; asked when there is something to send, seldom.
    """
    with CancelScope() as rest:
        stream = _WatchedStream(send, is_still_in, rest)
        await app(scope, receive, stream.send)


class _WatchedStream:
    """Passes an answer on, as long as its reader may have it."""

    def __init__(self, send: Send, is_still_in: Callable[[], Awaitable[bool]], rest: CancelScope) -> None:
        self._send = send
        self._is_still_in = is_still_in
        self._rest = rest
        self._is_stream = False
        self._asked_s = time.monotonic()

    async def send(self, message: Message) -> None:
        """Pass one message on, or end the answer in its place."""
        if message["type"] == "http.response.start":
            kind = Headers(raw=message["headers"]).get("content-type", "")
            self._is_stream = kind.startswith("text/event-stream")
        elif self._is_stream and self._is_due() and not await self._is_still_in():
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})
            self._rest.cancel()
            return
        await self._send(message)

    def _is_due(self) -> bool:
        """Tell whether it is time to ask again, and remember that it was done."""
        due = time.monotonic() - self._asked_s >= _ASKED_EVERY_S
        if due:
            self._asked_s = time.monotonic()
        return due
