"""/datasets and /phrases."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from typing import Annotated

from anyio.to_thread import run_sync
from fastapi import APIRouter, File, Form, Response, UploadFile
from fastapi.responses import FileResponse

from backend.context import Context, ContextDep
from backend.datasets import service
from backend.datasets.schemas import (
    DatasetList,
    DatasetOut,
    ItemChange,
    ItemOut,
    PhrasesIn,
    PhrasesOut,
    VersionOut,
)
from backend.datasets.upload import UploadedFile
from backend.file_responses import file_response
from backend.paging import PageDep

router = APIRouter(prefix="/datasets", tags=["datasets"])
phrases_router = APIRouter(prefix="/phrases", tags=["phrases"])

MAX_UPLOAD_BYTES = 512 * 1024 * 1024
MAX_FILES = 4001
"""2000 portraits, each with a caption file, and one table."""


@router.post(
    "",
    status_code=201,
    max_body_size=MAX_UPLOAD_BYTES,
    form_limits={"max_files": MAX_FILES, "max_fields": 10},
)
async def create_dataset(
    context: ContextDep,
    response: Response,
    files: Annotated[
        list[UploadFile], File(description="portraits with captions.csv, .jsonl or .txt files; or one zip")
    ],
    name: Annotated[str, Form(min_length=1, max_length=120)],
    target: Annotated[str | None, Form(max_length=80, description="target phrase, when captions mark none")] = None,
) -> DatasetOut:
    """Upload a caption set. Files with problems are named in `errors`; the rest is kept."""
    dataset = await run_sync(_store, context, files, name, target, limiter=context.uploads)
    response.headers["Location"] = f"/api/v1/datasets/{dataset.id}"
    return dataset


@router.post("/examples/{name}", status_code=201)
async def create_example(context: ContextDep, response: Response, name: str) -> DatasetOut:
    """Make a caption set from a bundled example."""
    dataset = await run_sync(service.create_example, context, name, limiter=context.uploads)
    response.headers["Location"] = f"/api/v1/datasets/{dataset.id}"
    return dataset


def _store(context: Context, files: Sequence[UploadFile], name: str, target: str | None) -> DatasetOut:
    """Store an upload."""
    with service.incoming_folder(context) as folder:
        uploaded: list[UploadedFile] = []
        for number, file in enumerate(files):
            place = folder / f"{number:04d}.part"
            with place.open("wb") as copy:
                shutil.copyfileobj(file.file, copy)
            uploaded.append(UploadedFile(file.filename or "", place))
        return service.create_dataset(context, name, uploaded, folder, target or None)


@router.get("")
def list_datasets(context: ContextDep, page: PageDep) -> DatasetList:
    """List the caption sets, newest first."""
    return service.list_datasets(context, page)


@router.get("/{dataset_id}")
def read_dataset(context: ContextDep, dataset_id: str) -> DatasetOut:
    """Read one caption set with its items."""
    return service.read_dataset(context, dataset_id)


@router.patch("/{dataset_id}/items/{item_id}")
def change_item(context: ContextDep, dataset_id: str, item_id: str, change: ItemChange) -> ItemOut:
    """Correct the phrases of one item; the set is a draft afterwards."""
    return service.change_item(context, dataset_id, item_id, change)


@router.delete("/{dataset_id}/items/{item_id}", status_code=204)
def delete_item(context: ContextDep, dataset_id: str, item_id: str) -> None:
    """Remove one item from the set."""
    service.delete_item(context, dataset_id, item_id)


@router.get("/{dataset_id}/items/{item_id}/image", response_class=FileResponse)
def read_image(context: ContextDep, dataset_id: str, item_id: str) -> FileResponse:
    """Read the picture of one item, as a clean PNG."""
    path, sha256 = service.image_path(context, dataset_id, item_id)
    return file_response(path, sha256, f"{item_id}.png", inline=True)


@router.post("/{dataset_id}/freeze")
def freeze_dataset(context: ContextDep, dataset_id: str) -> VersionOut:
    """Make an immutable version of the present content, or find the one that has it."""
    return service.freeze_dataset(context, dataset_id)


@phrases_router.post("/parse")
def parse_phrases(text: PhrasesIn) -> PhrasesOut:
    """Split a caption into base phrases and target, without storing anything."""
    return service.parse_phrases(text)
