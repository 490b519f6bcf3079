"""Attributes → which part of the portrait covers each pixel, exactly.

The figure is drawn a second time, every component in one flat colour of its part, so that no choice of colours can hide
one: black hair beside black glasses is as plain as any other. What counts as what:

- eyes: eyes, whites and brows; mouth: lips, teeth and tongue; clothes: also the white shirt under a jacket.
- glasses: frames, dark lenses and the eyepatch. Behind clear lenses are eyes and skin.
- headwear: all of it, fur and bobble too; a hat takes the place of the hair, as it does in the renderer.
- skin: also the nose and every shadow on it. A shape less than half opaque is shading: what it falls upon shows through
  and keeps its part.
"""

import io
import json
from collections.abc import Mapping
from enum import IntEnum
from functools import cache
from importlib.resources import files
from typing import Any, Final
from xml.sax.saxutils import quoteattr

import numpy as np
import resvg_py
from numpy.typing import NDArray
from PIL import Image

from spf_portrait.pico.backgrounds import CANVAS
from spf_portrait.pico.domain import AXES, AXIS
from spf_portrait.pico.portrait import Attributes
from spf_portrait.pico.renderer import IMAGE_SIZE_PX


class Part(IntEnum):
    """The nine parts of a portrait, as they are numbered in a class map."""

    HAIR = 0
    SKIN = 1
    EYES = 2
    MOUTH = 3
    GLASSES = 4
    HEADWEAR = 5
    FACIAL_HAIR = 6
    CLOTHES = 7
    BACKGROUND = 8


_PART_OF_COMPONENT: Final = {
    "clothes": Part.CLOTHES,
    "mouth": Part.MOUTH,
    "nose": Part.SKIN,
    "eyes": Part.EYES,
    "eyebrows": Part.EYES,
    "facialHair": Part.FACIAL_HAIR,
    "accessories": Part.GLASSES,
}
_SAMPLES_PER_SIDE: Final = 4
"""A pixel is looked at in 4 × 4 places, and belongs to the part that is found in most of them."""
_GREY_STEP: Final = 255 // (len(Part) - 1)


def class_map(attributes: Attributes) -> NDArray[np.uint8]:
    """The `Part` of each pixel of `render(attributes)`: uint8 [128, 128]."""
    side = IMAGE_SIZE_PX * _SAMPLES_PER_SIDE
    png = resvg_py.svg_to_bytes(svg_string=_svg(attributes), width=side, height=side, skip_system_fonts=True)
    grey = np.asarray(Image.open(io.BytesIO(bytes(png))).getchannel(0))
    return majority(grey // _GREY_STEP, _SAMPLES_PER_SIDE)


def majority(samples: NDArray[np.uint8], per_side: int) -> NDArray[np.uint8]:
    """The commonest number in each block of `per_side` × `per_side` samples, the smallest of equally common ones."""
    height, width = (length // per_side for length in samples.shape)
    numbered = np.arange(height * width, dtype=np.int64).reshape(height, width)
    blocks: NDArray[np.int64] = numbered.repeat(per_side, axis=0).repeat(per_side, axis=1)
    votes = np.bincount((blocks * len(Part) + samples).ravel(), minlength=height * width * len(Part))
    return votes.reshape(height, width, len(Part)).argmax(axis=-1).astype(np.uint8)


def _svg(attributes: Attributes) -> str:
    """The figure without shading and without antialiasing, each part in its own grey."""
    drawn = {option: value for axis in AXES for option, value in AXIS[axis.name].by_name[attributes[axis.name]].draw}
    top = Part.HAIR if attributes["headwear"] == "none" else Part.HEADWEAR
    background = _filled(Part.BACKGROUND, f'<rect width="{CANVAS}" height="{CANVAS}"/>')
    layers = [_layer(element, drawn, {**_PART_OF_COMPONENT, "top": top}) for element in _style()["canvas"]["elements"]]
    opening = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {CANVAS} {CANVAS}" shape-rendering="crispEdges">'
    return f"{opening}{background}{''.join(layers)}</svg>"


def _layer(element: dict[str, Any], drawn: Mapping[str, str], parts: Mapping[str, Part]) -> str:
    if element["type"] != "component":
        return _filled(Part.SKIN, _shape(element))
    component = element["name"]
    variant = drawn.get(f"{component}Variant")
    if variant is None:
        return ""
    shapes = "".join(_shape(shape) for shape in _style()["components"][component]["variants"][variant]["elements"])
    return _filled(parts[component], shapes, element["attributes"]["transform"])


def _filled(part: Part, shapes: str, transform: str = "") -> str:
    grey = f"#{part * _GREY_STEP:02x}{part * _GREY_STEP:02x}{part * _GREY_STEP:02x}"
    return f'<g fill="{grey}" transform="{transform}">{shapes}</g>'


def _shape(element: dict[str, Any]) -> str:
    """One shape without its own colour; nothing if it is mere shading."""
    attributes = dict(element["attributes"])
    opacity = float(attributes.pop("opacity", 1)) * float(attributes.pop("fill-opacity", 1))
    attributes.pop("fill", None)
    if opacity < 0.5:
        return ""
    return f"<{element['name']} {' '.join(f'{key}={quoteattr(value)}' for key, value in attributes.items())}/>"


@cache
def _style() -> dict[str, Any]:
    return json.loads(files("dicebear_styles").joinpath("avataaars.json").read_text("utf-8"))
