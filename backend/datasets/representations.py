"""Caption sets and their items as the API shows them."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from backend.context import instant
from backend.datasets import repository
from backend.datasets.schemas import DatasetOut, DatasetSummary, ItemOut, LastEdit
from backend.preconditions import tagged
from backend.tables import BulkEdit, DatasetItem


def summary_out(row: repository.DatasetRow) -> DatasetSummary:
    """Show a caption set in a list."""
    return DatasetSummary.model_validate(_summary(row))


def dataset_out(session: Session, row: repository.DatasetRow) -> DatasetOut:
    """Show a caption set with its items."""
    dataset = row.dataset
    content = {
        **_summary(row),
        "version_id": dataset.version_id,
        "items": [item_out(item) for item in repository.list_items(session, dataset.id)],
        "errors": dataset.rejected,
        "last_edit": _last_edit(session.get(BulkEdit, dataset.id)),
    }
    return tagged(DatasetOut, content)


def item_out(item: DatasetItem) -> ItemOut:
    """Show an item."""
    content = {
        "id": item.id,
        "file_name": item.file_name,
        "base": item.base,
        "target": item.target,
        "width_px": item.width_px,
        "height_px": item.height_px,
        "image_url": f"/api/v1/datasets/{item.dataset_id}/items/{item.id}/image",
        "thumbnail_url": _thumbnail_url(item.dataset_id, item.id),
        "errors": [{"file_name": item.file_name, **item.problem}] if item.problem else [],
    }
    return tagged(ItemOut, content)


def _summary(row: repository.DatasetRow) -> dict[str, Any]:
    """Show what a list shows of a caption set."""
    dataset = row.dataset
    return {
        "id": dataset.id,
        "name": dataset.name,
        "status": "draft" if dataset.version_id is None else "frozen",
        "target": row.targets[0] if len(row.targets) == 1 else None,
        "item_count": row.item_count,
        "cover_url": None if row.first_item_id is None else _thumbnail_url(dataset.id, row.first_item_id),
        "created_at": instant(dataset.created_at),
    }


def _thumbnail_url(dataset_id: str, item_id: str) -> str:
    """Say where a portrait is read in small."""
    return f"/api/v1/datasets/{dataset_id}/items/{item_id}/thumbnail"


def _last_edit(row: BulkEdit | None) -> LastEdit | None:
    """Show the bulk edit that could be undone."""
    if row is None:
        return None
    content = {"kind": row.edit["kind"], "changed": len(row.after), "created_at": instant(row.created_at)}
    return LastEdit.model_validate(content)
