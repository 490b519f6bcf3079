"""Portraits of an upload that become items of a caption set: their rows, and their pictures in the storage."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager

from backend.datasets.upload import ReadPortrait
from backend.ids import new_id
from backend.storage import LocalStorage
from backend.tables import DatasetItem


def portrait_rows(dataset_id: str, portraits: Sequence[ReadPortrait]) -> list[DatasetItem]:
    """Make the rows of the first portraits of a set, in their order."""
    return [_row(dataset_id, position, portrait) for position, portrait in enumerate(portraits)]


@contextmanager
def stored_pictures(
    storage: LocalStorage, items: Sequence[DatasetItem], portraits: Sequence[ReadPortrait], undo: Sequence[str]
) -> Generator[None]:
    """Store the pictures for a block that adds their rows; when it fails, what is stored under `undo` goes again."""
    try:
        for item, portrait in zip(items, portraits, strict=True):
            storage.put(portrait.file_name, item.image_key, portrait.picture)
        yield
    except BaseException:
        for key in undo:
            storage.delete(key)
        raise


def _row(dataset_id: str, position: int, portrait: ReadPortrait) -> DatasetItem:
    """Make the row of a portrait."""
    item_id = new_id("itm")
    return DatasetItem(
        id=item_id,
        dataset_id=dataset_id,
        position=position,
        file_name=portrait.file_name,
        image_key=f"datasets/{dataset_id}/{item_id}.png",
        image_sha256=portrait.sha256,
        width_px=portrait.width_px,
        height_px=portrait.height_px,
        base=portrait.base,
        target=portrait.target,
        problem=portrait.problem,
    )
