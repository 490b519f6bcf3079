"""One training from its order to its files: prepare, take the steps, export, report."""

import json
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from spf_portrait.contract.artifacts import LOSS_LOG, REPORT
from spf_portrait.contract.events import Finished
from spf_portrait.export import Exported, export_checkpoint
from spf_portrait.models.resting import awake
from spf_portrait.running.failures import export_shortage_told, memory_shortage_told
from spf_portrait.running.progress import ProgressMeter, Report
from spf_portrait.running.versions import library_versions
from spf_portrait.training.checkpoint import what_is_left
from spf_portrait.training.cover import draw_cover
from spf_portrait.training.loop import Preempted, run_stages
from spf_portrait.training.preparation import PreparedTraining, TrainingJob, prepare

__all__ = ["Preempted", "TrainingJob", "train"]


def train(job: TrainingJob, report: Report, should_stop: Callable[[], bool] = lambda: False) -> Finished:
    """Train an adapter and export it.

    Args:
        job: What to train.
        report: Is told every event except the last.
        should_stop: Asked after every step.

    Returns:
        The last event: which files were written.

    Raises:
        SpfError: Data, model or training cannot be used; the message says what to do.
        Preempted: `should_stop` said so; a checkpoint was written.
    """
    started = time.monotonic()
    with ExitStack() as stack:
        stack.enter_context(memory_shortage_told(job.spec, lambda: what_is_left(job.checkpoints)))
        run = prepare(job, report, stack)
        run_stages(run, report, should_stop)
        with export_shortage_told(lambda: what_is_left(job.checkpoints)):
            return _finish(run, report, started)


def _finish(run: PreparedTraining, report: Report, started: float) -> Finished:
    """Export the adapter and write the report."""
    exporting = ProgressMeter(report, "exporting", 1)
    run.recorder.listen(None)
    with awake(run.base):
        cover = draw_cover(run.base, run.portraits.items[0].caption, run.job.spec.seed)
    exported = export_checkpoint(run.base, run.facts, run.job.out, cover)
    summary = _summary(run, exported) | {"duration_s": round(time.monotonic() - started, 1)}
    (run.job.out / REPORT).write_text(json.dumps(summary, indent=2) + "\n", "utf-8")
    exporting.step(1)
    others = {name: run.job.out / name for name in (REPORT, LOSS_LOG)}
    return Finished(files={name: str(path) for name, path in {**exported.files, **others}.items()})


def _summary(run: PreparedTraining, exported: Exported) -> dict[str, Any]:
    return {
        "adapter_sha256": exported.sha256,
        "loads_in": list(exported.reach.tools),
        "loads_in_reason": exported.reach.reason,
        "captured_energy": exported.captured_energy,
        "target": run.portraits.target,
        "portraits": len(run.portraits.items),
        "portraits_held_out": len(run.split.watched) if run.split.held_out else 0,
        "dataset_sha256": run.origin.dataset_sha256,
        "spec": run.job.spec.model_dump(mode="json"),
        "steps": run.state.step,
        "last_losses": _last(run, "stage"),
        "last_validation": _last(run, "target_gained"),
        "libraries": library_versions(),
    }


def _last(run: PreparedTraining, key: str) -> dict[str, Any]:
    """The newest entry of the log that has the key."""
    return next((entry for entry in reversed(run.state.log) if key in entry), dict[str, Any]())
