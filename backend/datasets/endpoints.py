"""/datasets: caption sets as a whole."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Query, Response
from fastapi.responses import StreamingResponse

from backend.context import ContextDep
from backend.datasets.bulk_edits import edit_items
from backend.datasets.changing import change_dataset
from backend.datasets.deleting import delete_dataset
from backend.datasets.download import archive_members
from backend.datasets.edit_schemas import BulkEditIn, BulkEditOut
from backend.datasets.freezing import freeze_dataset
from backend.datasets.reading import list_datasets, read_dataset
from backend.datasets.report import report
from backend.datasets.report_schemas import ReportOut
from backend.datasets.schemas import DatasetChange, DatasetList, DatasetOut, SetStatus, VersionOut
from backend.datasets.undo import undo_edit
from backend.file_responses import ZIP, zip_response
from backend.paging import PageDep
from backend.preconditions import IfMatch

router = APIRouter(prefix="/datasets", tags=["datasets"])


@router.get("")
def list_all(
    context: ContextDep,
    page: PageDep,
    name: Annotated[
        str | None, Query(min_length=1, max_length=120, description="only sets with these characters in their name")
    ] = None,
    status: Annotated[SetStatus | None, Query(description="only sets in this state")] = None,
) -> DatasetList:
    """List the caption sets, newest first."""
    return list_datasets(context, page, name, status)


@router.get("/{dataset_id}")
def read(context: ContextDep, response: Response, dataset_id: str) -> DatasetOut:
    """Read one caption set with its items."""
    return _with_etag(response, read_dataset(context, dataset_id))


@router.patch("/{dataset_id}")
def change(
    context: ContextDep, response: Response, dataset_id: str, changes: DatasetChange, if_match: IfMatch = None
) -> DatasetOut:
    """Rename a caption set; a frozen one stays frozen."""
    return _with_etag(response, change_dataset(context, dataset_id, changes, if_match))


@router.delete("/{dataset_id}", status_code=204)
def delete(context: ContextDep, dataset_id: str, if_match: IfMatch = None) -> None:
    """Delete a caption set with its versions and pictures; refused while a job on it has not ended.

    Ended trainings and their adapters stay, but the trainings cannot be retried.
    """
    delete_dataset(context, dataset_id, if_match)


@router.get("/{dataset_id}/archive", response_class=StreamingResponse, responses={200: {"content": {ZIP: {}}}})
def download(context: ContextDep, dataset_id: str) -> Response:
    """Download a caption set as one zip, which uploads again to the same set."""
    return zip_response(f"{dataset_id}.zip", archive_members(context, dataset_id))


@router.get("/{dataset_id}/report")
def read_report(
    context: ContextDep,
    dataset_id: str,
    base: Annotated[str, Query(min_length=1, max_length=80, description="base model to train")] = "pico",
) -> ReportOut:
    """Look a caption set through: what stops a training, what always comes with the target, what may spoil it."""
    return report(context, dataset_id, base)


@router.post("/{dataset_id}/edits")
def edit(
    context: ContextDep,
    response: Response,
    dataset_id: str,
    changes: Annotated[BulkEditIn, Body()],
    if_match: IfMatch = None,
) -> BulkEditOut:
    """Edit many captions at once, all that it is about or none; the set is a draft afterwards."""
    return _edit_with_etag(response, edit_items(context, dataset_id, changes, if_match))


@router.post("/{dataset_id}/edits/undo")
def undo(context: ContextDep, response: Response, dataset_id: str, if_match: IfMatch = None) -> BulkEditOut:
    """Undo the last bulk edit; refused when one of its items was edited or deleted since."""
    return _edit_with_etag(response, undo_edit(context, dataset_id, if_match))


@router.post("/{dataset_id}/freeze")
def freeze(context: ContextDep, dataset_id: str) -> VersionOut:
    """Make an immutable version of the present content, or find the one that has it."""
    return freeze_dataset(context, dataset_id)


def _with_etag(response: Response, dataset: DatasetOut) -> DatasetOut:
    """Name the content in the header, too."""
    response.headers["ETag"] = dataset.etag
    return dataset


def _edit_with_etag(response: Response, done: BulkEditOut) -> BulkEditOut:
    """Name what the set holds now."""
    _with_etag(response, done.dataset)
    return done
