"""Storing, correcting and freezing caption sets."""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from backend.context import Context, instant
from backend.datasets import repository
from backend.datasets.schemas import (
    DatasetList,
    DatasetOut,
    DatasetSummary,
    ItemChange,
    ItemOut,
    ItemProblem,
    PhrasesIn,
    PhrasesOut,
    VersionOut,
)
from backend.datasets.upload import ReadPortrait, UploadedFile
from backend.datasets.upload_process import read_in_process
from backend.errors import NotFound, Unprocessable
from backend.ids import new_id
from backend.paging import PageRequest, cut_page
from backend.tables import Dataset, DatasetItem, DatasetVersion
from spf_portrait.contract.bases import default_models_dir
from spf_portrait.contract.caption_set import CaptionItem, CaptionSet
from spf_portrait.contract.caption_text import parse_caption
from spf_portrait.contract.phrases import Caption


@contextmanager
def incoming_folder(context: Context) -> Generator[Path]:
    """Give a folder for the files of one upload; whatever happens, it is gone afterwards."""
    folder = context.storage.path(f"incoming/{secrets.token_hex(8)}")
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def create_dataset(
    context: Context, name: str, files: Sequence[UploadedFile], folder: Path, target: str | None
) -> DatasetOut:
    """Store an upload as a new caption set.

    Args:
        context: parts of the application.
        name: name for people.
        files: the uploaded files, lying in `folder`.
        folder: the upload's own folder (see `incoming_folder`).
        target: target phrase for captions that mark none.

    Returns:
        The new caption set; files that could not be kept are in its `errors`.

    Raises:
        Unprocessable: no portrait of the upload can be used; nothing is stored then.
    """
    upload = read_in_process(files, folder, target)
    dataset_id = new_id("ds")
    items = [_item_row(dataset_id, position, portrait) for position, portrait in enumerate(upload.portraits)]
    try:
        for item, portrait in zip(items, upload.portraits, strict=True):
            context.storage.put(portrait.file_name, item.image_key, portrait.picture)
        with context.db.write() as session:
            session.add(Dataset(id=dataset_id, name=name, rejected=upload.rejected))
            session.flush()
            session.add_all(items)
    except BaseException:
        context.storage.delete(f"datasets/{dataset_id}")
        raise
    return read_dataset(context, dataset_id)


def create_example(context: Context, name: str) -> DatasetOut:
    """Store one of the bundled example sets as a new caption set.

    Raises:
        NotFound: there is no such example.
    """
    examples = (context.settings.models_dir or default_models_dir()) / "pico" / "examples"
    archives = {archive.stem: archive for archive in examples.glob("*.zip")}
    if name not in archives:
        raise NotFound("example", name)
    with incoming_folder(context) as folder:
        copy = folder / f"{name}.zip"
        shutil.copyfile(archives[name], copy)
        return create_dataset(context, f"Example: {name}", [UploadedFile(copy.name, copy)], folder, None)


def list_datasets(context: Context, page: PageRequest) -> DatasetList:
    """Return a page of caption sets, newest first."""
    with context.db.read() as session:
        rows = repository.list_datasets(session, limit=page.limit + 1, cursor=page.cursor)
    cut = cut_page(rows, [row.dataset.id for row in rows], page.limit)
    return DatasetList(
        data=[DatasetSummary.model_validate(_summary(row)) for row in cut.rows],
        next_cursor=cut.next_cursor,
        has_more=cut.next_cursor is not None,
    )


def read_dataset(context: Context, dataset_id: str) -> DatasetOut:
    """Return one caption set with its items.

    Raises:
        NotFound: no such caption set.
    """
    with context.db.read() as session:
        row = _require(session, dataset_id)
        items = repository.list_items(session, dataset_id)
    return DatasetOut.model_validate(
        {
            **_summary(row),
            "version_id": row.dataset.version_id,
            "items": [_item_out(item) for item in items],
            "errors": row.dataset.rejected,
        }
    )


