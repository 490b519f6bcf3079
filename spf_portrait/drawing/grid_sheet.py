"""The contact sheet of a grid: a column for each model, a row for each prompt and seed, all of them labelled."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from PIL import Image, ImageDraw, ImageFont

_LONGEST_PX: Final = 16_000
"""Height that many viewers still open."""
_LEAST_SIDE_PX: Final = 96
_MOST_SIDE_PX: Final = 256
_LABEL_PX: Final = 120
"""Width of the rows' labels."""
_LINE_PX: Final = 20
_FONT_PX: Final = 15
_GAP_PX: Final = 6


@dataclass(frozen=True)
class Block:
    """The rows of one prompt.

    Attributes:
        title: Stands above them.
        rows: Label of each row with its pictures, one a column.
    """

    title: str
    rows: Sequence[tuple[str, Sequence[Image.Image]]]


def grid_sheet(title: str, columns: Sequence[str], blocks: Sequence[Block]) -> Image.Image:
    """Draw it as strips, one below the other.

    Args:
        title: The topmost line.
        columns: Their labels.
        blocks: From top to bottom; pictures as `as_shown` gives them, all of one size.
    """
    side = _side(blocks)
    width = _LABEL_PX + len(columns) * (side + _GAP_PX)
    strips = [_banner(title, width), _headings(columns, side, width)]
    for block in blocks:
        strips += [_banner(block.title, width), *(_row(label, shown, side, width) for label, shown in block.rows)]
    return _stacked(strips, width)


def as_shown(file: Path) -> Image.Image:
    """A square picture, no larger than a sheet needs it."""
    with Image.open(file) as image:
        side = min(image.width, _MOST_SIDE_PX)
        return image.convert("RGB").resize((side, side), Image.Resampling.LANCZOS)


def _side(blocks: Sequence[Block]) -> int:
    """Of a picture on the sheet: its own, and less where there are very many rows."""
    rows = [pictures for block in blocks for _, pictures in block.rows]
    return min(rows[0][0].width, max(_LEAST_SIDE_PX, _LONGEST_PX // len(rows)))


def _banner(text: str, width: int) -> Image.Image:
    lines = _wrapped(text, width - 2 * _GAP_PX)
    strip = Image.new("RGB", (width, len(lines) * _LINE_PX + 2 * _GAP_PX), "white")
    _write(strip, (_GAP_PX, _GAP_PX), lines)
    return strip


def _headings(columns: Sequence[str], side: int, width: int) -> Image.Image:
    """Each above its column, the lowest lines at one height."""
    wrapped = [_wrapped(column, side) for column in columns]
    height = max(map(len, wrapped)) * _LINE_PX
    strip = Image.new("RGB", (width, height), "white")
    for column, lines in enumerate(wrapped):
        _write(strip, (_left(column, side), height - len(lines) * _LINE_PX), lines)
    return strip


def _row(label: str, pictures: Sequence[Image.Image], side: int, width: int) -> Image.Image:
    strip = Image.new("RGB", (width, side + _GAP_PX), "white")
    _write(strip, (_GAP_PX, (side - _LINE_PX) // 2), _wrapped(label, _LABEL_PX - 2 * _GAP_PX))
    for column, picture in enumerate(pictures):
        shown = picture if picture.width == side else picture.resize((side, side), Image.Resampling.LANCZOS)
        strip.paste(shown, (_left(column, side), 0))
    return strip


def _left(column: int, side: int) -> int:
    return _LABEL_PX + column * (side + _GAP_PX)


def _write(strip: Image.Image, corner: tuple[int, int], lines: Sequence[str]) -> None:
    pen, (left, top) = ImageDraw.Draw(strip), corner
    for number, line in enumerate(lines):
        pen.text((left, top + number * _LINE_PX), line, fill="black", font=_font())


def _stacked(strips: Sequence[Image.Image], width: int) -> Image.Image:
    sheet = Image.new("RGB", (width, sum(strip.height for strip in strips)), "white")
    top = 0
    for strip in strips:
        sheet.paste(strip, (0, top))
        top += strip.height
    return sheet


def _wrapped(text: str, width_px: int) -> list[str]:
    """Lines that fit; broken at spaces, and a word that is too long anywhere."""
    lines = [""]
    for piece in (piece for word in text.split() for piece in _pieces(word, width_px)):
        longer = f"{lines[-1]} {piece}".strip()
        if _fits(longer, width_px):
            lines[-1] = longer
        else:
            lines.append(piece)
    return lines


def _pieces(word: str, width_px: int) -> list[str]:
    pieces = [""]
    for letter in word:
        if not _fits(pieces[-1] + letter, width_px):
            pieces.append("")
        pieces[-1] += letter
    return pieces


def _fits(text: str, width_px: int) -> bool:
    return _font().getlength(text) <= width_px


@cache
def _font() -> Any:
    """Read once: that takes longer than to write a line with it."""
    return ImageFont.load_default(_FONT_PX)
