"""Pictures that tell where and by whom they were taken."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Final

from PIL import Image

from nemesis.row import Round, Row
from nemesis.uploads import CAPTION, picture, stored
from nemesis.violation import Violation, unless

_ORIENTATION: Final = 0x0112
_DESCRIPTION: Final = 0x010E
_GPS: Final = 0x8825
_GPS_AREA: Final = 28
_ON_ITS_SIDE: Final = 6
_SIZE: Final = (40, 20)
_FORMATS: Final = {"JPEG": "jpg", "WEBP": "webp", "PNG": "png"}


def _strike(this: Round) -> Iterator[Violation]:
    form, suffix = list(_FORMATS.items())[this.number % len(_FORMATS)]
    canary = f"canary-{this.chance.randrange(10**12)}"
    before = stored(this.studio)
    answer = this.studio.client.upload({f"a.{suffix}": _telling(form, canary), "a.txt": CAPTION})
    yield from unless(answer.status_code == 201, f"a {form} was answered {answer.status_code}")
    new = [this.studio.folder / path for path in stored(this.studio) - before if (this.studio.folder / path).is_file()]
    for path in new:
        yield from unless(canary.encode() not in path.read_bytes(), f"{form}: metadata is stored", "leak")
        with Image.open(path) as kept:
            yield from unless(kept.size == _SIZE[::-1], f"{form}: stored lying on its side")
            yield from unless(set(kept.info) == set(), f"{form}: stored with {sorted(map(str, kept.info))}", "leak")
    yield from unless(bool(new), f"{form}: nothing is stored", "lost")


def _telling(form: str, canary: str) -> bytes:
    """A picture with place, description, comment and text, lying on its side."""
    exif = Image.Exif()
    exif[_ORIENTATION] = _ON_ITS_SIDE
    exif[_DESCRIPTION] = canary
    exif.get_ifd(_GPS)[_GPS_AREA] = canary.encode()
    xmp = f"<x:xmpmeta xmlns:x='adobe:ns:meta/'>{canary}</x:xmpmeta>".encode()
    content = picture(form, _SIZE, exif=exif.tobytes(), xmp=xmp, comment=canary.encode(), quality=95)
    with Image.open(io.BytesIO(content)) as written:
        assert written.getexif()[_DESCRIPTION] == canary, f"{form} does not hold what is to be looked for"
    return content


METADATA: Final = Row(
    number=42,
    fault="JPEG, WEBP and PNG with GPS, XMP, comments and an orientation",
    promise="stored upright, and without any of it",
    rounds=200,
    strike=_strike,
)
