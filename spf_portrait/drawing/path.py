"""One path from noise to its picture, recorded at a few timesteps on the way."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import torch
from torch import Tensor

from spf_portrait.contract.drawing_spec import ComparisonSpec
from spf_portrait.drawing.trajectory import Steer, denoise, sampler, seeded_noise
from spf_portrait.method.attention_maps import mean_over_layers
from spf_portrait.method.attention_recorder import AttentionRecorder
from spf_portrait.method.prompts import Prompt
from spf_portrait.models.base_model import BaseModel, decode_latents, encode_nothing, encode_text

RECORDED_TIMESTEPS: Final = 8


@dataclass(frozen=True)
class PathDrawing:
    """What one path gave.

    Attributes:
        picture: [3, height, width], about in [-1, 1].
        timesteps: The recorded ones, falling.
        attention: mean_l A at each, [timesteps, columns, height, width] of latents; columns as in `attention_maps`.
        difference: Against the original model on the same x_t, [timesteps, height, width], not scaled; empty for the
            reference, which is the original model.
        layers: A of every layer at each, one [timesteps, cells of the layer, columns] a layer; empty unless ordered.
        shared: mean_l Â at each, [timesteps, columns − 1, height, width] of latents; empty unless layers are ordered.
        hold_map: How far the hold let the adapter answer, at all alike, [timesteps, height, width]; empty unless held.
    """

    picture: Tensor
    timesteps: tuple[int, ...]
    attention: Tensor
    difference: Tensor
    layers: tuple[Tensor, ...] = ()
    shared: Tensor = field(default_factory=lambda: torch.empty(0))
    hold_map: Tensor = field(default_factory=lambda: torch.empty(0))


@dataclass(frozen=True)
class State:
    """What the network was shown at one recorded timestep, and its answer; rows of one."""

    timestep: Tensor
    x_t: Tensor
    predicted: Tensor


class PathRecorder:
    """Watches the steps of one path and records at the chosen ones.

    Args:
        base: As the path wants it.
        spec: Number of steps, and what is recorded.
        recorder: Entered; this listens with it.
        prompt: Of the path.
        on_step: Told the number of denoising steps done.
    """

    def __init__(
        self,
        base: BaseModel,
        spec: ComparisonSpec,
        recorder: AttentionRecorder,
        prompt: Prompt,
        on_step: Callable[[int], None],
    ) -> None:
        self._recorder, self._on_step, self._steps = recorder, on_step, spec.steps
        self._pooling = prompt.pooling[None].to(base.device)
        self.chosen = evenly_chosen(spec.steps, RECORDED_TIMESTEPS) if spec.maps else ()
        self.text = encode_text(base, [prompt.text])
        self.timesteps: list[int] = []
        self.attention: list[Tensor] = []
        self.states: list[State] = []
        self.layers: list[tuple[Tensor, ...]] = []
        self.shared: list[Tensor] = []
        self._keeps_layers = spec.layer_maps
        self._listen_at(0)

    def __call__(self, index: int, timestep: Tensor, shown: Tensor, predicted: Tensor) -> None:
        if index in self.chosen:
            record = self._recorder.record()
            self.timesteps.append(int(timestep))
            self.attention.append(mean_over_layers(record.maps, *predicted.shape[-2:])[0])
            if self._keeps_layers:
                self.layers.append(record.maps)
                self.shared.append(mean_over_layers(record.shared, *predicted.shape[-2:])[0])
            self.states.append(State(timestep, shown, predicted))
        self._listen_at(index + 1)
        self._on_step(min(index + 1, self._steps))  # some samplers take one more

    def _listen_at(self, index: int) -> None:
        self._recorder.listen(self._pooling if index in self.chosen else None)


def draw_path(base: BaseModel, spec: ComparisonSpec, watched: PathRecorder, steer: Steer | None = None) -> PathDrawing:
    """Draw it.

    Args:
        base: With its adapter on or off, as the path wants it.
        spec: Seed and sampling.
        watched: Records it; new.
        steer: Of the path, see `trajectory.Steer`; None for the answers as they are.
    """
    noise, generators = seeded_noise(base, [spec.seed])
    texts = (encode_nothing(base), watched.text)
    latents = denoise(base, sampler(base, spec.steps), noise, texts, spec.guidance_scale, generators, watched, steer)
    return PathDrawing(
        decode_latents(base, latents)[0],
        tuple(watched.timesteps),
        _stacked(watched.attention),
        torch.empty(0),
        tuple(torch.cat(layer) for layer in zip(*watched.layers, strict=True)),
        _stacked(watched.shared),
    )


def evenly_chosen(steps: int, count: int) -> tuple[int, ...]:
    """Indices of at most `count` steps, evenly spread from the first to the last."""
    if steps <= count:
        return tuple(range(steps))
    return tuple(round(index * (steps - 1) / (count - 1)) for index in range(count))


def _stacked(found: list[Tensor]) -> Tensor:
    return torch.stack(found) if found else torch.empty(0)
