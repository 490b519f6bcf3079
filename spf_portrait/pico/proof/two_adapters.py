"""Two adapters that were trained apart, drawn with at once: at several strengths, and each alone on the same texts."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from torch import Tensor

from spf_portrait.adapter import adapters_loaded
from spf_portrait.contract.artifacts import ADAPTER
from spf_portrait.contract.events import Progress
from spf_portrait.drawing.four_pictures import draw_texts
from spf_portrait.drawing.trajectory import Sampling
from spf_portrait.evaluation.results import Estimate
from spf_portrait.pico.proof.bench import Bench
from spf_portrait.pico.proof.cell import GUIDANCE_SCALE, STEPS, Cell
from spf_portrait.pico.proof.records import rounded
from spf_portrait.pico.proof.trial import Trial
from spf_portrait.pico.proof.two_targets import TwoTargets
from spf_portrait.running.progress import Report

STRENGTHS: Final = (0.5, 1.0, 1.5)
_SAMPLING: Final = Sampling(STEPS, GUIDANCE_SCALE)


@dataclass(frozen=True)
class TwoAdapters:
    """Two cells of one system.

    Attributes:
        bench: Where they are worked on.
        cells: One of each target, of one system, bias and seed.
        report: Is told the progress.
    """

    bench: Bench
    cells: tuple[Cell, Cell]
    report: Report

    def record(self) -> dict[str, Any]:
        """Train what is left to train, draw, and measure: a mapping ready for JSON.

        Raises:
            SpfError: Something cannot be trained or measured.
        """
        for cell in self.cells:
            Trial(self.bench, cell, self.report).trained(lambda: False)
        first, _ = self.cells
        return rounded(
            {
                "system": first.system.name,
                "targets": list(self._targets),
                "bias": first.bias,
                "texts": first.texts,
                "trainings": [cell.training(self.bench.base_sha256) for cell in self.cells],
                "original": self._figures((0.0, 0.0), self._targets),
                "alone": {target: self._alone(index) for index, target in enumerate(self._targets)},
                "together": {
                    str(strength): self._figures((strength, strength), self._targets) for strength in STRENGTHS
                },
            }
        )

    def _alone(self, index: int) -> dict[str, Any]:
        """One adapter, asked for its own target; beside the original model, asked for the same."""
        strengths = (1.0, 0.0) if index == 0 else (0.0, 1.0)
        asked = self._targets[index : index + 1]
        return {"tuned": self._figures(strengths, asked), "original": self._figures((0.0, 0.0), asked)}

    def _figures(self, strengths: tuple[float, float], asked: Sequence[str]) -> dict[str, Any]:
        measured = self._judge.measured(self._drawn((0.0, 0.0), ()), self._drawn(strengths, asked), asked)
        return {name: _told(estimate) for name, estimate in measured.items()}

    def _drawn(self, strengths: tuple[float, float], asked: Sequence[str]) -> Tensor:
        """Base texts with what is asked for, by the original model with both adapters at these strengths."""
        texts = [", ".join([text, *asked]) for text in self._base_texts]
        pairs = list(zip(self._files, strengths, strict=True))
        identity = {
            "texts": texts,
            "trainings": [cell.training(self.bench.base_sha256) for cell in self.cells],
            "strengths": strengths,
            "base_sha256": self.bench.base_sha256,
            "sampling": [STEPS, GUIDANCE_SCALE],
        }

        def draw() -> Tensor:
            self.report(Progress(phase="sampling", step=0, total=len(texts)))
            with adapters_loaded(self.bench.model.network, pairs):
                return draw_texts(self.bench.model, texts, range(len(texts)), _SAMPLING, lambda steps: None)

        return self.bench.drawn(identity, draw)

    @property
    def _targets(self) -> tuple[str, str]:
        first, second = self.cells
        return first.target, second.target

    @property
    def _files(self) -> list[Path]:
        identities = [cell.training(self.bench.base_sha256) for cell in self.cells]
        return [self.bench.training(identity) / ADAPTER for identity in identities if identity is not None]

    @cached_property
    def _base_texts(self) -> list[str]:
        return self._judge.base_texts(self.cells[0].texts)

    @cached_property
    def _judge(self) -> TwoTargets:
        return TwoTargets(self.bench.base_path, self._targets)


def _told(estimate: Estimate) -> dict[str, Any]:
    return {"value": estimate.value, "interval_95": estimate.interval, "count": estimate.count}
