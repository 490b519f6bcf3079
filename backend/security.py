"""The layer of safety: response headers, and refusal of requests that other sites make the browser send.

A web page of another origin can make the user's browser send requests to the studio, with a session's cookie, or to a
studio without keys. So the host name must be one of the studio's own (against DNS rebinding), and a writing request
must not come from another site. Who may call at all is the business of `backend.access`.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import SplitResult, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.problems import internal_error_response, problem_response

LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
    "font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; object-src 'none'"
)

_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class SecurityLayer:
    """ASGI layer around the whole application; inside the one that gives a request its id.

    Args:
        app: the application.
        host_names: names that the Host header may carry.
    """

    def __init__(self, app: ASGIApp, host_names: Iterable[str]) -> None:
        self._app = app
        self._host_names = frozenset(host_names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id: str = scope["request_id"]
        sender = _Sender(send, request_id, no_store=scope["path"].startswith("/api/"))
        refusal = self._refusal(scope["method"], Headers(scope=scope))
        if refusal:
            await problem_response(request_id, *refusal)(scope, receive, sender)
            return
        try:
            await self._app(scope, receive, sender)
        except Exception as error:
            # Caught here and not by an exception handler of the application, whose answers for unhandled errors
            # would leave without the headers.
            if sender.started:
                raise
            await internal_error_response(request_id, error)(scope, receive, sender)

    def _refusal(self, method: str, headers: Headers) -> tuple[int, str, str, str] | None:
        """Return status, code, detail and hint when the request must not be served."""
        host = headers.get("host", "")
        name = _split(f"//{host}").hostname or ""
        if name not in self._host_names:
            allowed = ", ".join(sorted(self._host_names))
            return 400, "host_refused", f"Found host name {name!r}; allowed are {allowed}.", "Use one of these names."
        if method in SAFE_METHODS:
            return None
        site = headers.get("sec-fetch-site")
        origin = headers.get("origin")
        from_elsewhere = site not in {None, "same-origin", "none"} or (
            origin is not None and _split(origin).netloc != host
        )
        if from_elsewhere:
            return 403, "cross_site_refused", "This request was started by another site.", "Use the studio's own page."
        return None


def _split(address: str) -> SplitResult:
    """Take an address apart; what is none has no host."""
    try:
        return urlsplit(address)
    except ValueError:
        return urlsplit("")


class _Sender:
    """Sends an answer with the headers, and turns the framework's few plain-text errors into problem documents."""

    def __init__(self, send: Send, request_id: str, *, no_store: bool) -> None:
        self._send = send
        self._request_id = request_id
        self._no_store = no_store
        self._replaced = False
        self.started = False

    async def __call__(self, message: Message) -> None:
        """Pass one message on."""
        if message["type"] == "http.response.start":
            self._replaced = _is_plain_error(message)
            self.started = True
            for part in self._problem(message) if self._replaced else [message]:
                await self._send(self._with_headers(part))
        elif not self._replaced:
            await self._send(message)

    def _with_headers(self, message: Message) -> Message:
        """Add the headers that every answer carries."""
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
            headers["X-Request-ID"] = self._request_id
            if self._no_store:
                headers.setdefault("Cache-Control", "no-store")
        return message

    def _problem(self, plain: Message) -> list[Message]:
        """Write the messages of the problem document that stands for a plain-text error."""
        kept = {name: value for name, value in Headers(raw=plain["headers"]).items() if name in _KEPT_HEADERS}
        code, detail, hint = _PLAIN_ERRORS.get(plain["status"], _OTHER_ERROR)
        response = problem_response(self._request_id, plain["status"], code, detail, hint, headers=kept)
        start = {"type": "http.response.start", "status": response.status_code, "headers": response.raw_headers}
        return [start, {"type": "http.response.body", "body": response.body}]


_KEPT_HEADERS = frozenset({"content-range", "allow"})
_PLAIN_ERRORS = {
    413: (
        "request_too_large",
        "The request is larger than this address accepts (512 MiB for uploads, 1 MiB elsewhere).",
        "Send fewer or smaller files.",
    ),
    416: ("range_not_satisfiable", "The wanted range lies outside the file.", "Ask for a range inside its size."),
}
_OTHER_ERROR = ("bad_request", "The request could not be read.", "Compare it with /api/v1/openapi.json.")


def _is_plain_error(message: Message) -> bool:
    """Tell whether an answer is an error that the framework wrote as plain text."""
    kind = Headers(raw=message["headers"]).get("content-type", "")
    return message["status"] >= 400 and kind.startswith("text/plain")
