"""Sheets for people's eyes: what the base draws for a caption, and what the judge reads in a picture."""

from collections.abc import Sequence
from typing import Final

from PIL import Image, ImageDraw, ImageFont

from spf_portrait.pico.portrait import Attributes, visible_axes

_LINE_PX: Final = 13


def caption_sheet(pictures: Sequence[Image.Image], captions: Sequence[str]) -> Image.Image:
    """Four in a row at twice their size, the caption below each."""
    folded = [_folded(caption.split(", "), 44) for caption in captions]
    doubled = [
        picture.resize((picture.width * 2, picture.height * 2), Image.Resampling.BICUBIC) for picture in pictures
    ]
    return _sheet(doubled, folded, columns=4)


def reading_sheet(pictures: Sequence[Image.Image], readings: Sequence[Attributes]) -> Image.Image:
    """Ten in a row, numbered, with the value of every axis that the judge takes for visible."""
    texts = [_reading(index, reading) for index, reading in enumerate(readings)]
    return _sheet([picture.resize((160, 160), Image.Resampling.BICUBIC) for picture in pictures], texts, columns=10)


def _reading(index: int, reading: Attributes) -> list[str]:
    seen = [axis for axis in visible_axes(reading) if reading[axis] != "none"]
    colours = {"clothes": "clothes_colour", "headwear": "headwear_colour", "hair_style": "hair_colour"}
    merged = [(axis, f"{reading[colours[axis]]} " if axis in colours else "") for axis in seen]
    kept = [(axis, colour) for axis, colour in merged if axis not in colours.values()]
    return [f"{index + 1}", *(_named(axis, colour, reading) for axis, colour in kept)]


def _named(axis: str, colour: str, reading: Attributes) -> str:
    words = {"skin": " skin", "background": " background", "hair_style": " hair"}
    return f"{colour}{reading[axis].replace('_', ' ')}{words.get(axis, '')}"


def _folded(phrases: Sequence[str], width: int) -> list[str]:
    lines = [""]
    for phrase in phrases:
        if len(lines[-1]) + len(phrase) > width:
            lines.append("")
        lines[-1] += f"{phrase}, "
    return [*lines[:-1], lines[-1].removesuffix(", ")]


def _sheet(pictures: Sequence[Image.Image], texts: Sequence[Sequence[str]], columns: int) -> Image.Image:
    side, below = pictures[0].width, max(len(lines) for lines in texts) * _LINE_PX + 6
    rows = -(-len(pictures) // columns)
    sheet = Image.new("RGB", (columns * side, rows * (side + below)), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(11)
    for index, (picture, lines) in enumerate(zip(pictures, texts, strict=True)):
        left, top = index % columns * side, index // columns * (side + below)
        sheet.paste(picture, (left, top))
        for number, line in enumerate(lines):
            pen.text((left + 4, top + side + 2 + number * _LINE_PX), line, fill="black", font=font)
    return sheet
