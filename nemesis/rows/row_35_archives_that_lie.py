"""Archives whose directory does not say what is there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from nemesis.row import Round, Row
from nemesis.uploads import is_refused, picture, with_directory, zipped
from nemesis.violation import Violation

_MANY: Final = 200_000
_LARGE: Final = 2**40


def _strike(this: Round) -> Iterator[Violation]:
    members = {"a.png": picture(), "b.png": picture()}
    plain = zipped(members)
    archives = {
        f"{_MANY} names in the directory": with_directory(members, _MANY),
        "a size of a TiB in the directory": with_directory(members, 0, file_size=_LARGE),
        "another checksum in the directory": with_directory(members, 0, CRC=1),
        "a member outside the file": with_directory(members, 0, header_offset=len(plain) * 2),
        "data behind the directory": plain + b"x",
        "data before the first member": b"x" * 100 + plain,
        "two archives in one": plain + plain,
        "an encrypted member": with_directory(members, 0, flag_bits=1),
        "an unknown compression": with_directory(members, 0, compress_type=14),
        "a symbolic link": with_directory(members, 0, external_attr=0o120777 << 16),
    }
    for what, archive in archives.items():
        yield from is_refused(this.studio, {"a.zip": archive}, what)


ARCHIVES_THAT_LIE: Final = Row(
    number=35,
    fault=f"zips with {_MANY} names, wrong sizes, checksums and places, data around them, links, ciphers",
    promise="refused with 4xx; nothing stored",
    rounds=5,
    strike=_strike,
)
