"""The disk is full when a checkpoint is to be written."""

from __future__ import annotations

import subprocess
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Final

from nemesis.row import CannotRun, Round, Row
from nemesis.violation import Violation, unless

_DISK_KIB: Final = 4096
_SIZES_KIB: Final = (300, 1500)


def _strike(this: Round) -> Iterator[Violation]:
    checkpoints = this.studio.checkpoints
    with _small_disk(this.studio.folder / "small-disk") as disk:
        (disk / "ballast").write_bytes(bytes(this.chance.randrange(0, _DISK_KIB // 2) * 1024))
        folder = disk / "checkpoints"
        saved = 0
        for step in count(1):
            if not checkpoints.save(folder, step, this.chance.randint(*_SIZES_KIB)):
                break
            saved = step
        newest = checkpoints.newest(folder)
        expected = str(saved) if saved else "none"
        yield from unless(newest == expected, f"step {saved} was saved, and {newest} is read", "torn")


@contextmanager
def _small_disk(folder: Path) -> Generator[Path]:
    """A file system of a few MiB.

    Raises:
        CannotRun: this user may not mount one.
    """
    folder.mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={_DISK_KIB}k", "none", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        raise CannotRun("a small file system is mounted, which takes root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


DISK_FULL_AT_CHECKPOINT: Final = Row(
    number=18,
    fault="a disk that becomes full at some byte of a checkpoint",
    promise="the checkpoint before it is there, whole",
    rounds=50,
    strike=_strike,
    processes=(),
)
