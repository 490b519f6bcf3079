"""An evaluation: an adapter measured against the original model on texts that no training saw."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from backend.context import Context
from backend.jobs.kinds.adapters import common_base, find_adapters
from backend.jobs.kinds.hold_options import HOLD_OPTIONS
from backend.jobs.kinds.kind import Draft, Kind, Options
from spf_portrait.contract.base_info import JUDGE_FOLDER
from spf_portrait.contract.bases import find_base
from spf_portrait.contract.drawing_spec import DEFAULT_TEXTS, MAX_TEXTS, EvaluationSpec
from spf_portrait.contract.errors import DataError


class EvaluationIn(BaseModel):
    """Order of an adapter's figures."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["evaluation"]
    adapter_id: str
    spec: Options = Field(
        default_factory=dict,
        description=f"`count` held-out texts (1 to {MAX_TEXTS}, default {DEFAULT_TEXTS}) from the seed `seed_from` on, "
        f"or `texts`, a list of up to {MAX_TEXTS} {{base_text, seed}} that do not name the target; `target`, the "
        f"adapter's own by default; `steps`, `guidance_scale`, `strength`; {HOLD_OPTIONS}",
    )


def _draft(context: Context, order: EvaluationIn) -> Draft:
    """Check the options; base model and target are the adapter's."""
    adapter = find_adapters(context, [order.adapter_id])[0]
    base = common_base([adapter], order.spec)
    options = {**order.spec, "base": base, "target": order.spec.get("target") or adapter.target}
    spec = EvaluationSpec.from_mapping(options)
    info = find_base(base, context.settings.models_dir)
    if not spec.texts and not (info.path / JUDGE_FOLDER).is_dir():
        raise DataError(
            "no_texts",
            f"no texts to draw with {base}, which has no held-out ones of its own",
            f"1 to {MAX_TEXTS} texts with their seeds",
            "Name them as `texts`: base texts that do not name the target",
        )
    return Draft(spec.model_dump(mode="json"), adapter_ids=(adapter.id,))


EVALUATION = Kind("draw", _draft)
