"""`python -m backend.studio`: the whole studio on one machine, with one command.

Brings the database up to date, starts a private broker (unless SPF_REDIS_URL names one), two workers and the queue
maintenance, and serves the page. SIGINT and SIGTERM stop everything; should this process be killed, its children die
with it.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading

import uvicorn

from backend.broker import start_broker
from backend.header_deadline import HeaderDeadlineProtocol
from backend.logs import configure_logs
from backend.main import create_app
from backend.migrate import migrate
from backend.process_manager import ProcessManager
from backend.settings import Settings, load_settings
from backend.start_error import StartError
from backend.startup_checks import bind_socket, lock_data_dir, refuse_strangers

_POLL_S = 0.5
_SETTLE_S = 30.0
"""What a worker gets beyond its trainer's grace time, to write down how the job stands."""


def main() -> None:
    """Run the studio until it is told to stop."""
    try:
        settings = load_settings()
        # A page that watches a training asks every second, which nobody wants to see on the terminal.
        configure_logs(settings.log_format, settings.log_level or "WARNING")
        run(settings)
    except StartError as error:
        sys.exit(f"The studio cannot start: {error}")


def run(settings: Settings) -> None:
    """Start everything, serve, and stop everything.

    Raises:
        StartError: the address is taken, or open to others without a key; or there is no broker or no database.
    """
    stop = threading.Event()
    _stop_on_signals(stop)
    lock = lock_data_dir(settings.data_dir)
    listener = bind_socket(settings.host, settings.port)
    brokers, processes = (ProcessManager(settings.data_dir / "logs") for _ in range(2))
    server: threading.Thread | None = None
    try:
        migrate(settings)
        refuse_strangers(settings)
        redis_url = settings.redis_url or start_broker(brokers, settings.data_dir)
        settings = settings.model_copy(update={"redis_url": redis_url})
        _start_children(processes, settings)
        server = threading.Thread(target=_serve, args=(settings, listener, stop))
        server.start()
        while not stop.wait(_POLL_S):
            for manager in (brokers, processes):
                manager.restart_exited()
    finally:
        stop.set()
        for manager in (processes, brokers):
            manager.stop()
        if server is not None:
            server.join()
        lock.close()


def _start_children(processes: ProcessManager, settings: Settings) -> None:
    """Start the workers and the queue maintenance."""
    environment = _child_environment(settings)
    for queue in ("train", "draw"):
        command = [sys.executable, "-m", "worker", queue]
        processes.start(f"worker-{queue}", command, environment, settings.grace_s + _SETTLE_S)
    processes.start("maintenance", [sys.executable, "-m", "backend.maintenance"], environment, _SETTLE_S)


def _stop_on_signals(stop: threading.Event) -> None:
    """Make SIGINT and SIGTERM an orderly stop; a second one ends the studio at once, and with it its children."""

    def handle(number: int, _frame: object) -> None:
        signal.signal(number, signal.SIG_DFL)
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handle)


def _child_environment(settings: Settings) -> dict[str, str]:
    """The environment of a child: this process's own, with the settings in force."""
    values = settings.model_dump(mode="json", exclude_none=True)
    values["data_dir"] = str(settings.data_dir.resolve())
    if settings.models_dir is not None:
        values["models_dir"] = str(settings.models_dir.resolve())
    return {**os.environ, **{f"SPF_{name.upper()}": str(value) for name, value in values.items()}}


def _serve(settings: Settings, listener: socket.socket, stop: threading.Event) -> None:
    """Serve the application until told to stop; prints the address once requests are answered."""
    config = uvicorn.Config(
        create_app(settings),
        http=HeaderDeadlineProtocol,
        log_config=None,
        access_log=False,
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


if __name__ == "__main__":
    main()
