"""A training: from a caption set to an adapter."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from backend.context import Context
from backend.datasets.freezing import freeze_dataset
from backend.jobs.kinds.kind import Draft, Kind, Options
from spf_portrait.contract.bases import find_base
from spf_portrait.contract.errors import SpecError
from spf_portrait.contract.training_spec import TrainingSpec


class TrainingIn(BaseModel):
    """Order of a training."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["training"]
    dataset_id: str
    spec: Options = Field(
        default_factory=dict,
        description="`preset` (quick, standard or thorough) and any training option that shall differ from it",
    )


def checked_spec(context: Context, order: TrainingIn) -> TrainingSpec:
    """Return every setting of an order; what it leaves open, the preset decides.

    Raises:
        SpfError: an option is unknown or out of bounds, or the base model is missing.
    """
    spec = TrainingSpec.from_order(order.spec, context.settings.models_dir)
    find_base(spec.base, context.settings.models_dir)
    if spec.reads_masks:
        raise SpecError(
            "no_masks",
            f"the method {spec.method}, which needs masks of phrases",
            "methods that need none: caption sets of the studio have no masks",
            "Train it on the command line, from a folder with masks (docs/caption-sets.md), or choose another method",
        )
    return spec


def _draft(context: Context, order: TrainingIn) -> Draft:
    """Check the options; freezes the caption set when it is not frozen yet."""
    spec = checked_spec(context, order)
    version = freeze_dataset(context, order.dataset_id)
    return Draft(spec.model_dump(mode="json"), dataset_version_id=version.id)


TRAINING = Kind("train", _draft)
