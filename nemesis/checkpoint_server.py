"""`python -m nemesis.checkpoint_server`: does with checkpoints what a line on its standard input says.

    write FOLDER            a child writes one after the other until it is killed; answers with its process id
    save FOLDER STEP KIB    writes one of this size; answers `saved`, or `full` when the disk is
    read FOLDER             answers with the step of the newest sound one, or `none`

A process of its own, so that guards can be taken away from it, and one for all rounds, because torch starts slowly.
"""

from __future__ import annotations

import os
import signal
import sys
from itertools import count
from pathlib import Path
from typing import Final

import torch

from spf_portrait.contract.errors import TrainingError
from spf_portrait.contract.full_disk import is_disk_full
from spf_portrait.running.untyped import safetensors
from spf_portrait.training.checkpoint import Origin, load_latest, save_checkpoint

_ORIGIN: Final = Origin("specification", "caption set")
_KEPT: Final = 3
_WRITTEN_KIB: Final = 4096
"""Enough that hashing takes longer than finding the process that is to be killed."""


def main() -> None:
    """Answer line by line until the input ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # killed children leave nothing behind
    for line in sys.stdin:
        command, folder, *numbers = line.split("\t")
        answer = _answer(command.strip(), Path(folder.strip()), [int(number) for number in numbers])
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()


def _answer(command: str, folder: Path, numbers: list[int]) -> object:
    if command == "write":
        return os.fork() or _write_for_ever(folder)
    if command == "save":
        return _save(folder, *numbers)
    return _newest(folder)


def _write_for_ever(folder: Path) -> None:
    for step in count(1):
        _save(folder, step, _WRITTEN_KIB)


def _save(folder: Path, step: int, kib: int) -> str:
    tensors = {"state": torch.full((kib * 256,), float(step))}
    try:
        save_checkpoint(folder, step, _ORIGIN, tensors, {"step": step}, _KEPT)
    except (OSError, safetensors.SafetensorError) as error:
        if is_disk_full(error):
            return "full"
        raise
    return "saved"


def _newest(folder: Path) -> object:
    try:
        found = load_latest(folder, _ORIGIN)
    except TrainingError as error:
        return error.code
    return "none" if found is None else found.step


if __name__ == "__main__":
    main()
