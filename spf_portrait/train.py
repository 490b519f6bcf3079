"""The training loop: load, cache, two stages, export. Reports through a callback; can be stopped between steps."""

import json
import math
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Final

import torch

from spf_portrait.adapter import adapter_deltas
from spf_portrait.checkpoint import save_checkpoint
from spf_portrait.contract.artifacts import ADAPTER, LOSS_LOG, REPORT
from spf_portrait.contract.errors import TrainingError
from spf_portrait.contract.events import CheckpointSaved, Finished
from spf_portrait.export import describe, export_adapter
from spf_portrait.losses import weighted_total
from spf_portrait.preparation import PreparedTraining, TrainingJob, prepare
from spf_portrait.progress import ProgressMeter, Report, later_stage_s
from spf_portrait.stages import Stage
from spf_portrait.training_state import next_rows, state_facts, state_tensors
from spf_portrait.versions import library_versions

_LARGEST_GRADIENT_NORM: Final = 1.0


class Preempted(Exception):
    """The training was asked to stop and has written a checkpoint."""


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
        run = prepare(job, report, stack)
        _run_stages(run, report, should_stop)
        return _finish(run, report, started)


def _run_stages(run: PreparedTraining, report: Report, should_stop: Callable[[], bool]) -> None:
    run.job.out.mkdir(parents=True, exist_ok=True)
    end = 0
    with (run.job.out / LOSS_LOG).open("w", buffering=1, encoding="utf-8") as log:
        log.writelines(json.dumps(entry) + "\n" for entry in run.state.log)
        for index, stage in enumerate(run.stages):
            end += stage.steps
            if run.state.step >= end:
                continue
            later_s = later_stage_s([later.steps for later in run.stages[index + 1 :]])
            meter = ProgressMeter(report, stage.name, stage.steps, later_s, run.state.step - end + stage.steps)
            while run.state.step < end:
                losses = _step(run, stage)
                run.state.log.append({"step": run.state.step, "stage": stage.name, **losses})
                log.write(json.dumps(run.state.log[-1]) + "\n")
                meter.step(run.state.step - end + stage.steps, losses)
                _checkpoint(run, report, should_stop())


def _checkpoint(run: PreparedTraining, report: Report, stop: bool) -> None:
    """Write one if it is due or the training has to stop."""
    every = run.job.spec.checkpoint_every
    if stop or (every and run.state.step % every == 0):
        tensors, facts = state_tensors(run.state), state_facts(run.state)
        path = save_checkpoint(run.job.checkpoints, run.state.step, run.origin, tensors, facts)
        report(CheckpointSaved(step=run.state.step, path=str(path)))
    if stop:
        raise Preempted


def _step(run: PreparedTraining, stage: Stage) -> dict[str, float]:
    """One step of the optimizer; returns the raw losses."""
    state, device = run.state, run.base.device
    indices = next_rows(state, run.job.spec.batch_size)
    timesteps = torch.randint(run.base.schedule.timesteps, indices.shape, generator=state.generator)
    noise = torch.randn(len(indices), *run.rows.x_0.shape[1:], generator=state.generator)
    raw = stage.losses(indices.to(device), timesteps.to(device), noise.to(device))
    values = {name: float(value.detach()) for name, value in raw.items()}
    _check_finite(values, state.step)
    weighted_total(raw, stage.weights).backward()
    torch.nn.utils.clip_grad_norm_(state.parameters, _LARGEST_GRADIENT_NORM)
    state.optimizer.step()
    state.optimizer.zero_grad()
    state.step += 1
    return values


def _check_finite(values: dict[str, float], step: int) -> None:
    bad = [name for name, value in values.items() if not math.isfinite(value)]
    if bad:
        raise TrainingError(
            "loss_not_finite",
            f"{' and '.join(bad)} that are no longer numbers after step {step}",
            "finite losses",
            "Halve the learning rate and start again",
        )


def _finish(run: PreparedTraining, report: Report, started: float) -> Finished:
    """Export the adapter and write the report."""
    exporting = ProgressMeter(report, "exporting", 1)
    spec, file = run.job.spec, run.job.out / ADAPTER
    extra = {
        "control_map_scale": [float(value) for value in run.state.scale.value],
        "phrase_distance_range": run.phrase_distance_range,
    }
    metadata = describe(
        run.base, spec, run.portraits.target, len(run.portraits.items), run.origin.dataset_sha256, extra
    )
    digest = export_adapter(run.base, adapter_deltas(run.base.unet), metadata, file)
    summary = {
        "adapter_sha256": digest,
        "target": run.portraits.target,
        "portraits": len(run.portraits.items),
        "dataset_sha256": run.origin.dataset_sha256,
        "spec": spec.model_dump(mode="json"),
        "steps": run.state.step,
        "last_losses": run.state.log[-1] if run.state.log else {},
        "duration_s": round(time.monotonic() - started, 1),
        "libraries": library_versions(),
    }
    (run.job.out / REPORT).write_text(json.dumps(summary, indent=2) + "\n", "utf-8")
    exporting.step(1)
    return Finished(files={name: str(run.job.out / name) for name in (ADAPTER, REPORT, LOSS_LOG)})
