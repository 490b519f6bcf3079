"""Connections that never come to the end of their request."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from nemesis.row import Round, Row
from nemesis.studio import Studio
from nemesis.violation import Violation, unless
from nemesis.waiting import WaitedInVain, wait_for

_CONNECTIONS: Final = 200


def _strike(this: Round) -> Iterator[Violation]:
    slow = [_half_a_request(this.studio) for _ in range(_CONNECTIONS)]
    try:
        answer = this.studio.client.ask("GET", "/jobs")
        yield from unless(answer.status_code == 200, f"another request was answered {answer.status_code}")
        wait_for(lambda: not [one for one in slow if _trickles(one)], "slow connections to be closed")
    except WaitedInVain as error:
        yield Violation("leak", str(error))
    finally:
        for connection in slow:
            connection.close()


def _half_a_request(studio: Studio) -> socket.socket:
    address = urlsplit(studio.url)
    connection = socket.create_connection((str(address.hostname), int(address.port or 0)))
    connection.sendall(f"GET /api/v1/jobs HTTP/1.1\r\nHost: {address.netloc}\r\nX-Slow: ".encode())
    connection.setblocking(False)
    return connection


def _trickles(connection: socket.socket) -> bool:
    """Send a byte more; False when the other side has closed the connection."""
    try:
        connection.send(b"x")
        return bool(connection.recv(4096))
    except BlockingIOError:
        return True
    except OSError:
        return False


SLOW_CONNECTIONS: Final = Row(
    number=56,
    fault=f"{_CONNECTIONS} connections that send their headers byte by byte",
    promise="others are answered meanwhile, and each is closed in the end",
    rounds=5,
    strike=_strike,
)
