"""A caption set as tensors, computed once before training: latents, text embeddings, phrase spans, CLIP embeddings.

A portrait is read, encoded and let go before the next one is read. What is computed waits on the CPU, and each step
takes its own rows to the device: so neither memory grows with the pixels of a set, nor the device's with its rows.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Final, Self

import numpy
import torch
from PIL import Image
from torch import Tensor

from spf_portrait.contract.caption_set import LoadedCaptionSet
from spf_portrait.contract.errors import DataError
from spf_portrait.contract.phrases import Caption
from spf_portrait.contract.portraits import open_portrait, square
from spf_portrait.contract.training_spec import TrainingSpec
from spf_portrait.method.clip_space import TextSpace
from spf_portrait.method.control_map import phrase_distances, phrase_shares, stretched
from spf_portrait.method.prompts import Prompt, reference_prompt, response_prompt
from spf_portrait.models.base_model import BaseModel, encode_pixels, encode_text
from spf_portrait.models.families.text_embedding import TextEmbedding, stacked

_WAITING: Final = torch.device("cpu")


@dataclass(frozen=True)
class _Rows:
    """Tensors with one row per portrait."""

    def chosen(self, indices: Tensor) -> Self:
        """Some of the rows, in that order; `indices` lie where the rows do."""
        return type(self)(*(getattr(self, field.name)[indices] for field in fields(self)))

    def brought(self, indices: Tensor) -> Self:
        """As `chosen`, of rows that wait on the CPU; they come to the device of the indices."""
        found = self.chosen(indices.cpu())
        return type(self)(*(_brought(getattr(found, field.name), indices.device) for field in fields(self)))


@dataclass(frozen=True)
class TrainingRows(_Rows):
    """What both stages need of portraits, and of pictures by the original model.

    Attributes:
        x_0: Scaled latents, [rows, channels, height, width].
        base_text: Embeddings of the base text.
        complete_text: Embeddings of the complete text.
        base_pooling: [rows, tokens, columns], see `prompts`.
        complete_pooling: The same for the complete text.
    """

    x_0: Tensor
    base_text: TextEmbedding
    complete_text: TextEmbedding
    base_pooling: Tensor
    complete_pooling: Tensor

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """The rows of several, one after the other."""
        return cls(
            x_0=torch.cat([part.x_0 for part in parts]),
            base_text=stacked([part.base_text for part in parts]),
            complete_text=stacked([part.complete_text for part in parts]),
            base_pooling=torch.cat([part.base_pooling for part in parts]),
            complete_pooling=torch.cat([part.complete_pooling for part in parts]),
        )

    @property
    def present(self) -> Tensor:
        """1 for columns that stand for a phrase of the base text or PAD, [rows, columns]."""
        return (self.base_pooling.sum(dim=1) > 0).float()


@dataclass(frozen=True)
class MeaningRows(_Rows):
    """What the second stage needs to know of meanings; embeddings [rows, width] have unit length.

    Attributes:
        shares: w_p, how strongly the map of every base phrase is subtracted, [rows, base phrases]; 0 behind the last.
        exemplar: i(x_0); [rows, 0] without the enhancement, which alone needs it.
        target: t(target phrase), the same in all rows.
        base: t(base text).
        complete: t(complete text).
    """

    shares: Tensor
    exemplar: Tensor
    target: Tensor
    base: Tensor
    complete: Tensor


def read_pixels(portraits: LoadedCaptionSet, size_px: int) -> Iterator[Tensor]:
    """One portrait after the other in [-1, 1], [1, 3, size_px, size_px].

    Raises:
        DataError: A portrait cannot be read.
    """
    for item, file in zip(portraits.items, portraits.images, strict=True):
        yield to_pixels(square(open_portrait(file, item.file_name), size_px))[None]


def to_pixels(image: Image.Image) -> Tensor:
    """RGB picture → [3, height, width] in [-1, 1]."""
    return torch.from_numpy(numpy.array(image, dtype=numpy.float32)).permute(2, 0, 1) / 127.5 - 1


def training_rows(
    base: BaseModel, portraits: LoadedCaptionSet, size_px: int, on_row: Callable[[int], None]
) -> TrainingRows:
    """Encode captions and pictures, onto the CPU.

    Args:
        base: Its text encoders and its autoencoder are used.
        portraits: The caption set.
        size_px: Side of the training pictures.
        on_row: Told how many pictures are done.

    Raises:
        DataError: A caption is too long for the text encoder, or a portrait cannot be read; the message names its file.
    """
    columns = max(len(item.caption.base) for item in portraits.items)
    references = _prompts(base, portraits, lambda caption: reference_prompt(base.text_axis, caption, columns))
    responses = _prompts(base, portraits, lambda caption: response_prompt(base.text_axis, caption, columns))
    return TrainingRows(
        x_0=_latents(base, read_pixels(portraits, size_px), on_row),
        base_text=_embedded(base, references),
        complete_text=_embedded(base, responses),
        base_pooling=torch.stack([prompt.pooling for prompt in references]),
        complete_pooling=torch.stack([prompt.pooling for prompt in responses]),
    )


def meaning_rows(space: TextSpace, portraits: LoadedCaptionSet, exemplar: Tensor, spec: TrainingSpec) -> MeaningRows:
    """Embed texts and phrases, onto the CPU; `exemplar` is the pictures' own embedding, a row each."""
    captions = [item.caption for item in portraits.items]
    return MeaningRows(
        shares=_shares(space, captions, spec),
        exemplar=exemplar,
        target=space.texts([portraits.target]).cpu().expand(len(captions), -1),
        base=torch.cat([space.texts([caption.base_text]).cpu() for caption in captions]),
        complete=torch.cat([space.texts([caption.complete_text]).cpu() for caption in captions]),
    )


