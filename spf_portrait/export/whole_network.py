"""Export of a training of all weights: their differences, for this program alone."""

import os
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from spf_portrait.adapter.network_file import network_tensors
from spf_portrait.contract.errors import ExportError
from spf_portrait.export.facts import AdapterFacts
from spf_portrait.export.hashes import tensor_hash
from spf_portrait.export.header import own_header
from spf_portrait.export.tool_rules import Reach
from spf_portrait.models.base_model import BaseModel
from spf_portrait.running.untyped import safetensors_torch

REACH: Final = Reach((), "it holds differences of all weights of a network, and is no LoRA")


def write_network_change(base: BaseModel, facts: AdapterFacts, file: Path) -> None:
    """Write the file and see that it reads back as written.

    Raises:
        ExportError: A weight is no longer a number, too large for half precision, or the file does not read back.
    """
    tensors = network_tensors(base.network)
    if bad := [key for key, tensor in tensors.items() if not torch.isfinite(tensor).all()]:
        raise _bad(f"numbers in {bad[0]} that half precision cannot hold")
    header = {"format": "pt", **own_header(base, facts, REACH), "spf.sha256": tensor_hash(tensors)}
    safetensors_torch.save_file(tensors, file, header)
    with file.open("rb") as written:
        os.fsync(written.fileno())
    read: dict[str, Tensor] = safetensors_torch.load_file(file)
    if tensor_hash(read) != header["spf.sha256"]:
        raise _bad("other differences than were trained")


def _bad(found: str) -> ExportError:
    return ExportError(
        "export_check_failed",
        f"in a draft of the adapter file {found}",
        "what was trained",
        "Train with a lower learning rate if a number is too large; else look at the disk",
    )
