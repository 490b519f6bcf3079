"""The layer of access: a request comes in with a caller, or not at all.

It stands before the router, so that a stranger's upload is refused before it is read, and an address that is added
later is closed by itself.
"""

from __future__ import annotations

from typing import Final

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from sqlalchemy.exc import OperationalError
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from backend.access.identification import identify
from backend.access.watched_stream import serve_watched
from backend.caller import Caller
from backend.caller import Scope as AccessScope
from backend.db import Database
from backend.errors import Forbidden, ServiceError, missing_scope
from backend.problems import database_error_response, service_error_response
from backend.security import SAFE_METHODS

SESSION_PATH: Final = "/api/v1/session"
_CLOSED: Final = "/api/"
_FIGURES: Final = "/metrics"
_ASKED_AT_ONCE: Final = 8


class AccessLayer:
    """ASGI layer inside the one of safety. What it lets in has its caller in `scope["caller"]`.

    Args:
        app: the application.
        db: the whole database.
        always_keyed: no single user comes in, not even where there are no keys.
    """

    def __init__(self, app: ASGIApp, db: Database, *, always_keyed: bool) -> None:
        self._app = app
        self._db = db
        self._always_keyed = always_keyed
        # Threads of their own, so that nobody waits at the door for those who are in.
        self._threads = CapacityLimiter(_ASKED_AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http" or not _is_closed(scope):
            await self._app(scope, receive, send)
            return
        try:
            scope["caller"] = await run_sync(self._let_in, scope, limiter=self._threads)
        except ServiceError as error:
            await service_error_response(scope["request_id"], error)(scope, receive, send)
        except OperationalError as error:
            if scope["path"] == _FIGURES and not self._always_keyed:
                # Nobody can be known now. What is left of the figures, counts of requests, is nobody's business alone,
                # and that the database is away is what somebody on this machine wants to see.
                await self._app(scope, receive, send)
            else:
                await database_error_response(scope["request_id"], error)(scope, receive, send)
        else:
            await serve_watched(self._app, scope, receive, send, lambda: self._is_still_in(scope))

    async def _is_still_in(self, scope: Scope) -> bool:
        """Tell whether whoever sent a request would be let in again."""
        try:
            await run_sync(self._let_in, scope, limiter=self._threads)
        except ServiceError:
            return False
        return True

    def _let_in(self, scope: Scope) -> Caller:
        """Return the caller of a request that may be served.

        Raises:
            NotSignedIn: nobody knows who sent it.
            Forbidden: its credential does not allow it.
        """
        caller = identify(self._db, HTTPConnection(scope), always_keyed=self._always_keyed)
        needed = _needed(scope)
        if not caller.may(needed):
            raise missing_scope(caller.scope, needed)
        if caller.session_id is not None and scope["method"] not in SAFE_METHODS:
            _require_origin(Headers(scope=scope))
        return caller


def _is_closed(scope: Scope) -> bool:
    """Tell whether an address takes a caller; whoever signs in has none yet."""
    path: str = scope["path"]
    signs_in = path == SESSION_PATH and scope["method"] == "POST"
    return path == _FIGURES or ((path + "/").startswith(_CLOSED) and not signs_in)


def _needed(scope: Scope) -> AccessScope:
    """Return the scope that a request takes; whoever may look may also sign out."""
    if scope["path"] == _FIGURES:
        return "admin"
    return "read" if scope["method"] in SAFE_METHODS or scope["path"] == SESSION_PATH else "write"


def _require_origin(headers: Headers) -> None:
    """Refuse a change by cookie that does not say which page it comes from; the layer outside has compared it.

    Raises:
        Forbidden: it does not.
    """
    if "origin" not in headers and "sec-fetch-site" not in headers:
        raise Forbidden(
            "origin_missing",
            "Found a change with a session's cookie and neither Origin nor Sec-Fetch-Site.",
            "Use the studio's own page in a present browser, or send a key as Authorization: Bearer.",
        )
