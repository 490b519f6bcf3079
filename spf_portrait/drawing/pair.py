"""A pair from one seed: the reference by the original model, the response by the tuned one, and why they differ.

Both start from the same noise. At a few timesteps the attention of each path is recorded along its own way. Noise
difference and control map need both paths on one shared x_t, as in training: there the original model also answers to
the response's x_t. On order the rest of the response is held, see `hold`; then all that is recorded is of the picture
that came of it. On order there is a third picture, too: the base text alone by the tuned model, never held.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import torch
from torch import Tensor

from spf_portrait.adapter import adapter_off
from spf_portrait.contract.drawing_spec import ComparisonSpec
from spf_portrait.drawing.hold import HELD_DRAWINGS, HeldRest, HeldTexts, held_rest
from spf_portrait.drawing.path import PathDrawing, PathRecorder, State, draw_path
from spf_portrait.drawing.trajectory import Sampling
from spf_portrait.method.attention_maps import TARGET
from spf_portrait.method.attention_recorder import AttentionRecorder
from spf_portrait.method.control_map import bucket_of, control_map, noise_difference, running_maximum, scaled
from spf_portrait.method.micro_batches import in_batches
from spf_portrait.method.prompts import Prompt, reference_prompt, response_prompt
from spf_portrait.models.base_model import BaseModel, encode_nothing, encode_text, predict

_AT_ONCE: Final = 2


@dataclass(frozen=True)
class Pair:
    """Reference and response of one prompt and seed.

    Attributes:
        reference: The base text by the original model.
        response: The base text and the target by the tuned model, with the rest held if that is ordered.
        reconstruction: The base text by the tuned model, [3, height, width]; None unless ordered.
        layer_names: Of the layers that attend to text, as the network's modules are called.
    """

    reference: PathDrawing
    response: PathDrawing
    reconstruction: Tensor | None
    layer_names: tuple[str, ...]


def steps_of_pair(spec: ComparisonSpec) -> int:
    """Denoising steps of all its pictures; a held response is drawn more than once, see `hold`."""
    response = 1 if spec.hold is None else HELD_DRAWINGS
    return (1 + response + spec.reconstruction) * spec.steps


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
            reference = draw_path(base, spec, PathRecorder(base, spec, recorder, reference_text, on_step))
        steer = _held_rest(base, spec, reference_text, response_text, on_step)
        done = (1 if steer is None else 2) * spec.steps
        watched = PathRecorder(base, spec, recorder, response_text, lambda n: on_step(done + n))
        response = _response(base, spec, watched, reference_text, steer)
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


def _response(
    base: BaseModel, spec: ComparisonSpec, watched: PathRecorder, reference: Prompt, steer: HeldRest | None
) -> PathDrawing:
    """With what is known only beside the original model: the difference, and where the hold let the adapter answer."""
    response = draw_path(base, spec, watched, steer)
    if watched.states:
        response = replace(response, difference=_difference(base, watched.states, reference))
    if watched.states and steer is not None:
        response = replace(response, hold_map=steer.m.expand(len(watched.states), -1, -1))
    return response


def _held_rest(
    base: BaseModel, spec: ComparisonSpec, reference: Prompt, response: Prompt, on_step: Callable[[int], None]
) -> HeldRest | None:
    """Of the response, with nothing recorded; None without a hold."""
    if spec.hold is None:
        return None
    texts = HeldTexts(encode_nothing(base), encode_text(base, [reference.text]), encode_text(base, [response.text]))
    sampling = Sampling(spec.steps, spec.guidance_scale)
    return held_rest(base, texts, [spec.seed], sampling, spec.hold, lambda n: on_step(spec.steps + n))


def _difference(base: BaseModel, states: list[State], prompt: Prompt) -> Tensor:
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
    done = steps_of_pair(spec) - spec.steps
    return draw_path(base, plain, PathRecorder(base, plain, recorder, prompt, lambda n: on_step(done + n))).picture
