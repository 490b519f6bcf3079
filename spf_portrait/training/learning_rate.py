"""The learning rate of every step: it stays during stage 1 and falls evenly during stage 2."""

import torch

from spf_portrait.contract.training_spec import TrainingSpec


def learning_rate_at(step: int, spec: TrainingSpec) -> float:
    """η · (1 − (1 − end) · share of stage 2 that is done), η in stage 1.

    Args:
        step: Steps done before, both stages together.
        spec: η, end, and how long the stages are.
    """
    done = max(0, step - spec.stage1_steps) / max(1, spec.stage2_steps)
    return spec.learning_rate * (1 - (1 - spec.learning_rate_end) * done)


def set_learning_rate(optimizer: torch.optim.Optimizer, learning_rate: float) -> None:
    """Of all parameters alike, from the next step on."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate
