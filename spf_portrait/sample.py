"""Draw one comparison and write its files: both pictures, the maps, and sample.json that describes them."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from spf_portrait.adapter import adapter_loaded
from spf_portrait.attention_maps import TARGET
from spf_portrait.base_model import BaseModel, load_base
from spf_portrait.clip_space import load_clip_space
from spf_portrait.contract.artifacts import (
    CONTROL_MAP,
    NOISE_DIFFERENCE,
    REFERENCE,
    RESPONSE,
    SAMPLE,
    attention_map_name,
    control_map_name,
    noise_difference_name,
)
from spf_portrait.contract.bases import find_base
from spf_portrait.contract.events import Finished, Notice
from spf_portrait.contract.jobs import ComparisonSpec
from spf_portrait.contract.vocabulary import prompt_notices
from spf_portrait.map_settings import MapSettings, caption_distances, map_settings
from spf_portrait.pair import Pair, control_maps, draw_pair, scaled_differences
from spf_portrait.pictures import coloured_png, generated_png, grey_png
from spf_portrait.progress import ProgressMeter, Report
from spf_portrait.versions import library_versions

Bases = Callable[[str, Path | None], BaseModel]
"""A base model by its key and the models folder."""

_SOFTWARE = "SPF-Portrait"


@dataclass(frozen=True)
class SampleJob:
    """What to draw, and where it goes.

    Attributes:
        spec: The specification.
        adapter: Adapter file; None for the original model in both paths.
        out: Folder for the files.
        models_dir: Folder of the base models; None for the default.
    """

    spec: ComparisonSpec
    adapter: Path | None
    out: Path
    models_dir: Path | None = None


def sample(job: SampleJob, report: Report, base_of: Bases = load_base) -> Finished:
    """Draw a pair and write it.

    Args:
        job: What to draw.
        report: Is told every event except the last.
        base_of: Gives the base model; it is left as it was found.

    Returns:
        The last event: which files were written.

    Raises:
        SpfError: Model, adapter or prompt cannot be used; nothing is written then.
    """
    loading = ProgressMeter(report, "loading", 1)
    base = base_of(job.spec.base, job.models_dir)
    with adapter_loaded(base.unet, job.adapter, job.spec.strength) as metadata:
        loading.step(1)
        _notify(job, metadata.get("spf.target", ""), report)
        files = _files(job, base, map_settings(metadata), report)
    for name, content in files.items():
        (job.out / name).parent.mkdir(parents=True, exist_ok=True)
        (job.out / name).write_bytes(content)
    return Finished(files={name: str(job.out / name) for name in files if "/" not in name})


def _files(job: SampleJob, base: BaseModel, settings: MapSettings, report: Report) -> dict[str, bytes]:
    """Draw; the content of every file by its name."""
    pair = draw_pair(base, job.spec, ProgressMeter(report, "sampling", 2 * job.spec.steps).step)
    files = {
        REFERENCE: generated_png(pair.reference.picture, _SOFTWARE),
        RESPONSE: generated_png(pair.response.picture, _SOFTWARE),
    }
    if job.spec.maps:
        files |= _map_files(base, job.spec, pair, settings)
    files[SAMPLE] = json.dumps(_description(job, base, pair, list(files)), indent=2).encode()
    return files


def _notify(job: SampleJob, taught: str, report: Report) -> None:
    """Name the words that neither the base model nor the adapter has seen."""
    info = find_base(job.spec.base, job.models_dir)
    for message in prompt_notices(info, job.spec.caption.complete_text, taught):
        report(Notice(message=message))


def _map_files(base: BaseModel, spec: ComparisonSpec, pair: Pair, settings: MapSettings) -> dict[str, bytes]:
    """PNG by file name: grey maps for every recorded timestep, coloured means for people."""
    size_px = (pair.response.picture.shape[-2], pair.response.picture.shape[-1])
    differences = scaled_differences(pair, settings.noise_scale, base.schedule.timesteps)
    clip = load_clip_space(base.path, base.tokenizer, base.device)
    control = control_maps(pair, differences, caption_distances(clip, spec.caption, settings), settings.gain)
    files = {
        CONTROL_MAP: coloured_png(control.mean(dim=0), size_px),
        NOISE_DIFFERENCE: coloured_png(differences.mean(dim=0), size_px),
    }
    for t, (m, difference) in enumerate(zip(control, differences, strict=True)):
        files[control_map_name(t)] = grey_png(m, size_px)
        files[noise_difference_name(t)] = grey_png(difference, size_px)
    return files | _attention_files(pair, size_px)


def _attention_files(pair: Pair, size_px: tuple[int, int]) -> dict[str, bytes]:
    """A phrase is drawn with one scale for both paths and all timesteps, so that its pictures can be compared."""
    reference, response = pair.reference.attention, pair.response.attention
    brightest = torch.maximum(reference.amax(dim=(0, 2, 3)), response.amax(dim=(0, 2, 3))).clamp_min(1e-9)
    files: dict[str, bytes] = {}
    paths: tuple[tuple[Literal["reference", "response"], Tensor], ...] = (
        ("reference", reference),
        ("response", response),
    )
    for path, attention in paths:
        columns = attention.shape[1]
        for phrase in range(columns):
            if path == "reference" and phrase == columns + TARGET:
                continue  # the reference's prompt has no target
            for t, maps in enumerate(attention):
                files[attention_map_name(path, phrase, t)] = grey_png(maps[phrase] / brightest[phrase], size_px)
    return files


def _description(job: SampleJob, base: BaseModel, pair: Pair, files: list[str]) -> dict[str, Any]:
    spec = job.spec
    return {
        **spec.model_dump(mode="json", exclude={"maps"}),
        "adapter_sha256": None if job.adapter is None else hashlib.sha256(job.adapter.read_bytes()).hexdigest(),
        "phrases": [*spec.caption.phrases, "PAD"],
        "scheduler": type(base.scheduler).__name__,
        "timesteps": list(pair.response.timesteps),
        "maps": [name for name in files if "/" in name],
        "libraries": library_versions(),
        "ai_generated": True,
    }
