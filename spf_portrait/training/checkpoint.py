"""Checkpoints that are complete or absent: temporary folder, fsync, manifest with sha256 last, rename.

A checkpoint is a folder `step-000250` with tensors (safetensors), facts (JSON) and the manifest. What they mean is the
business of `training_state`; here they are only kept safe.
"""

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from torch import Tensor

from spf_portrait.contract.artifacts import CHECKPOINT_MANIFEST
from spf_portrait.contract.errors import TrainingError
from spf_portrait.running.untyped import safetensors, safetensors_torch

_log = logging.getLogger(__name__)
_TENSORS: Final = "state.safetensors"
_FACTS: Final = "facts.json"
_UNFINISHED: Final = ".tmp"
_SEAL: Final = "sha256"
_SEALED: Final = frozenset({"step", "spec_sha256", "dataset_sha256", "files"})


@dataclass(frozen=True)
class Origin:
    """What a checkpoint belongs to; another one's checkpoint is refused."""

    spec_sha256: str
    dataset_sha256: str


@dataclass(frozen=True)
class Checkpoint:
    """What was read back."""

    step: int
    tensors: dict[str, Tensor]
    facts: dict[str, Any]


def save_checkpoint(
    folder: Path, step: int, origin: Origin, tensors: Mapping[str, Tensor], facts: Mapping[str, Any], keep: int
) -> Path:
    """Write a checkpoint, and only then remove older ones.

    Args:
        folder: Of all checkpoints of this training.
        step: Steps done so far.
        origin: Of this training.
        tensors: Contiguous, on the CPU.
        facts: Anything JSON can hold.
        keep: How many are left, this one included.

    Returns:
        The finished checkpoint's folder.
    """
    final = folder / f"step-{step:06d}"
    draft = final.with_suffix(_UNFINISHED)
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    _write(draft, step, origin, tensors, facts)
    shutil.rmtree(final, ignore_errors=True)  # it is damaged, or this training would have gone on from it
    os.replace(draft, final)
    _flush(folder)
    _prune(folder, final, keep)
    return final


def _write(draft: Path, step: int, origin: Origin, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    """The files, the manifest last, all of them on the disk for sure."""
    safetensors_torch.save_file(dict(tensors), draft / _TENSORS)
    (draft / _FACTS).write_text(json.dumps(facts), "utf-8")
    digests = {name: _sha256(draft / name) for name in (_TENSORS, _FACTS)}
    manifest = {
        "step": step,
        "spec_sha256": origin.spec_sha256,
        "dataset_sha256": origin.dataset_sha256,
        "files": digests,
    }
    (draft / CHECKPOINT_MANIFEST).write_text(json.dumps({**manifest, _SEAL: _seal(manifest)}, indent=2), "utf-8")
    for file in (draft / _TENSORS, draft / _FACTS, draft / CHECKPOINT_MANIFEST, draft):
        _flush(file)


def _prune(folder: Path, newest: Path, keep: int) -> None:
    """Leave `keep` checkpoints up to the newest one.

    Those behind it were passed over as damaged when this training resumed, so they must not take a sound one's place;
    unfinished ones are left from a process that was killed.
    """
    finished = _finished(folder)
    kept = finished[finished.index(newest) :][:keep]
    for path in {*finished, *folder.glob(f"step-*{_UNFINISHED}")} - set(kept):
        shutil.rmtree(path)


def load_latest(folder: Path, origin: Origin) -> Checkpoint | None:
    """The newest sound checkpoint, or None if there is none; a damaged one is passed over with a warning.

    Raises:
        TrainingError: The checkpoints belong to another specification or caption set.
    """
    for candidate in _finished(folder):
        try:
            manifest = _verified_manifest(candidate)
            _check_origin(candidate, manifest, origin)
            facts = json.loads((candidate / _FACTS).read_text("utf-8"))
            return Checkpoint(manifest["step"], safetensors_torch.load_file(candidate / _TENSORS), facts)
        except (OSError, ValueError, KeyError, safetensors.SafetensorError) as error:
            _log.warning("The checkpoint %s is damaged (%s); going back to the one before it.", candidate.name, error)
    return None


def newest_sound_step(folder: Path) -> int | None:
    """The step of the checkpoint that `load_latest` would read; None if there is none."""
    for candidate in _finished(folder):
        try:
            return int(_verified_manifest(candidate)["step"])
        except (OSError, ValueError, KeyError):
            continue
    return None


def what_is_left(folder: Path) -> str:
    """From where a training that has ended can go on, as a sentence."""
    step = newest_sound_step(folder)
    if step is None:
        return "No checkpoint was written yet."
    return f"The checkpoint of step {step} is sound."


def refuse_existing(folder: Path) -> None:
    """Keep a new training out of a folder that holds another one's checkpoints.

    Raises:
        TrainingError: There are checkpoints.
    """
    if _finished(folder):
        raise TrainingError(
            "checkpoints_exist",
            f"checkpoints of an earlier training in {folder}",
            "an empty folder, or a training that goes on from them",
            "Add --resume to go on, or choose another folder with --checkpoints",
        )


def _finished(folder: Path) -> list[Path]:
    """Checkpoint folders, newest first."""
    found = (path for path in folder.glob("step-*") if path.is_dir() and path.suffix != _UNFINISHED)
    return sorted(found, reverse=True)


def _verified_manifest(candidate: Path) -> dict[str, Any]:
    """Read the manifest, compare its own sha256, and then that of every file it lists."""
    manifest = json.loads((candidate / CHECKPOINT_MANIFEST).read_text("utf-8"))
    seal = manifest.pop(_SEAL, None)  # checkpoints of earlier versions have none
    if frozenset(manifest) != _SEALED or seal not in (None, _seal(manifest)):
        raise ValueError("the manifest does not match its sha256")
    for name in (_TENSORS, _FACTS):
        if _sha256(candidate / name) != manifest["files"][name]:
            raise ValueError(f"{name} does not match its sha256")
    return manifest


def _seal(manifest: Mapping[str, Any]) -> str:
    """A hash of what the manifest says, so that a damaged one is not taken for another training's."""
    return hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()


def _check_origin(candidate: Path, manifest: dict[str, Any], origin: Origin) -> None:
    for key, thing in (("spec_sha256", "specification"), ("dataset_sha256", "caption set")):
        if manifest[key] != getattr(origin, key):
            raise TrainingError(
                "foreign_checkpoint",
                f"a checkpoint of another {thing} in {candidate.parent}",
                f"checkpoints of the same specification and caption set ({key} {getattr(origin, key)[:12]})",
                "Resume with the specification and data it was started with, or choose an empty checkpoint folder",
            )


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _flush(path: Path) -> None:
    """Force a file, or a folder's list of names, onto the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
