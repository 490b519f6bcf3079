"""Pairs are drawn by one engine process that is kept warm for the next order, so that its start is paid once.

The process dies with this one, ends by itself when nobody orders for a while, and is killed unless it finished
its order undisturbed: after a cancel, an error or a crash the next pair gets a new one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from spf_portrait.contract.drawing_order import DrawingOrder
from worker.engine_process import EngineProcess
from worker.outcome import Outcome
from worker.reporting import Records
from worker.supervisor import Timing, Watch


@dataclass(frozen=True)
class Supervision:
    """What it takes to watch over one drawing; see `worker.supervisor.supervise`."""

    records: Records
    timing: Timing
    draining: Callable[[], bool]


class WarmEngine:
    """At most one engine process that draws. Use from the main thread only: see `worker.die_with_parent`.

    Args:
        engine: command that the arguments of `spf-portrait` are appended to.
        environment: the process's environment.
        warm_s: how long it waits for an order; 0 to start one for each pair.
    """

    def __init__(self, engine: Sequence[str], environment: Mapping[str, str], warm_s: float) -> None:
        self._command = [*engine, "serve", "--idle", str(warm_s)]
        self._environment = environment
        self._keeps = warm_s > 0
        self._waiting: EngineProcess | None = None

    def draw(self, order: DrawingOrder, log: Path, supervision: Supervision) -> Outcome:
        """Have one pair drawn.

        Args:
            order: what to draw, and where to.
            log: receives what the engine writes to standard error.
            supervision: lease, times, and whether the worker is to stop.
        """
        line = order.model_copy(update={"log": log}).to_line()
        waiting, self._waiting = self._waiting, None
        watch = self._pass_on(line, waiting, supervision) if waiting else None
        # A process that ended before it took the order has cost no attempt.
        if watch is None or watch.never_began:
            engine = EngineProcess(self._command, log, self._environment, takes_orders=True)
            watch = self._pass_on(line, engine, supervision)
        return watch.outcome()

    def close(self) -> None:
        """End the process that waits, if one does."""
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.end()

    def _pass_on(self, line: bytes, engine: EngineProcess, supervision: Supervision) -> Watch:
        """Give an order to a process and watch it to its end; keep the process if it is fit for another one."""
        watch = Watch(engine, supervision.records, supervision.timing, takes_orders=True)
        try:
            engine.order(line)
            watch.to_the_end(supervision.draining)
        finally:
            if self._keeps and watch.is_fit:
                self._waiting = engine
            else:
                engine.end()
        return watch
