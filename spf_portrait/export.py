"""An adapter as one file that diffusers, ComfyUI, A1111 and InvokeAI load: safetensors with kohya's names.

Every module has the same rank and alpha = rank, so no tool can get the scale wrong. A file is given its final name only
after a fresh diffusers pipeline loaded it and every module's ΔW came out as it was trained.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from spf_portrait.adapter import PREFIX, Deltas, lora_layers
from spf_portrait.base_model import BaseModel
from spf_portrait.contract.errors import ExportError
from spf_portrait.contract.jobs import TrainingSpec
from spf_portrait.untyped import diffusers, safetensors_torch

_TOLERANCE: Final = 1e-5


def export_adapter(base: BaseModel, deltas: Deltas, metadata: Mapping[str, str], file: Path) -> str:
    """Write an adapter file, or leave nothing behind.

    Args:
        base: The base model it was trained on.
        deltas: From `adapter_deltas`.
        metadata: From `describe`.
        file: Where to, ending in .safetensors.

    Returns:
        sha256 of the file.

    Raises:
        ExportError: The file does not load back as what was trained.
    """
    tensors = kohya_tensors(deltas)
    draft = file.with_name(f".{file.stem}.draft.safetensors")
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        safetensors_torch.save_file(
            tensors, draft, {"format": "pt", **metadata, "modelspec.hash_sha256": _tensor_hash(tensors)}
        )
        check_loads_back(base.path, deltas, draft)
        with draft.open("rb") as written:
            os.fsync(written.fileno())
        digest = hashlib.sha256(draft.read_bytes()).hexdigest()
        os.replace(draft, file)
    finally:
        draft.unlink(missing_ok=True)
    return digest


def kohya_tensors(deltas: Deltas) -> dict[str, Tensor]:
    """`lora_unet_` + module path with dots as underscores + .lora_down.weight, .lora_up.weight, .alpha."""
    tensors: dict[str, Tensor] = {}
    for path, (down, up) in deltas.items():
        name = PREFIX + path.replace(".", "_")
        tensors[f"{name}.lora_down.weight"] = down.detach().float().cpu().contiguous()
        tensors[f"{name}.lora_up.weight"] = up.detach().float().cpu().contiguous()
        tensors[f"{name}.alpha"] = torch.tensor(float(down.shape[0]))
    return tensors


def check_loads_back(base_folder: Path, deltas: Deltas, file: Path) -> None:
    """Load a file as a user of plain diffusers would and compare ΔW module by module.

    Raises:
        ExportError: A module is missing, changes nothing, or comes out different.
    """
    loaded = _loaded_deltas(base_folder, file)
    for path, (down, up) in deltas.items():
        trained = (up @ down).detach().float().cpu()
        if not torch.isfinite(trained).all() or not trained.any():
            raise _bad(
                f"an update of {path} that is zero or not a number",
                "Train for more steps, or with a lower learning rate",
            )
        if path not in loaded or not torch.allclose(
            loaded[path], trained, rtol=0, atol=_TOLERANCE * float(trained.abs().max())
        ):
            raise _bad(f"another update of {path} in a fresh pipeline", "Install the versions that pyproject.toml pins")


def describe(
    base: BaseModel, spec: TrainingSpec, target: str, rows: int, dataset_sha256: str, extra: Mapping[str, Any]
) -> dict[str, str]:
    """Metadata for the header: kohya's ss_*, ModelSpec 1.0.1 and our own spf.*; no paths and no names of pictures.

    Args:
        base: The base model.
        spec: What was ordered.
        target: The phrase that was taught.
        rows: Number of portraits.
        dataset_sha256: Hash of the caption set.
        extra: More spf.* values; anything JSON can hold.
    """
    size_px = spec.image_size_px or base.image_size_px
    ours = {"method": spec.method, "base": base.key, "target": target, "dataset_sha256": dataset_sha256}
    return {
        **_kohya_header(base, spec, target, rows, size_px),
        **_modelspec_header(base, spec, target, size_px),
        **{f"spf.{key}": value for key, value in ours.items()},
        "spf.spec": spec.model_dump_json(),
        **{f"spf.{key}": json.dumps(value) for key, value in extra.items()},
    }


def _kohya_header(base: BaseModel, spec: TrainingSpec, target: str, rows: int, size_px: int) -> dict[str, str]:
    return {
        "ss_v2": "False",
        "ss_base_model_version": "sd_v1",
        "ss_sd_model_name": base.key,
        "ss_network_module": "networks.lora",
        "ss_network_dim": str(spec.rank),
        "ss_network_alpha": str(float(spec.rank)),
        "ss_network_args": "{}",
        "ss_output_name": f"{spec.method}-{target}",
        "ss_resolution": f"({size_px}, {size_px})",
        "ss_num_train_images": str(rows),
        "ss_steps": str(spec.stage1_steps + spec.stage2_steps),
        "ss_learning_rate": str(spec.learning_rate),
        "ss_seed": str(spec.seed),
    }


def _modelspec_header(base: BaseModel, spec: TrainingSpec, target: str, size_px: int) -> dict[str, str]:
    return {
        "modelspec.sai_model_spec": "1.0.1",
        "modelspec.architecture": "stable-diffusion-v1/lora",
        "modelspec.implementation": "diffusers",
        "modelspec.title": f"{target} ({spec.method} on {base.key})",
        "modelspec.resolution": f"{size_px}x{size_px}",
        "modelspec.date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "modelspec.trigger_phrase": target,
        "modelspec.usage_hint": f"Append {target!r} to the prompt, as its last phrase.",
        "modelspec.prediction_type": "v" if base.schedule.prediction == "v_prediction" else "epsilon",
    }


def _loaded_deltas(base_folder: Path, file: Path) -> dict[str, Tensor]:
    """ΔW by module path in a pipeline that has nothing but a U-Net."""
    unet = diffusers.UNet2DConditionModel.from_pretrained(base_folder / "unet", dtype=torch.float32)
    parts = dict.fromkeys(("vae", "text_encoder", "tokenizer", "scheduler", "safety_checker", "feature_extractor"))
    pipeline: Any = diffusers.StableDiffusionPipeline(**parts, unet=unet, requires_safety_checker=False)
    pipeline.load_lora_weights(file.parent, weight_name=file.name, adapter_name="check", local_files_only=True)
    return {path: layer.get_delta_weight("check").detach() for path, layer in lora_layers(pipeline.unet)}


def _tensor_hash(tensors: Mapping[str, Tensor]) -> str:
    """ModelSpec's hash: sha256 of the tensors' bytes in the order of the file, without the header."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(tensors[name].numpy().tobytes())
    return f"0x{digest.hexdigest()}"


def _bad(found: str, hint: str) -> ExportError:
    return ExportError("export_check_failed", found, "the update that was trained, not zero, in every module", hint)
