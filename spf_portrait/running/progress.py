"""Turns steps into progress events: not too many, and with an estimate of the time left."""

import time
from collections.abc import Callable, Sequence
from typing import Final

from spf_portrait.contract.events import Event, Phase, Progress

Report = Callable[[Event], None]
"""How loops tell what they do; they know nothing of bars, logs and sockets."""

_INTERVAL_S: Final = 0.5
_SMOOTHING: Final = 0.9
_SECOND_STAGE_FACTOR: Final = 2.5
"""A step with two paths and three more losses takes about this much longer than one of ordinary fine-tuning."""


class ProgressMeter:
    """Reports one phase: its first and last step, and in between at most two steps a second.

    Args:
        report: Where events go.
        phase: What is being done.
        total: Steps of the phase.
        later_s: Seconds that the phases after this one will take, given the seconds of one step of this one.
        done: Steps that an earlier run has done already.
    """

    def __init__(
        self,
        report: Report,
        phase: Phase,
        total: int,
        later_s: Callable[[float], float] = lambda _: 0.0,
        done: int = 0,
    ) -> None:
        self._report, self._total, self._later_s = report, total, later_s
        self._phase: Phase = phase
        self._reported = self._last = time.monotonic()
        self._step_s: float | None = None
        self._first = done
        self.step(done)

    def step(self, step: int, losses: dict[str, float] | None = None) -> None:
        """Call after every step; `step` counts those done in this phase."""
        now = time.monotonic()
        if step > self._first:
            self._measure(now - self._last)
        self._last = now
        if step in (self._first, self._total) or now - self._reported >= _INTERVAL_S:
            self._reported = now
            eta_s = self._eta_s(step)
            self._report(Progress(phase=self._phase, step=step, total=self._total, losses=losses or {}, eta_s=eta_s))

    def _measure(self, step_s: float) -> None:
        known = self._step_s
        self._step_s = step_s if known is None else _SMOOTHING * known + (1 - _SMOOTHING) * step_s

    def _eta_s(self, step: int) -> float | None:
        if self._step_s is None:
            return None
        return round(self._step_s * (self._total - step) + self._later_s(self._step_s), 1)


def later_stage_s(steps_of_later_stages: Sequence[int]) -> Callable[[float], float]:
    """Guess for the stages that come after the first, from the time of one step of it."""
    return lambda step_s: sum(steps_of_later_stages) * step_s * _SECOND_STAGE_FACTOR
