from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from spf_portrait.adapter import (
    CROSS_ATTENTION,
    adapter_deltas,
    attach_adapter,
    load_adapter,
    remove_adapter,
    set_strength,
)
from spf_portrait.adapter.kohya_names import kohya_names
from spf_portrait.contract.errors import ModelError
from spf_portrait.export.tensors import diffusers_tensors, kohya_tensors
from spf_portrait.models.base_model import BaseModel, load_base, predict
from spf_portrait.models.families.text_embedding import TextEmbedding
from spf_portrait.running.untyped import safetensors_torch
from tests.spf_portrait.tiny_adapters import scramble

X_T, T = torch.randn(2, 8, 8, 8), torch.tensor([10, 500])
TEXT = TextEmbedding(torch.randn(2, 77, 32), torch.randn(2, 32))
Tensors = dict[str, Tensor]


@pytest.fixture
def tuned(base: BaseModel) -> BaseModel:
    attach_adapter(base.network, 3, CROSS_ATTENTION)
    scramble(base.network)
    return base


@pytest.fixture
def fresh(models_dir: Path) -> BaseModel:
    return load_base("tiny", models_dir)


def in_layout(base: BaseModel, layout: str) -> Tensors:
    deltas = adapter_deltas(base.network)
    if layout == "diffusers":
        return diffusers_tensors(deltas, "unet")
    return kohya_tensors(deltas, kohya_names(base.network, ldm=layout == "ldm"))


@pytest.mark.parametrize("layout", ["kohya", "ldm", "diffusers"])
def test_a_file_in_any_layout_loads_back_exactly(
    tuned: BaseModel, fresh: BaseModel, tmp_path: Path, layout: str
) -> None:
    safetensors_torch.save_file(in_layout(tuned, layout), tmp_path / "a.safetensors", {"spf.target": "hat"})
    assert load_adapter(fresh.network, tmp_path / "a.safetensors") == {"spf.target": "hat"}
    assert torch.equal(predict(fresh, X_T, T, TEXT), predict(tuned, X_T, T, TEXT))


def test_alpha_is_folded_in(tuned: BaseModel, fresh: BaseModel, tmp_path: Path) -> None:
    tensors = in_layout(tuned, "kohya")
    halved = {name: tensor / 2 if name.endswith("alpha") else tensor for name, tensor in tensors.items()}
    safetensors_torch.save_file(halved, tmp_path / "half.safetensors")
    load_adapter(fresh.network, tmp_path / "half.safetensors")
    set_strength(tuned.network, 0.5)
    torch.testing.assert_close(predict(fresh, X_T, T, TEXT), predict(tuned, X_T, T, TEXT))


def test_other_widths_are_named_with_the_base_they_were_made_for(
    tuned: BaseModel, fresh: BaseModel, tmp_path: Path
) -> None:
    wider = {
        name: torch.nn.functional.pad(tensor, (0, 736)) if name.endswith("to_k.lora_down.weight") else tensor
        for name, tensor in in_layout(tuned, "kohya").items()
    }
    safetensors_torch.save_file(wider, tmp_path / "wide.safetensors", {"spf.base": "sd15"})
    expected = r"\[16, 768\] of .*to_k in .*made for the base model sd15; allowed: \[16, 32\]"
    with pytest.raises(ModelError, match=expected):
        load_adapter(fresh.network, tmp_path / "wide.safetensors")


def of_no_layer(tensors: Tensors) -> Tensors:
    return {"lora_unet_no_such_layer.alpha": torch.ones(())}


def of_nothing(tensors: Tensors) -> Tensors:
    return {}


def of_the_text_encoder_too(tensors: Tensors) -> Tensors:
    return {**tensors, "lora_te_text_model_x.lora_down.weight": torch.ones(3, 3)}


def of_one_factor(tensors: Tensors) -> Tensors:
    return {name: tensor for name, tensor in tensors.items() if "lora_up" not in name}


def of_two_ranks(tensors: Tensors) -> Tensors:
    down = {name: tensor[:1] for name, tensor in tensors.items() if "to_k.lora_down" in name}
    up = {name: tensor[:, :1] for name, tensor in tensors.items() if "to_k.lora_up" in name}
    return tensors | down | up


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (of_no_layer, "no_such_layer"),
        (of_nothing, "one rank in all modules"),
        (of_the_text_encoder_too, "lora_te_"),
        (of_one_factor, "down and up"),
        (of_two_ranks, r"ranks \[1, 3\]"),
    ],
)
def test_what_does_not_fit_is_refused(
    tuned: BaseModel, tmp_path: Path, change: Callable[[Tensors], Tensors], message: str
) -> None:
    changed = {name: tensor.contiguous() for name, tensor in change(in_layout(tuned, "kohya")).items()}
    safetensors_torch.save_file(changed, tmp_path / "foreign.safetensors")
    remove_adapter(tuned.network)
    with pytest.raises(ModelError, match=message):
        load_adapter(tuned.network, tmp_path / "foreign.safetensors")


def test_a_missing_or_broken_file_is_named(base: BaseModel, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"nowhere\.safetensors"):
        load_adapter(base.network, tmp_path / "nowhere.safetensors")
    (tmp_path / "broken.safetensors").write_bytes(b"not a tensor")
    with pytest.raises(ModelError, match=r"broken\.safetensors"):
        load_adapter(base.network, tmp_path / "broken.safetensors")
