"""From an order to a training that is ready to step: model, data, adapter and state."""

import hashlib
import json
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch

from spf_portrait.adapter import adapter_parameters, attach_new_adapter
from spf_portrait.contract.bases import find_base
from spf_portrait.contract.caption_set import LoadedCaptionSet, load_caption_set
from spf_portrait.contract.events import Notice
from spf_portrait.contract.training_spec import Precision, TrainingSpec
from spf_portrait.contract.vocabulary import training_notices
from spf_portrait.export import AdapterFacts
from spf_portrait.method.attention_recorder import AttentionRecorder
from spf_portrait.method.clip_space import text_space_of
from spf_portrait.method.map_memory import MapMemory
from spf_portrait.method.training_set import dataset_hash, distance_range
from spf_portrait.models.base_model import BaseModel, load_base
from spf_portrait.running.lean_network import lean
from spf_portrait.running.progress import ProgressMeter, Report
from spf_portrait.training.checkpoint import Origin, load_latest, refuse_existing
from spf_portrait.training.course import Course, plan
from spf_portrait.training.training_state import TrainingState, new_state, restore
from spf_portrait.training.validation import SMALLEST_SPLIT, WATCHED, Split, split_rows

_FROZEN: Final[Mapping[Precision, torch.dtype]] = {"fp32": torch.float32, "bf16": torch.bfloat16}
"""Of the weights that do not train."""
_WITHOUT_EFFECT: Final = {
    "batch_size",
    "accumulation",
    "gradient_checkpointing",
    "checkpoint_every",
    "keep_checkpoints",
    "export_checkpoints",
    "validate_every",
    "preview_every",
    "preview_count",
    "rivals",
}


@dataclass(frozen=True)
class TrainingJob:
    """What to train, and where things go.

    Attributes:
        data: Caption set, anything `load_caption_set` reads.
        out: Folder for the adapter, the report and the log of losses.
        checkpoints: Folder of this training's checkpoints.
        spec: The specification.
        resume: Go on from the newest sound checkpoint, if there is one.
        models_dir: Folder of the base models; None for the default.
        target: The target phrase of captions that mark none; None if they all do.
    """

    data: Path
    out: Path
    checkpoints: Path
    spec: TrainingSpec
    resume: bool = False
    models_dir: Path | None = None
    target: str | None = None


@dataclass(frozen=True)
class PreparedTraining:
    """A training that is ready to step, or to be exported if all steps were taken before.

    Attributes:
        job: The order.
        base: With the adapter attached.
        portraits: The caption set.
        split: Which of them are trained on, and which are watched.
        recorder: Open on the base's network; the stages that need it listen.
        state: New, or that of a checkpoint.
        origin: What its checkpoints belong to.
        course: What the steps are taken with; None if none is left.
        phrase_distance_range: Smallest and largest distance between the target and the set's phrases; None for
            methods that do not use it.
    """

    job: TrainingJob
    base: BaseModel
    portraits: LoadedCaptionSet
    split: Split
    recorder: AttentionRecorder
    state: TrainingState
    origin: Origin
    course: Course | None
    phrase_distance_range: tuple[float, float] | None

    @property
    def facts(self) -> AdapterFacts:
        """What an export tells about the training so far."""
        maps = {
            "control_map_scale": [float(value) for value in self.state.memory.scale],
            "phrase_distance_range": self.phrase_distance_range,
        }
        portraits, origin = self.portraits, self.origin
        return AdapterFacts(
            self.job.spec, portraits.target, len(portraits.items), origin.dataset_sha256, self.state.step, maps
        )


def prepare(job: TrainingJob, report: Report, stack: ExitStack) -> PreparedTraining:
    """Load, attach, and cache what the steps need that are left.

    Args:
        job: The order.
        report: Is told the progress.
        stack: Closes what the training holds open: the recorder on the network, unpacked archives.

    Raises:
        SpfError: Data, model or checkpoints cannot be used.
    """
    loading = ProgressMeter(report, "loading", 2)
    unpacked = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    portraits = load_caption_set(job.data, target=job.target, unpack_into=unpacked)
    loading.step(1)
    base = load_base(job.spec.base, job.models_dir, dtype=_FROZEN[job.spec.precision])
    split = split_rows(len(portraits.items), may_hold_out=job.spec.validate_every > 0)
    _notify(job, portraits, split, report)
    attach_new_adapter(base, job.spec)
    recorder = _opened(base, job.spec, stack)
    origin = Origin(spec_hash(job.spec), dataset_hash(portraits))
    state = _state(job, base, split, origin)
    loading.step(2)
    known = (job, base, portraits, split, recorder, state, origin)
    if state.step == job.spec.steps:
        return PreparedTraining(*known, None, _distance_range(base, portraits, job.spec))
    course = plan(base, portraits, job.spec, state, recorder, report)
    return PreparedTraining(*known, course, course.phrase_distance_range)


def _opened(base: BaseModel, spec: TrainingSpec, stack: ExitStack) -> AttentionRecorder:
    """The recorder on a network that saves memory as ordered."""
    saving = lean(base.network, gradient_checkpointing=spec.gradient_checkpointing, precision=spec.precision)
    stack.enter_context(saving)
    return stack.enter_context(AttentionRecorder(base.network))


def _distance_range(base: BaseModel, portraits: LoadedCaptionSet, spec: TrainingSpec) -> tuple[float, float] | None:
    if not spec.is_dual_path:
        return None
    return distance_range(text_space_of(base), [item.caption for item in portraits.items])


def _state(job: TrainingJob, base: BaseModel, split: Split, origin: Origin) -> TrainingState:
    """A new state, or that of the newest checkpoint."""
    rows, spec = len(split.training), job.spec
    state = new_state(adapter_parameters(base.network), rows, spec.learning_rate, spec.seed, MapMemory())
    if not job.resume:
        refuse_existing(job.checkpoints)
        return state
    checkpoint = load_latest(job.checkpoints, origin)
    if checkpoint is not None:
        restore(state, checkpoint.step, checkpoint.tensors, checkpoint.facts)
    return state


def _notify(job: TrainingJob, portraits: LoadedCaptionSet, split: Split, report: Report) -> None:
    """Name the words that the base model has never seen, and say if the set is too small to spare any portrait."""
    captions = [item.caption for item in portraits.items]
    for message in training_notices(find_base(job.spec.base, job.models_dir), captions):
        report(Notice(message=message))
    if job.spec.validate_every and not split.held_out:
        report(
            Notice(
                message=f"{len(captions)} portraits are too few to hold {WATCHED} of them out, {SMALLEST_SPLIT} would "
                "do: target gained is measured on portraits that are trained on, and may promise too much."
            )
        )


def spec_hash(spec: TrainingSpec) -> str:
    """sha256 of everything in a specification that changes the result.

    How often a training is looked at does not, and neither does how much memory it takes: a training that ran out of it
    may go on in smaller batches. Nor do the settings of methods that were not ordered.
    """
    content = spec.model_dump(mode="json", exclude=_WITHOUT_EFFECT)
    content |= {"portraits_a_step": spec.batch_size * spec.accumulation, "may_hold_out": spec.validate_every > 0}
    if spec.own_settings is not None:
        content["own"] = spec.own_settings.model_dump(mode="json")
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
