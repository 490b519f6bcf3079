"""One bit of the newest checkpoint is another one on the disk."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from nemesis.checkpoint_process import newest_folder
from nemesis.row import Round, Row
from nemesis.violation import Violation, unless

_KIB: Final = 4


def _strike(this: Round) -> Iterator[Violation]:
    studio = this.studio
    folder = studio.folder / f"checkpoints-{this.number}"
    for step in (1, 2):
        studio.checkpoints.save(folder, step, _KIB)
    file = this.chance.choice(sorted(newest_folder(folder).iterdir()))
    content = bytearray(file.read_bytes())
    place, bit = this.chance.randrange(len(content)), this.chance.randrange(8)
    content[place] ^= 1 << bit
    file.write_bytes(content)
    studio.history.note("flipped", file=file.name, place=place, bit=bit)
    read = studio.checkpoints.newest(folder)
    yield from unless(read == "1", f"bit {bit} of byte {place} of {file.name}: {read} is read", "torn")


FLIPPED_BIT: Final = Row(
    number=22,
    fault="one bit flipped anywhere in the newest checkpoint",
    promise="it is noticed, and the checkpoint before it is read",
    rounds=500,
    strike=_strike,
    processes=(),
)
