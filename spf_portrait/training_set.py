"""A caption set as tensors, computed once before training: latents, text embeddings, phrase spans, CLIP embeddings."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Self

import numpy
import torch
from PIL import Image
from torch import Tensor

from spf_portrait.base_model import BaseModel, encode_pixels, encode_text
from spf_portrait.clip_space import ClipSpace
from spf_portrait.contract.caption_set import LoadedCaptionSet
from spf_portrait.contract.errors import DataError
from spf_portrait.contract.phrases import Caption
from spf_portrait.contract.portraits import open_portrait, square
from spf_portrait.control_map import phrase_distances, stretched
from spf_portrait.prompts import Prompt, reference_prompt, response_prompt


@dataclass(frozen=True)
class _Rows:
    """Tensors with one row per portrait."""

    def chosen(self, indices: Tensor) -> Self:
        """Some of the rows, in that order."""
        return type(self)(*(getattr(self, field.name)[indices] for field in fields(self)))


@dataclass(frozen=True)
class TrainingRows(_Rows):
    """What both stages need.

    Attributes:
        x_0: Scaled latents, [rows, channels, height, width].
        base_states: Text embeddings of the base text, [rows, tokens, width].
        complete_states: Text embeddings of the complete text.
        base_pooling: [rows, tokens, columns], see `prompts`.
        complete_pooling: The same for the complete text.
    """

    x_0: Tensor
    base_states: Tensor
    complete_states: Tensor
    base_pooling: Tensor
    complete_pooling: Tensor

    @property
    def present(self) -> Tensor:
        """1 for columns that stand for a phrase of the base text or PAD, [rows, columns]."""
        return (self.base_pooling.sum(dim=1) > 0).float()


@dataclass(frozen=True)
class MeaningRows(_Rows):
    """What the second stage needs from CLIP; embeddings [rows, width] have unit length.

    Attributes:
        distances: d_p between the target and every base phrase, [rows, base phrases]; 0 behind the last.
        exemplar: i(x_0).
        target: t(target phrase), the same in all rows.
        base: t(base text).
        complete: t(complete text).
    """

    distances: Tensor
    exemplar: Tensor
    target: Tensor
    base: Tensor
    complete: Tensor


def load_pixels(portraits: LoadedCaptionSet, size_px: int) -> Tensor:
    """All portraits in [-1, 1], [rows, 3, size_px, size_px].

    Raises:
        DataError: A portrait cannot be read.
    """
    named = zip(portraits.items, portraits.images, strict=True)
    return torch.stack([to_pixels(square(open_portrait(file, item.file_name), size_px)) for item, file in named])


def to_pixels(image: Image.Image) -> Tensor:
    """RGB picture → [3, height, width] in [-1, 1]."""
    return torch.from_numpy(numpy.array(image, dtype=numpy.float32)).permute(2, 0, 1) / 127.5 - 1


def training_rows(
    base: BaseModel, portraits: LoadedCaptionSet, pixels: Tensor, on_row: Callable[[int], None]
) -> TrainingRows:
    """Encode captions and pictures; `on_row` is told how many pictures are done.

    Raises:
        DataError: A caption is too long for the text encoder; the message names its file.
    """
    columns = max(len(item.caption.base) for item in portraits.items)
    references = _prompts(base, portraits, lambda caption: reference_prompt(base.tokenizer, caption, columns))
    responses = _prompts(base, portraits, lambda caption: response_prompt(base.tokenizer, caption, columns))
    return TrainingRows(
        x_0=_latents(base, pixels, on_row),
        base_states=_states(base, references),
        complete_states=_states(base, responses),
        base_pooling=torch.stack([prompt.pooling for prompt in references]).to(base.device),
        complete_pooling=torch.stack([prompt.pooling for prompt in responses]).to(base.device),
    )


def meaning_rows(clip: ClipSpace, portraits: LoadedCaptionSet, pixels: Tensor) -> MeaningRows:
    """Embed pictures, texts and phrases in CLIP's space."""
    captions = [item.caption for item in portraits.items]
    target = clip.texts([portraits.target])
    with torch.no_grad():
        exemplars = torch.cat([clip.pictures(row[None].to(target.device)) for row in pixels])
    return MeaningRows(
        distances=_distances(clip, captions),
        exemplar=exemplars,
        target=target.expand(len(captions), -1),
        base=torch.cat([clip.texts([caption.base_text]) for caption in captions]),
        complete=torch.cat([clip.texts([caption.complete_text]) for caption in captions]),
    )


def distance_range(clip: ClipSpace, captions: list[Caption]) -> tuple[float, float]:
    """Smallest and largest distance between the target and the bank: all base phrases of the set."""
    bank = sorted({phrase for caption in captions for phrase in caption.base})
    distances = phrase_distances(clip.texts([captions[0].target])[0], clip.texts(bank))
    return float(distances.min()), float(distances.max())


def prompt_distances(clip: ClipSpace, caption: Caption, bank_range: tuple[float, float]) -> Tensor:
    """d_p of one caption, [base phrases]."""
    raw = phrase_distances(clip.texts([caption.target])[0], clip.texts(list(caption.base)))
    return stretched(raw, *bank_range)


def dataset_hash(portraits: LoadedCaptionSet) -> str:
    """sha256 over captions and picture files, independent of where they lie and what they are called."""
    digest = hashlib.sha256()
    for item, file in zip(portraits.items, portraits.images, strict=True):
        digest.update(item.caption.model_dump_json().encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def _distances(clip: ClipSpace, captions: list[Caption]) -> Tensor:
    bank_range = distance_range(clip, captions)
    rows = [prompt_distances(clip, caption, bank_range) for caption in captions]
    return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)


def _prompts(base: BaseModel, portraits: LoadedCaptionSet, read: Callable[[Caption], Prompt]) -> list[Prompt]:
    prompts: list[Prompt] = []
    for item in portraits.items:
        try:
            prompts.append(read(item.caption))
        except DataError as error:
            raise DataError(error.code, f"{error.found} of {item.file_name}", error.allowed, error.hint) from error
    return prompts


def _latents(base: BaseModel, pixels: Tensor, on_row: Callable[[int], None]) -> Tensor:
    latents: list[Tensor] = []
    for row in pixels:
        latents.append(encode_pixels(base, row[None]))
        on_row(len(latents))
    return torch.cat(latents)


def _states(base: BaseModel, prompts: list[Prompt]) -> Tensor:
    return torch.cat([encode_text(base, prompt.token_ids[None]) for prompt in prompts])
