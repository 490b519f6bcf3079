"""The nemesis itself: it is green where nothing is wrong, and red where something is."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.adapters.repository import add_adapter
from backend.db import Database
from backend.ids import new_id
from backend.jobs import transitions
from backend.migrate import migrate
from backend.settings import Settings
from backend.tables import Job
from nemesis.__main__ import main
from nemesis.checker import violations
from nemesis.ground import Ground, prepare_ground
from nemesis.guards import GUARDS
from nemesis.row import CannotRun, Round, Row
from nemesis.rows import NOT_RUN, ROWS
from nemesis.rows.row_31_one_key_many_times import ONE_KEY_MANY_TIMES
from nemesis.runner import run_row
from nemesis.studio import REPOSITORY, Studio
from nemesis.violation import Violation

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

MINUTES_S = 60
SPEC = {"base": "tiny", "base_text": "a woman", "target": "hat"}


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    """Model and portraits."""
    return prepare_ground(tmp_path_factory.mktemp("ground"))


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    """A studio of which no process runs, with an empty database."""
    quiet = Studio(tmp_path / "studio", tmp_path, tmp_path, {}, "")
    migrate(Settings(data_dir=quiet.data_dir))
    yield quiet
    quiet.stop()


def adapter_of_a_job(studio: Studio) -> tuple[str, Path]:
    """Add a job that has published an adapter; return its id and the adapter's file."""
    with studio.db.write() as session:
        transitions.enqueue(session, Job(id=new_id("job"), kind="comparison", queue="draw", spec=SPEC))
    claim = claimed_lease(studio.db)
    key = f"adapters/{claim.job_id}/{claim.token}/adapter.safetensors"
    source = studio.folder / "adapter"
    source.write_bytes(b"weights")
    stored = studio.storage.put("adapter.safetensors", key, source)
    with studio.db.write() as session:
        assert transitions.succeed(session, claim)
        add_adapter(
            session,
            adapter_id=new_id("adp"),
            job_id=claim.job_id,
            base="tiny",
            method="spf",
            target="hat",
            files=[stored],
        )
    return claim.job_id, studio.storage.path(key)


def claimed_lease(db: Database) -> transitions.Lease:
    """Claim the only job."""
    with db.write() as session:
        job_id = session.query(Job.id).filter(Job.state == "queued").scalar()
        claim = transitions.claim(session, str(job_id), owner="test", lease_s=60.0)
    assert claim is not None
    return claim.lease


def kinds(studio: Studio) -> list[str]:
    """What the checker finds."""
    return [violation.kind for violation in violations(studio)]


def test_a_sound_studio_breaks_no_promise(studio: Studio) -> None:
    adapter_of_a_job(studio)
    assert kinds(studio) == []


def test_the_checker_finds_a_torn_file(studio: Studio) -> None:
    adapter_of_a_job(studio)[1].write_bytes(b"weightz")
    assert kinds(studio) == ["torn"]


def test_the_checker_finds_a_result_that_is_gone(studio: Studio) -> None:
    job_id, _ = adapter_of_a_job(studio)
    with studio.db.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM adapters WHERE job_id = ?", (job_id,))
    assert kinds(studio) == ["lost"]


def test_the_checker_finds_events_that_tell_another_story(studio: Studio) -> None:
    job_id, _ = adapter_of_a_job(studio)
    with studio.db.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM job_events WHERE job_id = ? AND seq = 2", (job_id,))
    assert kinds(studio) == ["illegal transition"]


def test_a_row_turns_red_without_its_guard(ground: Ground) -> None:
    assert run_row(ONE_KEY_MANY_TIMES, ground, rounds=1, seed=0).verdict == "green"
    without = run_row(ONE_KEY_MANY_TIMES, ground, rounds=1, seed=0, without="idempotency-key")
    assert without.verdict == "red"
    assert not (ground.folder / "row-31").exists()
    assert (ground.folder / "row-31-without-idempotency-key" / "history.jsonl").is_file()


def test_what_cannot_be_run_is_not_green(ground: Ground) -> None:
    def strike(this: Round) -> Iterator[Violation]:
        raise CannotRun("a machine that can")

    outcome = run_row(Row(99, "fault", "promise", 1, strike, processes=()), ground, rounds=1, seed=0)
    assert (outcome.verdict, outcome.cannot_run) == ("not run", "a machine that can")


def test_every_row_and_guard_is_described() -> None:
    described = (REPOSITORY / "docs" / "nemesis.md").read_text("utf-8")
    numbers = [row.number for row in ROWS]
    assert numbers == sorted(set(numbers))
    assert not NOT_RUN.keys() & set(numbers)
    assert {guard.row for guard in GUARDS.values()} <= set(numbers)
    for row in ROWS:
        assert f"| {row.number} | {row.fault} | {row.promise} | {row.rounds} |" in described
    for guard in GUARDS.values():
        assert f"| `{guard.name}` | {guard.row} | {guard.what} |" in described
    assert all(why in described for why in NOT_RUN.values())


@pytest.mark.slow
@pytest.mark.timeout(60 * MINUTES_S)
def test_the_short_form_is_green(tmp_path: Path) -> None:
    out = tmp_path / "nemesis.json"
    assert main(["--rounds", "5", "--out", str(out)]) == 0
    verdicts = {entry["row"]: entry["verdict"] for entry in json.loads(out.read_text("utf-8"))["rows"]}
    assert set(verdicts.values()) <= {"green", "not run"}
    assert len(verdicts) == len(ROWS)


@pytest.mark.slow
@pytest.mark.timeout(60 * MINUTES_S)
def test_every_guard_is_missed() -> None:
    assert main(["--mutations"]) == 0
