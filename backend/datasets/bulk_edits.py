"""Editing many captions at once: all that it is about or none, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from backend.context import Context
from backend.datasets import repository
from backend.datasets.edit_schemas import BulkEditIn, BulkEditOut
from backend.datasets.lookup import dataset_to_change, require_dataset
from backend.datasets.phrase_edits import edited, problem_of
from backend.datasets.representations import dataset_out
from backend.datasets.undo import item_state, remember_edit
from backend.errors import Unprocessable
from backend.tables import DatasetItem


def edit_items(context: Context, dataset_id: str, edit: BulkEditIn, if_match: str | None) -> BulkEditOut:
    """Edit all or some captions of a set, which is a draft afterwards if any is different.

    Raises:
        NotFound: no such caption set.
        ChangedMeanwhile: the asker has seen another content.
        Unprocessable: an item is not in the set, or a caption that was right would be none any more.
    """
    with context.db.write() as session:
        dataset = dataset_to_change(session, dataset_id, if_match)
        chosen = _chosen(repository.list_items(session, dataset_id), edit.items)
        before = [item_state(item) for item in chosen]
        problems = [problem for item in chosen if (problem := _apply(item, edit)) is not None]
        _refuse_broken(problems)
        pairs = [(old, new) for old, new in zip(before, map(item_state, chosen), strict=True) if old != new]
        if pairs:
            remember_edit(session, dataset, edit, pairs)
        session.flush()
        return BulkEditOut(changed=len(pairs), dataset=dataset_out(session, require_dataset(session, dataset_id)))


def _chosen(items: Sequence[DatasetItem], ids: Sequence[str] | None) -> Sequence[DatasetItem]:
    """Return the items of these ids, or all.

    Raises:
        Unprocessable: the set has no item of that id.
    """
    if ids is None:
        return items
    wanted = set(ids)
    unknown = sorted(wanted - {item.id for item in items})
    if unknown:
        raise Unprocessable(
            "unknown_items",
            f"Found {len(unknown)} ids that no item of this caption set has: {', '.join(unknown[:5])}.",
            "Read the caption set again: they may have been deleted.",
        )
    return [item for item in items if item.id in wanted]


def _apply(item: DatasetItem, edit: BulkEditIn) -> dict[str, Any] | None:
    """Edit one item; return what is wrong if its caption was right and would not be any more."""
    base, target = edited(item.base, item.target, edit)
    if (base, target) == (item.base, item.target):
        return None
    problem = problem_of(item.file_name, base, target)
    if problem is not None and item.problem is None:
        return {"file_name": item.file_name, **problem}
    item.base, item.target, item.problem = base, target, problem
    return None


def _refuse_broken(problems: Sequence[dict[str, Any]]) -> None:
    """Refuse an edit that breaks captions.

    Raises:
        Unprocessable: it does.
    """
    if problems:
        named = ", ".join(str(problem["file_name"]) for problem in problems[:5])
        raise Unprocessable(
            "edit_breaks_captions",
            f"Found {len(problems)} captions that this edit would make unusable: {named}. None was changed.",
            "See the reason for each; edit fewer items, or correct these first.",
            problems,
        )
