"""Pictures that the original model draws for parts of the captions: what it does with a text is to stay as it is.

Each has its complete text, too: what the target is to leave as it is. There are more texts than pictures. A picture
takes seconds and a text next to nothing, and what few texts teach the model to keep it forgets for others: at high
noise, where it is decided what a picture shows, the drift for unseen base texts was twice that for the set's own.
"""

from collections.abc import Callable, Sequence
from typing import Final

import torch
from torch import Tensor

from spf_portrait.adapter import adapter_off
from spf_portrait.contract.phrases import Caption
from spf_portrait.contract.preservation import Preservation
from spf_portrait.drawing.trajectory import denoise, sampler, starting_noise
from spf_portrait.method.prompts import reference_prompt, response_prompt
from spf_portrait.method.training_set import TrainingRows
from spf_portrait.models.base_model import BaseModel, encode_nothing, encode_text
from spf_portrait.models.families.text_embedding import TextEmbedding, stacked

STEPS: Final = 20
"""Denoising steps of a picture: it is noised again before anything looks at it."""
_WAITING: Final = torch.device("cpu")
_KEPT_SHARE: Final = 0.5
"""A phrase is kept as often as it is left out, so that what captions always say is left open, too."""


def original_pictures(
    base: BaseModel,
    captions: Sequence[Caption],
    size_px: int,
    seed: int,
    settings: Preservation,
    on_picture: Callable[[int], None],
) -> TrainingRows:
    """Draw them, each by itself so that no more memory is needed than in a training step.

    Args:
        base: Its adapter, if any, is off meanwhile.
        captions: Their base texts are taken in turn; all have the same target.
        size_px: Side of the pictures.
        seed: The same seed gives the same pictures.
        settings: How many pictures and texts, and with which guidance scale.
        on_picture: Told how many are done.

    Returns:
        A row for each text, on the CPU: base text, complete text, and the latents of a picture. Row n stands with
        picture n modulo their number; the first rows have the texts that theirs were drawn for.
    """
    chance = torch.Generator().manual_seed(seed)
    columns = max(len(caption.base) for caption in captions)
    rows = max(settings.pictures, settings.texts)
    turns = [captions[number % len(captions)] for number in range(rows)]
    parts = [caption.model_copy(update={"base": _part(caption.base, chance)}) for caption in turns]
    prompts = [reference_prompt(base.text_axis, part, columns) for part in parts]
    complete = [response_prompt(base.text_axis, part, columns) for part in parts]
    texts, nothing = [encode_text(base, [prompt.text]) for prompt in prompts], encode_nothing(base)
    latents: list[Tensor] = []
    with torch.no_grad(), adapter_off(base.network):
        for number, text in enumerate(texts[: settings.pictures]):
            latents.append(_drawn(base, (nothing, text), size_px, seed + number, settings.guidance_scale).cpu())
            on_picture(number + 1)
    asked = [encode_text(base, [prompt.text]) for prompt in complete]
    return TrainingRows(
        x_0=torch.cat(latents)[torch.arange(rows) % settings.pictures],
        base_text=stacked(texts).to(_WAITING),
        complete_text=stacked(asked).to(_WAITING),
        base_pooling=torch.stack([prompt.pooling for prompt in prompts]),
        complete_pooling=torch.stack([prompt.pooling for prompt in complete]),
    )


def _part(phrases: tuple[str, ...], chance: torch.Generator) -> tuple[str, ...]:
    """Some of the phrases, at least one, in their order."""
    kept = torch.rand(len(phrases), generator=chance) < _KEPT_SHARE
    kept[int(torch.randint(len(phrases), (1,), generator=chance))] = True
    return tuple(phrase for phrase, keep in zip(phrases, kept, strict=True) if keep)


def _drawn(
    base: BaseModel, texts: tuple[TextEmbedding, TextEmbedding], size_px: int, seed: int, guidance_scale: float
) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    noise = starting_noise(base, size_px, generator)
    return denoise(base, sampler(base, STEPS), noise, texts, guidance_scale, generator, _unwatched)


def _unwatched(index: int, timestep: Tensor, shown: Tensor, predicted: Tensor) -> None:
    """Nobody asks for its steps."""
