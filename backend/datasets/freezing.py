"""Freezing: an immutable version of what a caption set holds, which jobs are trained on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from backend.context import Context, instant
from backend.datasets import repository
from backend.datasets.lookup import dataset_to_change
from backend.datasets.schemas import VersionOut
from backend.errors import Unprocessable
from backend.ids import new_id
from backend.tables import DatasetItem, DatasetVersion
from spf_portrait.contract.caption_set import CaptionItem, CaptionSet
from spf_portrait.contract.phrases import Caption


def freeze_dataset(context: Context, dataset_id: str) -> VersionOut:
    """Return the version that holds the present content, made now if there is none yet.

    Raises:
        NotFound: no such caption set.
        Unprocessable: an item has a problem.
        DataError: the items do not share one target.
    """
    with context.db.write() as session:
        dataset = dataset_to_change(session, dataset_id, None)
        items = repository.list_items(session, dataset_id)
        target = _common_target(items)
        content = [_frozen_item(item) for item in items]
        content_hash = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
        version = repository.find_version(session, dataset_id, content_hash)
        if version is None:
            version = DatasetVersion(
                id=new_id("dsv"), dataset_id=dataset_id, content_hash=content_hash, target=target, items=content
            )
            session.add(version)
            session.flush()
            session.refresh(version)
        dataset.version_id = version.id
    return VersionOut(
        id=version.id,
        dataset_id=dataset_id,
        content_hash=version.content_hash,
        target=version.target,
        item_count=len(version.items),
        created_at=instant(version.created_at),
    )


def _common_target(items: Sequence[DatasetItem]) -> str:
    """Return the target phrase that all items share.

    Raises:
        Unprocessable: an item has a problem.
        DataError: there are no items, too many, or several targets.
    """
    problems = [{"file_name": item.file_name, **item.problem} for item in items if item.problem]
    if problems:
        names = ", ".join(str(problem["file_name"]) for problem in problems[:5])
        raise Unprocessable(
            "captions_need_attention",
            f"Found {len(problems)} portraits whose captions cannot be trained on: {names}.",
            "Correct their phrases or delete these portraits.",
            problems,
        )
    caption_items = (
        CaptionItem(file_name=item.file_name, caption=Caption(base=tuple(item.base), target=item.target or ""))
        for item in items
    )
    return CaptionSet(items=tuple(caption_items)).target


def _frozen_item(item: DatasetItem) -> dict[str, Any]:
    """What a version remembers of an item."""
    return {
        "file_name": item.file_name,
        "image_key": item.image_key,
        "image_sha256": item.image_sha256,
        "base": item.base,
        "target": item.target,
    }
