"""A pair from one seed: the reference by the original model, the response by the tuned one, and why they differ.

Both start from the same noise. At a few timesteps the attention of each path is recorded along its own way. Noise
difference and control map need both paths on one shared x_t, as in training: there the original model also answers to
the response's x_t. On order there is a third picture, the base text alone by the tuned model.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

import torch
from torch import Tensor

from spf_portrait.adapter import adapter_off
from spf_portrait.contract.drawing_spec import ComparisonSpec
from spf_portrait.drawing.trajectory import denoise, sampler, starting_noise
from spf_portrait.method.attention_maps import TARGET, mean_over_layers
from spf_portrait.method.attention_recorder import AttentionRecorder
from spf_portrait.method.control_map import bucket_of, control_map, noise_difference, running_maximum, scaled
from spf_portrait.method.micro_batches import in_batches
from spf_portrait.method.prompts import Prompt, reference_prompt, response_prompt
from spf_portrait.models.base_model import BaseModel, decode_latents, encode_nothing, encode_text, predict

RECORDED_TIMESTEPS: Final = 8
_AT_ONCE: Final = 2


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
    """

    picture: Tensor
    timesteps: tuple[int, ...]
    attention: Tensor
    difference: Tensor
    layers: tuple[Tensor, ...] = ()
    shared: Tensor = field(default_factory=lambda: torch.empty(0))


@dataclass(frozen=True)
class _State:
    """What the network was shown at one recorded timestep, and its answer; rows of one."""

    timestep: Tensor
    x_t: Tensor
    predicted: Tensor


@dataclass(frozen=True)
class Pair:
    """Reference and response of one prompt and seed.

    Attributes:
        reference: The base text by the original model.
        response: The base text and the target by the tuned model.
        reconstruction: The base text by the tuned model, [3, height, width]; None unless ordered.
        layer_names: Of the layers that attend to text, as the network's modules are called.
    """

    reference: PathDrawing
    response: PathDrawing
    reconstruction: Tensor | None
    layer_names: tuple[str, ...]


def steps_of_pair(spec: ComparisonSpec) -> int:
    """Denoising steps of all its pictures."""
    return (3 if spec.reconstruction else 2) * spec.steps


def draw_pair(base: BaseModel, spec: ComparisonSpec, on_step: Callable[[int], None]) -> Pair:
    """Draw both pictures, and the third if it is ordered.

    Args:
        base: With the adapter attached at the wanted strength, or without one.
        spec: Prompt, seed and sampling; `spec.adapter` is not looked at.
        on_step: Told the number of denoising steps done, of `steps_of_pair`.

    Raises:
        DataError: The prompt is no caption or has too many tokens.
    """
    columns = len(spec.caption.base)
    reference_text = reference_prompt(base.text_axis, spec.caption, columns)
    response_text = response_prompt(base.text_axis, spec.caption, columns)
    with torch.no_grad(), AttentionRecorder(base.network) as recorder:
        with adapter_off(base.network):
            reference = _draw(base, spec, _Observer(base, spec, recorder, reference_text, on_step))
        observer = _Observer(base, spec, recorder, response_text, lambda n: on_step(spec.steps + n))
        response = _draw(base, spec, observer)
        if observer.states:
            response = replace(response, difference=_difference(base, observer.states, reference_text))
        reconstruction = _reconstruction(base, spec, recorder, reference_text, on_step) if spec.reconstruction else None
    return Pair(reference, response, reconstruction, recorder.layer_names)


def scaled_differences(pair: Pair, noise_scale: Tensor | None, schedule_timesteps: int) -> Tensor:
    """Noise differences in [0, 1], [timesteps, height, width].

    Args:
        pair: Drawn with maps.
        noise_scale: Running maximum that training ended with; None to take this pair's own largest values.
        schedule_timesteps: Number of timesteps of the schedule.
    """
    difference = pair.response.difference
    buckets = bucket_of(torch.tensor(pair.response.timesteps, device=difference.device), schedule_timesteps)
    if noise_scale is None:
        noise_scale = running_maximum(
            torch.zeros(int(buckets.max()) + 1, device=difference.device), buckets, difference
        )
    return scaled(difference, noise_scale.to(difference.device)[buckets])


