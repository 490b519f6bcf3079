"""The supervisor and a real child process."""

import json
import os
import sys
from pathlib import Path

from sqlalchemy.exc import OperationalError

from spf_portrait.contract.events import CheckpointSaved, PreviewsDrawn, Progress, Validated
from worker.outcome import Outcome
from worker.supervisor import Timing, supervise

DOUBLE = str(Path(__file__).with_name("double_engine.py"))
TIMING = Timing(heartbeat_s=0.2, fence_s=20.0, grace_s=2.0, stall_s=20.0)


class Records:
    """Remembers what the supervisor reports and answers as told."""

    def __init__(self, answers: list[str | Exception | None] | None = None) -> None:
        self.answers = answers or ["running"]
        self.heartbeats = 0
        self.progress: list[Progress] = []
        self.checkpoints: list[int] = []
        self.validations: list[Validated] = []
        self.previewed: list[int] = []

    def heartbeat(self, progress: Progress | None) -> str | None:
        answer = self.answers[min(self.heartbeats, len(self.answers) - 1)]
        self.heartbeats += 1
        if isinstance(answer, Exception):
            raise answer
        if progress is not None:
            self.progress.append(progress)
        return answer

    def checkpoint(self, event: CheckpointSaved) -> None:
        self.checkpoints.append(event.step)

    def validation(self, event: Validated) -> None:
        self.validations.append(event)

    def previews(self, event: PreviewsDrawn) -> None:
        self.previewed.append(event.step)


def _run(
    tmp_path: Path, mode: str, records: Records, timing: Timing = TIMING, *, steps: int = 8, drain_after: int = 0
) -> Outcome:
    for folder in ("data", "out", "checkpoints"):
        (tmp_path / folder).mkdir(exist_ok=True)
    (tmp_path / "data" / "metadata.jsonl").write_text("", "utf-8")
    (tmp_path / "spec.json").write_text(json.dumps({"stage1_steps": steps}), "utf-8")
    command = [sys.executable, DOUBLE, mode, "train", str(tmp_path / "data"), "--events", "--resume"]
    for option in ("out", "checkpoints"):
        command += [f"--{option}", str(tmp_path / option)]
    return supervise(
        [*command, "--spec", str(tmp_path / "spec.json")],
        records,
        timing,
        draining=lambda: 0 < drain_after <= len(records.checkpoints),
        log_path=tmp_path / "logs" / "trainer.log",
        environment=dict(os.environ),
    )


def test_a_trainer_that_finishes(tmp_path: Path) -> None:
    records = Records()
    outcome = _run(tmp_path, "quick", records)
    assert outcome.kind == "finished"
    assert Path(outcome.files["adapter"]).is_file()
    assert records.checkpoints == list(range(1, 9))
    assert records.validations == [Validated(step=0, target_gained=0.25, rest_kept=1)]
    assert records.previewed == [0]
    assert records.progress[0].phase == "loading"
    assert (records.progress[-1].phase, records.progress[-1].step) == ("stage1", 8)


def test_other_output_is_passed_over(tmp_path: Path) -> None:
    assert _run(tmp_path, "chatty", Records()).kind == "finished"


def test_a_trainer_that_says_why_it_failed(tmp_path: Path) -> None:
    outcome = _run(tmp_path, "refuse", Records())
    assert outcome.kind == "failed"
    assert outcome.error["code"] == "loss_not_finite"


def test_a_trainer_whose_error_may_pass_is_lost_with_its_words(tmp_path: Path) -> None:
    outcome = _run(tmp_path, "full", Records())
    assert (outcome.kind, outcome.reason, outcome.error["code"]) == ("lost", "disk_full", "disk_full")


def test_a_trainer_that_dies(tmp_path: Path) -> None:
    outcome = _run(tmp_path, "crash", Records())
    assert (outcome.kind, outcome.reason) == ("lost", "trainer_killed_by_signal_9")


def test_a_trainer_that_cannot_start_leaves_its_words_in_the_log(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "steps.json").write_text("broken", "utf-8")
    outcome = _run(tmp_path, "quick", Records())
    assert (outcome.kind, outcome.reason) == ("lost", "trainer_exited_with_1")
    assert "JSONDecodeError" in (tmp_path / "logs" / "trainer.log").read_text("utf-8")


def test_a_trainer_that_hangs(tmp_path: Path) -> None:
    outcome = _run(tmp_path, "hang", Records(), Timing(0.2, 20.0, 2.0, stall_s=1.0))
    assert (outcome.kind, outcome.reason) == ("lost", "trainer_hung")


def test_cancel_lets_the_trainer_stop_by_itself(tmp_path: Path) -> None:
    records = Records(["running", "running", "canceling"])
    outcome = _run(tmp_path, "slow", records, steps=100)
    assert outcome.kind == "canceled"
    assert len(records.checkpoints) < 100


def test_cancel_of_a_deaf_trainer_ends_in_a_kill(tmp_path: Path) -> None:
    records = Records(["running", "canceling"])
    assert _run(tmp_path, "deaf", records, Timing(0.2, 20.0, 0.5, 20.0), steps=100).kind == "canceled"


def test_drain_preempts_after_a_checkpoint_and_a_second_run_goes_on(tmp_path: Path) -> None:
    records = Records()
    assert _run(tmp_path, "slow", records, steps=20, drain_after=3).kind == "preempted"
    done = json.loads((tmp_path / "checkpoints" / "steps.json").read_text("utf-8"))
    assert 3 <= len(done) < 20
    assert _run(tmp_path, "quick", Records(), steps=20).kind == "finished"
    assert json.loads((tmp_path / "out" / "adapter.safetensors").read_text("utf-8"))["steps"] == list(range(20))


def test_a_lost_lease_kills_at_once(tmp_path: Path) -> None:
    records = Records(["running", "running", None])
    assert _run(tmp_path, "deaf", records, steps=100).kind == "fenced"


def test_a_database_that_stays_away_fences_the_trainer(tmp_path: Path) -> None:
    away = OperationalError("UPDATE jobs", {}, Exception("database is locked"))
    outcome = _run(tmp_path, "deaf", Records(["running", away]), Timing(0.2, 1.0, 2.0, 20.0), steps=100)
    assert outcome.kind == "fenced"


def test_a_database_that_comes_back_does_not(tmp_path: Path) -> None:
    away = OperationalError("UPDATE jobs", {}, Exception("database is locked"))
    assert _run(tmp_path, "slow", Records(["running", away, away, "running"])).kind == "finished"
