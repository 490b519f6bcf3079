"""A studio in separate processes, each of which can be killed, stopped and started again.

The same programs as in production: the REST interface, the queue maintenance, Celery workers, a Redis or Valkey, and
records in a SQLite file. Times are short, so that a lost worker is noticed within seconds.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from socket import socket
from typing import Final

import httpx2 as httpx
import psutil
from redis import Redis

from backend.broker import broker_command
from backend.db import Database
from backend.maintenance.notifier import CeleryNotifier
from backend.storage import LocalStorage
from nemesis.checkpoint_process import CheckpointProcess
from nemesis.client import Client
from nemesis.history import History
from nemesis.waiting import wait_for
from worker.die_with_parent import die_with_parent

REPOSITORY: Final = Path(__file__).resolve().parents[1]
GUARD_VARIABLE: Final = "NEMESIS_WITHOUT"
"""Names a guard that every process of the studio takes away from itself; see `nemesis.guards`."""

SETTINGS: Final = {
    "SPF_LEASE_S": "4",
    "SPF_HEARTBEAT_S": "0.5",
    "SPF_GRACE_S": "60",
    "SPF_RETRY_DELAY_S": "0",
    "SPF_RELAY_S": "0.2",
    "SPF_RESEND_S": "1",
    "OMP_NUM_THREADS": "1",
}


class Studio:
    """Starts and strikes the processes. Use from the main thread only: see `worker/die_with_parent.py`.

    Args:
        folder: for everything it stores.
        models: folder of base models.
        portraits: folder of a small caption set.
        settings: `SPF_…` variables besides `SETTINGS`.
        without: a guard that its processes run without; empty for none.
    """

    def __init__(self, folder: Path, models: Path, portraits: Path, settings: Mapping[str, str], without: str) -> None:
        self.folder = folder
        self.data_dir = folder / "data"
        self.data_dir.mkdir(parents=True)
        self.portraits = portraits
        self.history = History(folder / "history.jsonl")
        self._broker_port = _free_port()
        self.redis_url = f"redis://127.0.0.1:{self._broker_port}/0"
        self._port = _free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("SPF_")},
            **SETTINGS,
            **settings,
            "PYTHONPATH": f"{REPOSITORY / 'nemesis' / 'without'}{os.pathsep}{REPOSITORY}",
            GUARD_VARIABLE: without,
            "SPF_DATA_DIR": str(self.data_dir),
            "SPF_MODELS_DIR": str(models),
            "SPF_REDIS_URL": self.redis_url,
            "SPF_PORT": str(self._port),
        }
        self._processes: dict[str, psutil.Popen] = {}
        self.client = Client(self.url)
        self.notifier = CeleryNotifier(self.redis_url)
        self.db = Database(f"sqlite:///{self.data_dir / 'studio.sqlite'}")
        self.storage = LocalStorage(self.data_dir)

    def start(self, *names: str) -> None:
        """Start processes: `broker`, `api`, `maintenance`, or workers such as `train` and `train-2`."""
        for name in names:
            self.history.note("start", process=name)
            self._processes[name] = self._launch(name)
        if "api" in names:
            wait_for(self._answers, "the REST interface to answer")
        if "broker" in names:
            wait_for(self._has_broker, "the broker to answer")

    def process(self, name: str) -> psutil.Popen:
        """Return a process that was started."""
        return self._processes[name]

    @cached_property
    def checkpoints(self) -> CheckpointProcess:
        """The process in which checkpoints are written and read, started when it is first needed."""
        return CheckpointProcess(REPOSITORY, self._environment)

    def kill(self, name: str) -> None:
        """Send SIGKILL and wait for the end."""
        self.history.note("SIGKILL", process=name)
        process = self._processes.pop(name)
        process.kill()
        process.wait()

    def terminate(self, name: str) -> None:
        """Send SIGTERM and wait for the end."""
        self.history.note("SIGTERM", process=name)
        process = self._processes.pop(name)
        process.terminate()
        process.wait()

    def engine(self, name: str) -> psutil.Process | None:
        """Return the engine's process below a worker; None while it has none."""
        return next(iter(engines_below(self._processes[name])), None)

    def wipe_broker(self) -> None:
        """Kill the broker, delete all that it kept, and start it again."""
        self.kill("broker")
        shutil.rmtree(self.folder / "broker")
        self.start("broker")

    def stop(self) -> None:
        """End everything at once."""
        for process in self._processes.values():
            process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait()
        if "checkpoints" in self.__dict__:
            self.checkpoints.stop()
        self.client.close()
        self.notifier.close()
        self.db.close()
        self.history.close()

    def _launch(self, name: str) -> psutil.Popen:
        """Start a process in a session of its own that dies with this one."""
        with (self.folder / f"{name}.log").open("ab") as log:
            return psutil.Popen(
                die_with_parent(self._command(name)),
                cwd=REPOSITORY,
                env=self._environment,
                start_new_session=True,
                stdout=log,
                stderr=log,
            )

    def _command(self, name: str) -> list[str]:
        if name == "broker":
            (self.folder / "broker").mkdir(exist_ok=True)
            return broker_command(self.folder / "broker", self._broker_port)
        modules = {"api": ["backend.serve"], "maintenance": ["backend.maintenance"]}
        return [sys.executable, "-m", *modules.get(name, ["worker", name.partition("-")[0]])]

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz", timeout=5).is_success
        except httpx.HTTPError:
            return False

    def _has_broker(self) -> bool:
        try:
            return bool(Redis(port=self._broker_port).ping())
        except (OSError, ConnectionError):
            return False


def engines_below(process: psutil.Process) -> list[psutil.Process]:
    """Return the engines that work below a process; those that end meanwhile are left out."""
    found: list[psutil.Process] = []
    for child in process.children(recursive=True):
        try:
            if "spf_portrait" in child.cmdline() and "-P" not in child.cmdline():
                found.append(child)
        except psutil.NoSuchProcess:
            continue
    return found


def _free_port() -> int:
    with socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
