"""Arrays that are drawn from portraits, by all cores, once; then they are kept on disk."""

import hashlib
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from spf_portrait.pico.domain import AXES
from spf_portrait.pico.portrait import Attributes

Draw = Callable[[Attributes], NDArray[np.uint8]]


def load_or_draw(folder: Path, name: str, attributes: Sequence[Attributes], draw: Draw) -> NDArray[np.uint8]:
    """What `draw` makes of each portrait: uint8 [count, …], read from disk on demand.

    Args:
        folder: Where it is kept, under name and digest.
        name: What is drawn.
        attributes: The portraits.
        draw: A function at the top of a module, whose arrays all have one shape.
    """
    path = folder / f"{name.replace(' ', '-')}-{digest_of(attributes)}.npy"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        _draw_all(path, name, attributes, draw)
    return np.load(path, mmap_mode="r")


def digest_of(attributes: Sequence[Attributes]) -> str:
    """Tells portraits from any others: other attributes, or another way of drawing them, are another digest."""
    drawn = [[axis.name, value.name, value.draw] for axis in AXES for value in axis.values]
    described = json.dumps([drawn, [dict(item) for item in attributes]])
    return hashlib.sha256(described.encode()).hexdigest()[:12]


def _draw_all(path: Path, name: str, attributes: Sequence[Attributes], draw: Draw) -> None:
    partial = path.with_suffix(".partial.npy")
    shape = (len(attributes), *draw(attributes[0]).shape)
    arrays = np.lib.format.open_memmap(partial, mode="w+", dtype=np.uint8, shape=shape)
    with ProcessPoolExecutor() as pool:
        drawn = pool.map(draw, attributes, chunksize=64)
        for index, array in enumerate(tqdm(drawn, total=len(attributes), desc=name)):
            arrays[index] = array
    arrays.flush()
    partial.rename(path)
