"""What fills caption sets: uploads, and bundled examples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from anyio.to_thread import run_sync
from fastapi import APIRouter, File, Form, Response, UploadFile

from backend.context import Context, ContextDep
from backend.datasets import uploading
from backend.datasets.adding import add_to_dataset
from backend.datasets.incoming import received
from backend.datasets.schemas import DatasetOut, SetName
from backend.idempotency import IdempotencyKey

router = APIRouter(prefix="/datasets", tags=["datasets"])

MAX_UPLOAD_BYTES = 512 * 1024 * 1024
MAX_FILES = 4001
"""2000 portraits, each with a caption file, and one table."""

Files = Annotated[list[UploadFile], File(description="portraits with captions.csv, .jsonl or .txt files; or one zip")]
Target = Annotated[str | None, Form(max_length=80, description="target phrase, when captions mark none")]


@router.post(
    "",
    status_code=201,
    max_body_size=MAX_UPLOAD_BYTES,
    form_limits={"max_files": MAX_FILES, "max_fields": 10},
)
async def create_dataset(
    context: ContextDep,
    response: Response,
    files: Files,
    name: Annotated[SetName, Form()],
    target: Target = None,
    idempotency_key: IdempotencyKey = None,
) -> DatasetOut:
    """Upload a caption set. Files with problems are named in `errors`; the rest is kept."""
    dataset, is_new = await run_sync(_create, context, files, name, target, idempotency_key, limiter=context.uploads)
    if not is_new:
        response.status_code = 200
    return _located(response, dataset)


@router.post("/examples/{name}", status_code=201)
async def create_example(context: ContextDep, response: Response, name: str) -> DatasetOut:
    """Make a caption set from a bundled example."""
    return _located(response, await run_sync(uploading.create_example, context, name, limiter=context.uploads))


@router.post(
    "/{dataset_id}/items",
    max_body_size=MAX_UPLOAD_BYTES,
    form_limits={"max_files": MAX_FILES, "max_fields": 10},
)
async def add_items(
    context: ContextDep,
    response: Response,
    dataset_id: str,
    files: Files,
    target: Target = None,
    idempotency_key: IdempotencyKey = None,
) -> DatasetOut:
    """Add portraits to a caption set, or captions to portraits that it has already; it is a draft afterwards."""
    dataset = await run_sync(_add, context, files, dataset_id, target, idempotency_key, limiter=context.uploads)
    return _located(response, dataset)


def _create(
    context: Context, files: Sequence[UploadFile], name: str, target: str | None, key: str | None
) -> tuple[DatasetOut, bool]:
    """Store an upload as a new set."""
    with received(context, files, target, key, {"name": name}) as upload:
        return uploading.create_dataset(context, name, upload)


def _add(
    context: Context, files: Sequence[UploadFile], dataset_id: str, target: str | None, key: str | None
) -> DatasetOut:
    """Store an upload in a set that is there."""
    with received(context, files, target, key, {"dataset_id": dataset_id}) as upload:
        return add_to_dataset(context, dataset_id, upload)


def _located(response: Response, dataset: DatasetOut) -> DatasetOut:
    """Say where the set is, and what it holds now."""
    response.headers["Location"] = f"/api/v1/datasets/{dataset.id}"
    response.headers["ETag"] = dataset.etag
    return dataset
