"""Measure an adapter against the original model: draw four pictures for each held-out text, look, and tell."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from PIL.PngImagePlugin import PngInfo

from spf_portrait.adapter import load_adapter, set_strength
from spf_portrait.contract.artifacts import EVALUATION, EVALUATION_SHEET
from spf_portrait.contract.drawing_spec import DEFAULT_TEXTS, EvaluationSpec
from spf_portrait.contract.errors import DataError
from spf_portrait.drawing.four_pictures import Case, FourPictures, as_images, draw_four, steps_of_four
from spf_portrait.drawing.map_settings import map_settings
from spf_portrait.drawing.pictures import GENERATED_MARK
from spf_portrait.drawing.sheet import contact_sheet
from spf_portrait.drawing.trajectory import Sampling
from spf_portrait.evaluation.axes import pollution_by_axis
from spf_portrait.evaluation.cases import held_out_cases, ordered_cases, read_cases
from spf_portrait.evaluation.known_domain import DomainOf, KnownDomain
from spf_portrait.evaluation.measuring import PlugIn, measure
from spf_portrait.evaluation.observations import Observations
from spf_portrait.evaluation.results import Evaluation
from spf_portrait.metrics.catalogue import CATALOGUE
from spf_portrait.models.base_model import BaseModel, load_base
from spf_portrait.running.progress import ProgressMeter, Report
from spf_portrait.running.versions import library_versions

_SHEET_COLUMNS: Final = 16
_NO_PLUG_INS: Final[Mapping[str, PlugIn]] = MappingProxyType({})


@dataclass(frozen=True)
class EvaluationJob:
    """What to measure, and where the results go.

    Attributes:
        spec: The specification.
        adapter: Adapter file.
        texts: File with a base text a line; None for those of the specification, or else for held-out captions of the
            base model's own domain.
        out: Folder for evaluation.json and a sheet of pictures; None to write nothing.
        models_dir: Folder of the base models; None for the default.
    """

    spec: EvaluationSpec
    adapter: Path
    texts: Path | None = None
    out: Path | None = None
    models_dir: Path | None = None


def evaluate_adapter(
    job: EvaluationJob,
    report: Report,
    domain_of: DomainOf = lambda base, target: None,
    plug_ins: Mapping[str, PlugIn] = _NO_PLUG_INS,
) -> Evaluation:
    """Draw and measure.

    Args:
        job: What to measure.
        report: Is told the progress.
        domain_of: Finds what is known about the base model; `pico.domain_of_base` knows the bundled one.
        plug_ins: Metrics of the catalogue whose weights the caller has, by name.

    Raises:
        SpfError: Model, adapter, target or texts cannot be used; nothing is written then.
    """
    spec, loading = job.spec, ProgressMeter(report, "loading", 1)
    base = load_base(spec.base, job.models_dir)
    metadata = load_adapter(base.network, job.adapter)
    set_strength(base.network, spec.strength)
    target = spec.target or _target_of(metadata, job.adapter)
    domain = domain_of(base.path, target)
    cases = _cases(job, base, target, domain)
    loading.step(1)
    pictures = _drawn(spec, base, cases, report)
    observed = Observations(base, cases, _measured(pictures), domain, map_settings(metadata))
    measuring = ProgressMeter(report, "measuring", len(CATALOGUE))
    results = measure(observed, plug_ins, on_metric=measuring.step)
    evaluation = Evaluation(_about(job, target, cases), results, pollution_by_axis(observed))
    if job.out is not None:
        _write(evaluation, pictures, job.out)
    return evaluation


def _drawn(spec: EvaluationSpec, base: BaseModel, cases: list[Case], report: Report) -> FourPictures:
    drawing = ProgressMeter(report, "sampling", steps_of_four(len(cases), spec.steps, spec.hold))
    return draw_four(base, cases, Sampling(spec.steps, spec.guidance_scale), drawing.step, spec.hold)


def _measured(pictures: FourPictures) -> FourPictures:
    """With a hold, what is measured as response is the held one."""
    return pictures if pictures.held is None else replace(pictures, response=pictures.held)


def _target_of(metadata: Mapping[str, str], adapter: Path) -> str:
    if "spf.target" not in metadata:
        raise DataError(
            "no_target",
            f"no target phrase in the header of {adapter}",
            "the phrase that the adapter was taught",
            "Name it with --target",
        )
    return metadata["spf.target"]


def _cases(job: EvaluationJob, base: BaseModel, target: str, domain: KnownDomain | None) -> list[Case]:
    if job.texts is not None:
        return read_cases(job.texts, target, job.spec.count, job.spec.seed_from)
    if job.spec.texts:
        return ordered_cases(job.spec.texts, target)
    if domain is None:
        raise DataError(
            "no_texts",
            f"no base texts to draw with {base.key}",
            "base texts, one a line, that do not name the target",
            "Give a file of them as --texts FILE; only pico has held-out captions of its own",
        )
    return held_out_cases(domain, job.spec.count or DEFAULT_TEXTS, job.spec.seed_from)


def _about(job: EvaluationJob, target: str, cases: list[Case]) -> dict[str, Any]:
    return {
        **job.spec.model_dump(mode="json", exclude={"texts"}),
        "target": target,
        "count": len(cases),
        "adapter": job.adapter.name,
        "adapter_sha256": hashlib.sha256(job.adapter.read_bytes()).hexdigest(),
        "base_texts": [case.caption.base_text for case in cases],
        "seeds": [case.seed for case in cases],
        "libraries": library_versions(),
    }


def _write(evaluation: Evaluation, pictures: FourPictures, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    target = evaluation.about["target"]
    rows = {
        "reference: original model, base text": pictures.reference,
        f"floor: original model, base text + {target}": pictures.floor,
        f"response: tuned model, base text + {target}": pictures.response,
        "tuned model, base text": pictures.base_by_tuned,
    }
    if pictures.held is not None:
        rows["held: the response with the rest held"] = pictures.held
    marks = PngInfo()
    marks.add_text("Comment", GENERATED_MARK)
    sheet = contact_sheet({name: as_images(row[:_SHEET_COLUMNS]) for name, row in rows.items()})
    sheet.save(out / EVALUATION_SHEET, pnginfo=marks)
    described = json.dumps(evaluation.as_dict(with_values=True), indent=2, ensure_ascii=False)
    (out / EVALUATION).write_text(described + "\n", "utf-8")
