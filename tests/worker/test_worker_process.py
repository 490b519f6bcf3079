"""Real Celery workers, a real broker, a real database; only the engine is a small one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from sqlalchemy import func, select, text, update

from backend.broker import start_broker
from backend.context import Context
from backend.db import Database
from backend.jobs import transitions
from backend.jobs.orders import retry_job
from backend.maintenance.loop import maintenance_loop
from backend.maintenance.notifier import CeleryNotifier
from backend.process_manager import ProcessManager
from backend.settings import Settings
from backend.storage import LocalStorage
from backend.tables import Adapter, Comparison, Evaluation, Job, JobEvent, Outbox
from tests.backend.service_fixtures import ON_SQLITE_ALONE, NewJob, job_row

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

DOUBLE_WORKER = str(Path(__file__).with_name("double_worker.py"))
TIMEOUT_S = 60.0

Value = TypeVar("Value")


def wait_for(look: Callable[[], Value | None], what: str) -> Value:
    """Return the first true value of `look`."""
    deadline_s = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline_s:
        value = look()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"waited {TIMEOUT_S:.0f} s in vain for {what}")


class Studio:
    """Broker, loops and workers of one test."""

    def __init__(self, settings: Settings, redis_url: str) -> None:
        self.settings = settings.model_copy(update={"redis_url": redis_url})
        self.notifier = CeleryNotifier(redis_url)
        self.db = Database(settings.sqlalchemy_url)
        self.workers: list[subprocess.Popen[bytes]] = []
        self._stop = threading.Event()
        storage = LocalStorage(settings.data_dir)
        self._loops = threading.Thread(
            target=maintenance_loop, args=(self.db, storage, self.notifier, self.settings, self._stop)
        )
        self._loops.start()

    def start_worker(self, mode: str, queue: str = "train") -> subprocess.Popen[bytes]:
        """Start a worker; it takes jobs a moment later."""
        values = self.settings.model_dump(mode="json", exclude_none=True)
        environment = {**os.environ, **{f"SPF_{name.upper()}": str(value) for name, value in values.items()}}
        worker = subprocess.Popen(
            [sys.executable, DOUBLE_WORKER, mode, queue],
            env=environment,
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.workers.append(worker)
        return worker

    def wait_state(self, job_id: str, *states: str) -> Job:
        """Wait until a job is in one of these states."""

        def look() -> Job | None:
            job = job_row(self.db, job_id)
            return job if job.state in states else None

        return wait_for(look, f"{job_id} to be {' or '.join(states)}")

    def wait_step(self, job_id: str, step: int) -> None:
        """Wait until a job has trained some steps."""
        wait_for(lambda: job_row(self.db, job_id).step >= step, f"step {step}")

    def was_notified(self, job_id: str) -> bool:
        """Tell whether the message of a queued job was sent."""
        with self.db.read() as session:
            return bool(session.scalar(select(Outbox.tries).where(Outbox.job_id == job_id)))

    def adapter_steps(self, job_id: str) -> list[int]:
        """Return what the one adapter of a job was made of."""
        with self.db.read() as session:
            adapter = session.scalars(select(Adapter).where(Adapter.job_id == job_id)).one()
        place = LocalStorage(self.settings.data_dir).path(adapter.files[0]["key"])
        steps: list[int] = json.loads(place.read_text("utf-8"))["steps"]
        return steps

    def states_of(self, job_id: str) -> list[str]:
        """Return the states a job went through."""
        with self.db.read() as session:
            events = session.scalars(
                select(JobEvent).where(JobEvent.job_id == job_id, JobEvent.kind == "state").order_by(JobEvent.seq)
            )
            return [str(event.data["to"]) for event in events]

    def stop(self) -> None:
        """Stop everything."""
        for worker in self.workers:
            if worker.poll() is None:
                os.kill(worker.pid, signal.SIGCONT)
                worker.kill()
            worker.wait()
        self._stop.set()
        self._loops.join()
        self.notifier.close()
        self.db.close()


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[ProcessManager]:
    """What the broker is started by."""
    manager = ProcessManager(tmp_path / "logs")
    yield manager
    manager.stop()


@pytest.fixture
def studio(settings: Settings, processes: ProcessManager) -> Iterator[Studio]:
    """Broker and loops; the test starts the workers it needs."""
    running = Studio(settings, start_broker(processes, settings.data_dir))
    yield running
    running.stop()


def trainers(data_dir: Path) -> list[int]:
    """Return the processes of the small engine that work in this data folder."""
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes().decode(errors="replace")
            except OSError:
                continue
            if "double_engine.py" in command and str(data_dir) in command and "die_with_parent.py" not in command:
                found.append(int(entry.name))
    return found


def test_training_then_comparison(studio: Studio, new_job: NewJob) -> None:
    training = new_job()
    studio.start_worker("quick")
    studio.start_worker("quick", "draw")
    assert studio.wait_state(training, "succeeded", "failed").state == "succeeded"
    assert studio.adapter_steps(training) == list(range(10))
    for _ in range(5):
        studio.notifier.notify("train", training)

    with studio.db.read() as session:
        adapter_id = session.scalar(select(Adapter.id).where(Adapter.job_id == training))
    drawing = new_job("comparison", source_adapter_id=adapter_id)
    studio.wait_state(drawing, "succeeded")
    with studio.db.read() as session:
        comparison = session.scalars(select(Comparison).where(Comparison.job_id == drawing)).one()
    assert comparison.adapter_id == adapter_id
    assert "steps" in str(comparison.sample["adapter"])
    assert "maps/response/00_00.png" in {str(file["name"]) for file in comparison.files}

    assert job_row(studio.db, training).attempt == 1
    assert studio.states_of(training) == ["queued", "running", "succeeded"]
    wait_for(lambda: not list((studio.settings.data_dir / "jobs").glob("*/*")), "the workspaces to be gone")
    assert not (studio.settings.data_dir / "checkpoints" / training).exists()


def test_an_evaluation_takes_its_turn_among_the_pairs(studio: Studio, new_job: NewJob) -> None:
    training = new_job()
    studio.start_worker("quick")
    studio.wait_state(training, "succeeded")
    with studio.db.read() as session:
        adapter_id = session.scalar(select(Adapter.id).where(Adapter.job_id == training))
    spec = {"base": "pico", "target": "blonde hair"}
    first = new_job("comparison", created_at=1.0)
    evaluation = new_job("evaluation", created_at=2.0, source_adapter_id=adapter_id, spec=spec)
    last = new_job("comparison", created_at=3.0)
    studio.start_worker("quick", "draw")
    ends = [studio.wait_state(job_id, "succeeded").finished_at or 0.0 for job_id in (first, evaluation, last)]
    assert ends == sorted(ends)
    with studio.db.read() as session:
        figures = session.scalars(select(Evaluation.figures).where(Evaluation.job_id == evaluation)).one()
        events = session.scalars(select(JobEvent).where(JobEvent.job_id == evaluation, JobEvent.kind == "progress"))
        phases = [event.data["phase"] for event in events]
    assert "steps" in str(figures["adapter"])
    assert {"sampling", "measuring"} <= set(phases)


def test_an_evaluation_that_is_canceled_publishes_nothing(studio: Studio, new_job: NewJob, settings: Settings) -> None:
    training = new_job()
    studio.start_worker("quick")
    studio.wait_state(training, "succeeded")
    with studio.db.read() as session:
        adapter_id = session.scalar(select(Adapter.id).where(Adapter.job_id == training))
    spec = {"base": "pico", "target": "blonde hair"}
    job_id = new_job("evaluation", source_adapter_id=adapter_id, spec=spec)
    studio.start_worker("slow", "draw")
    studio.wait_step(job_id, 3)
    with studio.db.write() as session:
        assert transitions.request_cancel(session, job_id)
    studio.wait_state(job_id, "canceled")
    wait_for(lambda: not trainers(settings.data_dir), "the engine to be gone")
    with studio.db.read() as session:
        assert session.scalar(select(func.count()).select_from(Evaluation)) == 0


def _drawn_by(studio: Studio, job_id: str) -> int:
    """Return which process drew a pair, as soon as it is published."""
    studio.wait_state(job_id, "succeeded")
    with studio.db.read() as session:
        comparison = session.scalars(select(Comparison).where(Comparison.job_id == job_id)).one()
    return int(str(comparison.sample["pid"]))


@ON_SQLITE_ALONE
def test_pairs_share_a_process_that_dies_with_its_worker(studio: Studio, new_job: NewJob) -> None:
    worker = studio.start_worker("quick", "draw")
    pids = {_drawn_by(studio, new_job("comparison")) for _ in range(3)}
    assert len(pids) == 1
    worker.kill()
    wait_for(lambda: not _is_running(*pids), "the drawing process to die with its worker")
    studio.start_worker("quick", "draw")
    assert _drawn_by(studio, new_job("comparison")) not in pids


@ON_SQLITE_ALONE
def test_a_worker_told_to_stop_takes_its_drawing_process_along(studio: Studio, new_job: NewJob) -> None:
    worker = studio.start_worker("quick", "draw")
    pid = _drawn_by(studio, new_job("comparison"))
    worker.terminate()
    assert worker.wait(TIMEOUT_S) == 0
    wait_for(lambda: not _is_running(pid), "the drawing process to be gone")


def _is_running(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists() and Path(f"/proc/{pid}/cmdline").read_bytes() != b""


@ON_SQLITE_ALONE
def test_a_refusal_fails_the_job_and_spares_the_next(studio: Studio, new_job: NewJob) -> None:
    first = new_job()
    second = new_job()
    studio.start_worker("refuse")
    job = studio.wait_state(first, "failed")
    assert (job.error_code, job.attempt) == ("loss_not_finite", 1)
    assert job.error_message == "Found a loss of nan; allowed: finite losses."
    assert studio.wait_state(second, "failed").attempt == 1


@ON_SQLITE_ALONE
def test_a_trainer_that_keeps_dying_is_given_up(studio: Studio, new_job: NewJob) -> None:
    job_id = new_job()
    studio.start_worker("crash")
    job = studio.wait_state(job_id, "failed", "succeeded")
    assert (job.error_code, job.attempt, job.lost_count) == ("trainer_killed_repeatedly", 3, 2)
    assert studio.states_of(job_id) == ["queued", *["running", "queued"] * 2, "running", "failed"]


@ON_SQLITE_ALONE
def test_cancel_while_running_then_retry_from_the_checkpoint(
    studio: Studio, new_job: NewJob, settings: Settings, storage: LocalStorage
) -> None:
    job_id = new_job(spec={"base": "pico", "method": "spf", "stage1_steps": 40, "seed": 0})
    studio.start_worker("slow")
    studio.wait_step(job_id, 3)
    with studio.db.write() as session:
        assert transitions.request_cancel(session, job_id)
    studio.wait_state(job_id, "canceled")
    wait_for(lambda: not trainers(settings.data_dir), "the trainer to be gone")
    with studio.db.read() as session:
        assert session.scalar(select(func.count()).select_from(Adapter)) == 0

    retried, is_new = retry_job(Context(settings, studio.db, storage), job_id, None)
    assert is_new
    assert retried.parent_id == job_id
    studio.wait_state(retried.id, "succeeded")
    assert studio.adapter_steps(retried.id) == list(range(40))
    with studio.db.read() as session:
        events = session.scalars(
            select(JobEvent).where(JobEvent.job_id == retried.id, JobEvent.kind == "progress").order_by(JobEvent.seq)
        ).all()
    first_step = next(int(event.data["step"]) for event in events if event.data["phase"] == "stage1")
    assert first_step > 3
    assert job_row(studio.db, job_id).state == "canceled"


def test_worker_killed_mid_job(studio: Studio, new_job: NewJob, settings: Settings) -> None:
    job_id = new_job(spec={"base": "pico", "method": "spf", "stage1_steps": 30, "seed": 0})
    worker = studio.start_worker("slow")
    studio.wait_step(job_id, 3)
    orphan = trainers(settings.data_dir)
    assert len(orphan) == 1
    worker.kill()
    wait_for(lambda: not trainers(settings.data_dir), "the trainer to die with its worker")
    studio.wait_state(job_id, "queued")
    studio.start_worker("slow")
    job = studio.wait_state(job_id, "succeeded", "failed")
    assert (job.state, job.attempt) == ("succeeded", 2)
    assert job.lost_count == 0, "its checkpoints made up for the loss"
    assert studio.adapter_steps(job_id) == list(range(30))


@ON_SQLITE_ALONE
def test_worker_told_to_stop_hands_its_job_over(studio: Studio, new_job: NewJob) -> None:
    job_id = new_job(spec={"base": "pico", "method": "spf", "stage1_steps": 30, "seed": 0})
    worker = studio.start_worker("slow")
    studio.wait_step(job_id, 3)
    worker.terminate()
    assert worker.wait(TIMEOUT_S) == 0
    job = studio.wait_state(job_id, "queued")
    assert (job.attempt, job.lost_count) == (0, 0)
    studio.start_worker("quick")
    assert studio.wait_state(job_id, "succeeded").attempt == 1
    assert studio.adapter_steps(job_id) == list(range(30))


@ON_SQLITE_ALONE
def test_a_laptop_that_sleeps_costs_no_attempt(processes: ProcessManager, settings: Settings, new_job: NewJob) -> None:
    patient = settings.model_copy(update={"lease_s": 60.0, "heartbeat_s": 20.0})
    studio = Studio(patient, start_broker(processes, settings.data_dir))
    try:
        job_id = new_job(spec={"base": "pico", "method": "spf", "stage1_steps": 60, "seed": 0})
        studio.start_worker("slow")
        for step in (3, 6, 9):
            studio.wait_step(job_id, step)
            # By the database's clock, a night has passed.
            with studio.db.write() as session:
                session.execute(update(Job).where(Job.id == job_id).values(lease_until=1.0))
        job = studio.wait_state(job_id, "succeeded", "failed")
        assert (job.state, job.attempt, job.lost_count) == ("succeeded", 1, 0)
    finally:
        studio.stop()


@ON_SQLITE_ALONE
def test_an_interrupted_training_goes_on_before_those_that_came_later(studio: Studio, new_job: NewJob) -> None:
    first = new_job(created_at=1.0, spec={"base": "pico", "method": "spf", "stage1_steps": 30, "seed": 0})
    worker = studio.start_worker("slow")
    studio.wait_step(first, 3)
    later = new_job(created_at=2.0)
    wait_for(lambda: studio.was_notified(later), "the message of the later one")
    worker.terminate()
    assert worker.wait(TIMEOUT_S) == 0
    studio.start_worker("quick")
    started = studio.wait_state(later, "succeeded").started_at
    finished = job_row(studio.db, first).finished_at
    assert started is not None
    assert finished is not None
    assert finished <= started


def _process_tree(pid: int) -> list[int]:
    """Return a process and its descendants, trainers left out."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text("utf-8").split()
    found = [pid]
    for child in children:
        if "double_engine" not in Path(f"/proc/{child}/cmdline").read_text("utf-8"):
            found += _process_tree(int(child))
    return found


