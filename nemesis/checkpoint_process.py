"""The process in which rows have checkpoints written and read; see `nemesis.checkpoint_server`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO, cast

import psutil

from worker.die_with_parent import die_with_parent


class CheckpointProcess:
    """Starts the process; it is ended with `stop`.

    Args:
        cwd: the repository.
        environment: of the studio, with the guard that is taken away.
    """

    def __init__(self, cwd: Path, environment: Mapping[str, str]) -> None:
        command = die_with_parent([sys.executable, "-m", "nemesis.checkpoint_server"])
        pipe = subprocess.PIPE
        self._process = psutil.Popen(command, cwd=cwd, env=dict(environment), stdin=pipe, stdout=pipe, text=True)

    def write_until_killed(self, folder: Path) -> psutil.Process:
        """Have checkpoints written, one after the other; return who does it."""
        return psutil.Process(int(self._ask("write", folder)))

    def save(self, folder: Path, step: int, kib: int) -> bool:
        """Have one written; False when the disk is full."""
        return self._ask("save", folder, step, kib) == "saved"

    def newest(self, folder: Path) -> str:
        """Return the step of the newest sound one, `none`, or the code of a refusal."""
        return self._ask("read", folder)

    def stop(self) -> None:
        """End it, and whoever still writes."""
        for process in (*self._process.children(), self._process):
            process.kill()
        self._process.wait()

    def _ask(self, *words: object) -> str:
        cast(IO[str], self._process.stdin).write("\t".join(map(str, words)) + "\n")
        cast(IO[str], self._process.stdin).flush()
        return cast(IO[str], self._process.stdout).readline().strip()


def newest_folder(folder: Path) -> Path:
    """Return the newest checkpoint that carries a finished one's name."""
    return max(path for path in folder.glob("step-*") if path.suffix == "")
