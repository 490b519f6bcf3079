"""Class maps of the training portraits, drawn once and kept on disk as one array."""

import hashlib
import json
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from spf_portrait.pico.parsing import class_map
from spf_portrait.pico.portrait import Attributes
from spf_portrait.pico.renderer import IMAGE_SIZE_PX


def load_or_draw_maps(folder: Path, attributes: Sequence[Attributes]) -> NDArray[np.uint8]:
    """The `Part` of each pixel of each portrait: uint8 [count, 128, 128], read from disk on demand."""
    listed = [json.dumps(dict(item), sort_keys=True) for item in attributes]
    digest = hashlib.sha256("\n".join(listed).encode()).hexdigest()[:12]
    path = folder / f"class-maps-{digest}.npy"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        _draw_all(listed, path)
    return np.load(path, mmap_mode="r")


def _draw_all(listed: list[str], path: Path) -> None:
    partial = path.with_suffix(".partial.npy")
    shape = (len(listed), IMAGE_SIZE_PX, IMAGE_SIZE_PX)
    maps = np.lib.format.open_memmap(partial, mode="w+", dtype=np.uint8, shape=shape)
    with ProcessPoolExecutor() as pool:
        drawn = pool.map(_map, listed, chunksize=64)
        for index, classes in enumerate(tqdm(drawn, total=len(listed), desc="class maps")):
            maps[index] = classes
    maps.flush()
    partial.rename(path)


def _map(attributes: str) -> NDArray[np.uint8]:
    return class_map(json.loads(attributes))
