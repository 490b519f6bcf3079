"""Masks of a caption set's phrases as one tensor whose columns are those of the pooling matrices."""

from pathlib import Path
from typing import Final

import numpy
import torch
import torch.nn.functional as F
from torch import Tensor

from spf_portrait.contract.caption_set import LoadedCaptionSet
from spf_portrait.contract.errors import DataError
from spf_portrait.contract.mask_files import Masks
from spf_portrait.contract.phrases import Caption
from spf_portrait.contract.portraits import open_portrait, square
from spf_portrait.method.attention_maps import TARGET

_GREY: Final = 128
"""From here on a pixel counts as white."""


def phrase_masks(portraits: LoadedCaptionSet, columns: int, size_px: int, latents: tuple[int, int]) -> Tensor:
    """1 in every latent cell in which some pixel of the mask is white.

    Args:
        portraits: The caption set.
        columns: Base phrases that there is room for, then TARGET and PAD; see `attention_maps`.
        size_px: Side of the training pictures, which are the middle square of a portrait.
        latents: Rows and columns of the latents.

    Returns:
        [rows, columns, height, width]; 0 everywhere for a phrase without a mask.

    Raises:
        DataError: A mask cannot be read, or has another size than its portrait.
    """
    found = torch.zeros(len(portraits.items), columns, *latents)
    for row, (item, image, masks) in enumerate(zip(portraits.items, portraits.images, portraits.masks, strict=True)):
        size = open_portrait(image, item.file_name).size if masks else (0, 0)
        for column, path in _by_column(item.caption, masks).items():
            mask = _white(path, size, size_px)
            found[row, column] = F.adaptive_max_pool2d(mask[None, None], latents)[0, 0]
    return found


def _by_column(caption: Caption, masks: Masks) -> dict[int, Path]:
    places = {**{phrase: index for index, phrase in enumerate(caption.base)}, caption.target: TARGET}
    return {places[phrase]: path for phrase, path in masks.items()}


def _white(path: Path, size: tuple[int, int], size_px: int) -> Tensor:
    """[size_px, size_px]."""
    picture = open_portrait(path, path.name)
    if picture.size != size:
        raise DataError(
            "mask_of_another_size",
            f"the mask {path.parent.name}/{path.name} with {picture.width} x {picture.height} pixels",
            f"{size[0]} x {size[1]}, as its portrait has",
            "Save the mask in the size of the portrait",
        )
    grey = numpy.array(square(picture, size_px).convert("L"))
    return torch.from_numpy(grey >= _GREY).float()
