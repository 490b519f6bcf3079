"""Which matrices of a denoising network an adapter changes, and how high its rank may be."""

import re
from typing import Any, cast

from torch import nn

from spf_portrait.contract.errors import ModelError, SpecError
from spf_portrait.contract.preset_table import AdapterKind
from spf_portrait.contract.training_spec import AdapterLayers
from spf_portrait.models.base_model import BaseModel


def adapter_targets(base: BaseModel, layers: AdapterLayers) -> str:
    """Regular expression over whole module paths."""
    if layers == "all_attention":
        return base.family.all_attention_modules(base.network)
    if layers == "cross_attention":
        return base.family.cross_attention_modules
    return rf"(?=.*_[kv](_proj)?$){base.family.cross_attention_modules}"


def matrices(network: nn.Module, targets: str) -> dict[str, nn.Linear]:
    """The linear layers whose path the expression matches, in the network's order.

    Raises:
        ModelError: There are none.
    """
    found = {path: layer for path, layer in linear_layers(network).items() if re.fullmatch(targets, path)}
    if not found:
        raise ModelError(
            "nothing_to_adapt",
            f"no module of a {type(network).__name__} that matches {targets}",
            "a network with attention to text",
            "Choose another base model",
        )
    return found


def linear_layers(network: nn.Module) -> dict[str, nn.Linear]:
    """Every linear layer of the network itself by its module path, also where LoRA stands around it."""
    modules: list[tuple[str, Any]] = list(cast("Any", network).named_modules())
    own = {path: module for path, module in modules if isinstance(module, nn.Linear) and ".lora_" not in path}
    return {path.removesuffix(".base_layer"): module for path, module in own.items()}


def check_rank(rank: int, adapted: dict[str, nn.Linear], kind: AdapterKind) -> None:
    """A rank above a matrix's smaller side adds weights that change nothing.

    LoRA trains weights of that rank in every module, so the smallest matrix decides. Whole matrices are only exported
    with it, and zeros fill up the smaller ones, so the largest decides.

    Raises:
        SpecError: It is too high.
    """
    sides = {path: min(layer.weight.shape) for path, layer in adapted.items()}
    path = (min if kind == "lora" else max)(sides, key=sides.__getitem__)
    if rank > sides[path]:
        raise SpecError(
            "rank_too_high",
            f"rank = {rank}",
            f"at most {sides[path]}, the smaller side of this base model's {path}",
            f"Choose a rank from 1 to {sides[path]}",
        )
