"""What can be seen in portraits, as class indices for cross-entropy."""

from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor

from spf_portrait.pico.domain import AXES, Axis
from spf_portrait.pico.portrait import Attributes, visible_axes

HIDDEN: Final = -100
"""Label of an axis that cannot be seen: cross-entropy ignores it."""


def visible_labels(portraits: Sequence[Attributes]) -> Tensor:
    """Class indices [count, axes]; `HIDDEN` where a hat or the like hides the axis."""
    return torch.tensor([_labels(attributes) for attributes in portraits])


def _labels(attributes: Attributes) -> list[int]:
    seen = visible_axes(attributes)
    return [_index(axis, attributes[axis.name]) if axis.name in seen else HIDDEN for axis in AXES]


def _index(axis: Axis, name: str) -> int:
    return [value.name for value in axis.values].index(name)
