from pathlib import Path

import pytest
import torch

from spf_portrait.adapter import (
    ALL_ATTENTION,
    CROSS_ATTENTION,
    adapter_deltas,
    adapter_off,
    adapter_parameters,
    attach_adapter,
    load_adapter,
    set_strength,
)
from spf_portrait.base_model import BaseModel, load_base, predict
from spf_portrait.contract.errors import ModelError
from spf_portrait.export import kohya_tensors
from spf_portrait.untyped import safetensors_torch

X_T, T, STATES = torch.randn(2, 8, 8, 8), torch.tensor([10, 500]), torch.randn(2, 77, 32)


def scramble(base: BaseModel) -> None:
    with torch.no_grad():
        for parameter in adapter_parameters(base.unet):
            parameter.normal_()


def test_off_is_exactly_off(base: BaseModel) -> None:
    with torch.no_grad():
        before = predict(base, X_T, T, STATES)
        attach_adapter(base.unet, 2, CROSS_ATTENTION)
        assert torch.equal(predict(base, X_T, T, STATES), before), "a new adapter changes nothing"
        scramble(base)
        tuned = predict(base, X_T, T, STATES)
        with adapter_off(base.unet):
            assert torch.equal(predict(base, X_T, T, STATES), before)
        assert torch.equal(predict(base, X_T, T, STATES), tuned)
        assert not torch.equal(tuned, before)
        set_strength(base.unet, 0)
        assert torch.equal(predict(base, X_T, T, STATES), before)


def test_only_the_adapter_trains(base: BaseModel) -> None:
    attach_adapter(base.unet, 2, CROSS_ATTENTION)
    trainable = {name for name, parameter in base.unet.named_parameters() if parameter.requires_grad}
    assert trainable
    assert all(".attn2." in name and ".lora_" in name for name in trainable)
    assert len(trainable) == len(adapter_parameters(base.unet)) == 4 * 4 * 2, "4 layers of 4 matrices, down and up"


def test_plain_lora_adapts_self_attention_too(base: BaseModel) -> None:
    attach_adapter(base.unet, 2, ALL_ATTENTION)
    assert any(".attn1." in path for path in adapter_deltas(base.unet))


def test_the_seed_decides_the_start(models_dir: Path) -> None:
    starts: list[torch.Tensor] = []
    for seed in (1, 1, 2):
        base = load_base("tiny", models_dir)
        attach_adapter(base.unet, 2, CROSS_ATTENTION, seed)
        starts.append(adapter_parameters(base.unet)[0])
    assert torch.equal(starts[0], starts[1])
    assert not torch.equal(starts[0], starts[2])


def test_a_file_loads_back_exactly(base: BaseModel, models_dir: Path, tmp_path: Path) -> None:
    attach_adapter(base.unet, 3, CROSS_ATTENTION)
    scramble(base)
    safetensors_torch.save_file(
        kohya_tensors(adapter_deltas(base.unet)), tmp_path / "a.safetensors", {"spf.target": "hat"}
    )
    fresh = load_base("tiny", models_dir)
    assert load_adapter(fresh.unet, tmp_path / "a.safetensors") == {"spf.target": "hat"}
    assert torch.equal(predict(fresh, X_T, T, STATES), predict(base, X_T, T, STATES))


def test_alpha_is_folded_in(base: BaseModel, models_dir: Path, tmp_path: Path) -> None:
    attach_adapter(base.unet, 2, CROSS_ATTENTION)
    scramble(base)
    tensors = kohya_tensors(adapter_deltas(base.unet))
    halved = {name: tensor / 2 if name.endswith("alpha") else tensor for name, tensor in tensors.items()}
    safetensors_torch.save_file(halved, tmp_path / "half.safetensors")
    fresh = load_base("tiny", models_dir)
    load_adapter(fresh.unet, tmp_path / "half.safetensors")
    set_strength(base.unet, 0.5)
    torch.testing.assert_close(predict(fresh, X_T, T, STATES), predict(base, X_T, T, STATES))


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"lora_unet_no_such_layer.alpha": torch.ones(())}, "no_such_layer"),
        ({}, "modules"),
    ],
)
def test_foreign_files_are_refused(
    base: BaseModel, tmp_path: Path, tensors: dict[str, torch.Tensor], message: str
) -> None:
    safetensors_torch.save_file(tensors, tmp_path / "foreign.safetensors")
    with pytest.raises(ModelError, match=message):
        load_adapter(base.unet, tmp_path / "foreign.safetensors")


def test_a_missing_or_broken_file_is_named(base: BaseModel, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"nowhere\.safetensors"):
        load_adapter(base.unet, tmp_path / "nowhere.safetensors")
    (tmp_path / "broken.safetensors").write_bytes(b"not a tensor")
    with pytest.raises(ModelError, match=r"broken\.safetensors"):
        load_adapter(base.unet, tmp_path / "broken.safetensors")
