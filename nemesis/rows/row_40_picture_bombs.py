"""Small pictures that would become large ones."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from typing import Final

from PIL import Image

from nemesis.row import Round, Row
from nemesis.uploads import CAPTION, is_refused, picture
from nemesis.violation import Violation

_FRAMES: Final = 500


def _strike(this: Round) -> Iterator[Violation]:
    pictures = {
        "a PNG of 169 megapixels": _one_bit_png(13_000),
        "a PNG that says it is 60000 pixels wide": _png_header(60_000),
        "an animated PNG": _animation("PNG"),
        "an animated WEBP": _animation("WEBP"),
        "a GIF": picture("GIF"),
    }
    for what, content in pictures.items():
        suffix = "webp" if "WEBP" in what else "png"
        yield from is_refused(this.studio, {f"a.{suffix}": content, "a.txt": CAPTION}, what)


def _one_bit_png(side_px: int) -> bytes:
    stream = io.BytesIO()
    Image.new("1", (side_px, side_px)).save(stream, "PNG")
    return stream.getvalue()


def _png_header(side_px: int) -> bytes:
    header = struct.pack(">IIBBBBB", side_px, side_px, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(b"")) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _animation(form: str) -> bytes:
    frames = [Image.new("RGB", (16, 16), (number % 256, number // 256, 0)) for number in range(_FRAMES)]
    stream = io.BytesIO()
    frames[0].save(stream, form, save_all=True, append_images=frames[1:])
    return stream.getvalue()


PICTURE_BOMBS: Final = Row(
    number=40,
    fault=f"pictures of 169 megapixels and more in few bytes, of {_FRAMES} frames, and of other formats",
    promise="refused with 4xx; nothing stored, and the service's own memory stays small",
    rounds=10,
    strike=_strike,
)
