"""Starts the studio's child processes, restarts those that exit, and ends them all with the studio."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

log = logging.getLogger(__name__)

REPOSITORY: Final = Path(__file__).resolve().parents[1]
_RESTART_S: Final = 5.0
_LARGEST_LOG_BYTES: Final = 10 * 1024 * 1024


@dataclass
class _Child:
    """A child process and how to start it again."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    stop_timeout_s: float
    process: subprocess.Popen[bytes]
    started_s: float


class ProcessManager:
    """Child processes that live and die with the studio.

    Use from the main thread only: see `worker/die_with_parent.py`.

    Args:
        logs: folder that receives what the children write.
    """

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._children: list[_Child] = []

    def start(self, name: str, command: Sequence[str], environment: Mapping[str, str], stop_timeout_s: float) -> None:
        """Start a child in its own session, so that Ctrl-C in the terminal reaches the studio only.

        Args:
            name: name of its log.
            command: argument list.
            environment: the child's environment.
            stop_timeout_s: time it gets to end after SIGTERM.
        """
        process = self._launch(name, command, environment)
        self._children.append(_Child(name, command, environment, stop_timeout_s, process, time.monotonic()))

    def restart_exited(self) -> None:
        """Start children again that ended by themselves, each at most every few seconds."""
        for child in self._children:
            code = child.process.poll()
            if code is not None and time.monotonic() - child.started_s > _RESTART_S:
                log.warning("%s ended with %s and is started again; its log is in %s", child.name, code, self._logs)
                child.process = self._launch(child.name, child.command, child.environment)
                child.started_s = time.monotonic()

    def stop(self) -> None:
        """End all children, together."""
        for child in self._children:
            child.process.terminate()
        for child in self._children:
            try:
                child.process.wait(child.stop_timeout_s)
            except subprocess.TimeoutExpired:
                child.process.kill()
                child.process.wait()
        self._children.clear()

    def _launch(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
        """Start a process that the kernel kills when this one dies."""
        # A file and not an import: the backend knows no worker.
        wrapper = [sys.executable, "-P", str(REPOSITORY / "worker" / "die_with_parent.py"), str(os.getpid())]
        with self._log(name).open("ab") as output:
            return subprocess.Popen(
                [*wrapper, *command],
                env=dict(environment),
                cwd=REPOSITORY,
                start_new_session=True,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    def _log(self, name: str) -> Path:
        """Return a child's log; one that has grown large makes room for a new one, and the one before it goes."""
        self._logs.mkdir(parents=True, exist_ok=True)
        log_path = self._logs / f"{name}.log"
        if log_path.exists() and log_path.stat().st_size > _LARGEST_LOG_BYTES:
            log_path.replace(log_path.with_suffix(".log.1"))
        return log_path
