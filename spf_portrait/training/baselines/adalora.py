"""AdaLoRA (arXiv 2303.10512): low-rank updates whose ranks are allotted to the modules that need them most.

    L = L_denoise + w · mean over P, Q of ‖Pᵀ P − I‖_F and ‖Q Qᵀ − I‖_F

Every module starts with a higher rank than LoRA's. From the first tenth of the steps on, the least important triplets
of all modules are masked, until the mean rank is LoRA's; the last three tenths train what was kept. How important a
triplet is follows from moving averages of weight times gradient. PEFT's allocator computes them; that an adapter on a
diffusers network has none, and no orthogonality either, is made up for here.
"""

from dataclasses import replace
from typing import Any, Final, cast

import torch
from torch import Tensor, nn

from spf_portrait.adapter.adaptive_rank import adaptive_layers
from spf_portrait.adapter.lora import NAME
from spf_portrait.running.untyped import peft
from spf_portrait.training.baselines import fine_tuning
from spf_portrait.training.baselines.material import Material
from spf_portrait.training.stages import Draw, Stage
from spf_portrait.training.training_state import TrainingState

_AVERAGES: Final = ("exp_avg_ipt", "exp_avg_unc")
"""Smoothed importance and its uncertainty, as PEFT calls them."""
_RANKS: Final = "ranks"


def stages(on: Material) -> tuple[Stage, Stage]:
    """Fine-tuning with orthogonality, and ranks that are allotted after every step."""
    budget = RankBudget(on.base.network, on.state)
    first, second = fine_tuning.stages(on)
    return _orthogonal(first, on, budget), _orthogonal(second, on, budget)


def _orthogonal(stage: Stage, on: Material, budget: "RankBudget") -> Stage:
    def losses(draw: Draw) -> dict[str, Tensor]:
        return {**stage.losses(draw), "orthogonality": orthogonality(on.base.network)}

    weights = {**stage.weights, "orthogonality": on.spec.rivals.adalora.orthogonality}
    return replace(stage, losses=losses, weights=weights, after=budget.allot)


def orthogonality(network: nn.Module) -> Tensor:
    """mean ‖Pᵀ P − I‖_F and ‖Q Qᵀ − I‖_F over all modules."""
    layers = adaptive_layers(network).values()
    grams = [gram for layer in layers for gram in _grams(layer.lora_A[NAME], layer.lora_B[NAME])]
    return torch.stack([torch.linalg.matrix_norm(gram - torch.eye(len(gram)).to(gram)) for gram in grams]).mean()


def _grams(q: Tensor, p: Tensor) -> tuple[Tensor, Tensor]:
    return q @ q.T, p.T @ p


class RankBudget:
    """PEFT's allocator on a diffusers network, with what it remembers in the state that checkpoints keep.

    Args:
        network: With the adapter attached, whose configuration says how ranks fall.
        state: Of the training, new or that of a checkpoint.
    """

    def __init__(self, network: nn.Module, state: TrainingState) -> None:
        self._network, self._state = network, state
        self._config = cast("Any", network).peft_config[NAME]
        self._allocator = peft.tuners.adalora.layer.RankAllocator(network, self._config, NAME)
        for average in _AVERAGES:
            setattr(self._allocator, average, _part(state.kept, average))
        self._allocator.ipt = dict(self._allocator.exp_avg_ipt)  # PEFT asks it which averages there are
        self._pattern: dict[str, list[bool]] = {
            name: ranks.tolist() for name, ranks in _part(state.kept, _RANKS).items()
        }

    def allot(self, step: int) -> None:
        """Mask what does not fit the budget; call it when a step's gradients are still there.

        Args:
            step: Steps done, the one at hand included.
        """
        final = self._config.total_step - self._config.tfinal
        if step > final:
            self._allocator.mask_using_rank_pattern(self._network, self._pattern)
            return
        _, pattern = self._allocator.update_and_allocate(self._network, step, force_mask=step == final)
        self._pattern = pattern or self._pattern
        if step == final:
            self._allocator.reset_ipt()  # ranks stay from here on
        self._state.kept = self._remembered()

    def _remembered(self) -> dict[str, Tensor]:
        averages = {
            f"{average}/{name}": tensor
            for average in _AVERAGES
            for name, tensor in getattr(self._allocator, average).items()
        }
        return averages | {f"{_RANKS}/{name}": torch.tensor(ranks) for name, ranks in self._pattern.items()}


def _part(kept: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    names = {name: name.removeprefix(f"{prefix}/") for name in kept}
    return {short: kept[name] for name, short in names.items() if short != name}
