"""Bringing the database to the present schema; `python -m backend.migrate` does only that."""

from __future__ import annotations

from pathlib import Path

from alembic.config import Config

from alembic import command
from backend.settings import Settings

_REPOSITORY = Path(__file__).resolve().parents[1]


def migrate(settings: Settings) -> None:
    """Run every migration that the database lacks."""
    config = Config(_REPOSITORY / "alembic.ini")
    # Alembic's config is an INI file, in which a percent sign starts an interpolation.
    config.set_main_option("sqlalchemy.url", settings.sqlalchemy_url.replace("%", "%%"))
    command.upgrade(config, "head")


if __name__ == "__main__":
    migrate(Settings())
