"""Making a caption set of an upload, or of a bundled example."""

from __future__ import annotations

import shutil

from backend.context import Context
from backend.datasets.incoming import Incoming, incoming_folder
from backend.datasets.portrait_rows import portrait_rows, stored_pictures
from backend.datasets.reading import read_dataset
from backend.datasets.schemas import DatasetOut
from backend.datasets.upload_keys import gone_into, remember
from backend.datasets.upload_process import read_in_process
from backend.datasets.uploaded_files import UploadedFile
from backend.errors import NotFound
from backend.idempotency import find_or_make
from backend.ids import new_id
from backend.tables import Dataset
from spf_portrait.contract.bases import default_models_dir


def create_dataset(context: Context, name: str, upload: Incoming) -> tuple[DatasetOut, bool]:
    """Store an upload as a new caption set.

    Args:
        context: parts of the application.
        name: name for people.
        upload: the files; when they came with a key that is known, so is the set.

    Returns:
        The caption set, and whether it is new; files that could not be kept are in its `errors`.

    Raises:
        Unprocessable: no portrait of the upload can be used, or its key came with another upload; nothing is stored.
    """
    return find_or_make(lambda: _find_repeated(context, upload), lambda: _create(context, name, upload))


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
        upload = Incoming([UploadedFile(copy.name, copy)], folder, target=None, request_key=None)
        return _create(context, f"Example: {name}", upload)[0]


def _find_repeated(context: Context, upload: Incoming) -> tuple[DatasetOut, bool] | None:
    """Return the caption set that this upload has made before, which is not new, or None."""
    with context.db.read() as session:
        known = gone_into(session, upload.request_key)
    return None if known is None else (read_dataset(context, known), False)


def _create(context: Context, name: str, upload: Incoming) -> tuple[DatasetOut, bool]:
    """Read the files and write pictures and rows, unless another request with the same key was faster."""
    read = read_in_process(upload.files, upload.folder, upload.target)
    dataset = Dataset(id=new_id("ds"), name=name, rejected=read.rejected)
    items = portrait_rows(dataset.id, read.portraits)
    folder = f"datasets/{dataset.id}"
    with stored_pictures(context.storage, items, read.portraits, undo=[folder]), context.db.write() as session:
        known = gone_into(session, upload.request_key)
        if known is None:
            session.add(dataset)
            session.flush()
            session.add_all(items)
            remember(session, upload.request_key, dataset.id)
    if known is not None:
        context.storage.delete(folder)
    return read_dataset(context, known or dataset.id), known is None
