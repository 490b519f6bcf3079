"""HTTP as uvicorn speaks it, with a deadline for the headers of a request.

Uvicorn waits for them without end, so that a few hundred connections that send a byte now and then would take all that
the operating system gives to this process. A body has no deadline: uploads take as long as the line does.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.h11_impl import H11Protocol

HEADERS_S: Final = 10.0
"""From the connection, or from the first byte of a further request on it, to the end of the headers."""


class HeaderDeadlineProtocol(H11Protocol):
    """Closes a connection whose headers are not complete in time."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Give a fresh connection its time."""
        super().connection_made(transport)
        self._expect_headers()

    def data_received(self, data: bytes) -> None:
        """Take in bytes; headers that are complete by then have kept their deadline."""
        before = self.scope
        super().data_received(data)
        if self.scope is not before:
            self._forget_deadline()
        elif self._deadline is None and self._between_requests():
            self._expect_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave no timer behind."""
        self._forget_deadline()
        super().connection_lost(exc)

    def _between_requests(self) -> bool:
        """Tell whether what came belongs to the headers of a further request."""
        return bool(self.cycle) and self.cycle.response_complete

    def _expect_headers(self) -> None:
        self._deadline = self.loop.call_later(HEADERS_S, self.transport.close)

    def _forget_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
