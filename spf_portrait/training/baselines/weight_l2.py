"""LoRA with weight-offset L2: L = L_denoise + λ ‖ΔW‖², so that the weights stay near the original model's.

L2-SP of transfer learning (arXiv 1803.05045), here on the product of LoRA's two matrices: decaying them one by one
would bound neither what they change together nor where.
"""

from dataclasses import replace

import torch
from torch import Tensor, nn

from spf_portrait.adapter import adapter_deltas, weight_changes
from spf_portrait.training.baselines import fine_tuning
from spf_portrait.training.baselines.material import Material
from spf_portrait.training.stages import Draw, Stage


def stages(on: Material) -> tuple[Stage, Stage]:
    """Fine-tuning in which the change of the weights is a loss, too."""
    first, second = fine_tuning.stages(on)
    return _bounded(first, on), _bounded(second, on)


def _bounded(stage: Stage, on: Material) -> Stage:
    def losses(draw: Draw) -> dict[str, Tensor]:
        return {**stage.losses(draw), "weight_l2": squared_change(on.base.network)}

    weights = {**stage.weights, "weight_l2": on.spec.rivals.weight_l2.weight}
    return replace(stage, losses=losses, weights=weights)


def squared_change(network: nn.Module) -> Tensor:
    """‖ΔW‖² = Σ ‖up · down‖², over all adapted matrices, and Σ ‖ΔW‖² of weights that train as a whole.

    ‖up · down‖² = ⟨upᵀ up, down downᵀ⟩ needs matrices of the rank's size alone.
    """
    composed = [((up.T @ up) * (down @ down.T)).sum() for down, up in adapter_deltas(network).values()]
    whole = [weight.change.square().sum() for weight in weight_changes(network).values()]
    return torch.stack(composed + whole).sum()
