"""Database access: SQLite in WAL mode by default, PostgreSQL where a URL names one.

Reading and then writing inside a deferred SQLite transaction fails at once when another process wrote in between,
whatever the busy timeout says; so every writing transaction opens with BEGIN IMMEDIATE and waits for its turn.

PostgreSQL lets writers run side by side, each statement seeing what was committed before it (READ COMMITTED). So what a
transaction decides on must either stand in the WHERE clause of its UPDATE, or be locked before it is read. Reading
transactions see one moment (REPEATABLE READ), as they do under SQLite.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, Float, create_engine, event, func, make_url, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from backend.start_error import StartError

BUSY_TIMEOUT_S = 5.0
"""How long a transaction waits for another one's lock before it gives up."""


class now(FunctionElement[float]):
    """Seconds since 1970-01-01 UTC by the clock of the database, the only clock that decides about jobs."""

    type = Float()
    inherit_cache = True


@compiles(now)
def _now_standard(element: now, compiler: SQLCompiler, **kwargs: Any) -> str:  # pyright: ignore[reportUnusedFunction]
    """Compile `now` for PostgreSQL."""
    return "CAST(extract(epoch from clock_timestamp()) AS double precision)"


@compiles(now, "sqlite")
def _now_sqlite(element: now, compiler: SQLCompiler, **kwargs: Any) -> str:  # pyright: ignore[reportUnusedFunction]
    """Compile `now` for SQLite, with milliseconds."""
    return "((julianday('now') - 2440587.5) * 86400.0)"


class Database:
    """Opens transactions; one instance per process, never carried through a fork.

    Args:
        url: SQLAlchemy URL. The folder of a SQLite file is created.

    Raises:
        StartError: the URL names PostgreSQL, whose driver is not installed.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        parsed = make_url(url)
        self._is_sqlite = parsed.get_backend_name() == "sqlite"
        if self._is_sqlite and parsed.database:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        self.engine: Engine = _sqlite_engine(parsed) if self._is_sqlite else _postgresql_engine(parsed)
        self._writing = self.engine.execution_options(writing=True)
        one_moment: dict[str, Any] = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        self._reading = self.engine if self._is_sqlite else self.engine.execution_options(**one_moment)
        self._open = _open_session

    def with_sessions(self, open_session: Callable[[Engine], Session]) -> Database:
        """Return the same database, with the same connections, whose transactions are opened in another way."""
        other = copy(self)
        other._open = open_session
        return other

    @contextmanager
    def read(self) -> Generator[Session]:
        """Open a reading transaction; nothing in it is ever committed."""
        with self._open(self._reading) as session:
            yield session

    @contextmanager
    def write(self) -> Generator[Session]:
        """Open a writing transaction; commits at the end of the block, rolls back on an exception."""
        with self._open(self._writing) as session, session.begin():
            yield session

    @contextmanager
    def alone(self, work: str) -> Generator[bool]:
        """Tell whether no other process is at this work, and keep it so to the end of the block.

        For work whose doing twice is harmless but a waste: SQLite, which serves one machine, always says yes.
        """
        if self._is_sqlite:
            yield True
            return
        with self.read() as session:
            yield bool(session.scalar(select(func.pg_try_advisory_xact_lock(func.hashtext(work)))))

    def close(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()


def _open_session(engine: Engine) -> Session:
    """Open a session that holds everything."""
    return Session(engine, expire_on_commit=False)


_POOL: dict[str, Any] = {
    # As many connections as the web server has threads, so that none waits for one of them.
    "pool_size": 10,
    "max_overflow": 30,
    # Errors are logged; captions and whatever else was to be stored are nobody's business there.
    "hide_parameters": True,
}


def _sqlite_engine(url: URL) -> Engine:
    """Open a SQLite file."""
    engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_S, "check_same_thread": False}, **_POOL)
    event.listen(engine, "connect", _configure_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _postgresql_engine(url: URL) -> Engine:
    """Open connections to a PostgreSQL server, none of which waits for anything without end."""
    limits = {
        "connect_timeout": 5,
        # A paused process must not hold its locks for ever, nor a vanished server a worker that has a lease to mind.
        "options": f"-c lock_timeout={BUSY_TIMEOUT_S * 1000:.0f} -c idle_in_transaction_session_timeout=60000",
        "tcp_user_timeout": 15_000,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
    }
    try:
        return create_engine(url, connect_args=limits, pool_pre_ping=True, **_POOL)
    except ModuleNotFoundError as error:
        raise StartError(
            f"found SPF_DATABASE_URL with a PostgreSQL server, but no {error.name} to speak to it. "
            "Install the driver: pip install 'spf-portrait[postgresql]'; or unset it to use SQLite."
        ) from error


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
