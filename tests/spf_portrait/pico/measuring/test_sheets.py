"""The sheets: every picture has its place and its text."""

from PIL import Image

from spf_portrait.pico.measuring.sheets import caption_sheet, reading_sheet
from spf_portrait.pico.measuring.unseen import full_caption, unseen


def test_pictures_lie_in_rows_with_text_below() -> None:
    portraits = unseen(12)
    red = [Image.new("RGB", (128, 128), "red")] * 12
    captions = caption_sheet(red, [full_caption(attributes) for attributes in portraits])
    readings = reading_sheet(red, portraits)
    assert captions.width == 4 * 256
    assert readings.width == 10 * 160
    assert readings.getpixel((159, 159)) == captions.getpixel((255, 255)) == (255, 0, 0)
    for sheet, side in ((captions, 256), (readings, 160)):
        below = sheet.crop((0, side, side, sheet.height // (3 if side == 256 else 2)))
        assert sum(below.convert("L").histogram()[:100])
