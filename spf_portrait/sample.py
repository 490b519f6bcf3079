"""Draw one comparison and write its files: both pictures, the maps, and sample.json that describes them."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from spf_portrait.adapter import adapters_loaded
from spf_portrait.attention_maps import TARGET
from spf_portrait.base_model import BaseModel, load_base
from spf_portrait.clip_space import text_space_of
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
from spf_portrait.contract.errors import SpecError
from spf_portrait.contract.events import Finished, Notice
from spf_portrait.contract.jobs import ComparisonSpec
from spf_portrait.contract.vocabulary import prompt_notices
from spf_portrait.map_settings import MapSettings, caption_shares, map_settings
from spf_portrait.pair import Pair, control_maps, draw_pair, scaled_differences
from spf_portrait.pictures import SOFTWARE, coloured_png, generated_png, grey_png
from spf_portrait.progress import ProgressMeter, Report
from spf_portrait.versions import library_versions

Bases = Callable[[str, Path | None], BaseModel]
"""A base model by its key and the models folder."""


@dataclass(frozen=True)
class SampleJob:
    """What to draw, and where it goes.

    Attributes:
        spec: The specification.
        adapter: Adapter file; None for several, or for the original model in both paths.
        out: Folder for the files.
        models_dir: Folder of the base models; None for the default.
        adapters: Adapter files, as many as `spec.adapters` names.
    """

    spec: ComparisonSpec
    adapter: Path | None
    out: Path
    models_dir: Path | None = None
    adapters: tuple[Path, ...] = ()

    @property
    def files(self) -> list[tuple[Path, float]]:
        """Adapter files with their strengths.

        Raises:
            SpecError: The files are not those that the specification names.
        """
        if self.adapter is not None and not (self.spec.adapters or self.adapters):
            return [(self.adapter, self.spec.strength)]
        if self.adapter is not None or len(self.adapters) != len(self.spec.adapters):
            raise SpecError(
                "adapter_files",
                f"{len(self.adapters) + (self.adapter is not None)} files for {len(self.spec.adapters)} adapters",
                "a file for each adapter that the specification names",
                "Give --adapter FILE:STRENGTH for each",
            )
        return [(file, use.strength) for file, use in zip(self.adapters, self.spec.adapters, strict=True)]


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
    with adapters_loaded(base.unet, job.files) as headers:
        loading.step(1)
        _notify(job, headers, report)
        files = _files(job, base, map_settings(headers[0] if headers else {}), report)
    for name, content in files.items():
        (job.out / name).parent.mkdir(parents=True, exist_ok=True)
        (job.out / name).write_bytes(content)
    return Finished(files={name: str(job.out / name) for name in files if "/" not in name})


def _files(job: SampleJob, base: BaseModel, settings: MapSettings, report: Report) -> dict[str, bytes]:
    """Draw; the content of every file by its name."""
    pair = draw_pair(base, job.spec, ProgressMeter(report, "sampling", 2 * job.spec.steps).step)
    files = {
        REFERENCE: generated_png(pair.reference.picture, SOFTWARE),
        RESPONSE: generated_png(pair.response.picture, SOFTWARE),
    }
    if job.spec.maps:
        files |= _map_files(base, job.spec, pair, settings)
    files[SAMPLE] = json.dumps(_description(job, base, pair, list(files)), indent=2).encode()
    return files


def _notify(job: SampleJob, headers: list[dict[str, str]], report: Report) -> None:
    """Name the words that neither the base model nor an adapter has seen, and adapters of another base model."""
    info = find_base(job.spec.base, job.models_dir)
    taught = " ".join(header.get("spf.target", "") for header in headers)
    for message in prompt_notices(info, job.spec.caption.complete_text, taught):
        report(Notice(message=message))
    for trained_on in {header.get("spf.base", info.key) for header in headers} - {info.key}:
        report(
            Notice(message=f"An adapter was trained on {trained_on}; on {info.key} it may do less, or other things.")
        )


def _map_files(base: BaseModel, spec: ComparisonSpec, pair: Pair, settings: MapSettings) -> dict[str, bytes]:
    """PNG by file name: grey maps for every recorded timestep, coloured means for people."""
    size_px = (pair.response.picture.shape[-2], pair.response.picture.shape[-1])
    differences = scaled_differences(pair, settings.noise_scale, base.schedule.timesteps)
    space = text_space_of(base)
    control = control_maps(
        pair, differences, caption_shares(space, spec.caption, settings), settings.spec.control_map_gain
    )
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
    spec, digests = job.spec, [hashlib.sha256(file.read_bytes()).hexdigest() for file, _ in job.files]
    return {
        **spec.model_dump(mode="json", exclude={"maps"}),
        "adapter_sha256": digests[0] if digests else None,
        "adapters_sha256": digests,
        "phrases": [*spec.caption.phrases, "PAD"],
        "scheduler": type(base.scheduler).__name__,
        "timesteps": list(pair.response.timesteps),
        "maps": [name for name in files if "/" in name],
        "libraries": library_versions(),
        "ai_generated": True,
    }
