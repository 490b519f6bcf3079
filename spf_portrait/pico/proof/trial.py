"""One cell of the proof: train a system on a set, draw, measure. What is done is kept, and never done again."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from torch import Tensor

from spf_portrait.adapter import adapters_loaded
from spf_portrait.contract.artifacts import ADAPTER
from spf_portrait.contract.errors import ModelError
from spf_portrait.contract.training_spec import TrainingSpec
from spf_portrait.drawing.four_pictures import Case, FourPictures, Sampling, draw_both
from spf_portrait.drawing.map_settings import map_settings
from spf_portrait.evaluation.cases import held_out_cases
from spf_portrait.evaluation.known_domain import KnownDomain
from spf_portrait.evaluation.measuring import measure
from spf_portrait.evaluation.observations import Observations
from spf_portrait.evaluation.results import Estimate
from spf_portrait.models.base_model import BaseModel, load_base
from spf_portrait.pico.domain_of_base import domain_of_base
from spf_portrait.pico.proof.sets import BiasedSet
from spf_portrait.pico.proof.systems import System
from spf_portrait.running.progress import Report
from spf_portrait.training.train import TrainingJob, train

Figures = dict[str, dict[str, Any]]
"""Metric → value and 95 % interval."""


@dataclass(frozen=True)
class Bench:
    """Where all trials run.

    Attributes:
        folder: For sets, trainings and results.
        base: Key of the base model.
        texts: Held-out texts that every system is measured with.
        options: What every training has in common.
        report: Is told the progress.
        models_dir: Folder of the base models; None for the default.
    """

    folder: Path
    base: str
    texts: int
    options: Mapping[str, Any]
    report: Report
    models_dir: Path | None = None

    @cached_property
    def model(self) -> BaseModel:
        """The original model, without adapter."""
        return load_base(self.base, self.models_dir)

    def spec(self, system: System) -> TrainingSpec:
        """What a system's training is ordered with."""
        quiet: dict[str, Any] = {"checkpoint_every": 0, "validate_every": 0}
        options: dict[str, Any] = {**quiet, **self.options, **(system.options or {}), "base": self.base}
        return TrainingSpec.from_preset(**options)

    @cached_property
    def base_sha256(self) -> str:
        """Of all weights in the base model's folder: another base gives other figures."""
        digest = hashlib.sha256()
        for file in sorted(self.model.path.rglob("*.safetensors")):
            digest.update(file.read_bytes())
        return digest.hexdigest()


class Target:
    """One target's texts and the original model's pictures of them, which all systems share."""

    def __init__(self, bench: Bench, phrase: str) -> None:
        self._bench, self._phrase = bench, phrase

    @cached_property
    def domain(self) -> KnownDomain:
        """What knows the truth.

        Raises:
            ModelError: The base model has no judge.
        """
        found = domain_of_base(self._bench.model.path, self._phrase)
        if found is None:
            raise ModelError("no_judge", f"no judge in {self._bench.base}", "a base model with a judge", "Use pico")
        return found

    @cached_property
    def cases(self) -> list[Case]:
        """Captions and seeds that no training saw."""
        return held_out_cases(self.domain, self._bench.texts, 0)

    @cached_property
    def original(self) -> tuple[Tensor, Tensor]:
        """By the original model: base texts, complete texts."""
        return self.drawn()

    def drawn(self) -> tuple[Tensor, Tensor]:
        """By the model as it is now."""
        return draw_both(self._bench.model, self.cases, Sampling(25, 4.0), lambda steps: None)


def figures(bench: Bench, target: Target, system: System, biased: BiasedSet) -> Figures:
    """Measure one system on one set, or read what was measured before with the same specification.

    Raises:
        SpfError: It cannot be trained or measured.
    """
    place = bench.folder / f"{biased.key}-{system.name}"
    about = {
        "system": system.name,
        "spec": bench.spec(system).model_dump(mode="json"),
        "texts": bench.texts,
        "base_sha256": bench.base_sha256,
    }
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()
    kept = place / "figures.json"
    if kept.exists() and (read := json.loads(kept.read_text("utf-8")))["digest"] == digest:
        return read["figures"]
    found = _measured(bench, target, system, biased, place)
    place.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps({"digest": digest, **about, "figures": found}, indent=2) + "\n", "utf-8")
    return found


def _measured(bench: Bench, target: Target, system: System, biased: BiasedSet, place: Path) -> Figures:
    original = target.original  # before an adapter is loaded: it is drawn when first asked for
    if system.options is None:
        return _figures(bench, target, FourPictures(*original, *original), {})
    data = biased.written(bench.folder / "sets")
    train(
        TrainingJob(data, place, place / "checkpoints", bench.spec(system), models_dir=bench.models_dir), bench.report
    )
    with adapters_loaded(bench.model.unet, [(place / ADAPTER, 1.0)]) as headers:
        return _figures(bench, target, FourPictures(*original, *target.drawn()), headers[0])


def _figures(bench: Bench, target: Target, pictures: FourPictures, header: dict[str, str]) -> Figures:
    observed = Observations(bench.model, target.cases, pictures, target.domain, map_settings(header))
    results = measure(observed, {})
    return {
        name: {"value": result.value, "interval_95": None if result.interval is None else list(result.interval)}
        for name, result in results.items()
        if isinstance(result, Estimate)
    }
