"""What must hold before a studio starts: it alone has its data folder, its address is free, and strangers stay out."""

from __future__ import annotations

import fcntl
import shutil
import socket
from pathlib import Path
from typing import IO

from backend.access.keys import has_valid_key
from backend.db import Database
from backend.listening import listens_on_loopback
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


def refuse_strangers(settings: Settings) -> None:
    """Refuse to be reached by others as long as there is no key that tells who may come in.

    The database must have its present schema.

    Raises:
        StartError: others can reach this address, and no key is valid.
    """
    if listens_on_loopback(settings.host) and not settings.host_names:
        return
    db = Database(settings.sqlalchemy_url)
    try:
        keyed = has_valid_key(db)
    finally:
        db.close()
    if not keyed:
        raise StartError(
            f"found SPF_HOST={settings.host!r} and SPF_HOST_NAMES={','.join(settings.host_names)!r}, by which others "
            "can reach the studio, and no valid key; without keys it serves its own machine alone. Make one: "
            "spf-studio keys create --owner NAME --scope write. Or stay on loopback without further names, and tunnel "
            "from another machine: ssh -L 8000:127.0.0.1:8000 HOST."
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
