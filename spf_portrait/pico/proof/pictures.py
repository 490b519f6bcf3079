"""The pictures of a cell. What any cell has drawn before is read from the bench and not drawn again."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from torch import Tensor

from spf_portrait.adapter import adapters_loaded
from spf_portrait.contract.hold import Hold
from spf_portrait.drawing.four_pictures import Case, FourPictures, draw_held, draw_texts
from spf_portrait.drawing.hold import HELD_DRAWINGS
from spf_portrait.drawing.trajectory import Sampling
from spf_portrait.pico.proof.asked import Asked
from spf_portrait.pico.proof.bench import Bench
from spf_portrait.pico.proof.cell import GUIDANCE_SCALE, HOLD, STEPS
from spf_portrait.running.progress import ProgressMeter, Report

_SAMPLING: Final = Sampling(STEPS, GUIDANCE_SCALE)


def pictures_of(bench: Bench, asked: Asked, adapter: Path | None, report: Report) -> FourPictures:
    """Reference and floor by the original model; base texts, responses and held responses by the tuned one.

    Args:
        bench: Has the original model.
        asked: Texts.
        adapter: File of what was trained; None where nothing was: then the original model takes its place.
        report: Is told the progress.
    """
    without = [caption.base_text for caption in asked.target_captions]
    with_target = [caption.complete_text for caption in asked.target_captions]
    complete = [case.caption.complete_text for case in asked.cases]
    original, tuned = _Desk(bench, None, report), _Desk(bench, asked.cell.training(bench.base_sha256), report)
    reference, floor = original.drawn(without), original.drawn(with_target)
    if adapter is None:
        return FourPictures(reference, floor, reference, original.drawn(complete))
    with adapters_loaded(bench.model.network, [(adapter, 1.0)]):
        return FourPictures(reference, floor, tuned.drawn(without), tuned.drawn(complete), tuned.held(asked.cases))


class _Desk:
    """Draws with the model as it is, or reads what was drawn before. The seeds of all texts count from 0.

    Args:
        bench: Keeps the pictures.
        training: What made the adapter that is loaded; None for the original model.
        report: Is told the progress.
    """

    def __init__(self, bench: Bench, training: dict[str, Any] | None, report: Report) -> None:
        self._bench, self._training, self._report = bench, training, report

    def drawn(self, texts: Sequence[str]) -> Tensor:
        """Ordinary pictures of these texts."""
        return self._kept(
            texts, None, lambda on_steps: draw_texts(self._bench.model, texts, range(len(texts)), _SAMPLING, on_steps)
        )

    def held(self, cases: Sequence[Case]) -> Tensor:
        """Base texts with what is asked for, the rest held to the original model."""
        return self._kept(
            [case.caption.complete_text for case in cases],
            HOLD,
            lambda on_steps: draw_held(self._bench.model, cases, _SAMPLING, HOLD, on_steps),
        )

    def _kept(self, texts: Sequence[str], hold: Hold | None, draw: Callable[[Callable[[int], None]], Tensor]) -> Tensor:
        identity = {
            "texts": list(texts),
            "training": self._training,
            "base_sha256": self._bench.base_sha256,
            "steps": _SAMPLING.steps,
            "guidance_scale": _SAMPLING.guidance_scale,
            "hold": None if hold is None else hold.model_dump(),
        }

        def told() -> Tensor:
            steps = len(texts) * _SAMPLING.steps * (1 if hold is None else HELD_DRAWINGS)
            return draw(_Sum(ProgressMeter(self._report, "sampling", steps).step).add)

        return self._bench.drawn(identity, told)


class _Sum:
    """Adds up steps over the batches of a drawing."""

    def __init__(self, on_step: Callable[[int], None]) -> None:
        self._on_step, self._done = on_step, 0

    def add(self, steps: int) -> None:
        """Some more were done."""
        self._done += steps
        self._on_step(self._done)
