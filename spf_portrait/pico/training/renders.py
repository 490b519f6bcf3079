"""The training portraits, rendered once and kept on disk as one array."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spf_portrait.pico.portrait import Attributes, random_attributes
from spf_portrait.pico.renderer import render
from spf_portrait.pico.training.drawn_once import digest_of, load_or_draw


@dataclass(frozen=True)
class Renders:
    """Portraits with their labels.

    Attributes:
        images: uint8 [count, 128, 128, 3], read from disk on demand.
        attributes: One mapping of axis → value for each image.
        digest: Of what was drawn: other attributes, or another way of drawing them, are another digest.
    """

    images: NDArray[np.uint8]
    attributes: tuple[dict[str, str], ...]
    digest: str


def load_or_render(folder: Path, count: int, first_seed: int, *, with_held_back: bool) -> Renders:
    """Portraits for the seeds first_seed … first_seed + count − 1, rendered unless `folder` already holds them."""
    seeds = range(first_seed, first_seed + count)
    attributes = tuple(random_attributes(seed, with_held_back=with_held_back) for seed in seeds)
    return Renders(load_or_draw(folder, "renders", attributes, _pixels), attributes, digest_of(attributes))


def _pixels(attributes: Attributes) -> NDArray[np.uint8]:
    return np.asarray(render(attributes), dtype=np.uint8)
