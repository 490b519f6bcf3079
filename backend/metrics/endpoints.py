"""/metrics."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from backend.context import WholeContextDep

router = APIRouter(tags=["health"])


@router.get("/metrics", response_class=PlainTextResponse)
def read_metrics(context: WholeContextDep) -> Response:
    """Read all figures in Prometheus' text format."""
    return Response(generate_latest(context.figures), media_type=CONTENT_TYPE_LATEST)
