"""A private PostgreSQL server for the tests: a socket in a folder of its own, no port, and no care for the disk.

A database with all tables is made once; each test gets a copy of it, which takes a few hundredths of a second.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Final

import psycopg
import pytest

TEMPLATE: Final = "template_of_tests"
_START_S: Final = 60.0
_HURRIED: Final = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "max_connections": "200",
    "shared_buffers": "64MB",
}


class PostgresqlCluster:
    """A running server.

    Args:
        folder: where its data and its socket are.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = count()
        data = folder / "data"
        _run([_program("initdb"), "-D", str(data), "-U", "spf", "-A", "trust", "--locale=C.UTF-8", "--no-sync"])
        options = [f"-c{name}={value}" for name, value in {**_HURRIED, "unix_socket_directories": folder}.items()]
        self._log = (folder / "log").open("wb")
        # The kernel ends it with the tests, however these end.
        self._server = subprocess.Popen(
            _unprivileged([_program("postgres"), "-D", str(data), *options], "--pdeathsig=KILL"),
            stdout=self._log,
            stderr=self._log,
            cwd=folder,
        )
        self._wait()
        self._connection = psycopg.connect(self.url("postgres"), autocommit=True)
        # Since version 15 there is another way, too, which is the default and takes twice as long.
        self._copied = "STRATEGY FILE_COPY" if self._connection.info.server_version >= 150000 else ""

    def url(self, database: str) -> str:
        """Return the address of one of its databases."""
        return f"postgresql://spf@/{database}?host={self._folder}"

    def execute(self, statement: str) -> None:
        """Execute a statement on the server as a whole."""
        self._connection.execute(statement.encode())

    @contextmanager
    def database(self, template: str) -> Generator[str]:
        """Give the address of a copy of a database; it is gone afterwards, whoever still uses it."""
        name = f"test_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template} {self._copied}")
        yield self.url(name)
        self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def stop(self) -> None:
        """End the server."""
        self._connection.close()
        self._server.send_signal(signal.SIGQUIT)  # at once: nothing of it is kept
        try:
            self._server.wait(5.0)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait()
        self._log.close()

    def _wait(self) -> None:
        """Wait until it answers."""
        deadline_s = time.monotonic() + _START_S
        ready = [_program("pg_isready"), "-q", "-h", str(self._folder)]
        while subprocess.run(ready, check=False).returncode:
            if self._server.poll() is not None or time.monotonic() > deadline_s:
                pytest.fail(f"PostgreSQL did not start: {(self._folder / 'log').read_text()[-2000:]}")
            time.sleep(0.05)


@pytest.fixture(scope="session")
def postgresql_cluster() -> Iterator[PostgresqlCluster]:
    """The server, with the template; started for the first test that needs it."""
    from backend.migrate import migrate
    from backend.settings import Settings

    folder = Path(tempfile.mkdtemp(prefix="spf-postgresql-"))
    if os.geteuid() == 0:
        shutil.chown(folder, _USER, _USER)
    folder.chmod(0o755)
    try:
        cluster = PostgresqlCluster(folder)
        cluster.execute(f"CREATE DATABASE {TEMPLATE}")
        migrate(Settings(database_url=cluster.url(TEMPLATE)))
        yield cluster
        cluster.stop()
    finally:
        shutil.rmtree(folder)


_USER: Final = "postgres"


def _program(name: str) -> str:
    """Return where a program of PostgreSQL is; Debian keeps them out of PATH, a folder for each version."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    found = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), *map(str, reversed(folders))]))
    if found is None:
        pytest.fail(f"found no {name}; the tests need a PostgreSQL server. On Debian: apt-get install postgresql")
    return found


def _unprivileged(command: Sequence[str], *options: str) -> list[str]:
    """Have a command run by a user whom PostgreSQL lets start it, which root is not."""
    user = [f"--reuid={_USER}", f"--regid={_USER}", "--clear-groups"] if os.geteuid() == 0 else []
    return ["setpriv", *options, *user, *command]


def _run(command: Sequence[str]) -> None:
    """Run a command to its end."""
    done = subprocess.run(_unprivileged(command), capture_output=True, text=True, cwd="/", check=False)
    if done.returncode:
        pytest.fail(f"{command[0]} failed: {done.stderr}")
