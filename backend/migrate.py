"""Bringing the database to the present schema; `spf-studio migrate` does only that."""

from __future__ import annotations

from pathlib import Path

from alembic.config import Config
from sqlalchemy import make_url
from sqlalchemy.exc import OperationalError

from alembic import command
from backend.settings import Settings
from backend.start_error import StartError

_REPOSITORY = Path(__file__).resolve().parents[1]


def migrate(settings: Settings) -> None:
    """Run every migration that the database lacks.

    Raises:
        StartError: the database does not answer, or its driver is not installed.
    """
    config = Config(_REPOSITORY / "alembic.ini")
    # Alembic's config is an INI file, in which a percent sign starts an interpolation.
    config.set_main_option("sqlalchemy.url", settings.sqlalchemy_url.replace("%", "%%"))
    try:
        command.upgrade(config, "head")
    except OperationalError as error:
        raise StartError(
            f"found no database that can be used at {make_url(settings.sqlalchemy_url)!r}: {error.orig}. "
            "Start it, or correct SPF_DATABASE_URL; without this variable the records are kept in the data folder."
        ) from error
