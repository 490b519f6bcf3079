"""The pictures of a cell. What any cell has drawn before is read from the bench and not drawn again."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from spf_portrait.adapter import adapters_loaded
from spf_portrait.drawing.four_pictures import FourPictures, Sampling, draw_texts
from spf_portrait.pico.proof.asked import Asked
from spf_portrait.pico.proof.bench import Bench
from spf_portrait.pico.proof.cell import GUIDANCE_SCALE, STEPS
from spf_portrait.running.progress import ProgressMeter, Report


def pictures_of(bench: Bench, asked: Asked, adapter: Path | None, report: Report) -> FourPictures:
    """Reference and floor by the original model, base texts and responses by the tuned one.

    Args:
        bench: Has the original model.
        asked: Texts.
        adapter: File of what was trained; None where nothing was: then the original model takes its place.
        report: Is told the progress.
    """
    training = asked.cell.training(bench.base_sha256)
    without = [caption.base_text for caption in asked.target_captions]
    with_target = [caption.complete_text for caption in asked.target_captions]
    complete = [case.caption.complete_text for case in asked.cases]
    reference, floor = _drawn(bench, without, None, report), _drawn(bench, with_target, None, report)
    if adapter is None:
        return FourPictures(reference, floor, reference, _drawn(bench, complete, None, report))
    with adapters_loaded(bench.model.unet, [(adapter, 1.0)]):
        base_by_tuned = _drawn(bench, without, training, report)
        return FourPictures(reference, floor, base_by_tuned, _drawn(bench, complete, training, report))


def _drawn(bench: Bench, texts: Sequence[str], training: dict[str, Any] | None, report: Report) -> Tensor:
    """By the model as it is now: with the adapter of that training, or the original one. Seeds count from 0."""
    identity = {
        "texts": list(texts),
        "training": training,
        "base_sha256": bench.base_sha256,
        "steps": STEPS,
        "guidance_scale": GUIDANCE_SCALE,
    }

    def draw() -> Tensor:
        done = _Sum(ProgressMeter(report, "sampling", len(texts) * STEPS).step)
        return draw_texts(bench.model, texts, range(len(texts)), Sampling(STEPS, GUIDANCE_SCALE), done.add)

    return bench.drawn(identity, draw)


class _Sum:
    """Adds up steps over the batches of a drawing."""

    def __init__(self, on_step: Callable[[int], None]) -> None:
        self._on_step, self._done = on_step, 0

    def add(self, steps: int) -> None:
        """Some more were done."""
        self._done += steps
        self._on_step(self._done)
