"""Fixtures of the service for this folder."""

import pytest

from backend.db import Database
from backend.jobs import transitions
from backend.jobs.transitions import Claim
from tests.backend.service_fixtures import (
    NewJob,
    client,
    database,
    database_url,
    db,
    models_dir,
    new_job,
    settings,
    storage,
    template_database,
)

__all__ = [
    "client",
    "database",
    "database_url",
    "db",
    "models_dir",
    "new_job",
    "settings",
    "storage",
    "template_database",
]


@pytest.fixture
def claim(db: Database, new_job: NewJob) -> Claim:
    """A running training."""
    job_id = new_job()
    with db.write() as session:
        claimed = transitions.claim(session, job_id, owner="test", lease_s=60.0)
    assert claimed is not None
    return claimed
