"""Draw a grid: every prompt and seed by the original model, and with each adapter. Every picture is a file of its own.

A picture is written as soon as it is drawn and says itself what it was drawn with, so a run that was stopped goes on
where it was: pictures of the same settings are kept.
"""

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from PIL import Image
from torch import Tensor

from spf_portrait.adapter import adapters_loaded
from spf_portrait.adapter.files import read_adapter
from spf_portrait.contract.artifacts import GRID, GRID_SHEET
from spf_portrait.contract.events import Finished, Notice
from spf_portrait.contract.grid import REFERENCE_COLUMN, GridSpec
from spf_portrait.drawing.four_pictures import Case, as_images, draw_held, draw_texts
from spf_portrait.drawing.grid_pictures import GridPicture, file_sha256, is_drawn, planned, shared_settings
from spf_portrait.drawing.grid_sheet import Block, as_shown, grid_sheet
from spf_portrait.drawing.hold import HELD_DRAWINGS
from spf_portrait.drawing.pictures import GENERATED_MARK, SOFTWARE, marked_png
from spf_portrait.drawing.trajectory import Sampling
from spf_portrait.models.base_model import BaseModel, load_base
from spf_portrait.running.notices import drawing_notices
from spf_portrait.running.progress import ProgressMeter, Report

_MOST_AT_ONCE: Final = 4
_PIXELS_AT_ONCE: Final = _MOST_AT_ONCE * 512 * 512
"""Four pictures of Stable Diffusion 1.x, one of XL: larger ones need the memory for themselves."""


@dataclass(frozen=True)
class GridJob:
    """What to draw, and where it goes.

    Attributes:
        spec: The specification.
        adapters: Files, as many as `spec.adapters` names.
        out: Folder for pictures, sheet and grid.json.
        models_dir: Folder of the base models; None for the default.
    """

    spec: GridSpec
    adapters: tuple[Path, ...]
    out: Path
    models_dir: Path | None = None


def draw_grid(job: GridJob, report: Report) -> Finished:
    """Draw what is not there yet, then the sheet.

    Args:
        job: What to draw.
        report: Is told every event except the last.

    Returns:
        The last event: sheet and description.

    Raises:
        SpfError: Model, adapter or prompt cannot be used; nothing is drawn then.
    """
    loading = ProgressMeter(report, "loading", 1)
    base = load_base(job.spec.base, job.models_dir)
    headers = [read_adapter(base.network, file).metadata for file in job.adapters]
    shared, digests = shared_settings(job.spec, base), [file_sha256(file) for file in job.adapters]
    pictures = planned(job.spec, base, shared, digests)
    loading.step(1)
    missing = [picture for picture in pictures if not is_drawn(job.out, picture)]
    _notify(job, base, headers, report, len(pictures) - len(missing))
    drawings = sum(1 if picture.hold is None else HELD_DRAWINGS for picture in missing)
    _draw(job, base, missing, ProgressMeter(report, "sampling", drawings * job.spec.steps).step)
    _write_whole(job.out / GRID_SHEET, marked_png(_sheet(job, pictures), settings=job.spec.model_dump(mode="json")))
    described = {**shared, "adapters_sha256": digests, **_description(job.spec, pictures)}
    _write_whole(job.out / GRID, json.dumps(described, indent=2).encode())
    return Finished(files={name: str(job.out / name) for name in (GRID_SHEET, GRID)})


def _notify(job: GridJob, base: BaseModel, headers: Sequence[dict[str, str]], report: Report, kept: int) -> None:
    text = ", ".join(caption.complete_text for caption in job.spec.captions)
    messages = drawing_notices(base.info, text, headers)
    if kept:
        messages.append(f"{kept} of {job.spec.pictures} pictures are there already, from the same settings: kept.")
    for message in messages:
        report(Notice(message=message))


def _draw(job: GridJob, base: BaseModel, missing: Sequence[GridPicture], on_step: Callable[[int], None]) -> None:
    """Column by column, so that each adapter is loaded once."""
    count = max(1, min(_MOST_AT_ONCE, _PIXELS_AT_ONCE // base.image_size_px**2))
    done = 0

    def add(steps: int) -> None:
        nonlocal done
        done += steps
        on_step(done)

    for column in sorted({picture.column for picture in missing}):
        mine = [picture for picture in missing if picture.column == column]
        with adapters_loaded(base.network, _adapters_of(job, column)):
            for start in range(0, len(mine), count):
                _draw_some(job, base, mine[start : start + count], add)


def _adapters_of(job: GridJob, column: int) -> list[tuple[Path, float]]:
    """None in the original model's column."""
    return [] if column == 0 else [(job.adapters[column - 1], job.spec.adapters[column - 1].strength)]


def _draw_some(job: GridJob, base: BaseModel, pictures: Sequence[GridPicture], on_steps: Callable[[int], None]) -> None:
    for picture, image in zip(pictures, as_images(_drawn(job.spec, base, pictures, on_steps)), strict=True):
        _write_whole(job.out / picture.name, marked_png(image, SOFTWARE, picture.settings))


def _drawn(spec: GridSpec, base: BaseModel, pictures: Sequence[GridPicture], on_steps: Callable[[int], None]) -> Tensor:
    """Of one column, [pictures, 3, height, width]."""
    sampling = Sampling(spec.steps, spec.guidance_scale)
    hold = pictures[0].hold
    if hold is not None:
        cases = [Case(spec.captions[picture.prompt], picture.seed) for picture in pictures]
        return draw_held(base, cases, sampling, hold, on_steps)
    texts, seeds = [picture.text for picture in pictures], [picture.seed for picture in pictures]
    return draw_texts(base, texts, seeds, sampling, on_steps)


def _sheet(job: GridJob, pictures: Sequence[GridPicture]) -> Image.Image:
    spec = job.spec
    names = {(picture.prompt, picture.seed, picture.column): picture.name for picture in pictures}
    columns = range(len(spec.columns))

    def row(prompt: int, seed: int) -> tuple[str, list[Image.Image]]:
        return f"seed {seed}", [as_shown(job.out / names[prompt, seed, column]) for column in columns]

    blocks = [
        Block(caption.base_text, [row(prompt, seed) for seed in spec.seeds])
        for prompt, caption in enumerate(spec.captions)
    ]
    title = (
        f"{REFERENCE_COLUMN}: base text by {spec.base}; other columns: base text, {spec.target}"
        f"{'' if spec.hold is None else ', the rest held'}. "
        f"{spec.steps} steps, guidance {spec.guidance_scale:g}. {GENERATED_MARK}."
    )
    return grid_sheet(title, spec.columns, blocks)


def _description(spec: GridSpec, pictures: Sequence[GridPicture]) -> dict[str, Any]:
    return {
        **spec.model_dump(mode="json"),
        "columns": spec.columns,
        "pictures": [
            {
                "file": picture.name,
                "prompt": picture.text,
                "seed": picture.seed,
                "column": spec.columns[picture.column],
            }
            for picture in pictures
        ],
        "ai_generated": True,
    }


def _write_whole(file: Path, content: bytes) -> None:
    """The whole file or none: a run may be stopped at any time."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_suffix(".tmp")
    draft.write_bytes(content)
    os.replace(draft, file)
