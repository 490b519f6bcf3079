"""A whole network's differences: from training to file and back, exactly as far as half precision goes."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from spf_portrait.adapter import (
    adapter_parameters,
    adapters_loaded,
    attach_network_change,
    remove_adapter,
    set_strength,
)
from spf_portrait.contract.artifacts import ADAPTER, ADAPTER_PICTURE, LOSS_LOG, REPORT
from spf_portrait.contract.errors import ExportError, ModelError, SpecError
from spf_portrait.contract.training_spec import TrainingSpec
from spf_portrait.export import AdapterFacts, export_checkpoint
from spf_portrait.models.base_model import BaseModel, load_base, predict
from spf_portrait.models.families.text_embedding import TextEmbedding
from spf_portrait.running.untyped import safetensors_torch
from spf_portrait.training.preparation import TrainingJob
from spf_portrait.training.train import train

FACTS = AdapterFacts(TrainingSpec(base="tiny", method="naive"), "a hat", 4, "abc", 5)


def answer(base: BaseModel) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    x_t = torch.randn(1, 8, 8, 8, generator=generator)
    text = TextEmbedding(torch.randn(1, 77, 32, generator=generator), torch.zeros(1, 32))
    with torch.no_grad():
        return predict(base, x_t, torch.tensor([300]), text)


@pytest.fixture
def tuned(base: BaseModel) -> BaseModel:
    attach_network_change(base.network)
    with torch.no_grad():
        for parameter in adapter_parameters(base.network):
            parameter.normal_(std=0.02)
    return base


def test_the_file_draws_as_the_training_did(tuned: BaseModel, models_dir: Path, tmp_path: Path) -> None:
    exported = export_checkpoint(tuned, FACTS, tmp_path)
    assert (exported.reach.tools, exported.captured_energy) == ((), None)
    assert "no LoRA" in exported.reach.reason
    fresh = load_base("tiny", models_dir)
    untouched = answer(fresh)
    with adapters_loaded(fresh.network, [(tmp_path / ADAPTER, 1.0)]) as headers:
        torch.testing.assert_close(answer(fresh), answer(tuned), rtol=1e-3, atol=1e-3)
        assert headers[0]["spf.adapter"] == "whole_network"
    assert torch.equal(answer(fresh), untouched)
    with adapters_loaded(fresh.network, [(tmp_path / ADAPTER, 0.5)]):
        half = answer(fresh)
    set_strength(tuned.network, 0.5)
    torch.testing.assert_close(half, answer(tuned), rtol=1e-3, atol=1e-3)


def test_another_networks_differences_are_refused(tuned: BaseModel, models_dir: Path, tmp_path: Path) -> None:
    export_checkpoint(tuned, FACTS, tmp_path)
    tensors: dict[str, Tensor] = safetensors_torch.load_file(tmp_path / ADAPTER)
    safetensors_torch.save_file(dict(list(tensors.items())[1:]), tmp_path / "less.safetensors")
    fresh = load_base("tiny", models_dir)
    with (
        pytest.raises(ModelError, match=r"another network's weights in .*less\.safetensors"),
        adapters_loaded(fresh.network, [(tmp_path / "less.safetensors", 1.0)]),
    ):
        pass


def test_it_draws_with_no_other_adapter(tuned: BaseModel, models_dir: Path, tmp_path: Path) -> None:
    export_checkpoint(tuned, FACTS, tmp_path)
    fresh = load_base("tiny", models_dir)
    with (
        pytest.raises(SpecError, match="one of them at a time"),
        adapters_loaded(fresh.network, [(tmp_path / ADAPTER, 1.0), (tmp_path / ADAPTER, 0.5)]),
    ):
        pass
    with adapters_loaded(fresh.network, [(tmp_path / ADAPTER, 1.0), (tmp_path / ADAPTER, 0.0)]):
        assert not torch.equal(answer(fresh), answer(load_base("tiny", models_dir)))


def test_a_number_that_half_precision_cannot_hold_leaves_nothing(tuned: BaseModel, tmp_path: Path) -> None:
    with torch.no_grad():
        adapter_parameters(tuned.network)[3].add_(1e6)
    with pytest.raises(ExportError, match="half precision"):
        export_checkpoint(tuned, FACTS, tmp_path)
    remove_adapter(tuned.network)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_naive_training_ends_with_its_file(make_job: Callable[..., TrainingJob]) -> None:
    job = make_job(method="naive", learning_rate=1e-4)
    finished = train(job, lambda event: None)
    assert finished.files.keys() == {ADAPTER, ADAPTER_PICTURE, REPORT, LOSS_LOG}
    tensors: dict[str, Tensor] = safetensors_torch.load_file(job.out / ADAPTER)
    assert sum(bool(tensor.any()) for tensor in tensors.values()) > 0.9 * len(tensors)
