"""What must hold before a studio starts: it alone has its data folder, and its address is free and loopback."""

from __future__ import annotations

import fcntl
import ipaddress
import shutil
import socket
from pathlib import Path
from typing import IO

from backend.settings import Settings
from backend.start_error import StartError


def lock_data_dir(data_dir: Path) -> IO[str]:
    """Keep a second studio out of the data folder: two brokers must not write one append-only file."""
    data_dir.mkdir(parents=True, exist_ok=True)
    lock = (data_dir / "studio.lock").open("w", encoding="utf-8")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.close()
        raise StartError(
            f"found another studio at work in {data_dir.resolve()}. "
            "Stop it, or give this one a folder of its own: SPF_DATA_DIR=other make up."
        ) from error
    # Nobody else writes here now, so uploads that a crash interrupted can go.
    shutil.rmtree(data_dir / "incoming", ignore_errors=True)
    return lock


def refuse_public_address(settings: Settings) -> None:
    """Refuse to listen where others could connect, unless that was asked for: there are no accounts."""
    host = settings.host
    addresses = {info[4][0] for info in socket.getaddrinfo(host, None)} if host else {"0.0.0.0"}
    if settings.allow_public_address or all(ipaddress.ip_address(address).is_loopback for address in addresses):
        return
    raise StartError(
        f"found SPF_HOST={host!r}; allowed is a loopback address such as 127.0.0.1, because the studio has no "
        "accounts. To use it from another machine, tunnel: ssh -L 8000:127.0.0.1:8000 HOST. Where something else keeps "
        "strangers out, set SPF_ALLOW_PUBLIC_ADDRESS=true, and SPF_HOST_NAMES to the name that it is called by."
    )


def bind_socket(host: str, port: int) -> socket.socket:
    """Take the address before anything is started."""
    family = socket.getaddrinfo(host, port)[0][0]
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise StartError(
            f"found port {port} of {host} in use ({error.strerror}). "
            "Stop what uses it, or choose another: make up PORT=8001."
        ) from error
    return listener
