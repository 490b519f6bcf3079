"""The caption set or item that a request names: there, held for a change, and as the asker has seen it."""

from __future__ import annotations

from sqlalchemy.orm import Session

from backend.datasets import repository
from backend.datasets.representations import dataset_out, item_out
from backend.errors import NotFound
from backend.preconditions import require_match
from backend.tables import Dataset, DatasetItem


def require_dataset(session: Session, dataset_id: str) -> repository.DatasetRow:
    """Return a caption set.

    Raises:
        NotFound: no such caption set.
    """
    row = repository.get_dataset(session, dataset_id)
    if row is None:
        raise NotFound("dataset", dataset_id)
    return row


def require_item(session: Session, dataset_id: str, item_id: str) -> DatasetItem:
    """Return an item.

    Raises:
        NotFound: no such caption set or item.
    """
    item = repository.get_item(session, dataset_id, item_id)
    if item is None:
        raise NotFound("item", item_id)
    return item


def dataset_to_change(session: Session, dataset_id: str, if_match: str | None) -> Dataset:
    """Return a caption set that nobody else changes until the transaction ends.

    Raises:
        NotFound: no such caption set.
        ChangedMeanwhile: the asker has seen another content.
    """
    dataset = repository.lock_dataset(session, dataset_id)
    if dataset is None:
        raise NotFound("dataset", dataset_id)
    if if_match is not None:
        require_match(if_match, dataset_out(session, require_dataset(session, dataset_id)))
    return dataset


def item_to_change(
    session: Session, dataset_id: str, item_id: str, if_match: str | None
) -> tuple[Dataset, DatasetItem]:
    """Return an item and its caption set, which nobody else changes until the transaction ends.

    Raises:
        NotFound: no such caption set or item.
        ChangedMeanwhile: the asker has seen another content of the item.
    """
    dataset = dataset_to_change(session, dataset_id, None)
    item = require_item(session, dataset_id, item_id)
    if if_match is not None:
        require_match(if_match, item_out(item))
    return dataset, item
