"""The migrations lead to the tables that the code describes."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import inspect, select, text
from sqlalchemy.exc import IntegrityError

from alembic import command
from backend.adapters.repository import add_adapter
from backend.db import Database
from backend.settings import Settings
from backend.tables import Adapter, Base, BulkEdit, Comparison, Dataset, IdempotencyKey, UploadKey
from tests.backend.service_fixtures import NewJob
from tests.postgresql_cluster import PostgresqlCluster

TRIGGERS = {
    "sqlite": "SELECT sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name",
    "postgresql": "SELECT pg_get_triggerdef(oid) || pg_get_functiondef(tgfoid) FROM pg_trigger "
    "WHERE NOT tgisinternal ORDER BY tgname",
}

UNKNOWN_TO_THE_FIRST = {"bulk_edits", "upload_keys", "evaluations", "api_keys", "page_sessions"}
"""Tables whose rows are lost on the way down to the first schema."""


def _trigger_sql(database: Database) -> list[str]:
    with database.read() as session:
        rows = session.execute(text(TRIGGERS[database.engine.dialect.name]))
        return [" ".join(str(sql).replace("(", " ( ").replace(")", " ) ").split()) for (sql,) in rows]


@pytest.fixture
def made(database: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Database]:
    """A database whose tables are made from the models, without any migration."""
    if database == "sqlite":
        yield from _made(f"sqlite:///{tmp_path / 'made.sqlite'}")
    else:
        cluster: PostgresqlCluster = request.getfixturevalue("postgresql_cluster")
        with cluster.database("template1") as url:
            yield from _made(url)


def _made(url: str) -> Iterator[Database]:
    empty = Database(url)
    Base.metadata.create_all(empty.engine)
    yield empty
    empty.close()


def test_migrated_database_equals_the_models(db: Database) -> None:
    with db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, Base.metadata) == []


def test_migrated_checks_and_triggers_equal_the_models(db: Database, made: Database) -> None:
    assert _trigger_sql(db) == _trigger_sql(made) != []
    for table in Base.metadata.tables:
        migrated_checks = {check["name"]: check["sqltext"] for check in inspect(db.engine).get_check_constraints(table)}
        made_checks = {check["name"]: check["sqltext"] for check in inspect(made.engine).get_check_constraints(table)}
        assert migrated_checks == made_checks


def test_adapters_from_before_stay_readable(settings: Settings) -> None:
    config = Config("alembic.ini")
    config.set_main_option("sqlalchemy.url", settings.sqlalchemy_url)
    command.downgrade(config, "0001")
    database = Database(settings.sqlalchemy_url)
    with database.write() as session:
        session.execute(
            text(
                "INSERT INTO jobs (id, kind, state, spec, token, attempt, max_attempts, lost_count, not_before, step, "
                "total, losses, last_event_seq, created_at, queued_at) VALUES "
                "('job_1', 'training', 'succeeded', '{}', 1, 1, 5, 0, 0, 0, 0, '{}', 0, 0, 0)"
            )
        )
        session.execute(
            text(
                "INSERT INTO adapters (id, job_id, base, method, target, files, created_at) VALUES "
                "('adp_1', 'job_1', 'pico', 'spf', 'hat', '[]', 0)"
            )
        )
    command.upgrade(config, "head")
    with database.read() as session:
        adapter = session.get_one(Adapter, "adp_1")
    assert (adapter.target, adapter.loads_in, adapter.loads_in_reason) == ("hat", None, None)
    database.close()


def test_caption_sets_survive_the_way_up_and_down(settings: Settings) -> None:
    config = Config("alembic.ini")
    config.set_main_option("sqlalchemy.url", settings.sqlalchemy_url)
    command.downgrade(config, "0002")
    database = Database(settings.sqlalchemy_url)
    with database.write() as session:
        session.execute(
            text("INSERT INTO datasets (id, name, created_at, rejected) VALUES ('ds_1', 'from before', 0, '[]')")
        )
    command.upgrade(config, "head")
    with database.write() as session:
        assert session.get_one(Dataset, "ds_1").name == "from before"
        session.add(BulkEdit(dataset_id="ds_1", edit={"kind": "prefix"}, before=[], after=[]))
        session.add(UploadKey(key="k", request_sha256="0", dataset_id="ds_1"))
    command.downgrade(config, "0002")
    assert not {"bulk_edits", "upload_keys"} & set(inspect(database.engine).get_table_names())
    command.upgrade(config, "head")
    with database.read() as session:
        assert session.get_one(Dataset, "ds_1").name == "from before"
        assert session.get(BulkEdit, "ds_1") is None
    database.close()


_JOB = (
    "INSERT INTO jobs (id, kind, {more}state, spec, token, attempt, max_attempts, lost_count, not_before, step, total, "
    "losses, last_event_seq, created_at, queued_at) VALUES "
    "('{id}', '{kind}', {values}'{state}', '{spec}', 1, 1, 5, 0, 0, 0, 0, '{{}}', 1, 0, 0)"
)


def _insert(database: Database, *statements: str) -> None:
    with database.write() as session:
        for statement in statements:
            session.execute(text(statement.replace(":", "\\:")))


def _all(database: Database, query: str) -> list[tuple[object, ...]]:
    with database.read() as session:
        return [tuple(row) for row in session.execute(text(query))]


def test_jobs_from_before_get_their_queue_and_adapters_and_lose_them_again(settings: Settings) -> None:
    config = Config("alembic.ini")
    config.set_main_option("sqlalchemy.url", settings.sqlalchemy_url)
    command.downgrade(config, "0002")
    database = Database(settings.sqlalchemy_url)
    uses = '{"adapters": [{"adapter": "adp_1"}, {"adapter": "adp_2"}]}'
    first = {"more": "source_adapter_id, ", "values": "'adp_1', "}
    _insert(
        database,
        _JOB.format(id="job_1", kind="training", more="", values="", state="succeeded", spec="{}"),
        "INSERT INTO adapters (id, job_id, base, method, target, files, created_at) VALUES "
        "('adp_1', 'job_1', 'pico', 'spf', 'hat', '[]', 0)",
        _JOB.format(id="job_2", kind="comparison", **first, state="queued", spec=uses),
        _JOB.format(id="job_3", kind="comparison", **first, state="queued", spec="{}"),
        "INSERT INTO outbox (job_id, tries) VALUES ('job_2', 0)",
    )
    command.upgrade(config, "0004")
    assert _all(database, "SELECT id, queue FROM jobs ORDER BY id") == [
        ("job_1", "train"),
        ("job_2", "draw"),
        ("job_3", "draw"),
    ]
    adapters = [("job_2", "adp_1"), ("job_2", "adp_2"), ("job_3", "adp_1")]
    assert _all(database, "SELECT * FROM job_adapters ORDER BY job_id, adapter_id") == adapters
    evaluation = {"more": "source_adapter_id, queue, ", "values": "'adp_1', 'draw', "}
    _insert(
        database,
        _JOB.format(id="job_4", kind="evaluation", **evaluation, state="succeeded", spec="{}"),
        "INSERT INTO job_events (job_id, seq, at, kind, data) VALUES ('job_4', 1, 0, 'state', '{}')",
        "INSERT INTO evaluations (id, job_id, adapter_id, figures, files, created_at) VALUES "
        "('evl_1', 'job_4', 'adp_1', '{}', '[]', 0)",
    )
    command.downgrade(config, "0002")
    assert _all(database, "SELECT id FROM jobs ORDER BY id") == [("job_1",), ("job_2",), ("job_3",)]
    assert _all(database, "SELECT job_id FROM outbox") == [("job_2",)]
    assert _all(database, "SELECT id FROM adapters") == [("adp_1",)]
    assert len(_trigger_sql(database)) == 1
    with pytest.raises(IntegrityError, match="ck_jobs_kind"):
        _insert(database, _JOB.format(id="job_5", kind="drawing", more="", values="", state="queued", spec="{}"))
    command.upgrade(config, "head")
    assert _all(database, "SELECT id FROM jobs ORDER BY id") == [("job_1",), ("job_2",), ("job_3",)]
    with pytest.raises(IntegrityError, match="illegal job transition"):
        _insert(database, "UPDATE jobs SET state = 'queued' WHERE id = 'job_1'")
    database.close()


def _rows(database: Database) -> dict[str, list[tuple[object, ...]]]:
    with database.read() as session:
        return {
            name: [tuple(row) for row in session.execute(select(table).order_by(*table.primary_key.columns))]
            for name, table in Base.metadata.tables.items()
            if name not in UNKNOWN_TO_THE_FIRST
        }


def test_what_is_stored_survives_down_and_up_again(db: Database, settings: Settings, new_job: NewJob) -> None:
    job_id = new_job(state="succeeded", losses={"denoise": 0.5})
    new_job("comparison", parent_id=job_id, source_adapter_id="adp_1")
    with db.write() as session:
        add_adapter(session, adapter_id="adp_1", job_id=job_id, base="pico", method="spf", target="hat", files=[])
        session.add(Comparison(id="cmp_1", job_id=job_id, adapter_id="adp_1", sample={"seed": 1}, files=[]))
        session.add(IdempotencyKey(key="same", request_sha256="0", job_id=job_id))
    before = _rows(db)
    assert all(before.values())
    config = Config("alembic.ini")
    config.set_main_option("sqlalchemy.url", settings.sqlalchemy_url)
    command.downgrade(config, "0001")
    command.upgrade(config, "head")
    assert _rows(db) == before


def test_what_is_there_belongs_to_the_local_owner(settings: Settings, db: Database, new_job: NewJob) -> None:
    config = Config("alembic.ini")
    config.set_main_option("sqlalchemy.url", settings.sqlalchemy_url)
    job_id = new_job()
    with db.write() as session:
        session.add(IdempotencyKey(key="same", request_sha256="0", job_id=job_id))
        session.add(IdempotencyKey(key="same", request_sha256="0", job_id=job_id, belongs_to="mina"))
    command.downgrade(config, "0004")
    assert _all(db, "SELECT key, job_id FROM idempotency_keys") == [("same", job_id)]
    command.upgrade(config, "head")
    for table in ("datasets", "jobs", "idempotency_keys"):
        assert _all(db, f"SELECT belongs_to FROM {table}") == [("local",)]
    with pytest.raises(IntegrityError, match="illegal job transition"):
        _insert(db, f"UPDATE jobs SET state = 'succeeded' WHERE id = '{job_id}'")


def test_down_and_up_again(settings: Settings) -> None:
    config = Config("alembic.ini")
    config.set_main_option("sqlalchemy.url", settings.sqlalchemy_url)
    command.downgrade(config, "base")
    database = Database(settings.sqlalchemy_url)
    assert set(inspect(database.engine).get_table_names()) == {"alembic_version"}
    command.upgrade(config, "head")
    assert set(inspect(database.engine).get_table_names()) == {"alembic_version", *Base.metadata.tables}
    database.close()
