"""A training loop that can be killed at any time and goes on where it was."""

import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import torch
from tqdm import tqdm

Losses = Mapping[str, float]
CPU: Final = torch.device("cpu")
_LOG_EVERY: Final = 25


class Stateful(Protocol):
    """Anything with a state to keep: a module, an optimizer, a schedule."""

    def state_dict(self) -> dict[str, Any]: ...
    def load_state_dict(self, state_dict: dict[str, Any]) -> object: ...


@dataclass(frozen=True)
class Budget:
    """How long to train: a number of optimizer steps, and until when at most, by `time.monotonic()`."""

    steps: int
    deadline_s: float = float("inf")
    save_every_s: float = 120.0


class OutOfTime(Exception):
    """The deadline passed before all steps were done; a checkpoint is kept."""

    def __init__(self, name: str, done: int, steps: int) -> None:
        super().__init__(f"{name}: {done} of {steps} steps are done, and kept")


def train_resumably(
    name: str, folder: Path, budget: Budget, state: Mapping[str, Stateful], step: Callable[[int], Losses]
) -> None:
    """Call `step(index)` until the steps are done; keep `state` in `folder/name.pt` and losses in `name.jsonl`.

    Each step must take its randomness from its index alone, so that a resumed run equals an unbroken one.

    Raises:
        OutOfTime: The deadline came first. The same call later goes on where this one stopped.
    """
    checkpoint = folder / f"{name}.pt"
    first, seconds = _restore(checkpoint, state)
    started, log = time.monotonic(), list[dict[str, float]]()
    saved = started
    bar = tqdm(range(first, budget.steps), initial=first, total=budget.steps, desc=f"{name:<14}", mininterval=5)
    for index in bar:
        losses = step(index)
        bar.set_postfix({key: f"{value:.4f}" for key, value in losses.items()}, refresh=False)
        done, now = index + 1, time.monotonic()
        if done % _LOG_EVERY == 0 or done == budget.steps:
            log.append({"step": done, **losses})
        if done == budget.steps or now - saved > budget.save_every_s or now > budget.deadline_s:
            _save(checkpoint, state, done, seconds + now - started)
            _append(folder / f"{name}.jsonl", log)
            saved, log = now, []
        if done < budget.steps and now > budget.deadline_s:
            raise OutOfTime(name, done, budget.steps)


def generator_for(seed: int, step: int) -> torch.Generator:
    """The random numbers of one step, the same whether or not the run was interrupted before it."""
    return torch.Generator().manual_seed(seed * 1_000_003 + step)


def _restore(checkpoint: Path, state: Mapping[str, Stateful]) -> tuple[int, float]:
    """Steps done, and the seconds they took."""
    if not checkpoint.exists():
        return 0, 0.0
    kept: dict[str, Any] = torch.load(checkpoint, map_location="cpu", weights_only=True)
    for key, part in state.items():
        part.load_state_dict(kept["state"][key])
    return int(kept["step"]), float(kept["seconds"])


def _save(checkpoint: Path, state: Mapping[str, Stateful], step: int, seconds: float) -> None:
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    partial = checkpoint.with_suffix(".partial")
    states = {key: part.state_dict() for key, part in state.items()}
    torch.save({"step": step, "seconds": seconds, "state": states}, partial)
    os.replace(partial, checkpoint)


def _append(path: Path, lines: Sequence[Losses]) -> None:
    """Written with the checkpoint, so that steps repeated after a kill are not logged twice."""
    with path.open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)
