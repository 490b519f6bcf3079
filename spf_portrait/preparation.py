"""From an order to a training that is ready to step: model, data, adapter, stages and state."""

import hashlib
import json
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from spf_portrait.adapter import CROSS_ATTENTION, adapter_parameters, attach_adapter
from spf_portrait.alignment import Alignment
from spf_portrait.attention_recorder import AttentionRecorder
from spf_portrait.base_model import BaseModel, load_base
from spf_portrait.baselines import lora
from spf_portrait.checkpoint import Origin, load_latest, refuse_existing
from spf_portrait.clip_space import load_clip_space
from spf_portrait.contract.bases import find_base
from spf_portrait.contract.caption_set import LoadedCaptionSet, load_caption_set
from spf_portrait.contract.events import Notice
from spf_portrait.contract.jobs import TrainingSpec
from spf_portrait.contract.vocabulary import training_notices
from spf_portrait.control_map import RunningScale
from spf_portrait.progress import ProgressMeter, Report
from spf_portrait.stages import Stage, dual_path, fine_tuning
from spf_portrait.training_set import (
    TrainingRows,
    dataset_hash,
    distance_range,
    load_pixels,
    meaning_rows,
    training_rows,
)
from spf_portrait.training_state import TrainingState, new_state, restore


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
    """

    data: Path
    out: Path
    checkpoints: Path
    spec: TrainingSpec
    resume: bool = False
    models_dir: Path | None = None


@dataclass(frozen=True)
class PreparedTraining:
    """A training that is ready to step.

    Attributes:
        job: The order.
        base: With the adapter attached.
        portraits: The caption set.
        rows: The same as tensors.
        stages: What to do, in order.
        state: New, or that of a checkpoint.
        origin: What its checkpoints belong to.
        phrase_distance_range: Smallest and largest distance between the target and the set's phrases; None for
            methods that do not use it.
    """

    job: TrainingJob
    base: BaseModel
    portraits: LoadedCaptionSet
    rows: TrainingRows
    stages: tuple[Stage, ...]
    state: TrainingState
    origin: Origin
    phrase_distance_range: tuple[float, float] | None = None


def prepare(job: TrainingJob, report: Report, stack: ExitStack) -> PreparedTraining:
    """Load, cache and attach.

    Args:
        job: The order.
        report: Is told the progress.
        stack: Closes what the training holds open: the recorder on the U-Net, unpacked archives.

    Raises:
        SpfError: Data, model or checkpoints cannot be used.
    """
    loading = ProgressMeter(report, "loading", 2)
    unpacked = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    portraits = load_caption_set(job.data, unpack_into=unpacked)
    loading.step(1)
    base = load_base(job.spec.base, job.models_dir)
    _notify(job, portraits, report)
    loading.step(2)
    pixels, scale = load_pixels(portraits, _size_px(job.spec, base)), RunningScale()
    rows = training_rows(base, portraits, pixels, ProgressMeter(report, "caching", len(pixels)).step)
    attach_adapter(base.unet, job.spec.rank, _targets(job.spec), job.spec.seed)
    origin = Origin(spec_hash(job.spec), dataset_hash(portraits))
    state = _state(job, base, len(pixels), scale, origin)
    if job.spec.method == "lora":
        return PreparedTraining(job, base, portraits, rows, lora.stages(base, rows, job.spec), state, origin)
    stages, bank_range = _spf_stages(base, portraits, pixels, rows, job.spec, scale, stack)
    return PreparedTraining(job, base, portraits, rows, stages, state, origin, bank_range)


def _spf_stages(
    base: BaseModel,
    portraits: LoadedCaptionSet,
    pixels: Tensor,
    rows: TrainingRows,
    spec: TrainingSpec,
    scale: RunningScale,
    stack: ExitStack,
) -> tuple[tuple[Stage, ...], tuple[float, float]]:
    """Both stages, and the distances between which the phrases of the set lie."""
    clip = load_clip_space(base.path, base.tokenizer, base.device)
    alignment = Alignment(
        base=base,
        clip=clip,
        recorder=stack.enter_context(AttentionRecorder(base.unet)),
        switches=spec.losses,
        control_map_gain=spec.control_map_gain,
        enhancement_form=spec.enhancement_form,
        enhancement_t_max=spec.enhancement_t_max,
        scale=scale,
    )
    meaning = meaning_rows(clip, portraits, pixels)
    stages = (
        fine_tuning(base, rows, "stage1", spec.stage1_steps),
        dual_path(alignment, rows, meaning, spec),
    )
    return stages, distance_range(clip, [item.caption for item in portraits.items])


def _state(job: TrainingJob, base: BaseModel, rows: int, scale: RunningScale, origin: Origin) -> TrainingState:
    """A new state, or that of the newest checkpoint."""
    state = new_state(adapter_parameters(base.unet), rows, job.spec.learning_rate, job.spec.seed, scale)
    if not job.resume:
        refuse_existing(job.checkpoints)
        return state
    checkpoint = load_latest(job.checkpoints, origin)
    if checkpoint is not None:
        restore(state, checkpoint.step, checkpoint.tensors, checkpoint.facts)
    return state


def _notify(job: TrainingJob, portraits: LoadedCaptionSet, report: Report) -> None:
    """Name the words that the base model has never seen."""
    captions = [item.caption for item in portraits.items]
    for message in training_notices(find_base(job.spec.base, job.models_dir), captions):
        report(Notice(message=message))


def spec_hash(spec: TrainingSpec) -> str:
    """sha256 of everything in a specification that changes the result; how often checkpoints are written does not."""
    content = spec.model_dump(mode="json", exclude={"checkpoint_every"})
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _size_px(spec: TrainingSpec, base: BaseModel) -> int:
    """Side of the training pictures, rounded down to whole latent cells that the U-Net can halve."""
    size_px = spec.image_size_px or base.image_size_px
    return size_px - size_px % base.size_step_px


def _targets(spec: TrainingSpec) -> str:
    return lora.TARGETS if spec.method == "lora" else CROSS_ATTENTION
