"""Where an attribute can show itself in a picture.

All figures stand in the same place, so the region of an attribute is found by drawing: it is the union, over many
portraits, of the pixels that change when the axis takes another value.
"""

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from spf_portrait.pico.domain import AXIS
from spf_portrait.pico.portrait import random_attributes
from spf_portrait.pico.renderer import IMAGE_SIZE_PX, exact_mask

LATENT_CELL_PX: Final = 8
_SAMPLES: Final = 6


@cache
def target_region(axis: str, value: str) -> NDArray[np.bool_]:
    """The pixels that `value` or what it replaces may touch, grown by one latent cell: bool [128, 128]."""
    region = np.zeros((IMAGE_SIZE_PX, IMAGE_SIZE_PX), dtype=np.bool_)
    headwear = {} if axis == "headwear" else {"headwear": "none"}
    for seed in range(_SAMPLES):
        for other in AXIS[axis].known:
            region |= exact_mask(random_attributes(seed, {**headwear, axis: other.name}), axis, value)
    return _grown(region)


def _grown(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    picture = Image.fromarray(mask.astype(np.uint8) * 255)
    return np.asarray(picture.filter(ImageFilter.MaxFilter(2 * LATENT_CELL_PX + 1))) > 0
