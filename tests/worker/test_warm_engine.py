"""The warm engine: a real child process that waits for orders."""

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from spf_portrait.contract.drawing_order import DrawingOrder
from spf_portrait.contract.drawing_spec import ComparisonSpec
from tests.worker.double_engine import UNLUCKY_SEED
from tests.worker.test_supervisor import DOUBLE, TIMING, Records
from worker.outcome import Outcome
from worker.supervisor import Timing
from worker.warm_engine import Supervision, WarmEngine

NewEngine = Callable[..., WarmEngine]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture
def new_engine() -> Iterator[NewEngine]:
    """A function that makes warm engines of the small engine; their processes are ended after the test."""
    engines: list[WarmEngine] = []

    def add(mode: str = "quick", warm_s: float = 60.0) -> WarmEngine:
        engines.append(WarmEngine((sys.executable, DOUBLE, mode), os.environ, warm_s))
        return engines[-1]

    yield add
    for engine in engines:
        engine.close()


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def draw(
    engine: WarmEngine,
    out: Path,
    *,
    seed: int = 0,
    records: Records | None = None,
    timing: Timing = TIMING,
    draining: bool = False,
) -> Outcome:
    spec = ComparisonSpec(base_text="a woman", target="blonde hair", seed=seed)
    supervision = Supervision(records or Records(), timing, lambda: draining)
    return engine.draw(DrawingOrder(spec=spec, out=out), out / "engine.log", supervision)


def drawn_by(engine: WarmEngine, out: Path, seed: int = 0) -> int:
    """Draw a pair and return which process did."""
    outcome = draw(engine, out, seed=seed)
    assert outcome.kind == "finished"
    record = json.loads(Path(outcome.files["sample"]).read_text("utf-8"))
    assert record["seed"] == seed
    return int(record["pid"])


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that ended and was not collected yet does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def wait_for_the_end_of(pid: int) -> None:
    for _ in range(400):
        if not is_alive(pid):
            return
        time.sleep(0.05)
    raise AssertionError(f"process {pid} lives on")


def test_one_process_draws_all_pairs_until_the_engine_is_closed(new_engine: NewEngine, out: Path) -> None:
    engine = new_engine()
    pids = {drawn_by(engine, out, seed) for seed in range(3)}
    assert len(pids) == 1
    assert is_alive(*pids)
    engine.close()
    assert not is_alive(*pids)
    assert drawn_by(engine, out) not in pids


def test_an_engine_that_is_not_kept_warm_starts_a_process_for_each_pair(new_engine: NewEngine, out: Path) -> None:
    engine = new_engine(warm_s=0)
    pids = [drawn_by(engine, out) for _ in range(2)]
    assert len(set(pids)) == 2
    assert not any(is_alive(pid) for pid in pids)


def test_a_process_that_waited_too_long_is_replaced(new_engine: NewEngine, out: Path) -> None:
    engine = new_engine(warm_s=0.3)
    first = drawn_by(engine, out)
    wait_for_the_end_of(first)
    assert drawn_by(engine, out) != first


def test_a_process_that_was_killed_while_it_waited_costs_no_attempt(new_engine: NewEngine, out: Path) -> None:
    engine = new_engine()
    first = drawn_by(engine, out)
    os.kill(first, signal.SIGKILL)
    assert drawn_by(engine, out) != first


def test_a_process_that_leaves_when_it_is_ordered_costs_no_attempt(new_engine: NewEngine, out: Path) -> None:
    engine = new_engine("leaving")
    first = drawn_by(engine, out)
    assert drawn_by(engine, out) != first


def test_a_crash_costs_one_attempt_and_the_next_pair_has_a_new_process(new_engine: NewEngine, out: Path) -> None:
    engine = new_engine("crash")
    first = drawn_by(engine, out)
    outcome = draw(engine, out, seed=UNLUCKY_SEED)
    assert (outcome.kind, outcome.reason) == ("lost", "trainer_killed_by_signal_9")
    assert drawn_by(engine, out) != first


def test_an_error_is_told_and_ends_the_process(new_engine: NewEngine, out: Path) -> None:
    engine = new_engine("refuse")
    first = drawn_by(engine, out)
    outcome = draw(engine, out, seed=UNLUCKY_SEED)
    assert (outcome.kind, outcome.error["code"]) == ("failed", "too_many_tokens")
    assert not is_alive(first)
    assert drawn_by(engine, out) != first


@pytest.mark.parametrize(
    ("answers", "timing", "draining", "kind"),
    [
        (["running", "canceling"], TIMING, False, "canceled"),
        (["running", None], TIMING, False, "fenced"),
        (["running"], TIMING, True, "preempted"),
        (["running"], Timing(0.2, 20.0, 2.0, stall_s=0.5), False, "lost"),
    ],
)
def test_a_drawing_that_is_stopped_takes_its_process_with_it(
    new_engine: NewEngine,
    out: Path,
    answers: list[str | Exception | None],
    timing: Timing,
    draining: bool,
    kind: str,
) -> None:
    engine = new_engine("hang")
    first = drawn_by(engine, out)
    records = Records(answers)
    outcome = draw(engine, out, seed=UNLUCKY_SEED, records=records, timing=timing, draining=draining)
    assert outcome.kind == kind
    assert not is_alive(first)
    assert drawn_by(engine, out) != first


def test_an_engine_that_cannot_start_is_a_lost_attempt(out: Path) -> None:
    engine = WarmEngine((sys.executable, "-c", "raise SystemExit('no torch here')"), os.environ, 60.0)
    outcome = draw(engine, out)
    assert (outcome.kind, outcome.reason) == ("lost", "trainer_exited_with_1")
    assert "no torch here" in (out / "engine.log").read_text("utf-8")
