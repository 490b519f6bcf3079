"""Reading adapter files: LoRA in safetensors, with kohya's names (diffusers' or LDM's blocks) or with diffusers'."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast

from torch import Tensor, nn

from spf_portrait.adapter.kohya_names import kohya_names
from spf_portrait.adapter.layers import linear_layers
from spf_portrait.adapter.lora import Deltas
from spf_portrait.adapter.network_file import holds_network_change
from spf_portrait.contract.errors import ModelError
from spf_portrait.running.untyped import safetensors, safetensors_torch

_PARTS: Final = {
    ".lora_down.weight": "down",
    ".lora_A.weight": "down",
    ".lora_up.weight": "up",
    ".lora_B.weight": "up",
    ".alpha": "alpha",
}


@dataclass(frozen=True)
class AdapterFile:
    """What a file holds.

    Attributes:
        deltas: Of one rank, with every scale folded into `up`.
        metadata: Its header.
        whole_network: In place of deltas, differences of all weights under their names in the file.
    """

    deltas: Deltas
    metadata: dict[str, str]
    whole_network: Mapping[str, Tensor] = field(default_factory=dict[str, Tensor])

    @property
    def rank(self) -> int:
        """Inner dimension of every update."""
        return next(iter(self.deltas.values()))[0].shape[0]


def read_adapter(network: nn.Module, file: Path) -> AdapterFile:
    """Read a file and see that it fits.

    Args:
        network: That it shall be attached to.
        file: What `export` wrote, or another LoRA of one rank.

    Raises:
        ModelError: Not such a file, or made for another base model.
    """
    tensors, metadata = _content(file)
    if holds_network_change(tensors):
        return AdapterFile({}, metadata, tensors)
    made_for = _made_for(metadata)
    paths, modules = _paths(network), dict[str, dict[str, Tensor]]()
    for key, tensor in tensors.items():
        suffix = next((suffix for suffix in _PARTS if key.endswith(suffix)), None)
        path = None if suffix is None else paths.get(key.removesuffix(suffix))
        if suffix is None or path is None:
            raise _foreign(f"{key} in {file}{made_for}", "only modules that this base model adapts")
        modules.setdefault(path, {})[_PARTS[suffix]] = tensor.float()
    deltas = {path: _delta(parts, file, path) for path, parts in modules.items()}
    for path, (down, up) in deltas.items():
        _check_widths(network, path, (up.shape[0], down.shape[1]), f"{file}{made_for}")
    ranks = sorted({down.shape[0] for down, _ in deltas.values()})
    if len(ranks) != 1:
        raise _foreign(f"ranks {ranks} in {file}", "one rank in all modules")
    return AdapterFile(deltas, metadata)


def _content(file: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    if not file.is_file():
        raise ModelError(
            "no_adapter", f"no adapter at {file}", "a .safetensors file", "Check the path given as --adapter"
        )
    try:
        with safetensors.safe_open(file, framework="pt") as opened:
            return safetensors_torch.load_file(file), opened.metadata() or {}
    except (safetensors.SafetensorError, OSError) as error:
        raise _foreign(f"{file}, which cannot be read ({error})", "a LoRA in safetensors") from error


def _paths(network: nn.Module) -> dict[str, str]:
    """Module path by every name that files use for it."""
    found = {f"{prefix}.{path}": path for path in linear_layers(network) for prefix in ("unet", "transformer")}
    if hasattr(network, "down_blocks"):
        found |= {name: path for path, name in kohya_names(network).items()}
        found |= {name: path for path, name in kohya_names(network, ldm=True).items()}
    return found


def _delta(parts: dict[str, Tensor], file: Path, path: str) -> tuple[Tensor, Tensor]:
    if not {"down", "up"} <= parts.keys():
        raise _foreign(f"only {' and '.join(parts)} of {path} in {file}", "down and up of every module")
    down, up = parts["down"], parts["up"]
    return down, up * (float(parts["alpha"]) / down.shape[0]) if "alpha" in parts else up


def _check_widths(network: nn.Module, path: str, found: tuple[int, int], source: str) -> None:
    weight: Any = cast("Any", network.get_submodule(path)).weight
    if tuple(weight.shape) != found:
        allowed = f"{list(weight.shape)}, as this base model has"
        raise _foreign(f"an update {list(found)} of {path} in {source}", allowed)


def _made_for(metadata: dict[str, str]) -> str:
    name = metadata.get("spf.base") or metadata.get("ss_sd_model_name")
    return f", made for the base model {name}" if name else ""


def _foreign(found: str, allowed: str) -> ModelError:
    return ModelError("unusable_adapter", found, allowed, "Choose the base model that the adapter was made for")