def change_item(context: Context, dataset_id: str, item_id: str, change: ItemChange) -> ItemOut:
    """Replace the phrases of one item.

    Raises:
        NotFound: no such caption set or item.
        SpfError: the phrases do not make a caption.
    """
    caption = Caption(base=tuple(change.base), target=change.target)
    with context.db.write() as session:
        repository.lock_dataset(session, dataset_id)
        item = _require_item(session, dataset_id, item_id)
        item.base = list(caption.base)
        item.target = caption.target
        item.problem = None
        repository.mark_changed(session, dataset_id)
    return _item_out(item)


def delete_item(context: Context, dataset_id: str, item_id: str) -> None:
    """Remove one item; versions that hold its picture keep it.

    Raises:
        NotFound: no such caption set or item.
    """
    with context.db.write() as session:
        repository.lock_dataset(session, dataset_id)
        item = _require_item(session, dataset_id, item_id)
        session.delete(item)
        repository.mark_changed(session, dataset_id)
        keep = repository.versions_using_image(session, dataset_id, item.image_key)
    if not keep:
        context.storage.path(item.image_key).unlink(missing_ok=True)


def image_path(context: Context, dataset_id: str, item_id: str) -> tuple[Path, str]:
    """Return where the picture of an item lies, and its SHA-256.

    Raises:
        NotFound: no such caption set or item.
    """
    with context.db.read() as session:
        item = _require_item(session, dataset_id, item_id)
    return context.storage.path(item.image_key), item.image_sha256


def freeze_dataset(context: Context, dataset_id: str) -> VersionOut:
    """Return the version that holds the present content, made now if there is none yet.

    Raises:
        NotFound: no such caption set.
        Unprocessable: an item has a problem.
        DataError: the items do not share one target.
    """
    with context.db.write() as session:
        repository.lock_dataset(session, dataset_id)
        dataset = _require(session, dataset_id).dataset
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


def parse_phrases(text: PhrasesIn) -> PhrasesOut:
    """Parse a caption as an upload would.

    Raises:
        SpfError: the text is no caption; the message says why.
    """
    caption = parse_caption(text.text, target=text.target)
    return PhrasesOut(
        base=list(caption.base),
        target=caption.target,
        base_text=caption.base_text,
        complete_text=caption.complete_text,
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


def _item_row(dataset_id: str, position: int, portrait: ReadPortrait) -> DatasetItem:
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


def _require(session: Session, dataset_id: str) -> repository.DatasetRow:
    """Return a caption set or raise NotFound."""
    row = repository.get_dataset(session, dataset_id)
    if row is None:
        raise NotFound("dataset", dataset_id)
    return row


def _require_item(session: Session, dataset_id: str, item_id: str) -> DatasetItem:
    """Return an item or raise NotFound."""
    item = repository.get_item(session, dataset_id, item_id)
    if item is None:
        raise NotFound("item", item_id)
    return item


def _summary(row: repository.DatasetRow) -> dict[str, Any]:
    """Show what a list shows of a caption set."""
    dataset = row.dataset
    return {
        "id": dataset.id,
        "name": dataset.name,
        "status": "draft" if dataset.version_id is None else "frozen",
        "target": row.targets[0] if len(row.targets) == 1 else None,
        "item_count": row.item_count,
        "created_at": instant(dataset.created_at),
    }


def _item_out(item: DatasetItem) -> ItemOut:
    """Show an item."""
    problem = item.problem
    return ItemOut(
        id=item.id,
        file_name=item.file_name,
        base=item.base,
        target=item.target,
        width_px=item.width_px,
        height_px=item.height_px,
        image_url=f"/api/v1/datasets/{item.dataset_id}/items/{item.id}/image",
        errors=[ItemProblem.model_validate({"file_name": item.file_name, **problem})] if problem else [],
    )
