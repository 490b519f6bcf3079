"""A draft of an export, tried as a user would: loaded by diffusers into a fresh pipeline, compared module by module.

A draft that fails is not released.
"""

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast

import torch
from torch import Tensor, nn

from spf_portrait.adapter import Deltas, lora_layers
from spf_portrait.adapter.layers import linear_layers
from spf_portrait.contract.errors import ExportError
from spf_portrait.export.hashes import hash_behind_header
from spf_portrait.export.tool_rules import A1111_VERSIONS, ALPHA, a1111_version, unmatched_keys
from spf_portrait.models.base_model import BaseModel
from spf_portrait.running.untyped import diffusers, safetensors, safetensors_torch

_TOLERANCE: Final = 1e-5
"""Of the largest number of each ΔW."""


def check_file(base: BaseModel, deltas: Deltas, file: Path) -> None:
    """Try one file.

    Args:
        base: The base model it was trained on.
        deltas: What the file shall hold.
        file: A draft, in either layout.

    Raises:
        ExportError: It is not what was trained, or other tools would read it wrongly.
    """
    tensors: dict[str, Tensor] = safetensors_torch.load_file(file)
    with safetensors.safe_open(file, framework="pt") as opened:
        header: dict[str, str] = opened.metadata() or {}
    _check_names(tensors)
    _check_scales(tensors)
    _check_header(base, header, file)
    _check_changes(base, deltas, file)


def _check_names(tensors: Mapping[str, Tensor]) -> None:
    """ComfyUI passes over keys that it does not know with no more than a warning."""
    if left := unmatched_keys(tensors):
        raise _bad(f"keys that ComfyUI would leave over: {', '.join(left[:3])}", "names that every tool reads")


def _check_scales(tensors: Mapping[str, Tensor]) -> None:
    """Diffusers takes the commonest alpha for all modules, so there must be one alone, and alpha / rank = 1."""
    down, up = (".lora_down.weight", ".lora_A.weight"), (".lora_up.weight", ".lora_B.weight")
    ranks = {tensor.shape[0] for key, tensor in tensors.items() if key.endswith(down)}
    ranks |= {tensor.shape[1] for key, tensor in tensors.items() if key.endswith(up)}
    alphas = {float(tensor) for key, tensor in tensors.items() if key.endswith(ALPHA)}
    if len(ranks) != 1 or not alphas <= ranks:
        raise _bad(f"ranks {sorted(ranks)} and alphas {sorted(alphas)}", "one rank, and alpha = rank in every module")


def _check_header(base: BaseModel, header: Mapping[str, str], file: Path) -> None:
    digest = hash_behind_header(file.read_bytes())
    if header.get("sshs_model_hash") != digest or header.get("modelspec.hash_sha256") != f"0x{digest}":
        raise _bad("a hash in the header that is not the file's", f"{digest}")
    version = A1111_VERSIONS.get(base.family.key)
    if version is not None and a1111_version(header) != version:
        raise _bad(f"a header that A1111 would take for {a1111_version(header)}", version)
    places = [str(place.resolve()) for place in (base.path, file.parent)]
    if told := [key for key, value in header.items() if any(place in value for place in places)]:
        raise _bad(f"a local path in the header's {told[0]}", "a header that names no place on this machine")


def _check_changes(base: BaseModel, deltas: Deltas, file: Path) -> None:
    loaded = _loaded_changes(base, file)
    for path, (down, up) in deltas.items():
        trained = (up @ down).detach().float().cpu()
        if not torch.isfinite(trained).all() or not trained.any():
            raise _bad(f"an update of {path} that is zero or not a number", "numbers, not all of them zero")
        if path not in loaded or not _close(loaded[path], trained):
            raise _bad(f"another update of {path} in a fresh pipeline", "the update that was trained, in every module")
    if more := sorted(loaded.keys() - deltas.keys()):
        raise _bad(f"an update of {more[0]}, which was not trained", "the update that was trained, and no other")


def _loaded_changes(base: BaseModel, file: Path) -> dict[str, Tensor]:
    """ΔW by module path in a pipeline of the base's family that has nothing but the network's layout."""
    pipeline_class, network = getattr(diffusers, base.family.pipeline), weightless(base.network)
    needed = inspect.signature(pipeline_class.__init__).parameters.values()
    parts = {part.name: None for part in needed if part.default is part.empty and part.name != "self"}
    pipeline: Any = pipeline_class(**{**parts, base.family.network_name: network})
    try:
        pipeline.load_lora_weights(file.parent, weight_name=file.name, adapter_name="check", local_files_only=True)
    except (ValueError, RuntimeError, KeyError) as error:
        raise _bad(f"a file that diffusers refuses ({error})", "a LoRA that diffusers loads") from error
    return {path: layer.get_delta_weight("check").detach() for path, layer in lora_layers(network)}


def weightless(network: nn.Module) -> nn.Module:
    """A network of the same layout that takes no memory: one zero stands for all the numbers of a linear layer."""
    kind, config = cast("Any", type(network)), cast("Any", network).config
    with torch.device("meta"):
        layout: nn.Module = kind.from_config(config)
    for layer in linear_layers(layout).values():
        layer.weight = nn.Parameter(torch.zeros(()).expand(layer.weight.shape), requires_grad=False)
    return layout


def _close(found: Tensor, trained: Tensor) -> bool:
    limit = _TOLERANCE * float(trained.abs().max())
    return found.shape == trained.shape and torch.allclose(found, trained, rtol=0, atol=limit)


def _bad(found: str, allowed: str) -> ExportError:
    return ExportError(
        "export_check_failed",
        f"in a draft of the adapter file {found}",
        allowed,
        "Train for more steps if an update is zero, with a lower learning rate if it is no number; else install the "
        "versions that pyproject.toml pins",
    )
