"""Everything about a training that changes from step to step, as tensors and facts that a checkpoint can hold."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import torch
from torch import Tensor, nn

from spf_portrait.method.map_memory import MapMemory
from spf_portrait.training.optimizers import new_optimizer, optimizer_tensors, restore_optimizer

_KEPT: Final = "kept."


@dataclass
class TrainingState:
    """State of a training between two steps.

    Attributes:
        parameters: The adapter's, which the optimizer holds too.
        optimizer: AdamW.
        generator: Source of all random draws: order of the portraits, timesteps, noise. On the CPU.
        order: The portraits of the current pass over the set, in the order in which they are used.
        cursor: How many of them are used up.
        step: Steps done, both stages together.
        memory: The control map's.
        kept: What a method for comparison carries from step to step, by name.
        log: One entry a step: its raw losses.
    """

    parameters: list[nn.Parameter]
    optimizer: torch.optim.Optimizer
    generator: torch.Generator
    order: Tensor
    memory: MapMemory
    cursor: int = 0
    step: int = 0
    kept: dict[str, Tensor] = field(default_factory=dict[str, Tensor])
    log: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])


def new_state(
    parameters: list[nn.Parameter], rows: int, learning_rate: float, seed: int, memory: MapMemory
) -> TrainingState:
    """The state before the first step, with `rows` portraits to draw from."""
    generator = torch.Generator().manual_seed(seed)
    optimizer = new_optimizer(parameters, learning_rate)
    return TrainingState(parameters, optimizer, generator, torch.randperm(rows, generator=generator), memory)


def next_rows(state: TrainingState, count: int) -> Tensor:
    """Indices of the next portraits; the set is used up completely before it is shuffled again."""
    chosen: list[Tensor] = []
    while count > 0:
        if state.cursor == len(state.order):
            state.order, state.cursor = torch.randperm(len(state.order), generator=state.generator), 0
        part = state.order[state.cursor : state.cursor + count]
        state.cursor += len(part)
        count -= len(part)
        chosen.append(part)
    return torch.cat(chosen)


def state_tensors(state: TrainingState) -> dict[str, Tensor]:
    """Copies of all tensors, by name."""
    tensors = {"random": state.generator.get_state(), "order": state.order, **state.memory.tensors()}
    for index, parameter in enumerate(state.parameters):
        tensors[f"adapter.{index}"] = parameter.detach()
    tensors |= {f"{_KEPT}{name}": tensor for name, tensor in state.kept.items()}
    tensors |= optimizer_tensors(state.optimizer, state.parameters)
    return {name: tensor.cpu().contiguous().clone() for name, tensor in tensors.items()}


def state_facts(state: TrainingState) -> dict[str, Any]:
    """What is not a tensor."""
    return {"cursor": state.cursor, "log": state.log}


def restore(state: TrainingState, step: int, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    """Make a new state what it was when `state_tensors` and `state_facts` were taken."""
    with torch.no_grad():
        for index, parameter in enumerate(state.parameters):
            parameter.copy_(tensors[f"adapter.{index}"])
    restore_optimizer(state.optimizer, tensors)
    state.generator.set_state(tensors["random"])
    state.order = tensors["order"]
    device = state.parameters[0].device
    state.memory.restore(tensors, device)
    kept = {name.removeprefix(_KEPT): tensor for name, tensor in tensors.items() if name.startswith(_KEPT)}
    state.kept = {name: tensor.to(device) for name, tensor in kept.items()}
    state.step, state.cursor, state.log = step, facts["cursor"], list(facts["log"])
