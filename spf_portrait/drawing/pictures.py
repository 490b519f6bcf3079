"""Pictures to files: all marked as generated; maps in grey for the page and in colour for people."""

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast

import numpy
import torch
import torch.nn.functional as F
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from torch import Tensor

GENERATED_MARK: Final = "AI-generated"
SOFTWARE: Final = "SPF-Portrait"
SETTINGS: Final = "spf.settings"
"""Keyword of the PNG text that holds what a picture was drawn with, as JSON."""
_COLOURS: Final = ((13, 8, 66), (98, 20, 122), (196, 61, 92), (246, 140, 52), (252, 240, 165))
"""Dark to bright, evenly spaced; brightness rises throughout, so that the map reads in grey too."""
_TWO_SIDED_COLOURS: Final = ((22, 62, 132), (116, 164, 212), (245, 245, 245), (224, 140, 108), (142, 28, 40))
"""Blue for less, nearly white for no difference, red for more; as dark on either side."""

_Grey = numpy.ndarray[tuple[int, ...], numpy.dtype[numpy.uint8]]


def generated_png(pixels: Tensor, software: str, settings: Mapping[str, Any] | None = None) -> bytes:
    """A portrait as PNG whose metadata say that no camera took it.

    Args:
        pixels: [3, height, width], about in [-1, 1].
        software: What drew it.
        settings: What it was drawn with, to be read again with `read_settings`; None to leave them out.
    """
    return marked_png(Image.fromarray(eight_bit(pixels).permute(1, 2, 0).numpy()), software, settings)


def eight_bit(pixels: Tensor) -> Tensor:
    """Pixels about in [-1, 1] → uint8 of 0 … 255 on the CPU, as they are saved and seen."""
    return ((pixels / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8).cpu()


def marked_png(image: Image.Image, software: str = SOFTWARE, settings: Mapping[str, Any] | None = None) -> bytes:
    """A picture as PNG with the mark; arguments as for `generated_png`."""
    marks = PngInfo()
    marks.add_text("Comment", GENERATED_MARK)
    marks.add_text("Software", software)
    if settings is not None:
        marks.add_text(SETTINGS, json.dumps(settings, sort_keys=True))
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", pnginfo=marks)
    return buffer.getvalue()


def read_settings(file: Path) -> dict[str, Any] | None:
    """What a PNG says that it was drawn with; None if it is not there, not whole, or does not say it."""
    try:
        with Image.open(file) as image:
            image.load()
            return cast("dict[str, Any]", json.loads(image.info[SETTINGS]))
    except (OSError, SyntaxError, KeyError, ValueError):  # pillow calls a broken PNG a SyntaxError
        return None


def grey_png(values: Tensor, size_px: tuple[int, int]) -> bytes:
    """A map [height, width] in [0, 1] as 8-bit grey PNG, enlarged to (rows, columns) of pixels."""
    return marked_png(Image.fromarray(_levels(values, size_px, 255)))


def coloured_png(values: Tensor, size_px: tuple[int, int]) -> bytes:
    """The same in colour."""
    return marked_png(Image.fromarray(_palette(_COLOURS, 256)[_levels(values, size_px, 255)]))


def two_sided_png(values: Tensor, size_px: tuple[int, int]) -> bytes:
    """A map in [-1, 1] in colours that diverge from nearly white at 0: blue below, red above."""
    levels = _levels(values / 2 + 0.5, size_px, 254)  # an odd number of colours, so that 0 has one of its own
    return marked_png(Image.fromarray(_palette(_TWO_SIDED_COLOURS, 255)[levels]))


def _levels(values: Tensor, size_px: tuple[int, int], highest: int) -> _Grey:
    enlarged = F.interpolate(values.float()[None, None], size_px, mode="bilinear", align_corners=False)[0, 0]
    return (enlarged.clamp(0, 1) * highest).round().to(torch.uint8).cpu().numpy()


def _palette(colours: tuple[tuple[int, int, int], ...], count: int) -> _Grey:
    """[count, 3]."""
    stops = numpy.linspace(0, count - 1, len(colours))
    channels = [numpy.interp(numpy.arange(count), stops, channel) for channel in zip(*colours, strict=True)]
    return numpy.stack(channels, axis=1).round().astype(numpy.uint8)
