"""Adding portraits to a caption set, and captions to portraits that it has already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy.orm import Session

from backend.context import Context
from backend.datasets import repository
from backend.datasets.incoming import Incoming
from backend.datasets.lookup import dataset_to_change, require_dataset
from backend.datasets.portrait_rows import portrait_rows, stored_pictures
from backend.datasets.reading import read_dataset
from backend.datasets.schemas import DatasetOut
from backend.datasets.upload import ReadCaption, ReadUpload, refuse_too_many
from backend.datasets.upload_keys import gone_into, remember
from backend.datasets.upload_process import read_in_process
from backend.errors import Conflict
from backend.idempotency import find_or_make
from backend.tables import DatasetItem


def add_to_dataset(context: Context, dataset_id: str, upload: Incoming) -> DatasetOut:
    """Read an upload into a caption set, which is a draft afterwards.

    Args:
        context: parts of the application.
        dataset_id: the caption set.
        upload: the files; when they came with a key that is known, they are in the set already.

    Returns:
        The caption set; files that could not be kept are in its `errors`.

    Raises:
        NotFound: no such caption set.
        Unprocessable: nothing of the upload can be used, the set would get too large, or the key came with another
            upload; nothing is stored.
        Conflict: another request added portraits of the same names meanwhile.
    """
    return find_or_make(lambda: _find_repeated(context, dataset_id, upload), lambda: _add(context, dataset_id, upload))


def _find_repeated(context: Context, dataset_id: str, upload: Incoming) -> DatasetOut | None:
    """Return the caption set if it has this upload already, or None."""
    with context.db.read() as session:
        require_dataset(session, dataset_id)
        known = gone_into(session, upload.request_key)
    return None if known is None else read_dataset(context, dataset_id)


def _add(context: Context, dataset_id: str, upload: Incoming) -> DatasetOut:
    """Read the files beside those that the set has, and store what came of it."""
    with context.db.read() as session:
        present = [item.file_name for item in repository.list_items(session, dataset_id)]
    read = read_in_process(upload.files, upload.folder, upload.target, present)
    _store(context, dataset_id, upload, read)
    return read_dataset(context, dataset_id)


def _store(context: Context, dataset_id: str, upload: Incoming, read: ReadUpload) -> None:
    """Write pictures and rows, unless another request with the same key was faster."""
    items = portrait_rows(dataset_id, read.portraits)
    keys = [item.image_key for item in items]
    with stored_pictures(context.storage, items, read.portraits, undo=keys), context.db.write() as session:
        dataset = dataset_to_change(session, dataset_id, None)
        known = gone_into(session, upload.request_key)
        if known is None:
            present = {item.file_name: item for item in repository.list_items(session, dataset_id)}
            _append(session, present, items)
            _recaption(present, read.captions)
            dataset.rejected = read.rejected
            dataset.version_id = None
            remember(session, upload.request_key, dataset_id)
    if known is not None:
        for key in keys:
            context.storage.delete(key)


def _append(session: Session, present: Mapping[str, DatasetItem], items: Sequence[DatasetItem]) -> None:
    """Add items behind those that are there.

    Raises:
        Conflict: some came in since the upload was compared with the set.
        Unprocessable: there would be too many.
    """
    refuse_too_many(len(present) + len(items))
    twice = sorted(present.keys() & {item.file_name for item in items})
    if twice:
        raise Conflict(
            "added_meanwhile",
            f"Found {', '.join(twice[:5])} in the caption set, added by another request while this one was read.",
            "Read the caption set again, and send what is missing.",
        )
    first = max((item.position for item in present.values()), default=-1) + 1
    for item in items:
        item.position += first
    session.add_all(items)


def _recaption(present: Mapping[str, DatasetItem], captions: Sequence[ReadCaption]) -> None:
    """Write new captions into items; one that was deleted meanwhile needs none."""
    for caption in captions:
        item = present.get(caption.file_name)
        if item is not None:
            item.base, item.target, item.problem = caption.base, caption.target, None
