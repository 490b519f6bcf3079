"""Four pictures for each held-out text: original and tuned model, without and with the target, from one noise.

On order there is a fifth, the response with the rest held, see `hold`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import torch
from PIL import Image
from torch import Tensor

from spf_portrait.adapter import adapter_off
from spf_portrait.contract.hold import Hold
from spf_portrait.contract.phrases import Caption
from spf_portrait.drawing.hold import HELD_DRAWINGS, HeldTexts, held_rest
from spf_portrait.drawing.pictures import eight_bit
from spf_portrait.drawing.trajectory import Sampling, Steer, denoise, sampler, seeded_noise
from spf_portrait.method.prompts import reference_prompt, response_prompt
from spf_portrait.models.base_model import BaseModel, decode_latents, encode_nothing, encode_text
from spf_portrait.models.families.text_embedding import TextEmbedding

_MOST_AT_ONCE: Final = 4
_PIXELS_AT_ONCE: Final = _MOST_AT_ONCE * 512**2
"""Of all pictures of a batch: of 768 pixels a side and more, each is drawn by itself."""


@dataclass(frozen=True)
class Case:
    """What one set of four pictures is drawn from."""

    caption: Caption
    seed: int


@dataclass(frozen=True)
class FourPictures:
    """uint8 [cases, 3, height, width] each.

    Attributes:
        reference: Original model, base text.
        floor: Original model, base text and target.
        base_by_tuned: Tuned model, base text.
        response: Tuned model, base text and target.
        held: The same with the rest held; None unless ordered.
    """

    reference: Tensor
    floor: Tensor
    base_by_tuned: Tensor
    response: Tensor
    held: Tensor | None = None


def steps_of_four(cases: int, steps: int, hold: Hold | None) -> int:
    """Denoising steps of all pictures of so many cases, of so many steps each."""
    return (4 if hold is None else 4 + HELD_DRAWINGS) * cases * steps


def draw_four(
    base: BaseModel,
    cases: Sequence[Case],
    sampling: Sampling,
    on_step: Callable[[int], None],
    hold: Hold | None = None,
) -> FourPictures:
    """Draw everything.

    Args:
        base: With the adapter attached at the wanted strength.
        cases: Texts and seeds.
        sampling: The same for all four.
        on_step: Told the number of denoising steps done, see `steps_of_four`.
        hold: How the rest is held in a fifth picture; None to draw none.

    Raises:
        DataError: A text has too many tokens.
    """
    done = _Counter(on_step)
    with adapter_off(base.network):
        reference, floor = draw_both(base, cases, sampling, done.add)
    base_by_tuned, response = draw_both(base, cases, sampling, done.add)
    held = None if hold is None else draw_held(base, cases, sampling, hold, done.add)
    return FourPictures(reference, floor, base_by_tuned, response, held)


def draw_both(
    base: BaseModel, cases: Sequence[Case], sampling: Sampling, on_steps: Callable[[int], None]
) -> tuple[Tensor, Tensor]:
    """Base texts, and base texts with the target, by the model as it is; arguments as for `draw_texts`."""
    without, complete = _texts(base, cases)
    seeds = [case.seed for case in cases]
    return (
        draw_texts(base, without, seeds, sampling, on_steps),
        draw_texts(base, complete, seeds, sampling, on_steps),
    )


@torch.no_grad()
def draw_texts(
    base: BaseModel,
    texts: Sequence[str],
    seeds: Sequence[int],
    sampling: Sampling,
    on_steps: Callable[[int], None],
) -> Tensor:
    """Draw texts in batches. Every picture has its own source of noise, so it does not depend on its neighbours.

    Args:
        base: As it is to draw.
        texts: One for each picture.
        seeds: One for each picture.
        sampling: How.
        on_steps: Told how many steps were added, counted over pictures.

    Returns:
        uint8 [pictures, 3, height, width] on the CPU.
    """
    return torch.cat(
        [
            _draw_batch(base, _embedded(base, texts[part]), seeds[part], sampling, on_steps)
            for part in _parts(base, len(seeds))
        ]
    )


@torch.no_grad()
def draw_held(
    base: BaseModel, cases: Sequence[Case], sampling: Sampling, hold: Hold, on_steps: Callable[[int], None]
) -> Tensor:
    """Base texts with the target by the tuned model, the rest held to the original one, see `hold`.

    Args:
        base: With the adapter attached at the wanted strength, or several of them.
        cases: Texts and seeds.
        sampling: How.
        hold: Where the rest is held, and how firmly.
        on_steps: Told how many steps were added, counted over pictures: 2 · cases · steps in all.

    Returns:
        uint8 [cases, 3, height, width] on the CPU.

    Raises:
        DataError: A text has too many tokens.
    """
    without, complete = _texts(base, cases)
    seeds, drawn = [case.seed for case in cases], list[Tensor]()
    for part in _parts(base, len(seeds)):
        nothing, with_target = _embedded(base, complete[part])
        texts, rows = HeldTexts(nothing, encode_text(base, without[part]), with_target), len(seeds[part])
        steer = held_rest(base, texts, seeds[part], sampling, hold, lambda _, rows=rows: on_steps(rows))
        drawn.append(_draw_batch(base, (nothing, with_target), seeds[part], sampling, on_steps, steer))
    return torch.cat(drawn)


def as_images(pictures: Tensor) -> list[Image.Image]:
    """uint8 [pictures, 3, height, width] → RGB pictures."""
    return [Image.fromarray(picture.permute(1, 2, 0).numpy()) for picture in pictures]


def _texts(base: BaseModel, cases: Sequence[Case]) -> tuple[list[str], list[str]]:
    """Base texts, and complete texts."""
    columns = max(len(case.caption.base) for case in cases)
    return (
        [reference_prompt(base.text_axis, case.caption, columns).text for case in cases],
        [response_prompt(base.text_axis, case.caption, columns).text for case in cases],
    )


def _parts(base: BaseModel, pictures: int) -> list[slice]:
    """Batch by batch, the smaller the larger the pictures are."""
    at_once = max(1, min(_MOST_AT_ONCE, _PIXELS_AT_ONCE // base.image_size_px**2))
    return [slice(start, start + at_once) for start in range(0, pictures, at_once)]


def _embedded(base: BaseModel, texts: Sequence[str]) -> tuple[TextEmbedding, TextEmbedding]:
    """No text and the texts, a row for each picture."""
    return encode_nothing(base).expand(len(texts)), encode_text(base, texts)


def _draw_batch(
    base: BaseModel,
    texts: tuple[TextEmbedding, TextEmbedding],
    seeds: Sequence[int],
    sampling: Sampling,
    on_steps: Callable[[int], None],
    steer: Steer | None = None,
) -> Tensor:
    scheduler = sampler(base, sampling.steps)
    noise, generators = seeded_noise(base, seeds)

    def on_step(index: int, timestep: Tensor, shown: Tensor, predicted: Tensor) -> None:
        on_steps(len(seeds) if index < sampling.steps else 0)  # some samplers take one more

    latents = denoise(base, scheduler, noise, texts, sampling.guidance_scale, generators, on_step, steer)
    return torch.cat([eight_bit(decode_latents(base, row[None])) for row in latents])


class _Counter:
    """Adds up steps over batches and models."""

    def __init__(self, on_step: Callable[[int], None]) -> None:
        self._on_step, self._done = on_step, 0

    def add(self, steps: int) -> None:
        """Some more were done."""
        self._done += steps
        self._on_step(self._done)
