"""The training loop: step after step through the stages, and between two steps whatever is due."""

import json
from collections.abc import Callable
from typing import Any, Final, TextIO

import torch

from spf_portrait.contract.artifacts import LOSS_LOG, step_folder
from spf_portrait.contract.errors import ExportError
from spf_portrait.contract.events import CheckpointSaved, Notice, PreviewsDrawn, Validated
from spf_portrait.export import export_checkpoint
from spf_portrait.method.losses import weighted_total
from spf_portrait.models.resting import awake
from spf_portrait.running.failures import check_finite
from spf_portrait.running.progress import ProgressMeter, Report, later_stage_s
from spf_portrait.training.checkpoint import save_checkpoint, what_is_left
from spf_portrait.training.course import Course
from spf_portrait.training.optimizers import learning_rate_at, set_learning_rate
from spf_portrait.training.preparation import PreparedTraining
from spf_portrait.training.previews import Previews
from spf_portrait.training.stages import Draw, Stage
from spf_portrait.training.training_state import next_rows, state_facts, state_tensors
from spf_portrait.training.validation import Validation

_LARGEST_GRADIENT_NORM: Final = 1.0


class Preempted(Exception):
    """The training was asked to stop and has written a checkpoint."""


def run_stages(run: PreparedTraining, report: Report, should_stop: Callable[[], bool]) -> None:
    """Take all steps that are left.

    Args:
        run: Is brought to its end.
        report: Is told every event.
        should_stop: Asked after every step.

    Raises:
        TrainingError: A loss or a gradient is no longer a number.
        Preempted: `should_stop` said so; a checkpoint was written.
    """
    run.job.out.mkdir(parents=True, exist_ok=True)
    with (run.job.out / LOSS_LOG).open("w", buffering=1, encoding="utf-8") as log:
        log.writelines(json.dumps(entry) + "\n" for entry in run.state.log)
        if run.course is not None:
            _run_course(run, run.course, report, log, should_stop)


def _run_course(
    run: PreparedTraining, course: Course, report: Report, log: TextIO, should_stop: Callable[[], bool]
) -> None:
    watch, end = _Watch(run, course, report, log), 0
    if run.state.step == 0:
        watch.look()
    for index, stage in enumerate(course.stages):
        end += stage.steps
        later_s = later_stage_s([later.steps for later in course.stages[index + 1 :]])
        if run.state.step < end:
            stage.begin(report)
            meter = ProgressMeter(report, stage.name, stage.steps, later_s, run.state.step - end + stage.steps)
            _run_stage(run, course, stage, end, meter, watch, should_stop)


def _run_stage(
    run: PreparedTraining,
    course: Course,
    stage: Stage,
    end: int,
    meter: ProgressMeter,
    watch: "_Watch",
    should_stop: Callable[[], bool],
) -> None:
    """The steps of one stage that are left; `end` counts those of both stages."""
    while run.state.step < end:
        losses = _step(run, course, stage)
        watch.log({"step": run.state.step, "stage": stage.name, **losses})
        meter.step(run.state.step - end + stage.steps, losses)
        watch.look()
        watch.save(stop=should_stop())


def _step(run: PreparedTraining, course: Course, stage: Stage) -> dict[str, float]:
    """One step of the optimizer; returns the raw losses."""
    state, spec, device = run.state, run.job.spec, run.base.device
    set_learning_rate(state.optimizer, learning_rate_at(state.step, spec))
    indices = run.split.training[next_rows(state, spec.batch_size * spec.accumulation)]
    times = torch.randint(run.base.schedule.timesteps, indices.shape, generator=state.generator)
    noise = torch.randn(len(indices), *course.rows.x_0.shape[1:], generator=state.generator)
    raw = stage.losses(Draw(indices.to(device), times.to(device), noise.to(device), state.step))
    total = weighted_total(raw, stage.weights)
    if total.requires_grad:  # a step without any weighted loss changes nothing
        total.backward()
    norm = torch.nn.utils.clip_grad_norm_(state.parameters, _LARGEST_GRADIENT_NORM)
    values = {name: float(value.detach()) for name, value in raw.items()}
    check_finite({**values, "gradient": float(norm)}, state.step, lambda: what_is_left(run.job.checkpoints))
    state.optimizer.step()
    state.step += 1
    stage.after(state.step)
    state.optimizer.zero_grad()
    return values


class _Watch:
    """What happens between two steps: nothing of it changes the training."""

    def __init__(self, run: PreparedTraining, course: Course, report: Report, log: TextIO) -> None:
        self._run, self._rows, self._report, self._log = run, course.rows, report, log
        self._last = sum(stage.steps for stage in course.stages)
        self._validation: Validation | None = None
        self._previews: Previews | None = None

    def log(self, entry: dict[str, Any]) -> None:
        """Add a line to the log and to what a checkpoint keeps of it."""
        self._run.state.log.append(entry)
        self._log.write(json.dumps(entry) + "\n")

    def look(self) -> None:
        """Validate and draw previews if they are due: at the start, every so many steps, and at the end."""
        self._run.recorder.listen(None)
        if self._is_due(self._run.job.spec.validate_every):
            self._validate()
        if self._is_due(self._run.job.spec.preview_every):
            self._draw()

    def save(self, *, stop: bool) -> None:
        """Write a checkpoint if it is due, as at the end it always is, or if the training has to stop."""
        run, spec = self._run, self._run.job.spec
        if stop or self._is_due(spec.checkpoint_every):
            tensors, facts = state_tensors(run.state), state_facts(run.state)
            path = save_checkpoint(
                run.job.checkpoints, run.state.step, run.origin, tensors, facts, spec.keep_checkpoints
            )
            self._report(CheckpointSaved(step=run.state.step, path=str(path)))
            if spec.export_checkpoints and not stop:
                self._export()
        if stop:
            raise Preempted

    def _export(self) -> None:
        """The adapter as it is now, for use elsewhere. One that fails its self-test is no reason to end a training."""
        run = self._run
        run.recorder.listen(None)
        try:
            export_checkpoint(run.base, run.facts, run.job.out / step_folder(run.state.step))
        except ExportError as error:
            self._report(Notice(message=f"No adapter of step {run.state.step}: {error}"))

    def _is_due(self, every: int) -> bool:
        step = self._run.state.step
        return every > 0 and (step % every == 0 or step == self._last)

    def _validate(self) -> None:
        run = self._run
        self._validation = self._validation or self._new_validation()
        measured = self._validation.measure()
        check_finite(measured, run.state.step, lambda: what_is_left(run.job.checkpoints))
        self.log({"step": run.state.step, **measured})
        gained, kept = measured["target_gained"], measured["rest_kept"]
        self._report(Validated(step=run.state.step, target_gained=gained, rest_kept=kept))

    def _new_validation(self) -> Validation:
        base, watched = self._run.base, self._run.split.watched
        return Validation(base, self._rows.brought(watched.to(base.device)))

    def _draw(self) -> None:
        run = self._run
        with awake(run.base):
            self._previews = self._previews or self._new_previews()
            self._report(PreviewsDrawn(step=run.state.step, files=self._previews.draw(run.state.step)))

    def _new_previews(self) -> Previews:
        run = self._run
        watched = run.split.watched[: run.job.spec.preview_count]
        return Previews(run.base, [run.portraits.items[int(index)].caption for index in watched], run.job.out)