@ON_SQLITE_ALONE
def test_paused_worker_wakes_up_too_late(studio: Studio, new_job: NewJob, settings: Settings) -> None:
    job_id = new_job(spec={"base": "pico", "method": "spf", "stage1_steps": 60, "seed": 0})
    paused = studio.start_worker("slow")
    studio.wait_step(job_id, 3)
    processes = _process_tree(paused.pid)
    with studio.db.write() as session:
        session.execute(text("SELECT 1"))  # locks all of SQLite, so that the worker is not paused with that lock
        for pid in processes:
            os.kill(pid, signal.SIGSTOP)
    studio.wait_state(job_id, "queued")
    studio.start_worker("quick")
    studio.wait_state(job_id, "succeeded")
    for pid in processes:
        os.kill(pid, signal.SIGCONT)
    wait_for(lambda: not trainers(settings.data_dir), "the late trainer to be killed")
    job = job_row(studio.db, job_id)
    # Not exactly the second attempt: a machine that stalls can cost the quick worker's lease, too.
    assert job.state == "succeeded"
    assert job.attempt >= 2
    assert studio.adapter_steps(job_id) == list(range(60))
    assert len(list((settings.data_dir / "adapters" / job_id).iterdir())) == 1


def test_broker_lost_and_emptied_while_jobs_run_and_wait(settings: Settings, new_job: NewJob, tmp_path: Path) -> None:
    processes = ProcessManager(tmp_path / "logs")
    url = start_broker(processes, settings.data_dir)
    studio = Studio(settings, url)
    try:
        running = new_job(spec={"base": "pico", "method": "spf", "stage1_steps": 30, "seed": 0})
        studio.start_worker("slow")
        studio.wait_step(running, 2)
        waiting = new_job()
        wait_for(lambda: studio.was_notified(waiting), "the second message")
        processes.stop()
        for file in (settings.data_dir / "broker").rglob("*.*"):
            file.unlink()
        port = url.rpartition(":")[2].partition("/")[0]
        start_broker(processes, settings.data_dir, port=int(port))
        assert studio.wait_state(running, "succeeded", "failed").attempt == 1
        assert studio.wait_state(waiting, "succeeded", "failed").state == "succeeded"
    finally:
        studio.stop()
        processes.stop()
