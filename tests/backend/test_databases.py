"""What a URL may name, what a lacking driver or server is called, and what is special about PostgreSQL."""

from __future__ import annotations

import builtins
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError, OperationalError
from starlette.testclient import TestClient

from backend.db import Database, now
from backend.migrate import migrate
from backend.settings import Settings
from backend.start_error import StartError
from backend.tables import Base, Job
from tests.backend.service_fixtures import ON_POSTGRESQL_ALONE, NewJob, job_row
from tests.postgresql_cluster import PostgresqlCluster

NOBODY_THERE = "postgresql://spf:secret@127.0.0.1:1/studio"


@pytest.mark.parametrize(
    "url", ["mysql://u:secret@h/x", "postgres://u:secret@h/x", "postgresql+asyncpg://h/x", "secret"]
)
def test_other_databases_are_refused_without_telling_the_password(url: str) -> None:
    with pytest.raises(ValueError, match="allowed are postgresql://") as refusal:
        Settings(database_url=url)
    assert "secret" not in str(refusal.value)


def test_settings_do_not_show_passwords() -> None:
    settings = Settings(database_url=NOBODY_THERE, redis_url="redis://:secret@h/0")
    assert "secret" not in repr(settings)


def test_a_lacking_driver_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real_import = builtins.__import__

    def no_driver(name: str, *args: Any, **options: Any) -> Any:
        if name == "psycopg":
            raise ModuleNotFoundError("No module named 'psycopg'", name="psycopg")
        return real_import(name, *args, **options)

    monkeypatch.setattr(builtins, "__import__", no_driver)
    with pytest.raises(StartError, match=r"psycopg.*pip install 'spf-portrait\[postgresql\]'"):
        Database(NOBODY_THERE)


def test_a_server_that_does_not_answer_is_named_without_its_password() -> None:
    with pytest.raises(StartError, match=r"127\.0\.0\.1:1") as refusal:
        migrate(Settings(database_url=NOBODY_THERE))
    assert "secret" not in str(refusal.value)
    assert "SPF_DATABASE_URL" in str(refusal.value)


@pytest.mark.parametrize("command", [["backend.serve"], ["backend.studio"], ["backend.cli", "migrate"]])
def test_no_program_starts_without_its_database(command: list[str], tmp_path: Path) -> None:
    variables = {"SPF_DATABASE_URL": NOBODY_THERE, "SPF_DATA_DIR": str(tmp_path), "SPF_PORT": "0"}
    done = subprocess.run(
        [sys.executable, "-m", *command], env={**os.environ, **variables}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "found no database that can be used" in done.stderr
    assert "Traceback" not in done.stderr
    assert "secret" not in done.stderr


@pytest.mark.parametrize("command", [["backend.serve"], ["backend.maintenance"], ["worker", "train"]])
def test_every_program_says_which_setting_is_wrong(command: list[str]) -> None:
    environment = {**os.environ, "SPF_DATABASE_URL": "mysql://u:secret@h/x", "SPF_PORT": "many"}
    done = subprocess.run(
        [sys.executable, "-m", *command], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "SPF_PORT: " in done.stderr
    assert "mysql in SPF_DATABASE_URL" in done.stderr
    assert "Traceback" not in done.stderr
    assert "secret" not in done.stderr


def test_the_databases_clock_is_a_number(db: Database) -> None:
    with db.read() as session:
        read = session.scalar(select(now()))
    assert isinstance(read, float)
    assert abs(read - time.time()) < 60.0


def test_what_is_read_is_of_one_moment(db: Database, new_job: NewJob) -> None:
    with db.read() as session:
        before = len(session.scalars(select(Job.id)).all())
        new_job()
        assert len(session.scalars(select(Job.id)).all()) == before


def test_errors_do_not_tell_what_was_to_be_stored(db: Database) -> None:
    with pytest.raises(DBAPIError) as refusal, db.write() as session:
        session.execute(text("INSERT INTO nowhere (name) VALUES (:name)"), {"name": "a secret"})
    assert "secret" not in str(refusal.value)


@ON_POSTGRESQL_ALONE
@pytest.mark.parametrize(
    "address", ["/api/v1/jobs/job_%00", "/api/v1/datasets?cursor=%00", "/api/v1/datasets?name=%00"]
)
def test_what_the_database_cannot_hold_is_refused(client: TestClient, address: str) -> None:
    answer = client.get(address)
    assert (answer.status_code, answer.json()["code"]) == (422, "unstorable_value")


@ON_POSTGRESQL_ALONE
def test_a_lock_is_not_waited_for_without_end(
    db: Database, new_job: NewJob, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = new_job()
    monkeypatch.setattr("backend.db.BUSY_TIMEOUT_S", 0.1)
    impatient = Database(settings.sqlalchemy_url)
    with db.write() as holder:
        holder.get(Job, job_id, with_for_update=True)
        with pytest.raises(OperationalError, match="lock timeout"), impatient.write() as session:
            session.get(Job, job_id, with_for_update=True)
    impatient.close()


@ON_POSTGRESQL_ALONE
def test_connections_that_the_server_closed_are_replaced(
    db: Database, new_job: NewJob, postgresql_cluster: PostgresqlCluster
) -> None:
    job_id = new_job()
    postgresql_cluster.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname LIKE 'test_%'")
    assert job_row(db, job_id).state == "queued"


def test_services_that_start_together_migrate_once(postgresql_cluster: PostgresqlCluster) -> None:
    with postgresql_cluster.database("template1") as url:
        program = [sys.executable, "-m", "backend.cli", "migrate"]
        environment = {**os.environ, "SPF_DATABASE_URL": url}
        starting = [subprocess.Popen(program, env=environment, stderr=subprocess.PIPE, text=True) for _ in range(3)]
        assert [process.communicate()[1] for process in starting] == [""] * 3
        assert [process.returncode for process in starting] == [0] * 3
        migrated = Database(url)
        with migrated.read() as session:
            assert all(session.scalar(text(f"SELECT count(*) FROM {table}")) == 0 for table in Base.metadata.tables)
        migrated.close()


def test_work_that_is_to_be_done_alone(db: Database, database: str) -> None:
    with db.alone("relay") as first, db.alone("relay") as second, db.alone("something else") as other:
        assert (first, second, other) == (True, database == "sqlite", True)
    with db.alone("relay") as again:
        assert again
