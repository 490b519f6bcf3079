"""Which base models are there."""

from __future__ import annotations

from pathlib import Path

from backend.bases.schemas import BaseList, BaseOut, BaseProblem
from spf_portrait.contract.bases import BaseInfo, survey_bases
from spf_portrait.contract.errors import ModelError
from spf_portrait.contract.vocabulary import read_vocabulary


def list_bases(models_dir: Path | None) -> BaseList:
    """Return the base models of the models folder, and what cannot be used there; both may be empty."""
    survey = survey_bases(models_dir)
    return BaseList(
        data=[_base_out(info) for info in survey.bases.values()],
        errors=[_problem(key, error) for key, error in survey.problems.items()],
    )


def _base_out(info: BaseInfo) -> BaseOut:
    """Show a base model."""
    vocabulary = read_vocabulary(info.path)
    return BaseOut(
        key=info.key,
        title=info.title,
        family=info.family,
        image_size_px=info.image_size_px,
        vocabulary=None if vocabulary is None else sorted(vocabulary),
    )


def _problem(key: str, error: ModelError) -> BaseProblem:
    """Show what is wrong with a base model."""
    return BaseProblem(
        key=key, code=error.code, message=f"Found {error.found}; allowed: {error.allowed}.", hint=error.hint
    )
