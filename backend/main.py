"""The web application: REST under /api/v1, the page at /."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import APIRouter, FastAPI

from backend.access.endpoints import router as access
from backend.access.layer import AccessLayer
from backend.adapters.endpoints import router as adapters
from backend.bases.endpoints import router as bases
from backend.comparisons.endpoints import router as comparisons
from backend.context import Context
from backend.datasets.endpoints import router as datasets
from backend.datasets.item_endpoints import phrases_router as phrases
from backend.datasets.item_endpoints import router as dataset_items
from backend.datasets.upload_endpoints import router as uploads
from backend.db import Database
from backend.evaluations.endpoints import router as evaluations
from backend.health import router as health
from backend.jobs.endpoints import router as jobs
from backend.jobs.training_endpoints import router as trainings
from backend.listening import listens_on_loopback
from backend.methods import HeadLayer, refuse_other_addresses
from backend.metrics.endpoints import router as metrics
from backend.metrics.job_figures import JobFigures
from backend.metrics.request_figures import RequestFigures
from backend.problems import PROBLEM_RESPONSES, install_problem_handlers
from backend.request_layer import RequestLayer
from backend.security import LOOPBACK_NAMES, SecurityLayer
from backend.settings import Settings
from backend.storage import LocalStorage

API_PREFIX = "/api/v1"
STATIC_DIR = Path(__file__).parent / "static"

_LARGEST_BODY_BYTES = 1024 * 1024
"""Limit for every request but uploads, which have their own."""

_ROUTERS = (
    access,
    datasets,
    dataset_items,
    uploads,
    phrases,
    jobs,
    trainings,
    adapters,
    comparisons,
    evaluations,
    bases,
)


def create_app(settings: Settings) -> FastAPI:
    """Build the application."""
    app = FastAPI(
        title="SPF-Portrait",
        summary="Train and compare portrait adapters that change one thing and keep the rest.",
        version="1",
        openapi_url=f"{API_PREFIX}/openapi.json",
        docs_url=None,
        redoc_url=None,
        telemetry={"tracing": False},
        lifespan=_open_to_the_end,
    )
    context = Context(settings, Database(settings.sqlalchemy_url), LocalStorage(settings.data_dir))
    context.figures.register(JobFigures(context.db))
    app.state.context = context
    api = APIRouter(prefix=API_PREFIX, responses=PROBLEM_RESPONSES, max_body_size=_LARGEST_BODY_BYTES)
    for router in _ROUTERS:
        api.include_router(router)
    app.include_router(api)
    app.include_router(health)
    app.include_router(metrics)
    install_problem_handlers(app)
    refuse_other_addresses(app, "/api")
    if (STATIC_DIR / "index.html").is_file():
        app.frontend("/", directory=STATIC_DIR, fallback="index.html")
    app.add_middleware(HeadLayer)
    app.add_middleware(AccessLayer, db=context.db, always_keyed=not listens_on_loopback(settings.host))
    app.add_middleware(SecurityLayer, host_names=(*LOOPBACK_NAMES, *settings.host_names))
    app.add_middleware(RequestLayer, count=RequestFigures(context.figures).count)
    return app


@asynccontextmanager
async def _open_to_the_end(app: FastAPI) -> AsyncGenerator[None]:
    """Close the database's connections when the application ends."""
    yield
    app.state.context.db.close()
