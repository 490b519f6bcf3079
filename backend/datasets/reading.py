"""Reading caption sets, their items and their pictures."""

from __future__ import annotations

from pathlib import Path

from backend.context import Context
from backend.datasets import repository
from backend.datasets.lookup import require_dataset, require_item
from backend.datasets.representations import dataset_out, item_out, summary_out
from backend.datasets.schemas import DatasetList, DatasetOut, ItemOut, SetStatus
from backend.paging import PageRequest, cut_page


def list_datasets(context: Context, page: PageRequest, name: str | None, status: SetStatus | None) -> DatasetList:
    """Return a page of caption sets, newest first; None for a filter lets everything through."""
    frozen = None if status is None else status == "frozen"
    with context.db.read() as session:
        rows = repository.list_datasets(session, limit=page.limit + 1, cursor=page.cursor, name=name, frozen=frozen)
    cut = cut_page(rows, [row.dataset.id for row in rows], page.limit)
    return DatasetList(
        data=[summary_out(row) for row in cut.rows],
        next_cursor=cut.next_cursor,
        has_more=cut.next_cursor is not None,
    )


def read_dataset(context: Context, dataset_id: str) -> DatasetOut:
    """Return one caption set with its items.

    Raises:
        NotFound: no such caption set.
    """
    with context.db.read() as session:
        return dataset_out(session, require_dataset(session, dataset_id))


def read_item(context: Context, dataset_id: str, item_id: str) -> ItemOut:
    """Return one item.

    Raises:
        NotFound: no such caption set or item.
    """
    with context.db.read() as session:
        return item_out(require_item(session, dataset_id, item_id))


def image_path(context: Context, dataset_id: str, item_id: str) -> tuple[Path, str]:
    """Return where the picture of an item lies, and its SHA-256.

    Raises:
        NotFound: no such caption set or item.
    """
    with context.db.read() as session:
        item = require_item(session, dataset_id, item_id)
    return context.storage.path(item.image_key), item.image_sha256
