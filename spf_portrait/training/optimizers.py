"""What moves the weights: AdamW, its learning rate at every step, and what a checkpoint keeps of both.

The learning rate follows from the step alone, so that a resumed training goes on with the rate that it stopped at.
"""

from collections.abc import Mapping
from typing import Final

import torch
from torch import Tensor, nn

from spf_portrait.contract.training_spec import TrainingSpec

_PREFIX: Final = "optimizer"


def new_optimizer(parameters: list[nn.Parameter], learning_rate: float) -> torch.optim.Optimizer:
    """AdamW without weight decay, which would pull an adapter back to the original model."""
    return torch.optim.AdamW(parameters, lr=learning_rate, weight_decay=0.0)


def learning_rate_at(step: int, spec: TrainingSpec) -> float:
    """η · min(1, (step + 1) / warm-up) · (1 − (1 − end) · share of stage 2 that is done).

    Args:
        step: Steps done before, both stages together.
        spec: η, warm-up, end, and how long the stages are.
    """
    risen = min(1.0, (step + 1) / max(1, spec.warmup_steps))
    done = max(0, step - spec.stage1_steps) / max(1, spec.stage2_steps)
    return spec.learning_rate * risen * (1 - (1 - spec.learning_rate_end) * done)


def set_learning_rate(optimizer: torch.optim.Optimizer, learning_rate: float) -> None:
    """Of all parameters alike, from the next step on."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate


def optimizer_tensors(optimizer: torch.optim.Optimizer, parameters: list[nn.Parameter]) -> dict[str, Tensor]:
    """Its moments and step counts, by name and number of the parameter."""
    return {
        f"{_PREFIX}.{index}.{name}": value
        for index, parameter in enumerate(parameters)
        for name, value in optimizer.state[parameter].items()
    }


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Make a new optimizer what it was when `optimizer_tensors` was taken; other tensors are passed over."""
    found: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        kind, *rest = name.split(".")
        if kind == _PREFIX:
            found.setdefault(int(rest[0]), {})[rest[1]] = tensor
    optimizer.load_state_dict({"state": found, "param_groups": optimizer.state_dict()["param_groups"]})
