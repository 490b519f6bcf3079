"""The training portraits, rendered once and kept on disk as one array."""

import json
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from spf_portrait.pico.portrait import random_attributes
from spf_portrait.pico.renderer import IMAGE_SIZE_PX, render


@dataclass(frozen=True)
class Renders:
    """Portraits with their labels.

    Attributes:
        images: uint8 [count, 128, 128, 3], read from disk on demand.
        attributes: One mapping of axis → value for each image.
    """

    images: NDArray[np.uint8]
    attributes: tuple[dict[str, str], ...]


def load_or_render(folder: Path, count: int, first_seed: int, *, with_held_back: bool) -> Renders:
    """Portraits for the seeds first_seed … first_seed + count − 1, rendered unless `folder` already holds them."""
    kind = "all" if with_held_back else "known"
    path = folder / f"renders-{kind}-{first_seed}-{count}.npy"
    seeds = range(first_seed, first_seed + count)
    attributes = tuple(random_attributes(seed, with_held_back=with_held_back) for seed in seeds)
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        _render_all(attributes, path)
    return Renders(np.load(path, mmap_mode="r"), attributes)


def labels(attributes: Iterable[dict[str, str]], axis_values: dict[str, list[str]]) -> NDArray[np.int64]:
    """Class indices [count, axes] in the order of `axis_values`."""
    return np.array([[axis_values[a].index(item[a]) for a in axis_values] for item in attributes], dtype=np.int64)


def _render_all(attributes: tuple[dict[str, str], ...], path: Path) -> None:
    partial = path.with_suffix(".partial.npy")
    shape = (len(attributes), IMAGE_SIZE_PX, IMAGE_SIZE_PX, 3)
    images = np.lib.format.open_memmap(partial, mode="w+", dtype=np.uint8, shape=shape)
    with ProcessPoolExecutor() as pool:
        drawn = pool.map(_pixels, (json.dumps(item) for item in attributes), chunksize=64)
        for index, pixels in enumerate(tqdm(drawn, total=len(attributes), desc="rendering")):
            images[index] = pixels
    images.flush()
    partial.rename(path)


def _pixels(attributes: str) -> NDArray[np.uint8]:
    return np.asarray(render(json.loads(attributes)), dtype=np.uint8)