def control_maps(pair: Pair, differences: Tensor, shares: Tensor, gain: float) -> Tensor:
    """M at every recorded timestep, [timesteps, height, width].

    Args:
        pair: Drawn with maps.
        differences: From `scaled_differences`, or `place_of_target` of these.
        shares: w_p of the prompt's base phrases, [phrases].
        gain: Strength of subtracting phrase maps.
    """
    phrase_maps = pair.response.attention[:, :TARGET]
    return control_map(differences, phrase_maps, shares.expand(len(differences), -1), gain)


def evenly_chosen(steps: int, count: int) -> tuple[int, ...]:
    """Indices of at most `count` steps, evenly spread from the first to the last."""
    if steps <= count:
        return tuple(range(steps))
    return tuple(round(index * (steps - 1) / (count - 1)) for index in range(count))


class _Observer:
    """Watches the steps of one path and records at the chosen ones."""

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
        self._chosen = evenly_chosen(spec.steps, RECORDED_TIMESTEPS) if spec.maps else ()
        self.text = encode_text(base, [prompt.text])
        self.timesteps: list[int] = []
        self.attention: list[Tensor] = []
        self.states: list[_State] = []
        self.layers: list[tuple[Tensor, ...]] = []
        self.shared: list[Tensor] = []
        self._keeps_layers = spec.layer_maps
        self._listen_at(0)

    def __call__(self, index: int, timestep: Tensor, shown: Tensor, predicted: Tensor) -> None:
        if index in self._chosen:
            record = self._recorder.record()
            self.timesteps.append(int(timestep))
            self.attention.append(mean_over_layers(record.maps, *predicted.shape[-2:])[0])
            if self._keeps_layers:
                self.layers.append(record.maps)
                self.shared.append(mean_over_layers(record.shared, *predicted.shape[-2:])[0])
            self.states.append(_State(timestep, shown, predicted))
        self._listen_at(index + 1)
        self._on_step(min(index + 1, self._steps))  # some samplers take one more

    def _listen_at(self, index: int) -> None:
        self._recorder.listen(self._pooling if index in self._chosen else None)


def _draw(base: BaseModel, spec: ComparisonSpec, observer: _Observer) -> PathDrawing:
    generator = torch.Generator().manual_seed(spec.seed)
    noise = starting_noise(base, base.image_size_px, generator)
    texts = (encode_nothing(base), observer.text)
    latents = denoise(base, sampler(base, spec.steps), noise, texts, spec.guidance_scale, generator, observer)
    return PathDrawing(
        decode_latents(base, latents)[0],
        tuple(observer.timesteps),
        _stacked(observer.attention),
        torch.empty(0),
        tuple(torch.cat(layer) for layer in zip(*observer.layers, strict=True)),
        _stacked(observer.shared),
    )


def _difference(base: BaseModel, states: list[_State], prompt: Prompt) -> Tensor:
    """Against the original model's answers to the same states, [states, height, width].

    Some go together, as many as a guided step shows the network: no more memory than drawing takes.
    """
    x_t, timesteps = torch.cat([state.x_t for state in states]), torch.stack([state.timestep for state in states])
    text = encode_text(base, [prompt.text]).expand(len(states))
    with adapter_off(base.network):
        answers = in_batches(
            lambda rows: predict(base, x_t[rows], timesteps[rows], text[rows]), len(states), _AT_ONCE, torch.cat
        )
    return noise_difference(torch.cat([state.predicted for state in states]), answers)


def _reconstruction(
    base: BaseModel, spec: ComparisonSpec, recorder: AttentionRecorder, prompt: Prompt, on_step: Callable[[int], None]
) -> Tensor:
    """With nothing recorded."""
    plain = spec.model_copy(update={"maps": False, "layer_maps": False})
    done = 2 * spec.steps
    return _draw(base, plain, _Observer(base, plain, recorder, prompt, lambda n: on_step(done + n))).picture


def _stacked(found: list[Tensor]) -> Tensor:
    return torch.stack(found) if found else torch.empty(0)
