"""A training loop that can be killed at any time and goes on where it was."""

import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from tqdm import tqdm

Losses = Mapping[str, float]


class Stateful(Protocol):
    """Anything with a state to keep: a module, an optimizer, a schedule."""

    def state_dict(self) -> dict[str, Any]: ...
    def load_state_dict(self, state_dict: dict[str, Any]) -> object: ...


@dataclass(frozen=True)
class Budget:
    """How long to train: a number of optimizer steps, and at most so many seconds in this run."""

    steps: int
    seconds: float = float("inf")
    save_every_s: float = 120.0


def train_resumably(
    name: str, folder: Path, budget: Budget, state: Mapping[str, Stateful], step: Callable[[int], Losses]
) -> bool:
    """Call `step(index)` until the budget is spent; keep `state` in `folder/name.pt` and losses in `name.jsonl`.

    Each step must take its randomness from its index alone, so that a resumed run equals an unbroken one.

    Returns:
        True when all steps are done, False when the time ran out first.
    """
    checkpoint = folder / f"{name}.pt"
    first = _restore(checkpoint, state)
    started = saved = time.monotonic()
    bar = tqdm(range(first, budget.steps), initial=first, total=budget.steps, desc=name, mininterval=5)
    for index in bar:
        losses = step(index)
        bar.set_postfix({key: f"{value:.4f}" for key, value in losses.items()}, refresh=False)
        now = time.monotonic()
        finished = index + 1 == budget.steps
        if finished or now - saved > budget.save_every_s or now - started > budget.seconds:
            _save(checkpoint, state, index + 1)
            _log(folder / f"{name}.jsonl", index + 1, losses)
            saved = now
        if not finished and now - started > budget.seconds:
            return False
    return True


def generator_for(seed: int, step: int) -> torch.Generator:
    """The random numbers of one step, the same whether or not the run was interrupted before it."""
    return torch.Generator().manual_seed(seed * 1_000_003 + step)


def cosine_with_warmup(warmup: int, total: int) -> Callable[[int], float]:
    """Learning-rate factor: linear from 0 over `warmup` steps, then half a cosine down to 0 at `total`."""

    def factor(step: int) -> float:
        if step < warmup:
            return (step + 1) / warmup
        progress = min(1.0, (step - warmup) / max(1, total - warmup))
        return 0.5 * (1 + float(torch.cos(torch.tensor(progress * torch.pi))))

    return factor


def update(
    model: torch.nn.Module,
    loss: torch.Tensor,
    optimizers: Sequence[torch.optim.Optimizer],
    schedules: Sequence[torch.optim.lr_scheduler.LRScheduler],
) -> None:
    """One optimizer step down the gradient of `loss`, its norm clipped to 1."""
    model.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    for part in (*optimizers, *schedules):
        part.step()


def state_of(model: Stateful, optimizers: Sequence[Stateful], schedules: Sequence[Stateful]) -> dict[str, Stateful]:
    """All that must be kept to go on with a training."""
    kept: dict[str, Stateful] = {"model": model}
    for index, (optimizer, schedule) in enumerate(zip(optimizers, schedules, strict=True)):
        kept |= {f"optimizer_{index}": optimizer, f"schedule_{index}": schedule}
    return kept


def _restore(checkpoint: Path, state: Mapping[str, Stateful]) -> int:
    if not checkpoint.exists():
        return 0
    kept = torch.load(checkpoint, map_location="cpu", weights_only=True)
    for key, part in state.items():
        part.load_state_dict(kept["state"][key])
    return int(kept["step"])


def _save(checkpoint: Path, state: Mapping[str, Stateful], step: int) -> None:
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    partial = checkpoint.with_suffix(".partial")
    torch.save({"step": step, "state": {key: part.state_dict() for key, part in state.items()}}, partial)
    os.replace(partial, checkpoint)


def _log(path: Path, step: int, losses: Losses) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"step": step, **losses}) + "\n")
