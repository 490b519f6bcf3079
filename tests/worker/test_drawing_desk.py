"""The drawing desk and a real child process that waits for orders."""

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
from worker.drawing_desk import DrawingDesk, Supervision
from worker.supervisor import Outcome, Timing

OpenDesk = Callable[..., DrawingDesk]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture
def open_desk() -> Iterator[OpenDesk]:
    """Desks with the small engine; whatever still waits is ended after the test."""
    desks: list[DrawingDesk] = []

    def open_one(mode: str = "quick", warm_s: float = 60.0) -> DrawingDesk:
        desks.append(DrawingDesk((sys.executable, DOUBLE, mode), os.environ, warm_s))
        return desks[-1]

    yield open_one
    for desk in desks:
        desk.close()


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def draw(
    desk: DrawingDesk,
    out: Path,
    *,
    seed: int = 0,
    records: Records | None = None,
    timing: Timing = TIMING,
    draining: bool = False,
) -> Outcome:
    spec = ComparisonSpec(base_text="a woman", target="blonde hair", seed=seed)
    supervision = Supervision(records or Records(), timing, lambda: draining)
    return desk.draw(DrawingOrder(spec=spec, out=out), out / "engine.log", supervision)


def drawn_by(desk: DrawingDesk, out: Path, seed: int = 0) -> int:
    """Draw a pair and return which process did."""
    outcome = draw(desk, out, seed=seed)
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


def test_one_process_draws_all_pairs_until_the_desk_is_closed(open_desk: OpenDesk, out: Path) -> None:
    desk = open_desk()
    pids = {drawn_by(desk, out, seed) for seed in range(3)}
    assert len(pids) == 1
    assert is_alive(*pids)
    desk.close()
    assert not is_alive(*pids)
    assert drawn_by(desk, out) not in pids


def test_a_desk_that_keeps_nothing_starts_a_process_for_each_pair(open_desk: OpenDesk, out: Path) -> None:
    desk = open_desk(warm_s=0)
    pids = [drawn_by(desk, out) for _ in range(2)]
    assert len(set(pids)) == 2
    assert not any(is_alive(pid) for pid in pids)


def test_a_process_that_waited_too_long_is_replaced(open_desk: OpenDesk, out: Path) -> None:
    desk = open_desk(warm_s=0.3)
    first = drawn_by(desk, out)
    wait_for_the_end_of(first)
    assert drawn_by(desk, out) != first


def test_a_process_that_was_killed_while_it_waited_costs_no_attempt(open_desk: OpenDesk, out: Path) -> None:
    desk = open_desk()
    first = drawn_by(desk, out)
    os.kill(first, signal.SIGKILL)
    assert drawn_by(desk, out) != first


def test_a_process_that_leaves_when_it_is_ordered_costs_no_attempt(open_desk: OpenDesk, out: Path) -> None:
    desk = open_desk("leaving")
    first = drawn_by(desk, out)
    assert drawn_by(desk, out) != first


def test_a_crash_costs_one_attempt_and_the_next_pair_has_a_new_process(open_desk: OpenDesk, out: Path) -> None:
    desk = open_desk("crash")
    first = drawn_by(desk, out)
    outcome = draw(desk, out, seed=UNLUCKY_SEED)
    assert (outcome.kind, outcome.reason) == ("lost", "trainer_killed_by_signal_9")
    assert drawn_by(desk, out) != first


def test_an_error_is_told_and_ends_the_process(open_desk: OpenDesk, out: Path) -> None:
    desk = open_desk("refuse")
    first = drawn_by(desk, out)
    outcome = draw(desk, out, seed=UNLUCKY_SEED)
    assert (outcome.kind, outcome.error["code"]) == ("failed", "too_many_tokens")
    assert not is_alive(first)
    assert drawn_by(desk, out) != first


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
    open_desk: OpenDesk,
    out: Path,
    answers: list[str | Exception | None],
    timing: Timing,
    draining: bool,
    kind: str,
) -> None:
    desk = open_desk("hang")
    first = drawn_by(desk, out)
    records = Records(answers)
    outcome = draw(desk, out, seed=UNLUCKY_SEED, records=records, timing=timing, draining=draining)
    assert outcome.kind == kind
    assert not is_alive(first)
    assert drawn_by(desk, out) != first


def test_an_engine_that_cannot_start_is_a_lost_attempt(out: Path) -> None:
    desk = DrawingDesk((sys.executable, "-c", "raise SystemExit('no torch here')"), os.environ, 60.0)
    outcome = draw(desk, out)
    assert (outcome.kind, outcome.reason) == ("lost", "trainer_exited_with_1")
    assert "no torch here" in (out / "engine.log").read_text("utf-8")
