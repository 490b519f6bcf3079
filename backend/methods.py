"""HTTP methods: HEAD wherever there is GET, and 405 instead of 404 where only another method is answered."""

from __future__ import annotations

from collections.abc import Sequence

from anyio import CancelScope
from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.errors import NotFound

_FOUND = ("route", "path_params")
"""What the router finds out about a request, for the layers outside."""

_METHODS = ("DELETE", "GET", "PATCH", "POST", "PUT")


class HeadLayer:
    """ASGI layer that answers HEAD as GET, without the body.

    Args:
        app: the application.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        got: Scope = {**scope, "method": "GET"}
        with CancelScope() as rest:

            async def send_head(message: Message) -> None:
                if message["type"] == "http.response.start":
                    await send(message)
                elif not rest.cancel_called:
                    await send({"type": "http.response.body", "body": b"", "more_body": False})
                    rest.cancel()  # a stream would have no end

            await self._app(got, receive, send_head)
        scope.update({name: got[name] for name in _FOUND if name in got})


def refuse_other_addresses(app: FastAPI, prefix: str) -> None:
    """Answer for everything below a prefix that no route before has; without this, the page's fallback would."""
    known = tuple(app.router.routes)

    def refuse(request: Request, rest: str) -> None:
        allowed = [method for method in _METHODS if _answers(known, request.scope, method)]
        if not allowed:
            raise NotFound("address", f"{prefix}/{rest}")
        named = ", ".join([*allowed, "HEAD"] if "GET" in allowed else allowed)
        raise HTTPException(405, f"This address answers {named}.", {"Allow": named})

    app.add_api_route(f"{prefix}/{{rest:path}}", refuse, methods=list(_METHODS), include_in_schema=False)


def _answers(routes: Sequence[BaseRoute], scope: Scope, method: str) -> bool:
    """Tell whether one of the routes answers the address of a request by a method."""
    return any(route.matches({**scope, "method": method})[0] is Match.FULL for route in routes)
