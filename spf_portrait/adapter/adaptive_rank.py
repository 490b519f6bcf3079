"""AdaLoRA: ΔW = P Λ Q beside the frozen weights, by PEFT (arXiv 2303.10512): triplets whose λ is 0 do not count.

Which λ are 0 is the business of the training that allots ranks; here such an adapter is attached, and read as plain
LoRA.
"""

import math
from typing import Any, Final, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spf_portrait.adapter.lora import NAME, Deltas
from spf_portrait.contract.training_spec import TrainingSpec
from spf_portrait.running.untyped import peft

_PEFT_EPSILON: Final = 1e-5
"""PEFT divides by the rank and this much more."""


def attach_adaptive(network: nn.Module, spec: TrainingSpec, targets: str) -> None:
    """Add an adapter that changes nothing yet (Λ = 0). Its weights are fp32, whatever the network's are.

    Args:
        network: Of diffusers, without adapter.
        spec: Rank, steps, and how ranks fall; also the seed of the starting values of P and Q.
        targets: Regular expression over module paths.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(spec.seed)
        cast("Any", network).add_adapter(_config(spec, targets), NAME)
    for layer in adaptive_layers(network).values():
        for matrix in (layer.lora_A, layer.lora_E, layer.lora_B):
            matrix[NAME].data = matrix[NAME].data.float()


def initial_rank(spec: TrainingSpec) -> int:
    """⌈factor · rank⌉, which is more than the rank."""
    return math.ceil(spec.rivals.adalora.initial_factor * spec.rank)


def _config(spec: TrainingSpec, targets: str) -> Any:
    settings, initial = spec.rivals.adalora, initial_rank(spec)
    return peft.AdaLoraConfig(
        target_r=spec.rank,
        init_r=initial,
        lora_alpha=initial,
        tinit=int(settings.warmup_share * spec.steps),
        tfinal=int(settings.final_share * spec.steps),
        deltaT=settings.interval,
        total_step=spec.steps,
        target_modules=targets,
    )


def adaptive_layers(network: nn.Module) -> dict[str, Any]:
    """Every layer with such an adapter by its module path: Q in lora_A, Λ in lora_E, P in lora_B."""
    modules: list[tuple[str, Any]] = list(cast("Any", network).named_modules())
    return {path: module for path, module in modules if isinstance(module, peft.tuners.adalora.AdaLoraLayer)}


def adaptive_deltas(network: nn.Module) -> Deltas:
    """As LoRA of one rank, the largest that any module has kept: down = Λ Q, up = P, and zeros behind.

    Modules that have kept no rank are left out.
    """
    found = {path: _kept(layer) for path, layer in adaptive_layers(network).items()}
    rank = max((len(down) for down, _ in found.values()), default=0)
    return {path: _filled(down, up, rank) for path, (down, up) in found.items() if len(down)}


def _kept(layer: Any) -> tuple[Tensor, Tensor]:
    """Λ Q and P of the triplets that count, PEFT's scale in P."""
    values = layer.lora_E[NAME].detach()
    kept = values.flatten() != 0
    scale = layer.scaling[NAME] / (layer.ranknum[NAME] + _PEFT_EPSILON)
    return (layer.lora_A[NAME].detach() * values)[kept], layer.lora_B[NAME].detach()[:, kept] * scale


def _filled(down: Tensor, up: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    missing = rank - len(down)
    return F.pad(down, (0, 0, 0, missing)), F.pad(up, (0, missing))
