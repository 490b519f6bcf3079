"""`make bench`: what SPF costs beside plain LoRA, and recording beside not recording, as ratios from one run."""

import json
import tempfile
import time
from pathlib import Path
from typing import Final

from demo.__main__ import BASE_TEXT, EXAMPLE
from spf_portrait.contract.bases import find_base
from spf_portrait.contract.events import Event, Progress
from spf_portrait.contract.jobs import ComparisonSpec, Method, TrainingSpec
from spf_portrait.sample import SampleJob, sample
from spf_portrait.train import TrainingJob, train

_STEPS: Final = 20
_ROUNDS: Final = 3


def main() -> None:
    """Print one line of JSON."""
    with tempfile.TemporaryDirectory() as scratch:
        steps = {method: _step_s(method, Path(scratch)) for method in ("lora", "spf")}
        pairs = _pair_s(Path(scratch))
    measured = {
        "lora_step_s": round(steps["lora"], 3),
        "spf_step_over_lora_step": round(steps["spf"] / steps["lora"], 2),
        "pair_s": round(pairs[False], 2),
        "recording_over_not_recording": round(pairs[True] / pairs[False], 3),
    }
    print(json.dumps(measured))


def _step_s(method: Method, scratch: Path) -> float:
    """Mean seconds of a step: of the alignment for SPF, of fine-tuning for plain LoRA. The first step is left out."""
    reached: list[tuple[int, float]] = []

    def note(event: Event) -> None:
        if isinstance(event, Progress) and event.phase == "stage2" and event.step > 0:
            reached.append((event.step, time.perf_counter()))

    spec = TrainingSpec.from_preset("quick", method=method, stage1_steps=0, stage2_steps=_STEPS, checkpoint_every=0)
    data = find_base("pico").path / "examples" / f"{EXAMPLE}.zip"
    train(TrainingJob(data=data, out=scratch / method, checkpoints=scratch / f"{method}-checkpoints", spec=spec), note)
    (first, started), (last, ended) = reached[0], reached[-1]
    return (ended - started) / (last - first)


def _pair_s(scratch: Path) -> dict[bool, float]:
    """Best seconds of drawing a pair, without and with maps, taken in turns."""
    taken: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(_ROUNDS):
        for maps in (False, True):
            spec = ComparisonSpec(base_text=BASE_TEXT, target=EXAMPLE, maps=maps)
            taken[maps].append(_drawing_s(SampleJob(spec=spec, adapter=None, out=scratch / "pair")))
    return {maps: min(seconds) for maps, seconds in taken.items()}


def _drawing_s(job: SampleJob) -> float:
    """Seconds from the first to the last denoising step; loading the model is not counted."""
    times: list[float] = []

    def note(event: Event) -> None:
        if isinstance(event, Progress) and event.phase == "sampling":
            times.append(time.perf_counter())

    sample(job, note)
    return times[-1] - times[0]


if __name__ == "__main__":
    main()
