"""Response enhancement: three readings of the paper's "representation bias" in CLIP space. Pure functions of tensors.

i(·) and t(·) are unit CLIP embeddings [batch, width] of pictures and texts; x̂_0 is a path's one-step prediction.
Each form gives one value a row, [batch].
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import torch.nn.functional as F
from torch import Tensor

from spf_portrait.contract.training_spec import EnhancementForm


@dataclass(frozen=True)
class Embeddings:
    """What the three forms compare; all [batch, width], unit length.

    Attributes:
        response: i(x̂_0 of the response path), the only one with a gradient.
        reference: i(x̂_0 of the reference path).
        exemplar: i(x_0), the training picture.
        target: t(target phrase).
        base: t(base text).
        complete: t(base text + target).
    """

    response: Tensor
    reference: Tensor
    exemplar: Tensor
    target: Tensor
    base: Tensor
    complete: Tensor


def exemplar_form(e: Embeddings) -> Tensor:
    """(a) 1 − cos(i(x̂_0 res) − t(target), i(x_0) − t(target)).

    Its only minimum is i(x̂_0) = i(x_0): it may pull in what else the exemplar shows.
    """
    return _turned(e.response - e.target, e.exemplar - e.target)


def image_direction_form(e: Embeddings) -> Tensor:
    """(b) 1 − cos(i(x̂_0 res) − i(x̂_0 ref), i(x_0) − i(x̂_0 ref))."""
    return _turned(e.response - e.reference, e.exemplar - e.reference)


def text_direction_form(e: Embeddings) -> Tensor:
    """(c) 1 − cos(i(x̂_0 res) − i(x̂_0 ref), t(base + target) − t(base))."""
    return _turned(e.response - e.reference, e.complete - e.base)


FORMS: Final[Mapping[EnhancementForm, Callable[[Embeddings], Tensor]]] = MappingProxyType(
    {"exemplar": exemplar_form, "image_direction": image_direction_form, "text_direction": text_direction_form}
)


_SHORTEST: Final = 1e-2
"""Directions shorter than this count as undecided, so that the gradient stays finite where both paths agree."""


def _turned(direction: Tensor, wanted: Tensor) -> Tensor:
    """1 − cos of every row, [batch]."""
    return 1 - F.cosine_similarity(direction, wanted.detach(), dim=-1, eps=_SHORTEST)
