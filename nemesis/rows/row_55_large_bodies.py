"""Request bodies that are too large, whatever they say about themselves."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit

from nemesis.row import Round, Row
from nemesis.studio import Studio
from nemesis.violation import Violation, unless

_MIB: Final = 2**20
_REFUSALS: Final = (400, 413, 422)
_TAKEN_AT_MOST: Final = 64 * _MIB
"""Of an endless body: the limit of an address, and what the buffers of both sides hold."""

_HEADS: Final = {
    "2 GiB by Content-Length": ("/api/v1/jobs", f"Content-Length: {2**31}"),
    "2 GiB by Content-Length, as an upload": ("/api/v1/datasets", f"Content-Length: {2**31}"),
    "chunks without end": ("/api/v1/jobs", "Transfer-Encoding: chunked"),
}


def _strike(this: Round) -> Iterator[Violation]:
    for what, (path, length) in _HEADS.items():
        status, taken = _send(this.studio, path, length, chunked="chunked" in length)
        yield from unless(status in _REFUSALS, f"{what}: answered {status}")
        yield from unless(taken < _TAKEN_AT_MOST, f"{what}: {taken // _MIB} MiB were taken", "leak")
    fields = {"name": "set", **{f"field-{number}": "x" for number in range(1001)}}
    answer = this.studio.client.ask("POST", "/datasets", data=fields, files=[("files", ("a.png", b"x"))])
    yield from unless(answer.status_code in _REFUSALS, f"1001 fields: answered {answer.status_code}")


def _send(studio: Studio, path: str, length: str, *, chunked: bool) -> tuple[int, int]:
    """Send until it is answered; return the answer's status and how many bytes were taken."""
    address = urlsplit(studio.url)
    head = f"POST {path} HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Type: application/json\r\n{length}\r\n\r\n"
    piece = b"%x\r\n%s\r\n" % (_MIB, bytes(_MIB)) if chunked else bytes(_MIB)
    taken = 0
    with socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=60.0) as connection:
        connection.sendall(head.encode())
        with suppress(ConnectionError):
            while taken < _TAKEN_AT_MOST and not _has_answer(connection):
                connection.sendall(piece)
                taken += len(piece)
        with suppress(ConnectionError, TimeoutError):
            return int(connection.recv(4096).split()[1]), taken
    return 0, taken


def _has_answer(connection: socket.socket) -> bool:
    """Tell whether something can be read; waits a moment, as the first bytes decide already."""
    connection.settimeout(0.2)
    try:
        return bool(connection.recv(1, socket.MSG_PEEK))
    except TimeoutError:
        return False
    finally:
        connection.settimeout(60.0)


LARGE_BODIES: Final = Row(
    number=55,
    fault="bodies of 2 GiB by their header, chunks without end, 1001 form fields",
    promise="refused with 4xx before they are read",
    rounds=10,
    strike=_strike,
)
