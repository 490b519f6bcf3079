"""Attributes → picture, and the exact mask of any attribute.

The figures are "Avataaars" by Pablo Stanley (free for personal and commercial use) as packaged by DiceBear.
"""

import io
import json
from functools import cache
from importlib.resources import files
from typing import Final

import numpy as np
import resvg_py
from dicebear import Avatar, Style
from numpy.typing import NDArray
from PIL import Image

from spf_portrait.pico.backgrounds import background_svg
from spf_portrait.pico.domain import AXES, AXIS
from spf_portrait.pico.portrait import Attributes

IMAGE_SIZE_PX: Final = 128
_OPTIONAL: Final = ("accessoriesVariant", "facialHairVariant")
_FIXED: Final = {"seed": "pico", "accessoriesColor": ["#262e33"]}


def render(attributes: Attributes, image_size_px: int = IMAGE_SIZE_PX) -> Image.Image:
    """Draw a portrait as an RGB picture of `image_size_px` × `image_size_px`."""
    data = resvg_py.svg_to_bytes(svg_string=_svg(attributes), width=image_size_px, height=image_size_px)
    return Image.open(io.BytesIO(bytes(data))).convert("RGB")


def exact_mask(attributes: Attributes, axis: str, other: str, image_size_px: int = IMAGE_SIZE_PX) -> NDArray[np.bool_]:
    """Where the portrait changes when `axis` takes the value `other`: bool [image_size_px, image_size_px]."""
    before = np.asarray(render(attributes, image_size_px), dtype=np.int16)
    after = np.asarray(render({**attributes, axis: other}, image_size_px), dtype=np.int16)
    return (before != after).any(axis=-1)


def _svg(attributes: Attributes) -> str:
    options = _drawing_options(attributes)
    background = options.pop("background")
    svg = Avatar(_style(), {**_FIXED, **_for_dicebear(options)}).to_string()
    body = svg.index("</metadata>") + len("</metadata>")
    return svg[:body] + background_svg(background) + svg[body:]


def _drawing_options(attributes: Attributes) -> dict[str, str]:
    # Headwear comes after the hair style in AXES, so that a hat replaces the hair in the slot both share.
    return {key: value for axis in AXES for key, value in AXIS[axis.name].by_name[attributes[axis.name]].draw}


def _for_dicebear(options: dict[str, str]) -> dict[str, object]:
    present = {key: [value] for key, value in options.items()}
    shown = {key.replace("Variant", "Probability"): 100 if key in options else 0 for key in _OPTIONAL}
    return {**present, **shown}


@cache
def _style() -> Style:
    return Style(json.loads(files("dicebear_styles").joinpath("avataaars.json").read_text("utf-8")))
