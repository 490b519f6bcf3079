"""Writing an export: every file into a draft folder, the self-test, and only then the files' own names."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from spf_portrait.contract.artifacts import ADAPTER, ADAPTER_NOTES, ADAPTER_PICTURE, DIFFUSERS_ADAPTER
from spf_portrait.export.facts import AdapterFacts
from spf_portrait.export.hashes import file_hash, tensor_hash
from spf_portrait.export.header import file_header
from spf_portrait.export.low_rank import TrainedUpdate, trained_update
from spf_portrait.export.self_test import check_file
from spf_portrait.export.sidecars import notes, thumbnail
from spf_portrait.export.tensors import diffusers_tensors, single_file_tensors
from spf_portrait.export.tool_rules import Reach, reach
from spf_portrait.export.whole_network import REACH, write_network_change
from spf_portrait.models.base_model import BaseModel
from spf_portrait.running.untyped import safetensors_torch

_DRAFT: Final = ".export"
_FILES: Final = (DIFFUSERS_ADAPTER, ADAPTER_PICTURE, ADAPTER_NOTES, ADAPTER)
"""The adapter itself last: where it is, the others are."""


@dataclass(frozen=True)
class Exported:
    """What was released.

    Attributes:
        files: By their names in `contract.artifacts`.
        sha256: Of the single file.
        reach: Which tools load it.
        captured_energy: For whole matrices: smallest and mean share, and every module's.
    """

    files: Mapping[str, Path]
    sha256: str
    reach: Reach
    captured_energy: Mapping[str, Any] | None


def export_checkpoint(base: BaseModel, facts: AdapterFacts, out: Path, picture: bytes | None = None) -> Exported:
    """Export the adapter as it is now, or leave nothing behind.

    Args:
        base: With the adapter attached; it is not changed.
        facts: About the training so far.
        out: Folder for the files.
        picture: A generated portrait as PNG, never one of the training pictures: it travels with the adapter.

    Raises:
        ExportError: The files do not load back as what was trained.
    """
    draft = out / _DRAFT
    shutil.rmtree(draft, ignore_errors=True)
    try:
        if facts.spec.adapter_kind == "whole_network":
            return _whole_network(base, facts, draft, out, picture)
        update = trained_update(base.network, facts.spec.rank)
        found = _write(base, facts, update, draft, picture)
        for name in (ADAPTER, DIFFUSERS_ADAPTER):
            check_file(base, update.deltas, draft / name)
        return Exported(_release(draft, out), file_hash(out / ADAPTER), found, update.energy_summary())
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _whole_network(base: BaseModel, facts: AdapterFacts, draft: Path, out: Path, picture: bytes | None) -> Exported:
    draft.mkdir(parents=True)
    write_network_change(base, facts, draft / ADAPTER)
    if picture is not None:
        (draft / ADAPTER_PICTURE).write_bytes(picture)
    return Exported(_release(draft, out), file_hash(out / ADAPTER), REACH, None)


def _write(base: BaseModel, facts: AdapterFacts, update: TrainedUpdate, draft: Path, picture: bytes | None) -> Reach:
    """Everything, into the draft folder."""
    (draft / DIFFUSERS_ADAPTER).parent.mkdir(parents=True)
    small = None if picture is None else thumbnail(picture)
    single = single_file_tensors(base, update.deltas)
    found = reach(base.family.key, single)
    folder_only = Reach(("diffusers", "invokeai") if "invokeai" in found.tools else ("diffusers",))
    own = diffusers_tensors(update.deltas, base.family.network_name)
    for name, tensors, tools in ((ADAPTER, single, found), (DIFFUSERS_ADAPTER, own, folder_only)):
        header = file_header(base, facts, update, tools, tensor_hash(tensors), small)
        safetensors_torch.save_file(tensors, draft / name, header)
    (draft / ADAPTER_NOTES).write_text(notes(base, facts, found), "utf-8")
    if picture is not None:
        (draft / ADAPTER_PICTURE).write_bytes(picture)
    return found


def _release(draft: Path, out: Path) -> dict[str, Path]:
    """Flush the files and give them their names; what an earlier export left under these names goes."""
    written = [name for name in _FILES if (draft / name).is_file()]
    for name in _FILES:
        if name not in written:
            (out / name).unlink(missing_ok=True)
    for name in written:
        with (draft / name).open("rb") as file:
            os.fsync(file.fileno())
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        os.replace(draft / name, out / name)
    return {name: out / name for name in written}
