"""`make bench`: what SPF costs beside plain LoRA, and recording beside not recording, as ratios from one run.

Each training runs in a process of its own, so that its peak memory is its own; they take turns, and the fastest of
each counts. What SPF does once before its second stage, however long that is, is measured by itself and told in steps
of plain LoRA.
"""

import json
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar

from tqdm import tqdm

from demo.__main__ import BASE_TEXT, EXAMPLE
from spf_portrait.contract.bases import find_base
from spf_portrait.contract.drawing_spec import ComparisonSpec
from spf_portrait.contract.events import Event, Progress
from spf_portrait.contract.training_spec import TrainingSpec
from spf_portrait.running.progress import Report

P = ParamSpec("P")
R = TypeVar("R")

_STEPS: Final = 20
_ROUNDS: Final = 3
_SHORT_PREPARATION: Final = {"control_map_looks": 1, "preservation": {"pictures": 2}}
"""A step costs the same after it."""
_TRAININGS: Final[Mapping[str, Mapping[str, Any]]] = {
    "lora": {"method": "lora"},
    "spf": _SHORT_PREPARATION,
    "with_enhancement": {**_SHORT_PREPARATION, "w_enhancement": 0.1},
}
_PREPARING: Final = ("preserving", "surveying")


@dataclass(frozen=True)
class _Cost:
    """Of one training: mean seconds of a step, and the process's peak memory."""

    step_s: float
    memory_mib: float


def main() -> None:
    """Print one line of JSON."""
    taken: dict[str, list[_Cost]] = {name: [] for name in _TRAININGS}
    turns = [name for _ in range(_ROUNDS) for name in _TRAININGS]
    with tempfile.TemporaryDirectory() as scratch:
        for name in tqdm(turns, desc="trainings", leave=False):
            taken[name].append(_apart(_train, dict(_TRAININGS[name]), Path(scratch)))
        preparation_s = _apart(_prepare, Path(scratch))
    pairs = _pair_s()
    step_s = {name: min(cost.step_s for cost in costs) for name, costs in taken.items()}
    memory_mib = {name: min(cost.memory_mib for cost in costs) for name, costs in taken.items()}
    measured = {
        "lora_step_s": round(step_s["lora"], 3),
        "spf_step_over_lora_step": round(step_s["spf"] / step_s["lora"], 2),
        "step_with_enhancement_over_lora_step": round(step_s["with_enhancement"] / step_s["lora"], 2),
        "spf_preparation_in_lora_steps": round(preparation_s / step_s["lora"]),
        "lora_memory_mib": round(memory_mib["lora"]),
        "spf_memory_over_lora_memory": round(memory_mib["spf"] / memory_mib["lora"], 2),
        "memory_with_enhancement_over_lora_memory": round(memory_mib["with_enhancement"] / memory_mib["lora"], 2),
        "pair_s": round(pairs[False], 2),
        "recording_over_not_recording": round(pairs[True] / pairs[False], 3),
    }
    print(json.dumps(measured))


def _apart(measure: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Measure in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(measure, *args, **kwargs).result()


def _train(options: dict[str, Any], scratch: Path) -> _Cost:
    """Stage 2 alone: alignment for SPF, fine-tuning for plain LoRA. The first step is left out of the mean."""
    reached: list[tuple[int, float]] = []

    def note(event: Event) -> None:
        if isinstance(event, Progress) and event.phase == "stage2" and event.step > 0:
            reached.append((event.step, time.perf_counter()))

    _run({"stage2_steps": _STEPS, **options}, scratch, note)
    (first, started), (last, ended) = reached[0], reached[-1]
    return _Cost((ended - started) / (last - first), _peak_mib())


def _prepare(scratch: Path) -> float:
    """Seconds of drawing with the original model and of looking for the target's place, as SPF does by default."""
    spent: dict[str, list[float]] = {phase: [] for phase in _PREPARING}

    def note(event: Event) -> None:
        if isinstance(event, Progress) and event.phase in spent:
            spent[event.phase].append(time.perf_counter())

    _run({"stage2_steps": 1}, scratch, note)
    return sum(reached[-1] - reached[0] for reached in spent.values())


def _run(options: dict[str, Any], scratch: Path, note: Report) -> None:
    """Without stage 1, which is fine-tuning with every method."""
    from spf_portrait.training.train import TrainingJob, train

    fixed: dict[str, Any] = {"stage1_steps": 0, "checkpoint_every": 0, "validate_every": 0}
    spec = TrainingSpec.from_preset("quick", **{**fixed, **options})
    data = find_base("pico").path / "examples" / f"{EXAMPLE}.zip"
    with tempfile.TemporaryDirectory(dir=scratch) as out:
        train(TrainingJob(data=data, out=Path(out), checkpoints=Path(out) / "checkpoints", spec=spec), note)


def _peak_mib() -> float:
    """Of this process; macOS counts in bytes, Linux in KiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024**2 if sys.platform == "darwin" else 1024)


def _pair_s() -> dict[bool, float]:
    """Best seconds of drawing a pair, without and with maps, taken in turns; loading the model is not counted."""
    from spf_portrait.drawing.pair import draw_pair
    from spf_portrait.models.base_model import load_base

    base = load_base("pico")
    taken: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(_ROUNDS):
        for maps in (False, True):
            started = time.perf_counter()
            draw_pair(base, ComparisonSpec(base_text=BASE_TEXT, target=EXAMPLE, maps=maps), lambda step: None)
            taken[maps].append(time.perf_counter() - started)
    return {maps: min(seconds) for maps, seconds in taken.items()}


if __name__ == "__main__":
    main()
