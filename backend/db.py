"""Database access: SQLite in WAL mode by default, any SQLAlchemy URL otherwise.

Reading and then writing inside a deferred SQLite transaction fails at once when another process wrote in between,
whatever the busy timeout says; so every writing transaction opens with BEGIN IMMEDIATE and waits for its turn.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Float, create_engine, event, make_url
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

BUSY_TIMEOUT_S = 5.0


class now(FunctionElement[float]):
    """Seconds since 1970-01-01 UTC by the clock of the database, the only clock that decides about jobs."""

    type = Float()
    inherit_cache = True


@compiles(now)
def _now_standard(element: now, compiler: SQLCompiler, **kwargs: Any) -> str:  # pyright: ignore[reportUnusedFunction]
    """Compile `now` for PostgreSQL."""
    return "extract(epoch from clock_timestamp())"


@compiles(now, "sqlite")
def _now_sqlite(element: now, compiler: SQLCompiler, **kwargs: Any) -> str:  # pyright: ignore[reportUnusedFunction]
    """Compile `now` for SQLite, with milliseconds."""
    return "((julianday('now') - 2440587.5) * 86400.0)"


class Database:
    """Opens transactions; one instance per process, never carried through a fork.

    Args:
        url: SQLAlchemy URL. The folder of a SQLite file is created.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        parsed = make_url(url)
        self._is_sqlite = parsed.get_backend_name() == "sqlite"
        if self._is_sqlite and parsed.database:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        connect_args = {"timeout": BUSY_TIMEOUT_S, "check_same_thread": False} if self._is_sqlite else {}
        # As many connections as the web server has threads, so that none waits for one of them.
        self.engine: Engine = create_engine(
            url, connect_args=connect_args, pool_size=10, max_overflow=30, pool_pre_ping=not self._is_sqlite
        )
        if self._is_sqlite:
            event.listen(self.engine, "connect", _configure_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)
        self._writing = self.engine.execution_options(writing=True)

    @contextmanager
    def read(self) -> Generator[Session]:
        """Open a reading transaction; nothing in it is ever committed."""
        with Session(self.engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self) -> Generator[Session]:
        """Open a writing transaction; commits at the end of the block, rolls back on an exception."""
        with Session(self._writing, expire_on_commit=False) as session, session.begin():
            yield session

    def close(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()


def _configure_sqlite(connection: Any, _record: object) -> None:
    """Set up a fresh SQLite connection; transactions are opened by hand (see `_begin_sqlite`)."""
    connection.isolation_level = None
    connection.create_function("lower", 1, _lower, deterministic=True)
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    # An answered request must survive a power cut, so commits reach the disk (WAL's NORMAL may lose the last ones).
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _lower(text: str | None) -> str | None:
    """What lower() means in SQL; SQLite's own knows the letters of English alone."""
    return None if text is None else text.lower()


def _begin_sqlite(connection: Connection) -> None:
    """Open a transaction: immediate for writers, deferred for readers."""
    writing = connection.get_execution_options().get("writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
