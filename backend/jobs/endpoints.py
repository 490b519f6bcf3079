"""/jobs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any

import anyio
from anyio.to_thread import run_sync
from fastapi import APIRouter, Body, Header, Query, Request, Response
from fastapi.responses import FileResponse, PlainTextResponse, StreamingResponse
from fastapi.sse import format_sse_event

from backend.context import Context, ContextDep, OwnContextDep
from backend.file_responses import IfNoneMatch, file_response, not_modified
from backend.idempotency import IdempotencyKey
from backend.jobs import deletion, orders, previews, service
from backend.jobs.kinds import JobIn, JobKind
from backend.jobs.repository import JobFilter
from backend.jobs.schemas import EventPage, JobList, JobOut
from backend.paging import PageDep
from backend.tables import JobState

router = APIRouter(prefix="/jobs", tags=["jobs"])

EVENT_STREAM = "text/event-stream"
_STREAM_POLL_S = 0.5
_STREAM_PING_S = 15.0
_PAGE = 500


@router.post("", status_code=202)
def create_job(
    context: OwnContextDep,
    response: Response,
    order: Annotated[JobIn, Body()],
    idempotency_key: IdempotencyKey = None,
) -> JobOut:
    """Order a training, a comparison or an evaluation; it runs as soon as a worker is free."""
    return _accepted(response, *orders.create_job(context, order, idempotency_key))


@router.get("")
def list_jobs(
    context: ContextDep,
    page: PageDep,
    kind: Annotated[list[JobKind] | None, Query(description="only jobs of this kind; may be repeated")] = None,
    status: Annotated[list[JobState] | None, Query(description="only jobs in this state; may be repeated")] = None,
    adapter_id: Annotated[str | None, Query(description="only jobs that work with this adapter")] = None,
    dataset_id: Annotated[str | None, Query(description="only trainings on this caption set")] = None,
) -> JobList:
    """List the jobs, newest first."""
    return service.list_jobs(context, page, JobFilter(kind or [], status or [], adapter_id, dataset_id))


@router.get("/{job_id}")
def read_job(context: ContextDep, response: Response, job_id: str) -> JobOut:
    """Read one job; an unfinished one says with Retry-After when to ask again."""
    job = service.read_job(context, job_id)
    if job.finished_at is None:
        response.headers["Retry-After"] = "1"
    return job


@router.get("/{job_id}/log", response_class=PlainTextResponse)
def read_log(context: ContextDep, job_id: str) -> Response:
    """Read the end of what the engine wrote to its log in the latest attempt."""
    return PlainTextResponse(service.read_log(context, job_id))


@router.get("/{job_id}/previews/{name}", response_class=FileResponse)
def read_preview(context: ContextDep, job_id: str, name: str, if_none_match: IfNoneMatch = None) -> Response:
    """Read a picture that a training drew along the way: reference and response side by side.

    Events of the kind `previews` say which pictures there are.
    """
    path, sha256 = previews.preview_path(context, job_id, name)
    return not_modified(if_none_match, sha256) or file_response(path, sha256, name, inline=True)


@router.post("/{job_id}/cancel", status_code=202)
def cancel_job(context: ContextDep, response: Response, job_id: str) -> JobOut:
    """Cancel a job: a queued one at once, a running one as soon as its worker has stopped the trainer."""
    job = service.cancel_job(context, job_id)
    if job.finished_at is not None:
        response.status_code = 200
    return job


@router.post("/{job_id}/retry", status_code=202)
def retry_job(context: ContextDep, response: Response, job_id: str, idempotency_key: IdempotencyKey = None) -> JobOut:
    """Order a failed or canceled job again; the new job goes on from the old one's last checkpoint."""
    return _accepted(response, *orders.retry_job(context, job_id, idempotency_key))


@router.delete("/{job_id}", status_code=204)
def delete_job(context: ContextDep, job_id: str) -> None:
    """Delete an ended job that nothing depends on, with its events, log, checkpoints and previews."""
    deletion.delete_job(context, job_id)


@router.get(
    "/{job_id}/events",
    response_model=EventPage,
    responses={200: {"content": {EVENT_STREAM: {"schema": {"type": "string"}}}}},
)
async def list_events(
    context: ContextDep,
    request: Request,
    job_id: str,
    after: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=_PAGE)] = _PAGE,
    last_event_id: Annotated[str | None, Header(pattern=r"^\d{1,18}$")] = None,
) -> Any:
    """Read what happened to a job: a JSON page, or with `Accept: text/event-stream` a stream until the job ends."""
    if EVENT_STREAM not in request.headers.get("accept", ""):
        return await run_sync(service.list_events, context, job_id, after, limit)
    start = int(last_event_id) if last_event_id is not None else after
    # Read before the answer starts, so that an unknown job is still a 404.
    first = await run_sync(service.list_events, context, job_id, start, _PAGE)
    return StreamingResponse(
        _stream(context, job_id, first), media_type=EVENT_STREAM, headers={"X-Accel-Buffering": "no"}
    )


async def _stream(context: Context, job_id: str, page: EventPage) -> AsyncIterator[bytes]:
    """Send events as they come, a comment when nothing happens for a while, and stop after the last one."""
    silent_s = 0.0
    while True:
        for event in page.data:
            yield format_sse_event(data_str=event.model_dump_json(), event=event.kind, id=str(event.seq))
            silent_s = 0.0
        if page.final:
            return
        if not page.has_more:
            await anyio.sleep(_STREAM_POLL_S)
            silent_s += _STREAM_POLL_S
        if silent_s >= _STREAM_PING_S:
            yield format_sse_event(comment="still here")
            silent_s = 0.0
        page = await run_sync(service.list_events, context, job_id, page.next_after, _PAGE)


def _accepted(response: Response, job: JobOut, is_new: bool) -> JobOut:
    """Say where the job is; 200 when an earlier request had created it."""
    response.headers["Location"] = f"/api/v1/jobs/{job.id}"
    if not is_new:
        response.status_code = 200
    return job
