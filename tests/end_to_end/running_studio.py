"""Starts the whole studio as `make up` does, on a free port and in a folder of its own."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

REPOSITORY = Path(__file__).resolve().parents[2]
READY_MARK = "is ready: "
START_S = 60.0
STOP_S = 30.0


@dataclass(frozen=True)
class RunningStudio:
    """A studio that answers at `url`, such as http://127.0.0.1:41234."""

    url: str

    def read(self, path: str) -> Any:
        """GET a JSON document below /api/v1."""
        return json.loads(self.fetch(f"/api/v1{path}"))

    def fetch(self, path: str) -> bytes:
        """GET a file."""
        with urllib.request.urlopen(f"{self.url}{path}", timeout=30) as answer:
            return answer.read()


def command_environment(data_dir: Path, **settings: str) -> dict[str, str]:
    """The environment of a program that works on this folder.

    Args:
        data_dir: Folder for everything that the studio stores.
        settings: More settings, for instance SPF_LEASE_S="3".
    """
    return {**os.environ, "SPF_DATA_DIR": str(data_dir), "OMP_NUM_THREADS": "1", **settings}


@contextmanager
def running_studio(data_dir: Path, models_dir: Path, **settings: str) -> Generator[RunningStudio]:
    """Run `python -m backend.studio` until the block ends; then stop it as Ctrl-C does.

    Args:
        data_dir: Folder for everything that the studio stores.
        models_dir: Folder with the base models.
        settings: More settings, for instance SPF_LEASE_S="3".
    """
    variables = {"SPF_MODELS_DIR": str(models_dir), "SPF_PORT": "0", "PYTHONUNBUFFERED": "1", **settings}
    environment = command_environment(data_dir, **variables)
    command = [sys.executable, "-m", "backend.studio"]
    process = subprocess.Popen(command, cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield RunningStudio(_ready_url(process.stdout))
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _ready_url(output: IO[str]) -> str:
    """Wait for the line that names the address, and keep reading so that the pipe never fills up."""
    lines: queue.Queue[str | None] = queue.Queue()

    def drain() -> None:
        for line in output:
            lines.put(line)
        lines.put(None)

    threading.Thread(target=drain, daemon=True).start()
    while True:
        line = lines.get(timeout=START_S)
        assert line is not None, "the studio ended before it was ready; its standard error says why"
        if READY_MARK in line:
            return line.split(READY_MARK, 1)[1].strip()
