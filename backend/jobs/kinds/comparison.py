"""A comparison: a pair of pictures from one seed."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from backend.context import Context
from backend.jobs.kinds.adapters import common_base, find_adapters
from backend.jobs.kinds.hold_options import HOLD_OPTIONS
from backend.jobs.kinds.kind import Draft, Kind, Options
from spf_portrait.contract.bases import find_base
from spf_portrait.contract.drawing_spec import ComparisonSpec


class ComparisonIn(BaseModel):
    """Order of a pair of pictures from one seed."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["comparison"]
    adapter_id: str | None = Field(
        default=None, description="null draws with the adapters of `spec`, or without any with the base model alone"
    )
    spec: Options = Field(
        description="base_text, target, seed and the other options of a comparison; `adapters`, a list of up to four "
        f"{{adapter: id, strength}}, draws with several at once, in place of adapter_id; {HOLD_OPTIONS}"
    )


def _draft(context: Context, order: ComparisonIn) -> Draft:
    """Check the options; the base model is the one the adapters were made for."""
    spec = ComparisonSpec.from_mapping({**order.spec, "adapter": order.adapter_id})
    _ = spec.caption  # refuses phrases that no caption may have, before anything is queued
    adapter_ids = tuple(use.adapter for use in spec.adapters) if order.adapter_id is None else (order.adapter_id,)
    if adapter_ids:
        base = common_base(find_adapters(context, adapter_ids), order.spec)
        spec = spec.model_copy(update={"base": base})
    find_base(spec.base, context.settings.models_dir)
    return Draft(spec.model_dump(mode="json"), adapter_ids=adapter_ids)


COMPARISON = Kind("draw", _draft)
