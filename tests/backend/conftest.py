"""Fixtures of the service for this folder."""

from tests.backend.access_fixtures import visitor
from tests.backend.service_fixtures import (
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
    "visitor",
]
