"""What the steps of a training are taken with, computed once before the first: portraits as tensors, and stages."""

from dataclasses import dataclass

import torch

from spf_portrait.contract.caption_set import LoadedCaptionSet
from spf_portrait.contract.phrases import Caption
from spf_portrait.contract.training_spec import TrainingSpec
from spf_portrait.method.alignment import Alignment
from spf_portrait.method.attention_recorder import AttentionRecorder
from spf_portrait.method.clip_space import clip_of, text_space_of
from spf_portrait.method.seen_latents import exemplars
from spf_portrait.method.training_set import (
    TrainingRows,
    distance_range,
    meaning_rows,
    read_pixels,
    training_rows,
)
from spf_portrait.models.base_model import BaseModel
from spf_portrait.models.resting import rest
from spf_portrait.running.progress import ProgressMeter, Report
from spf_portrait.training.baselines.catalogue import STAGES
from spf_portrait.training.baselines.material import Material
from spf_portrait.training.original_pictures import original_pictures
from spf_portrait.training.stages import Stage, denoising, dual_path
from spf_portrait.training.training_state import TrainingState


@dataclass(frozen=True)
class Course:
    """All steps of a training.

    Attributes:
        rows: The caption set as tensors, on the CPU.
        stages: What to do, in order.
        phrase_distance_range: Smallest and largest distance between the target and the set's phrases; None for
            methods that do not use it.
    """

    rows: TrainingRows
    stages: tuple[Stage, ...]
    phrase_distance_range: tuple[float, float] | None = None


def plan(
    base: BaseModel,
    portraits: LoadedCaptionSet,
    spec: TrainingSpec,
    state: TrainingState,
    recorder: AttentionRecorder,
    report: Report,
) -> Course:
    """Encode the caption set, and let the parts of the base model rest that no step needs.

    Args:
        base: With the adapter attached.
        portraits: The caption set.
        spec: What is ordered.
        state: Of the training; the stages write to what it carries from step to step.
        recorder: Open on the base's network.
        report: Is told the progress.

    Raises:
        DataError: A caption is too long for the text encoder, or a portrait cannot be read.
        ModelError: The CLIP that the specification needs is missing or damaged.
    """
    caching = ProgressMeter(report, "caching", len(portraits.items))
    rows = training_rows(base, portraits, size_px(spec, base), caching.step)
    if spec.is_dual_path:
        course = _aligned(base, portraits, rows, spec, state, recorder, report)
    else:
        course = Course(rows, STAGES[spec.method](Material(base, portraits, rows, spec, state, recorder)))
    rest(base, autoencoder=not spec.enhances)
    return course


def size_px(spec: TrainingSpec, base: BaseModel) -> int:
    """Side of the training pictures, rounded down to whole latent cells that the network can halve or patch."""
    ordered = spec.image_size_px or base.image_size_px
    return ordered - ordered % base.size_step_px


def _aligned(
    base: BaseModel,
    portraits: LoadedCaptionSet,
    rows: TrainingRows,
    spec: TrainingSpec,
    state: TrainingState,
    recorder: AttentionRecorder,
    report: Report,
) -> Course:
    """Fine-tuning, then dual-path alignment."""
    clip = clip_of(base) if spec.enhances else None
    space = clip or text_space_of(base)
    alignment = Alignment(base=base, clip=clip, recorder=recorder, spec=spec, memory=state.memory)
    pixels = read_pixels(portraits, size_px(spec, base))
    exemplar = torch.zeros(len(rows.x_0), 0) if clip is None else exemplars(base, clip, pixels, rows.x_0)
    meaning = meaning_rows(space, portraits, exemplar, spec)
    captions = [item.caption for item in portraits.items]
    stages = (
        denoising(base, rows, "stage1", spec.stage1_steps, spec.batch_size),
        dual_path(alignment, rows, meaning, _pictures(base, captions, rows, spec, report), spec),
    )
    return Course(rows, stages, distance_range(space, captions))


def _pictures(
    base: BaseModel, captions: list[Caption], rows: TrainingRows, spec: TrainingSpec, report: Report
) -> TrainingRows:
    """By the original model, if prior preservation wants any."""
    settings = spec.preservation
    if not (spec.stage2_steps and settings.share and settings.pictures and settings.picture_share):
        return rows.chosen(torch.arange(0))
    drawn = ProgressMeter(report, "preserving", settings.pictures)
    return original_pictures(base, captions, size_px(spec, base), spec.seed, settings, drawn.step)
