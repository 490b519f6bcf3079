"""A caption set as the members of a zip that uploads again to the same set."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import chain, count
from pathlib import Path, PurePosixPath

from backend.context import Context
from backend.datasets import repository
from backend.datasets.lookup import require_dataset
from backend.tables import DatasetItem
from spf_portrait.contract.archive import is_ordinary_name, is_unimportant
from spf_portrait.contract.caption_text import bracketed
from spf_portrait.contract.phrases import Caption

_TABLE = "metadata.jsonl"


def archive_members(context: Context, dataset_id: str) -> dict[str, Path | bytes]:
    """Return the pictures as they are stored, by their place in the zip, and the table of their captions.

    Raises:
        NotFound: no such caption set.
    """
    with context.db.read() as session:
        require_dataset(session, dataset_id)
        items = repository.list_items(session, dataset_id)
    named = dict(zip(_member_names(items), items, strict=True))
    pictures = {name: context.storage.path(item.image_key) for name, item in named.items()}
    rows = (_row(name, item) for name, item in named.items() if item.base or item.target)
    table = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    return {_TABLE: table.encode(), **pictures}


def _row(name: str, item: DatasetItem) -> dict[str, object]:
    """Write the phrases of one portrait as an imagefolder has them, and as one text once they are a caption."""
    row: dict[str, object] = {"file_name": name, "base": item.base}
    if item.target is not None:
        row["target"] = item.target
    if item.target is not None and item.problem is None:
        row["text"] = bracketed(Caption(base=tuple(item.base), target=item.target))
    return row


def _member_names(items: Sequence[DatasetItem]) -> list[str]:
    """Return the name of each portrait: what it was uploaded under if a zip can hold that, but always a .png.

    Names that are kept as they are come first, so that photo.jpg takes no name from photo.png.
    """
    names = [""] * len(items)
    taken: set[str] = set()
    for number in sorted(range(len(items)), key=lambda number: not items[number].file_name.endswith(".png")):
        wanted = str(PurePosixPath(items[number].file_name).with_suffix(".png"))
        names[number] = next(name for name in chain([wanted], _other_names(number)) if _is_free(name, taken))
        taken.add(_key(names[number]))
    return names


def _other_names(number: int) -> Iterator[str]:
    """Yield names for a portrait whose own will not do."""
    yield f"portrait-{number:04d}.png"
    yield from (f"portrait-{number:04d}-{more}.png" for more in count(2))


def _is_free(name: str, taken: set[str]) -> bool:
    """Tell whether an upload would take a member of this name."""
    return is_ordinary_name(name) and not is_unimportant(name) and _key(name) not in taken


def _key(name: str) -> str:
    """Return what is equal for names that one folder cannot hold both."""
    return unicodedata.normalize("NFC", name).casefold()
