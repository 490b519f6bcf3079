"""The outermost layer: each request gets an id, a line in the log, and a place among the figures.

The line has the path, but no query and no headers: these may hold what is nobody's business.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.ids import new_id
from backend.logs import log_context

log = logging.getLogger(__name__)

NO_ROUTE = "none"


@dataclass(frozen=True)
class AnsweredRequest:
    """What is known of a request when its answer is complete."""

    method: str
    route: str
    """The address with names for values: `/api/v1/jobs/{job_id}`; `none` for the page, and where nothing matched."""
    status: int
    wait_s: float
    """Time until the answer began; a stream may go on for hours."""


class RequestLayer:
    """ASGI layer around all others.

    Args:
        app: the application.
        count: is told of every request.
    """

    def __init__(self, app: ASGIApp, count: Callable[[AnsweredRequest], None]) -> None:
        self._app = app
        self._count = count

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope["request_id"] = new_id("req")
        start = _Start(send)
        with log_context(request_id=scope["request_id"]):
            try:
                await self._app(scope, receive, start)
            finally:
                self._note(scope, start)

    def _note(self, scope: Scope, start: _Start) -> None:
        """Log and count a request that is over."""
        request = AnsweredRequest(scope["method"], _route_of(scope), start.status, start.wait_s)
        self._count(request)
        fields: dict[str, Any] = {
            "method": request.method,
            "path": scope["path"],
            "route": request.route,
            "status": request.status,
            "wait_s": round(request.wait_s, 4),
            **{name: value for name, value in scope.get("path_params", {}).items() if name == "job_id"},
        }
        line = "%s %s %s in %.3f s"
        log.info(line, request.method, scope["path"], request.status, request.wait_s, extra={"fields": fields})


class _Start:
    """Passes an answer on and remembers how it began; one that never began is a failure."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._received_s = time.perf_counter()
        self._began_s: float | None = None
        self.status = 500

    @property
    def wait_s(self) -> float:
        """Time until the answer began, or until now."""
        return (self._began_s or time.perf_counter()) - self._received_s

    async def __call__(self, message: Message) -> None:
        """Pass one message on."""
        if message["type"] == "http.response.start":
            self._began_s = time.perf_counter()
            self.status = message["status"]
        await self._send(message)


def _route_of(scope: Scope) -> str:
    """Return the pattern of the address that answered.

    An included route knows its pattern from its own router on; what stands before it has no names in it.
    """
    route = scope.get("route")
    if not isinstance(route, Route):
        return NO_ROUTE
    own = route.path_format.format(**scope["path_params"])
    return scope["path"].removesuffix(own) + route.path_format if scope["path"].endswith(own) else route.path_format
