"""Connections that take too long over their headers, against the real server."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest
import uvicorn

from backend import header_deadline
from backend.header_deadline import HeaderDeadlineProtocol
from backend.main import create_app
from backend.settings import Settings
from tests.backend.service_fixtures import ON_SQLITE_ALONE

pytestmark = ON_SQLITE_ALONE

GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
POST = b"POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 4\r\n"
PATIENCE_S = 60.0


@pytest.fixture
def address(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, int]]:
    """A server that gives headers a short time."""
    monkeypatch.setattr(header_deadline, "HEADERS_S", 0.5)
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(create_app(settings), http=HeaderDeadlineProtocol, log_config=None))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield listener.getsockname()
    server.should_exit = True
    thread.join()


@pytest.fixture
def connection(address: tuple[str, int]) -> Iterator[socket.socket]:
    """A connection to it."""
    with socket.create_connection(address, timeout=PATIENCE_S) as opened:
        yield opened


@pytest.mark.parametrize("sent", [b"", b"G", GET + b"X-Slow: "])
def test_headers_that_do_not_end_close_the_connection(connection: socket.socket, sent: bytes) -> None:
    connection.sendall(sent)
    assert connection.recv(100) == b""


def test_a_further_request_on_a_connection_has_a_deadline_too(connection: socket.socket) -> None:
    connection.sendall(GET + b"\r\n")
    assert connection.recv(1000).startswith(b"HTTP/1.1 200")
    connection.sendall(GET)
    while connection.recv(1000):
        pass


def test_a_body_may_take_its_time(connection: socket.socket) -> None:
    connection.sendall(POST + b"\r\n{")
    connection.settimeout(3 * header_deadline.HEADERS_S)
    with pytest.raises(TimeoutError):
        connection.recv(100)
    connection.settimeout(PATIENCE_S)
    connection.sendall(b"} x")
    assert connection.recv(1000).startswith(b"HTTP/1.1 4")
