"""Undoing the last bulk edit of a caption set: really, from what was kept of it, and over nobody's later work."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from backend.context import Context
from backend.datasets import repository
from backend.datasets.edit_schemas import BulkEditIn, BulkEditOut
from backend.datasets.lookup import dataset_to_change, require_dataset
from backend.datasets.representations import dataset_out
from backend.errors import Conflict
from backend.tables import BulkEdit, Dataset, DatasetItem


def remember_edit(
    session: Session, dataset: Dataset, edit: BulkEditIn, pairs: Sequence[tuple[dict[str, Any], dict[str, Any]]]
) -> None:
    """Keep what undoes the edit, in the place of what undid the one before."""
    previous = session.get(BulkEdit, dataset.id)
    if previous is not None:
        session.delete(previous)
        session.flush()
    before, after = ([pair[side] for pair in pairs] for side in (0, 1))
    session.add(BulkEdit(dataset_id=dataset.id, edit=edit.model_dump(mode="json"), before=before, after=after))
    dataset.version_id = None


def item_state(item: DatasetItem) -> dict[str, Any]:
    """Return all of an item that an edit may change, and what names it."""
    return {
        "id": item.id,
        "file_name": item.file_name,
        "base": item.base,
        "target": item.target,
        "problem": item.problem,
    }


def undo_edit(context: Context, dataset_id: str, if_match: str | None) -> BulkEditOut:
    """Bring every caption back to what it was before the last bulk edit; there is nothing to undo after that.

    Raises:
        NotFound: no such caption set.
        ChangedMeanwhile: the asker has seen another content.
        Conflict: there was no bulk edit, or some of its items were edited or deleted since.
    """
    with context.db.write() as session:
        dataset = dataset_to_change(session, dataset_id, if_match)
        last = _last_edit(session, dataset_id)
        items = {item.id: item for item in repository.list_items(session, dataset_id)}
        _refuse_edited_since(items, last.after)
        for state in last.before:
            item = items[state["id"]]
            item.base, item.target, item.problem = state["base"], state["target"], state["problem"]
        dataset.version_id = None
        session.delete(last)
        session.flush()
        return BulkEditOut(changed=len(last.before), dataset=dataset_out(session, require_dataset(session, dataset_id)))


def _last_edit(session: Session, dataset_id: str) -> BulkEdit:
    """Return the edit to undo.

    Raises:
        Conflict: there is none.
    """
    last = session.get(BulkEdit, dataset_id)
    if last is None:
        raise Conflict(
            "nothing_to_undo",
            "Found no bulk edit of this caption set; only the last one can be undone, and only once.",
            "Correct the captions by another edit.",
        )
    return last


def _refuse_edited_since(items: dict[str, DatasetItem], after: Sequence[dict[str, Any]]) -> None:
    """Refuse to overwrite what was done to items after a bulk edit.

    Raises:
        Conflict: something was.
    """
    since = [state for state in after if state["id"] not in items or item_state(items[state["id"]]) != state]
    if since:
        named = ", ".join(str(state["file_name"]) for state in since[:5])
        raise Conflict(
            "edited_since",
            f"Found {len(since)} items that were edited or deleted after the bulk edit: {named}. Undoing it would "
            "overwrite that, so nothing was changed.",
            "Correct the captions by another edit.",
            [_since(state, deleted=state["id"] not in items) for state in since],
        )


def _since(state: dict[str, Any], *, deleted: bool) -> dict[str, Any]:
    """Name one item that is no longer as a bulk edit left it."""
    code, what = ("deleted_since", "deleted") if deleted else ("edited_since", "edited")
    return {"file_name": state["file_name"], "code": code, "message": f"It was {what} after the bulk edit."}
