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
from spf_portrait.untyped import safetensors, safetensors_torch

_log = logging.getLogger(__name__)
_TENSORS: Final = "state.safetensors"
_FACTS: Final = "facts.json"
_KEPT: Final = 2
_UNFINISHED: Final = ".tmp"


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
    folder: Path, step: int, origin: Origin, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]
) -> Path:
    """Write a checkpoint and remove all but the last two.

    Args:
        folder: Of all checkpoints of this training.
        step: Steps done so far.
        origin: Of this training.
        tensors: Contiguous, on the CPU.
        facts: Anything JSON can hold.

    Returns:
        The finished checkpoint's folder.
    """
    final = folder / f"step-{step:06d}"
    draft = final.with_suffix(_UNFINISHED)
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    safetensors_torch.save_file(dict(tensors), draft / _TENSORS)
    (draft / _FACTS).write_text(json.dumps(facts), "utf-8")
    digests = {name: _sha256(draft / name) for name in (_TENSORS, _FACTS)}
    manifest = {
        "step": step,
        "spec_sha256": origin.spec_sha256,
        "dataset_sha256": origin.dataset_sha256,
        "files": digests,
    }
    (draft / CHECKPOINT_MANIFEST).write_text(json.dumps(manifest, indent=2), "utf-8")
    for file in (draft / _TENSORS, draft / _FACTS, draft / CHECKPOINT_MANIFEST, draft):
        _flush(file)
    shutil.rmtree(final, ignore_errors=True)
    os.replace(draft, final)
    _flush(folder)
    for old in _finished(folder)[_KEPT:]:
        shutil.rmtree(old)
    return final


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
    """Read the manifest and compare the sha256 of every file it lists."""
    manifest = json.loads((candidate / CHECKPOINT_MANIFEST).read_text("utf-8"))
    for name in (_TENSORS, _FACTS):
        if _sha256(candidate / name) != manifest["files"][name]:
            raise ValueError(f"{name} does not match its sha256")
    return manifest


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
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _flush(path: Path) -> None:
    """Force a file, or a folder's list of names, onto the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
