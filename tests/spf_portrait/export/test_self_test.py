"""The self-test against files that other tools would misread without an error."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from spf_portrait.adapter import CROSS_ATTENTION, Deltas, adapter_deltas, attach_adapter, lora_layers
from spf_portrait.contract.errors import ExportError
from spf_portrait.export.hashes import tensor_hash
from spf_portrait.export.self_test import check_file
from spf_portrait.export.tensors import diffusers_tensors, single_file_tensors
from spf_portrait.models.base_model import BaseModel
from spf_portrait.running.untyped import diffusers, safetensors_torch
from tests.spf_portrait.tiny_adapters import scramble


@pytest.fixture
def deltas(base: BaseModel) -> Deltas:
    attach_adapter(base.network, 2, CROSS_ATTENTION)
    scramble(base.network)
    return adapter_deltas(base.network)


def saved(tensors: dict[str, Tensor], file: Path, **header: str) -> Path:
    digest = tensor_hash(tensors)
    told = {"sshs_model_hash": digest, "modelspec.hash_sha256": f"0x{digest}", "ss_base_model_version": "sd_v1"}
    safetensors_torch.save_file(tensors, file, told | header)
    return file


def applied(models_dir: Path, file: Path) -> dict[str, Tensor]:
    """ΔW by module in a pipeline of plain diffusers."""
    pipeline: Any = diffusers.StableDiffusionPipeline.from_pretrained(models_dir / "tiny", local_files_only=True)
    pipeline.load_lora_weights(file.parent, weight_name=file.name, adapter_name="check", local_files_only=True)
    return {path: layer.get_delta_weight("check") for path, layer in lora_layers(pipeline.unet)}


def test_sound_files_pass_in_both_layouts(base: BaseModel, deltas: Deltas, tmp_path: Path) -> None:
    check_file(base, deltas, saved(single_file_tensors(base, deltas), tmp_path / "kohya.safetensors"))
    check_file(base, deltas, saved(diffusers_tensors(deltas, "unet"), tmp_path / "diffusers.safetensors"))


@pytest.mark.filterwarnings("ignore:The following alpha_pattern")
def test_alphas_of_their_own_load_wrongly_without_an_error_and_are_refused(
    base: BaseModel, deltas: Deltas, models_dir: Path, tmp_path: Path
) -> None:
    tensors = single_file_tensors(base, deltas)
    alphas = [name for name in tensors if name.endswith(".alpha")]
    for number, name in enumerate(alphas):
        tensors[name] = torch.tensor(1.0 + number)
    file = saved(tensors, tmp_path / "alphas.safetensors")
    found = applied(models_dir, file)
    meant = {
        path: up.detach() @ down.detach() * (float(tensors[alpha]) / 2)
        for (path, (down, up)), alpha in zip(deltas.items(), alphas, strict=True)
    }
    assert max((found[path] - meant[path]).abs().max() for path in meant) > 0.1, "no more than a warning"
    with pytest.raises(ExportError, match="alpha = rank in every module"):
        check_file(base, deltas, file)


@pytest.mark.parametrize("prefix", ["", "base_model.model."])
def test_names_without_the_networks_load_as_nothing_without_an_error_and_are_refused(
    base: BaseModel, deltas: Deltas, models_dir: Path, tmp_path: Path, prefix: str
) -> None:
    tensors = {
        prefix + name.removeprefix("unet."): tensor for name, tensor in diffusers_tensors(deltas, "unet").items()
    }
    file = saved(tensors, tmp_path / "bare.safetensors")
    assert applied(models_dir, file) == {}, "no more than a warning"
    with pytest.raises(ExportError, match=r"another update of .* in a fresh pipeline"):
        check_file(base, deltas, file)


def doubled(name: str, tensor: Tensor) -> tuple[str, Tensor]:
    return name, tensor * 2 if "to_v.lora_up" in name else tensor


def emptied(name: str, tensor: Tensor) -> tuple[str, Tensor]:
    return name, tensor * 0 if "lora_up" in name else tensor


def misnamed(name: str, tensor: Tensor) -> tuple[str, Tensor]:
    return name.replace("to_q", "to_x"), tensor


def with_other_keys(name: str, tensor: Tensor) -> tuple[str, Tensor]:
    return name.replace(".alpha", ".scale"), tensor


def cut(name: str, tensor: Tensor) -> tuple[str, Tensor]:
    return name, tensor[:1] if "to_q.lora_down" in name else tensor


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (doubled, "another update"),
        (emptied, "another update"),
        (misnamed, "diffusers refuses|another update"),
        (with_other_keys, "ComfyUI would leave over"),
        (cut, "one rank"),
    ],
)
def test_damage_is_found(
    base: BaseModel,
    deltas: Deltas,
    tmp_path: Path,
    change: Callable[[str, Tensor], tuple[str, Tensor]],
    message: str,
) -> None:
    changed = dict(change(*item) for item in single_file_tensors(base, deltas).items())
    damaged = {name: tensor.contiguous() for name, tensor in changed.items()}
    with pytest.raises(ExportError, match=message):
        check_file(base, deltas, saved(damaged, tmp_path / "damaged.safetensors"))


def test_a_missing_or_an_untrained_module_is_found(base: BaseModel, deltas: Deltas, tmp_path: Path) -> None:
    one, *others = deltas
    file = saved(single_file_tensors(base, {path: deltas[path] for path in others}), tmp_path / "less.safetensors")
    with pytest.raises(ExportError, match=f"another update of {one}"):
        check_file(base, deltas, file)
    whole = saved(single_file_tensors(base, deltas), tmp_path / "more.safetensors")
    with pytest.raises(ExportError, match=f"an update of {one}, which was not trained"):
        check_file(base, {path: deltas[path] for path in others}, whole)


@pytest.mark.parametrize("value", [0.0, float("nan")])
def test_an_adapter_that_does_nothing_or_is_no_number_is_refused(
    base: BaseModel, deltas: Deltas, tmp_path: Path, value: float
) -> None:
    empty = {path: (down * value, up) for path, (down, up) in deltas.items()}
    with pytest.raises(ExportError, match="zero or not a number"):
        check_file(base, empty, saved(single_file_tensors(base, empty), tmp_path / "a.safetensors"))


def test_the_header_must_tell_the_truth_and_no_place(base: BaseModel, deltas: Deltas, tmp_path: Path) -> None:
    tensors = single_file_tensors(base, deltas)
    for header, message in (
        ({"sshs_model_hash": "0" * 64}, "hash"),
        ({"ss_base_model_version": "sdxl_base_v1-0"}, "A1111 would take for SDXL"),
        ({"spf.note": f"trained in {tmp_path}/run"}, "local path in the header's spf.note"),
        ({"ss_sd_model_name": str(base.path)}, "local path in the header's ss_sd_model_name"),
    ):
        with pytest.raises(ExportError, match=message):
            check_file(base, deltas, saved(tensors, tmp_path / "a.safetensors", **header))
