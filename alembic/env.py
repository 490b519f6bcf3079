"""Runs migrations against the database of the settings (SPF_DATABASE_URL, or the SQLite file in the data folder)."""

from sqlalchemy import func, select

from alembic import context
from backend.db import Database
from backend.settings import Settings
from backend.tables import Base

if context.is_offline_mode():
    context.configure(url=Settings().sqlalchemy_url, target_metadata=Base.metadata, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()
else:
    database = Database(context.config.get_main_option("sqlalchemy.url") or Settings().sqlalchemy_url)
    with database.engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            # Batch mode drops the old table for a moment, and rows of other tables must be free to point at nothing.
            connection.connection.cursor().execute("PRAGMA foreign_keys=OFF")
        # SQLite cannot alter constraints in place; batch mode copies the table instead.
        context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
        with context.begin_transaction():
            if connection.dialect.name == "postgresql":
                # Several services may start at once; the later ones then find nothing left to do.
                connection.execute(select(func.pg_advisory_xact_lock(func.hashtext("migrations"))))
            context.run_migrations()
    database.close()
