"""A network that learns: its optimizers, and how their learning rate rises and falls."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR

from spf_portrait.pico.training.resumable import Stateful


@dataclass(frozen=True)
class Learner:
    """A network with its optimizers, and a schedule for each."""

    model: nn.Module
    optimizers: Sequence[torch.optim.Optimizer]
    schedules: Sequence[LambdaLR]

    @classmethod
    def of(cls, model: nn.Module, optimizers: Sequence[torch.optim.Optimizer], factor: Callable[[int], float]) -> Self:
        """All optimizers follow one factor on their learning rates, a function of the step."""
        return cls(model, optimizers, [LambdaLR(optimizer, factor) for optimizer in optimizers])

    def update(self, loss: Tensor) -> None:
        """One optimizer step down the gradient of `loss`, its norm clipped to 1."""
        self.model.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for part in (*self.optimizers, *self.schedules):
            part.step()

    @property
    def state(self) -> dict[str, Stateful]:
        """All that must be kept to go on with a training."""
        kept: dict[str, Stateful] = {"model": self.model}
        for index, (optimizer, schedule) in enumerate(zip(self.optimizers, self.schedules, strict=True)):
            kept |= {f"optimizer_{index}": optimizer, f"schedule_{index}": schedule}
        return kept


def cosine_with_warmup(warmup: int, total: int) -> Callable[[int], float]:
    """Learning-rate factor: linear from 0 over `warmup` steps, then half a cosine down to 0 at `total`."""

    def factor(step: int) -> float:
        if step < warmup:
            return (step + 1) / warmup
        progress = min(1.0, (step - warmup) / max(1, total - warmup))
        return 0.5 * (1 + float(torch.cos(torch.tensor(progress * torch.pi))))

    return factor
