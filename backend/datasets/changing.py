"""Changing a caption set by hand: its name, the phrases of one item, one item less."""

from __future__ import annotations

from backend.context import Context
from backend.datasets import repository
from backend.datasets.lookup import dataset_to_change, item_to_change, require_dataset
from backend.datasets.representations import dataset_out, item_out
from backend.datasets.schemas import DatasetChange, DatasetOut, ItemChange, ItemOut
from spf_portrait.contract.phrases import Caption


def change_dataset(context: Context, dataset_id: str, change: DatasetChange, if_match: str | None) -> DatasetOut:
    """Give a caption set another name; a frozen one stays frozen.

    Raises:
        NotFound: no such caption set.
        ChangedMeanwhile: the asker has seen another content.
    """
    with context.db.write() as session:
        dataset_to_change(session, dataset_id, if_match).name = change.name
        session.flush()
        return dataset_out(session, require_dataset(session, dataset_id))


def change_item(context: Context, dataset_id: str, item_id: str, change: ItemChange, if_match: str | None) -> ItemOut:
    """Replace the phrases of one item.

    Raises:
        NotFound: no such caption set or item.
        ChangedMeanwhile: the asker has seen other phrases.
        SpfError: the phrases do not make a caption.
    """
    caption = Caption(base=tuple(change.base), target=change.target)
    with context.db.write() as session:
        dataset, item = item_to_change(session, dataset_id, item_id, if_match)
        item.base = list(caption.base)
        item.target = caption.target
        item.problem = None
        dataset.version_id = None
    return item_out(item)


def delete_item(context: Context, dataset_id: str, item_id: str, if_match: str | None) -> None:
    """Remove one item; versions that hold its picture keep it.

    Raises:
        NotFound: no such caption set or item.
        ChangedMeanwhile: the asker has seen other phrases.
    """
    with context.db.write() as session:
        dataset, item = item_to_change(session, dataset_id, item_id, if_match)
        session.delete(item)
        dataset.version_id = None
        keep = repository.versions_using_image(session, dataset_id, item.image_key)
    if not keep:
        context.storage.delete(item.image_key)
