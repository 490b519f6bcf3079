"""The two layouts of an adapter file. Both hold one rank; in kohya's, alpha = rank, so that no tool scales it."""

from collections.abc import Mapping

import torch
from torch import Tensor

from spf_portrait.adapter import Deltas
from spf_portrait.adapter.kohya_names import kohya_names
from spf_portrait.export.tool_rules import RULES
from spf_portrait.models.base_model import BaseModel


def single_file_tensors(base: BaseModel, deltas: Deltas) -> dict[str, Tensor]:
    """In kohya's layout; for a family that it has no names for, in diffusers'."""
    layout = RULES[base.family.key].layout
    if layout == "diffusers":
        return diffusers_tensors(deltas, base.family.network_name)
    return kohya_tensors(deltas, kohya_names(base.network, ldm=layout == "kohya_ldm"))


def kohya_tensors(deltas: Deltas, names: Mapping[str, str]) -> dict[str, Tensor]:
    """Kohya's: module name + .lora_down.weight, .lora_up.weight and .alpha.

    Args:
        deltas: Of one rank.
        names: Module name by path, from `kohya_names`.
    """
    tensors: dict[str, Tensor] = {}
    for path, (down, up) in deltas.items():
        tensors[f"{names[path]}.lora_down.weight"] = _stored(down)
        tensors[f"{names[path]}.lora_up.weight"] = _stored(up)
        tensors[f"{names[path]}.alpha"] = torch.tensor(float(down.shape[0]))
    return tensors


def diffusers_tensors(deltas: Deltas, network: str) -> dict[str, Tensor]:
    """Diffusers' own: path + .lora_A.weight and .lora_B.weight. Without a scale in the file, ΔW = B · A.

    Args:
        deltas: Of one rank.
        network: Its name in the pipeline, without which diffusers applies nothing: unet or transformer.
    """
    tensors: dict[str, Tensor] = {}
    for path, (down, up) in deltas.items():
        tensors[f"{network}.{path}.lora_A.weight"] = _stored(down)
        tensors[f"{network}.{path}.lora_B.weight"] = _stored(up)
    return tensors


def _stored(tensor: Tensor) -> Tensor:
    return tensor.detach().float().cpu().contiguous()
