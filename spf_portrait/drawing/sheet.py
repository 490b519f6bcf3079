"""A sheet of pictures: one row for each system, one column for each seed."""

from collections.abc import Mapping, Sequence
from typing import Final

from PIL import Image, ImageDraw, ImageFont

_LABEL_PX: Final = 22
_GAP_PX: Final = 4


def contact_sheet(rows: Mapping[str, Sequence[Image.Image]]) -> Image.Image:
    """Rows of equally large pictures with their names above; all rows have the same number of pictures."""
    first = next(iter(rows.values()))
    width, height = first[0].width + _GAP_PX, first[0].height + _LABEL_PX + _GAP_PX
    sheet = Image.new("RGB", (len(first) * width, len(rows) * height), "white")
    pen = ImageDraw.Draw(sheet)
    for row, (name, pictures) in enumerate(rows.items()):
        pen.text((_GAP_PX, row * height + 3), name, fill="black", font=ImageFont.load_default(14))
        for column, picture in enumerate(pictures):
            sheet.paste(picture.convert("RGB"), (column * width, row * height + _LABEL_PX))
    return sheet