def distance_range(space: TextSpace, captions: list[Caption]) -> tuple[float, float]:
    """Smallest and largest distance between the target and the bank: all base phrases of the set."""
    bank = sorted({phrase for caption in captions for phrase in caption.base})
    distances = phrase_distances(space.texts([captions[0].target])[0], space.texts(bank))
    return float(distances.min()), float(distances.max())


def prompt_shares(space: TextSpace, caption: Caption, bank_range: tuple[float, float], spec: TrainingSpec) -> Tensor:
    """w_p of one caption, [base phrases]."""
    raw = phrase_distances(space.texts([caption.target])[0], space.texts(list(caption.base)))
    return phrase_shares(
        stretched(raw, *bank_range),
        by_distance=spec.control_map_distances,
        subtraction=spec.control_map_subtraction,
    )


def dataset_hash(portraits: LoadedCaptionSet) -> str:
    """sha256 over captions, picture files and masks, independent of where they lie and what pictures are called."""
    digest = hashlib.sha256()
    for item, file, masks in zip(portraits.items, portraits.images, portraits.masks, strict=True):
        digest.update(item.caption.model_dump_json().encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
        for phrase, mask in sorted(masks.items()):
            digest.update(phrase.encode())
            digest.update(hashlib.sha256(mask.read_bytes()).digest())
    return digest.hexdigest()


def _brought(rows: Tensor | TextEmbedding, device: torch.device) -> Tensor | TextEmbedding:
    """To a GPU through pinned memory, from which it copies on its own while the CPU goes on."""
    return rows.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else rows.to(device)


def _shares(space: TextSpace, captions: list[Caption], spec: TrainingSpec) -> Tensor:
    bank_range = distance_range(space, captions)
    rows = [prompt_shares(space, caption, bank_range, spec).cpu() for caption in captions]
    return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)


def _prompts(base: BaseModel, portraits: LoadedCaptionSet, read: Callable[[Caption], Prompt]) -> list[Prompt]:
    prompts: list[Prompt] = []
    for item in portraits.items:
        try:
            prompts.append(read(item.caption))
        except DataError as error:
            raise DataError(error.code, f"{error.found} of {item.file_name}", error.allowed, error.hint) from error
    return prompts


def _latents(base: BaseModel, pixels: Iterator[Tensor], on_row: Callable[[int], None]) -> Tensor:
    latents: list[Tensor] = []
    for row in pixels:
        latents.append(encode_pixels(base, row).cpu())
        on_row(len(latents))
    return torch.cat(latents)


def _embedded(base: BaseModel, prompts: list[Prompt]) -> TextEmbedding:
    return stacked([encode_text(base, [prompt.text]).to(_WAITING) for prompt in prompts])
