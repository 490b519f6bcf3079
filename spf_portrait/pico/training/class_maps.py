"""Class maps of the training portraits, drawn once and kept on disk as one array."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spf_portrait.pico.parsing import class_map
from spf_portrait.pico.portrait import Attributes
from spf_portrait.pico.training.drawn_once import load_or_draw


def load_or_draw_maps(folder: Path, attributes: Sequence[Attributes]) -> NDArray[np.uint8]:
    """The `Part` of each pixel of each portrait: uint8 [count, 128, 128], read from disk on demand."""
    return load_or_draw(folder, "class maps", attributes, class_map)
