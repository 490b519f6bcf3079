"""Cells are worked on one after the other, never twice, and never begun when the time does not reach."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spf_portrait.contract.events import Event
from spf_portrait.contract.training_spec import TrainingSpec
from spf_portrait.pico.proof.bench import Bench
from spf_portrait.pico.proof.budget import Budget
from spf_portrait.pico.proof.cell import Cell
from spf_portrait.pico.proof.records import Record, records_in
from spf_portrait.pico.proof.run import expected_s, run
from spf_portrait.pico.proof.systems import System
from spf_portrait.pico.proof.trial import Trial
from spf_portrait.training.train import Preempted


class Clock:
    """Goes only when somebody works."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def ignore(event: Event) -> None:
    """Nothing is shown here."""


@dataclass(frozen=True)
class Pretended(Trial):
    """Takes 60 seconds for a training of six steps, and 30 for measuring."""

    clock: Clock = field(default_factory=Clock)
    steps: dict[str, int] = field(default_factory=dict[str, int])
    """Done so far, by cell: what a checkpoint keeps."""

    @property
    def digest(self) -> str:  # type: ignore[override]
        return "d" * 64

    def trained(self, should_stop: Callable[[], bool]) -> bool:
        if self.steps.get(self.cell.name) == 6:
            return False
        while self.steps.get(self.cell.name, 0) < 6:
            self.clock.now += 10
            self.steps[self.cell.name] = self.steps.get(self.cell.name, 0) + 1
            if should_stop():
                raise Preempted
        return True

    def record(self) -> Record:
        self.clock.now += 30
        name, target = self.cell.system.name, self.cell.target
        about: dict[str, Any] = {"system": name, "target": target, "bias": "named", "texts": 1}
        seconds = {"training": 60.0, "measuring": 30.0}
        return {**about, "seconds": seconds, "finished": f"{self.clock.now:09.1f}", "metrics": {}, "cases": []}


def pretended(clock: Clock, steps: dict[str, int], count: int = 4) -> list[Pretended]:
    bench, spec = Bench(Path(), "pico"), TrainingSpec()
    cells = [Cell(System(f"s{index}", ""), "afro", 1, "pico", "named", spec) for index in range(count)]
    return [Pretended(bench, cell, ignore, clock, steps) for cell in cells]


def run_for(minutes: float | None, results: Path, clock: Clock, steps: dict[str, int]) -> int:
    return run(pretended(clock, steps), results, Budget(minutes, clock), lambda record: None)


def test_without_a_limit_all_cells_are_recorded_and_none_twice(tmp_path: Path) -> None:
    clock = Clock()
    assert run_for(None, tmp_path, clock, {}) == 0
    assert clock.now == 4 * 90
    assert len(records_in(tmp_path)) == 4
    assert run_for(None, tmp_path, clock, {}) == 0
    assert clock.now == 4 * 90


def test_a_cell_that_would_not_finish_is_not_begun(tmp_path: Path) -> None:
    clock, steps = Clock(), dict[str, int]()
    assert run_for(4, tmp_path, clock, steps) == 2
    assert clock.now == 2 * 90, "a third would have taken 270 of 240 seconds"
    assert len(steps) == 2


def test_a_cell_under_way_goes_on_where_it_stopped(tmp_path: Path) -> None:
    clock, steps = Clock(), dict[str, int]()
    assert run_for(0.5, tmp_path, clock, steps) == 4
    assert list(steps.values()) == [3]
    assert run_for(0.5, tmp_path, clock, steps) == 4, "it is trained, and measuring is for the next run"
    assert list(steps.values()) == [6]
    assert run_for(0.5, tmp_path, clock, steps) == 3
    assert clock.now == 90


def test_the_first_cell_of_a_run_is_begun_however_short_the_time(tmp_path: Path) -> None:
    clock, steps = Clock(), dict[str, int]()
    run_for(None, tmp_path, clock, {})
    for record in tmp_path.glob("*/s3*"):
        record.unlink()
    assert [run_for(0.4, tmp_path, clock, steps) for _ in range(4)] == [1, 1, 0, 0]


def test_finished_cells_are_told(tmp_path: Path) -> None:
    told: list[Record] = []
    clock = Clock()
    run(pretended(clock, {}, 2), tmp_path, Budget(None, clock), told.append)
    assert [record["system"] for record in told] == ["s0", "s1"]


def test_a_system_is_expected_to_take_as_long_as_its_slowest_cell() -> None:
    def record(system: str, training: float) -> Record:
        return {"system": system, "seconds": {"training": training, "measuring": 10 - training}}

    assert expected_s([], "spf") is None
    assert expected_s([record("lora", 3), record("naive", 4)], "spf") == (4, 7)
    assert expected_s([record("lora", 9), record("spf", 1), record("spf", 2)], "spf") == (2, 9)
