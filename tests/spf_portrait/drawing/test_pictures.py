import io
from pathlib import Path

import numpy
import torch
from PIL import Image

from spf_portrait.drawing.pictures import coloured_png, generated_png, grey_png, read_settings, two_sided_png


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


def test_settings_travel_in_the_picture(tmp_path: Path) -> None:
    settings = {"prompt": "eine Frau mit blondem Haar, \u91d1\u9aea", "seed": 3, "strength": None}
    file, plain = tmp_path / "with.png", tmp_path / "without.png"
    file.write_bytes(generated_png(torch.rand(3, 64, 64), "test", settings))
    plain.write_bytes(generated_png(torch.zeros(3, 4, 4), "test"))
    assert read_settings(file) == settings
    assert read_settings(plain) is None
    file.write_bytes(file.read_bytes()[:2000])
    assert read_settings(file) is None, "half a picture"
    assert read_settings(tmp_path / "absent.png") is None


def test_two_sided_colours_mirror_each_other_around_a_neutral_zero() -> None:
    zero = opened(two_sided_png(torch.zeros(2, 2), (2, 2)))
    red, green, blue = numpy.asarray(zero)[0, 0]
    assert red == green == blue > 230
    ramp = numpy.asarray(opened(two_sided_png(torch.linspace(-1, 1, 65)[None], (1, 65)))).astype(int)[0]
    assert (ramp[:32, 2] > ramp[:32, 0]).all(), "blue below"
    assert (ramp[33:, 0] > ramp[33:, 2]).all(), "red above"
    brightness = ramp @ [0.299, 0.587, 0.114]
    assert abs(brightness - brightness[::-1]).max() < 25, "neither side stands out"


def test_maps_are_marked_too() -> None:
    for draw in (grey_png, coloured_png, two_sided_png):
        assert opened(draw(torch.zeros(2, 2), (4, 4))).info["Comment"] == "AI-generated"
