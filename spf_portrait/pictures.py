"""Pictures to files: portraits marked as generated, maps in grey for the page and in colour for people."""

import io
from typing import Final

import numpy
import torch
import torch.nn.functional as F
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from torch import Tensor

GENERATED_MARK: Final = "AI-generated"
SOFTWARE: Final = "SPF-Portrait"
_COLOURS: Final = ((13, 8, 66), (98, 20, 122), (196, 61, 92), (246, 140, 52), (252, 240, 165))
"""Dark to bright, evenly spaced; brightness rises throughout, so that the map reads in grey too."""


def generated_png(pixels: Tensor, software: str) -> bytes:
    """A portrait as PNG whose metadata say that no camera took it.

    Args:
        pixels: [3, height, width], about in [-1, 1].
        software: What drew it.
    """
    rounded = ((pixels / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8)
    marks = PngInfo()
    marks.add_text("Comment", GENERATED_MARK)
    marks.add_text("Software", software)
    return _png(Image.fromarray(rounded.permute(1, 2, 0).cpu().numpy()), marks)


def grey_png(values: Tensor, size_px: tuple[int, int]) -> bytes:
    """A map [height, width] in [0, 1] as 8-bit grey PNG, enlarged to (rows, columns) of pixels."""
    return _png(Image.fromarray(_bytes(values, size_px)))


def coloured_png(values: Tensor, size_px: tuple[int, int]) -> bytes:
    """The same in colour."""
    return _png(Image.fromarray(_palette()[_bytes(values, size_px)]))


def _bytes(values: Tensor, size_px: tuple[int, int]) -> "numpy.ndarray[tuple[int, ...], numpy.dtype[numpy.uint8]]":
    enlarged = F.interpolate(values.float()[None, None], size_px, mode="bilinear", align_corners=False)[0, 0]
    return (enlarged.clamp(0, 1) * 255).round().to(torch.uint8).cpu().numpy()


def _palette() -> "numpy.ndarray[tuple[int, ...], numpy.dtype[numpy.uint8]]":
    """256 colours, [256, 3]."""
    stops = numpy.linspace(0, 255, len(_COLOURS))
    channels = [numpy.interp(numpy.arange(256), stops, channel) for channel in zip(*_COLOURS, strict=True)]
    return numpy.stack(channels, axis=1).round().astype(numpy.uint8)


def _png(image: Image.Image, marks: PngInfo | None = None) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", pnginfo=marks)
    return buffer.getvalue()
