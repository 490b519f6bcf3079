"""The header of an adapter file: kohya's ss_*, ModelSpec 1.0.1 and our own spf.*; no paths and no names of pictures."""

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from spf_portrait.export.facts import AdapterFacts
from spf_portrait.export.low_rank import TrainedUpdate
from spf_portrait.export.tool_rules import RULES, Reach
from spf_portrait.models.base_model import BaseModel
from spf_portrait.models.schedule import Prediction

_DIFFUSERS: Final = "diffusers"
_LDM: Final = "https://github.com/Stability-AI/generative-models"
"""ModelSpec's names of the two codes whose module names an adapter uses."""
_PREDICTION_TYPES: Final[Mapping[Prediction, str]] = {"epsilon": "epsilon", "v_prediction": "v"}
"""ModelSpec's names; it has none for flow matching."""


def file_header(
    base: BaseModel, facts: AdapterFacts, update: TrainedUpdate, reach: Reach, digest: str, thumbnail: str | None
) -> dict[str, str]:
    """Everything that one file says about itself.

    Args:
        base: The base model it was trained on.
        facts: About the training.
        update: What the file holds.
        reach: Which tools load it.
        digest: From `tensor_hash`, of this file's tensors.
        thumbnail: A data URI.
    """
    shown = {} if thumbnail is None else {"modelspec.thumbnail": thumbnail}
    return {
        "format": "pt",
        **_kohya(base, facts, update.rank),
        "sshs_model_hash": digest,
        **_modelspec(base, facts),
        "modelspec.hash_sha256": f"0x{digest}",
        **shown,
        **own_header(base, facts, reach, update.energy_summary()),
    }


def usage_hint(target: str) -> str:
    """How the phrase is used in a prompt."""
    return f"Append {target!r} to the prompt, as its last phrase."


def title(base: BaseModel, facts: AdapterFacts) -> str:
    """One line for people."""
    return f"{facts.target} ({facts.spec.method} on {base.key}, step {facts.step})"


def _kohya(base: BaseModel, facts: AdapterFacts, rank: int) -> dict[str, str]:
    size_px = facts.spec.image_size_px or base.image_size_px
    return {
        "ss_v2": str(base.family.kohya_version == "sd_v2"),
        "ss_base_model_version": base.family.kohya_version,
        "ss_sd_model_name": base.key,
        "ss_network_module": "networks.lora",
        "ss_network_dim": str(rank),
        "ss_network_alpha": str(float(rank)),
        "ss_network_args": "{}",
        "ss_output_name": f"{facts.spec.method}-{facts.target}",
        "ss_resolution": f"({size_px}, {size_px})",
        "ss_num_train_images": str(facts.portraits),
        "ss_tag_frequency": json.dumps({"portraits": {facts.target: facts.portraits}}),
        "ss_steps": str(facts.step),
        "ss_max_train_steps": str(facts.spec.steps),
        "ss_learning_rate": str(facts.spec.learning_rate),
        "ss_seed": str(facts.spec.seed),
        "ss_training_finished_at": str(time.time()),
    }


def _modelspec(base: BaseModel, facts: AdapterFacts) -> dict[str, str]:
    size_px = facts.spec.image_size_px or base.image_size_px
    answered = _PREDICTION_TYPES.get(base.schedule.prediction)
    prediction = {} if answered is None else {"modelspec.prediction_type": answered}
    return {
        "modelspec.sai_model_spec": "1.0.1",
        "modelspec.architecture": f"{base.family.architecture(base.parts)}/lora",
        "modelspec.implementation": _LDM if RULES[base.family.key].layout == "kohya_ldm" else _DIFFUSERS,
        "modelspec.title": title(base, facts),
        "modelspec.description": f"Teaches {base.key} the phrase {facts.target!r}.",
        "modelspec.resolution": f"{size_px}x{size_px}",
        "modelspec.date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "modelspec.trigger_phrase": facts.target,
        "modelspec.usage_hint": usage_hint(facts.target),
        "modelspec.tags": "portrait",
        **prediction,
    }


def own_header(
    base: BaseModel, facts: AdapterFacts, reach: Reach, energy: Mapping[str, Any] | None = None
) -> dict[str, str]:
    """Our own part of it; `energy` is that of whole matrices stored as LoRA."""
    spec = facts.spec
    more: dict[str, Any] = {
        "loads_in": list(reach.tools),
        **({"loads_in_reason": reach.reason} if reach.reason else {}),
        **({"captured_energy": energy} if energy else {}),
        **facts.extra,
    }
    return {
        "spf.method": spec.method,
        "spf.adapter": spec.adapter_kind,
        "spf.layers": spec.adapted_layers,
        "spf.base": base.key,
        "spf.family": base.family.key,
        "spf.target": facts.target,
        "spf.step": str(facts.step),
        "spf.dataset_sha256": facts.dataset_sha256,
        "spf.spec": spec.model_dump_json(),
        **{f"spf.{key}": json.dumps(value) for key, value in more.items()},
    }
