"""/datasets/{id}/items and /phrases: portraits of a caption set, and what a caption would be read as."""

from __future__ import annotations

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse

from backend.context import ContextDep
from backend.datasets import changing, phrases, reading, thumbnails
from backend.datasets.schemas import ItemChange, ItemOut, PhrasesIn, PhrasesOut
from backend.file_responses import IMMUTABLE, file_response
from backend.preconditions import IfMatch

router = APIRouter(prefix="/datasets/{dataset_id}/items", tags=["datasets"])
phrases_router = APIRouter(prefix="/phrases", tags=["phrases"])


@router.get("/{item_id}")
def read_item(context: ContextDep, response: Response, dataset_id: str, item_id: str) -> ItemOut:
    """Read one item."""
    return _with_etag(response, reading.read_item(context, dataset_id, item_id))


@router.patch("/{item_id}")
def change_item(
    context: ContextDep,
    response: Response,
    dataset_id: str,
    item_id: str,
    change: ItemChange,
    if_match: IfMatch = None,
) -> ItemOut:
    """Correct the phrases of one item; the set is a draft afterwards."""
    return _with_etag(response, changing.change_item(context, dataset_id, item_id, change, if_match))


@router.delete("/{item_id}", status_code=204)
def delete_item(context: ContextDep, dataset_id: str, item_id: str, if_match: IfMatch = None) -> None:
    """Remove one item from the set."""
    changing.delete_item(context, dataset_id, item_id, if_match)


@router.get("/{item_id}/image", response_class=FileResponse)
def read_image(context: ContextDep, dataset_id: str, item_id: str) -> FileResponse:
    """Read the picture of one item, as a clean PNG."""
    path, sha256 = reading.image_path(context, dataset_id, item_id)
    return file_response(path, sha256, f"{item_id}.png", inline=True)


@router.get("/{item_id}/thumbnail", responses={200: {"content": {thumbnails.MEDIA_TYPE: {}}}}, response_class=Response)
def read_thumbnail(context: ContextDep, dataset_id: str, item_id: str) -> Response:
    """Read the picture of one item in small; it never changes."""
    content = thumbnails.thumbnail(context, dataset_id, item_id)
    return Response(content, media_type=thumbnails.MEDIA_TYPE, headers={"Cache-Control": IMMUTABLE})


@phrases_router.post("/parse")
def parse_phrases(text: PhrasesIn) -> PhrasesOut:
    """Split a caption into base phrases and target, without storing anything."""
    return phrases.parse_phrases(text)


def _with_etag(response: Response, item: ItemOut) -> ItemOut:
    """Name the content in the header, too."""
    response.headers["ETag"] = item.etag
    return item
