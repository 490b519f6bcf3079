"""A process dies while it writes a checkpoint."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from nemesis.checkpoint_process import newest_folder
from nemesis.row import Round, Row
from nemesis.violation import Violation, unless
from nemesis.waiting import wait_for

_LATEST_S: Final = 0.03
"""After the first file of a checkpoint is begun; the rest is mostly waiting for the disk."""


def _strike(this: Round) -> Iterator[Violation]:
    studio = this.studio
    folder = studio.folder / f"checkpoints-{this.number}"
    writer = studio.checkpoints.write_until_killed(folder)
    wait_for(lambda: any(folder.glob("step-*2")), "a second checkpoint")
    _wait_for_the_next(folder)
    time.sleep(this.chance.uniform(0, _LATEST_S))
    writer.kill()
    wait_for(lambda: not writer.is_running(), "its writer to be gone")
    newest = newest_folder(folder)
    read = studio.checkpoints.newest(folder)
    whole = newest.name == f"step-{read:0>6}"
    yield from unless(whole, f"{newest.name} is torn, and {read} is read instead", "torn")
    shutil.rmtree(folder)


def _wait_for_the_next(folder: Path) -> None:
    """Wait, without a pause, until something is written under a new name."""
    known = {path.name for path in folder.iterdir()}
    while known.issuperset(path.name for path in folder.iterdir()):
        pass


KILLED_IN_CHECKPOINT: Final = Row(
    number=21,
    fault="SIGKILL to a process that writes one checkpoint after the other",
    promise="whatever carries a checkpoint's name is whole",
    rounds=200,
    strike=_strike,
    processes=(),
)
