"""Working on one cell: train, draw, measure. What an earlier run left is taken up, whether it was finished or not."""

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from spf_portrait.contract.artifacts import ADAPTER, REPORT
from spf_portrait.drawing.four_pictures import FourPictures
from spf_portrait.drawing.map_settings import map_settings
from spf_portrait.evaluation.measuring import measure
from spf_portrait.evaluation.observations import Observations
from spf_portrait.evaluation.results import Estimate, Result
from spf_portrait.pico.proof.asked import Asked
from spf_portrait.pico.proof.bench import Bench
from spf_portrait.pico.proof.cell import GUIDANCE_SCALE, HOLD, STEPS, Cell
from spf_portrait.pico.proof.digests import digest_of
from spf_portrait.pico.proof.per_case import held_per_case, per_case
from spf_portrait.pico.proof.pictures import pictures_of
from spf_portrait.pico.proof.records import Record, rounded
from spf_portrait.running.progress import Report
from spf_portrait.running.versions import library_versions
from spf_portrait.training.train import TrainingJob, train

_LEFT_OUT: Final = frozenset({"change", "base_psnr", "control_map_auc", "control_map_inside", "control_map_outside"})
"""In no table of the proof; the control map alone would cost an eighth of all drawing."""
_OF_ONE_DRAWING: Final = frozenset(
    {
        "base_shown",
        "base_shown_original",
        "base_change",
        "base_pollution",
        "pollution_floor",
        "text_followed_original",
    }
)
"""Not about the responses, so the same for those with the rest held."""
_SECONDS: Final = "seconds.json"


@dataclass(frozen=True)
class Trial:
    """One cell on a bench.

    Attributes:
        bench: Where it is worked on.
        cell: What is measured.
        report: Is told the progress.
    """

    bench: Bench
    cell: Cell
    report: Report

    @cached_property
    def digest(self) -> str:
        """Of everything that changes the figures."""
        return digest_of(self.cell.identity(self.bench.base_sha256, [case.caption for case in self._asked.cases]))

    def trained(self, should_stop: Callable[[], bool]) -> bool:
        """Train what is left to train.

        Args:
            should_stop: Asked after every step.

        Returns:
            Whether there was anything to do.

        Raises:
            SpfError: It cannot be trained.
            Preempted: `should_stop` said so; a later run goes on from there.
        """
        place, biased, spec = self._place, self.cell.biased_set, self.cell.spec
        if place is None or biased is None or spec is None or (place / REPORT).exists():
            return False
        data, checkpoints = biased.written(self.bench.sets, with_masks=spec.reads_masks), place / "checkpoints"
        started = time.monotonic()
        try:
            job = TrainingJob(data, place, checkpoints, spec, resume=True, models_dir=self.bench.models_dir)
            train(job, self.report, should_stop)
        finally:
            _add_seconds(place, time.monotonic() - started)
        shutil.rmtree(checkpoints, ignore_errors=True)
        return True

    def record(self) -> Record:
        """Draw and measure, once the training is done.

        Raises:
            SpfError: It cannot be measured.
        """
        started = time.monotonic()
        adapter = None if self._place is None else self._place / ADAPTER
        figures = self._figures(pictures_of(self.bench, self._asked, adapter, self.report))
        return {
            **self._about(),
            "seconds": {"training": _seconds(self._place), "measuring": round(time.monotonic() - started, 1)},
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            "libraries": library_versions(),
            **figures,
        }

    def _figures(self, pictures: FourPictures) -> dict[str, Any]:
        """Of the responses and, where the tuned model drew them a second time with the rest held, of these as well."""
        observed = self._observed(pictures)
        results = measure(observed, {}, _LEFT_OUT)
        figures = {"metrics": _metrics(results), "cases": rounded(per_case(observed, results))}
        if pictures.held is None:
            return figures
        observed = self._observed(replace(pictures, response=pictures.held))
        results = measure(observed, {}, _LEFT_OUT | _OF_ONE_DRAWING)
        cases = rounded(held_per_case(observed, results))
        return {**figures, "held": {"hold": HOLD.model_dump(), "metrics": _metrics(results), "cases": cases}}

    def _observed(self, pictures: FourPictures) -> Observations:
        return Observations(self.bench.model, self._asked.cases, pictures, self._asked.domain, map_settings({}))

    def _about(self) -> dict[str, Any]:
        cell, biased = self.cell, self.cell.biased_set
        return {
            "system": cell.system.name,
            "target": cell.target,
            "asked_for": self._asked.phrase,
            "bias": cell.bias,
            "seed": None if cell.spec is None else cell.spec.seed,
            "texts": cell.texts,
            "digest": self.digest,
            "spec": None if cell.spec is None else cell.spec.model_dump(mode="json"),
            "set_sha256": None if biased is None else biased.sha256,
            "base": cell.base,
            "base_sha256": self.bench.base_sha256,
            "sampling": {"steps": STEPS, "guidance_scale": GUIDANCE_SCALE},
        }

    @cached_property
    def _asked(self) -> Asked:
        return Asked(self.cell, self.bench.base_path)

    @cached_property
    def _place(self) -> Path | None:
        identity = self.cell.training(self.bench.base_sha256)
        return None if identity is None else self.bench.training(identity)


def _metrics(results: dict[str, Result]) -> dict[str, Any]:
    return rounded(
        {
            name: {"value": result.value, "interval_95": result.interval, "count": result.count}
            for name, result in results.items()
            if isinstance(result, Estimate)
        }
    )


def _seconds(place: Path | None) -> float:
    """That the training in a folder took in all its runs."""
    if place is None or not (place / _SECONDS).exists():
        return 0.0
    return float(json.loads((place / _SECONDS).read_text("utf-8")))


def _add_seconds(place: Path, seconds: float) -> None:
    place.mkdir(parents=True, exist_ok=True)
    (place / _SECONDS).write_text(json.dumps(round(_seconds(place) + seconds, 1)), "utf-8")
