"""Draw one comparison and write its files: the pictures, the maps, and sample.json that describes them."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from spf_portrait.adapter import adapters_loaded
from spf_portrait.contract.artifacts import RECONSTRUCTION, REFERENCE, RESPONSE, SAMPLE
from spf_portrait.contract.drawing_spec import ComparisonSpec
from spf_portrait.contract.errors import SpecError
from spf_portrait.contract.events import Finished, Notice
from spf_portrait.drawing.layer_maps import layer_maps
from spf_portrait.drawing.map_files import map_files
from spf_portrait.drawing.map_settings import map_settings
from spf_portrait.drawing.pair import Pair, draw_pair, steps_of_pair
from spf_portrait.drawing.pictures import SOFTWARE, eight_bit, generated_png
from spf_portrait.method.clip_space import TextSpace, text_space_of
from spf_portrait.metrics.pixel_change import mean_change
from spf_portrait.models.base_model import BaseModel, load_base
from spf_portrait.models.fingerprint import base_fingerprint
from spf_portrait.running.notices import drawing_notices
from spf_portrait.running.progress import ProgressMeter, Report
from spf_portrait.running.versions import library_versions

Bases = Callable[[str, Path | None], BaseModel]
"""A base model by its key and the models folder."""
TextSpaces = Callable[[BaseModel], TextSpace]
"""Where distances between a base model's phrases are measured."""


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


def sample(
    job: SampleJob, report: Report, base_of: Bases = load_base, space_of: TextSpaces = text_space_of
) -> Finished:
    """Draw a pair and write it.

    Args:
        job: What to draw.
        report: Is told every event except the last.
        base_of: Gives the base model; it is left as it was found.
        space_of: Asked if there are maps to draw.

    Returns:
        The last event: which files were written.

    Raises:
        SpfError: Model, adapter or prompt cannot be used; nothing is written then.
    """
    loading = ProgressMeter(report, "loading", 1)
    base = base_of(job.spec.base, job.models_dir)
    fingerprint = base_fingerprint(base)
    with adapters_loaded(base.network, job.files) as headers:
        loading.step(1)
        for message in drawing_notices(base.info, job.spec.caption.complete_text, headers):
            report(Notice(message=message))
        pair = draw_pair(base, job.spec, ProgressMeter(report, "sampling", steps_of_pair(job.spec)).step)
        settings = map_settings(headers[0] if headers else {})
        maps = map_files(base, space_of(base), job.spec, pair, settings) if job.spec.maps else {}
        files = _files(job, base, pair, maps, fingerprint)
    for name, content in files.items():
        (job.out / name).parent.mkdir(parents=True, exist_ok=True)
        (job.out / name).write_bytes(content)
    return Finished(files={name: str(job.out / name) for name in files if "/" not in name})


def _files(job: SampleJob, base: BaseModel, pair: Pair, maps: dict[str, bytes], fingerprint: str) -> dict[str, bytes]:
    """The content of every file by its name; that of the maps is known already."""
    pictures = {REFERENCE: pair.reference.picture, RESPONSE: pair.response.picture}
    described = _description(job, base, pair) | {"base_fingerprint": fingerprint}
    if pair.reconstruction is not None:
        pictures[RECONSTRUCTION] = pair.reconstruction
        described["reconstruction_change"] = _change(pair.reference.picture, pair.reconstruction)
    files = {name: generated_png(picture, SOFTWARE) for name, picture in pictures.items()} | maps
    if job.spec.layer_maps:
        layers = layer_maps(pair)
        files |= layers.files
        described |= layers.described
    described["maps"] = [name for name in files if "/" in name]
    return files | {SAMPLE: json.dumps(described, indent=2).encode()}


def _change(reference: torch.Tensor, reconstruction: torch.Tensor) -> float:
    """Mean absolute change of a pixel as it is saved; 1 is from black to white."""
    return mean_change(eight_bit(reference), eight_bit(reconstruction))


def _description(job: SampleJob, base: BaseModel, pair: Pair) -> dict[str, Any]:
    spec, digests = job.spec, [hashlib.sha256(file.read_bytes()).hexdigest() for file, _ in job.files]
    return {
        **spec.model_dump(mode="json", exclude={"maps"}),
        "adapter_sha256": digests[0] if digests else None,
        "adapters_sha256": digests,
        "phrases": [*spec.caption.phrases, "PAD"],
        "scheduler": type(base.scheduler).__name__,
        "timesteps": list(pair.response.timesteps),
        "libraries": library_versions(),
        "ai_generated": True,
    }
