import io

import numpy
import torch
from PIL import Image

from spf_portrait.pictures import coloured_png, generated_png, grey_png


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


def test_a_portrait_is_rounded_clipped_and_marked() -> None:
    pixels = torch.tensor([-2.0, 0.0, 1.0])[:, None, None].expand(3, 4, 5)
    image = opened(generated_png(pixels, "test"))
    assert image.size == (5, 4)
    assert image.getpixel((0, 0)) == (0, 128, 255)
    assert image.info == {"Comment": "AI-generated", "Software": "test"}


def test_maps_are_enlarged() -> None:
    values = torch.tensor([[0.0, 1.0], [0.0, 1.0]])
    grey = opened(grey_png(values, (8, 6)))
    assert (grey.mode, grey.size) == ("L", (6, 8))
    assert grey.getextrema() == (0, 255)


def test_colours_rise_in_brightness() -> None:
    ramp = opened(coloured_png(torch.linspace(0, 1, 64)[None], (1, 64)))
    brightness = numpy.asarray(ramp.convert("L")).astype(int)[0]
    assert (numpy.diff(brightness) >= 0).all()
