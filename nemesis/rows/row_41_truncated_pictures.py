"""Pictures that end too early, among others that do not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from nemesis.row import Round, Row
from nemesis.uploads import CAPTION, picture
from nemesis.violation import Violation, unless

_FORMATS: Final = {"PNG": "png", "JPEG": "jpg", "WEBP": "webp"}
_PARTS: Final = 16
_SIZE: Final = (200, 200)
_LEAST_BYTES: Final = 32
"""Cut off at least: fewer may belong to what follows the last pixel."""


def _strike(this: Round) -> Iterator[Violation]:
    files = {"good.png": picture(), "good.txt": CAPTION}
    cut: set[str] = set()
    for form, suffix in _FORMATS.items():
        whole = picture(form, _SIZE)
        for part in range(_PARTS):
            name = f"{part:02d}-{suffix}.{suffix}"
            end = (len(whole) * part + this.chance.randrange(len(whole))) // _PARTS
            files |= {name: whole[: min(end, len(whole) - _LEAST_BYTES)], f"{part:02d}-{suffix}.txt": CAPTION}
            cut.add(name)
    answer = this.studio.client.upload(files)
    yield from unless(answer.status_code == 201, f"the upload was answered {answer.status_code}: {answer.text[:200]}")
    if answer.status_code == 201:
        kept = {item["file_name"] for item in answer.json()["items"]}
        named = {error["file_name"] for error in answer.json()["errors"]}
        yield from unless(kept == {"good.png"}, f"kept {sorted(kept)}", "torn")
        yield from unless(named == cut, f"not named: {sorted(cut - named)}", "lost")


TRUNCATED_PICTURES: Final = Row(
    number=41,
    fault=f"PNG, JPEG and WEBP cut off in each of {_PARTS} parts, uploaded together with a whole picture",
    promise="each is named and not kept, the whole one is",
    rounds=5,
    strike=_strike,
)
