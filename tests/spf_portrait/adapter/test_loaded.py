from pathlib import Path

import pytest
import torch
from torch import Tensor

from spf_portrait.adapter import (
    ALL_ATTENTION,
    CROSS_ATTENTION,
    adapter_deltas,
    adapter_off,
    adapters_loaded,
    attach_adapter,
    remove_adapter,
)
from spf_portrait.adapter.kohya_names import kohya_names
from spf_portrait.contract.errors import ModelError
from spf_portrait.export.tensors import kohya_tensors
from spf_portrait.models.base_model import BaseModel, predict
from spf_portrait.models.families.text_embedding import TextEmbedding
from spf_portrait.running.untyped import safetensors_torch
from tests.spf_portrait.tiny_adapters import scramble

X_T, T = torch.randn(2, 8, 8, 8), torch.tensor([10, 500])
TEXT = TextEmbedding(torch.randn(2, 77, 32), torch.randn(2, 32))


@pytest.fixture
def files(base: BaseModel, tmp_path: Path) -> dict[str, Path]:
    """Two adapters of different ranks and layers."""
    found: dict[str, Path] = {}
    for seed, (name, rank, targets) in enumerate((("hair", 2, CROSS_ATTENTION), ("hat", 3, ALL_ATTENTION))):
        attach_adapter(base.network, rank, targets)
        scramble(base.network, seed)
        found[name] = tmp_path / f"{name}.safetensors"
        tensors = kohya_tensors(adapter_deltas(base.network), kohya_names(base.network))
        safetensors_torch.save_file(tensors, found[name], {"spf.target": name})
        remove_adapter(base.network)
    return found


def answer(base: BaseModel) -> Tensor:
    with torch.no_grad():
        return predict(base, X_T, T, TEXT)


def merged(base: BaseModel, files: list[tuple[Path, float]]) -> Tensor:
    """The answer with W + Σ s_i ΔW_i written into the weights themselves."""
    originals = {name: tensor.clone() for name, tensor in base.network.state_dict().items()}
    paths = {name: path for path, name in kohya_names(base.network).items()}
    with torch.no_grad():
        for file, strength in files:
            tensors = safetensors_torch.load_file(file)
            for name in {key.split(".")[0] for key in tensors}:
                up, down = (tensors[f"{name}.lora_{part}.weight"] for part in ("up", "down"))
                base.network.get_parameter(f"{paths[name]}.weight").add_(strength * (up @ down))
    drawn = answer(base)
    base.network.load_state_dict(originals)
    return drawn


def test_two_adapters_add_up(base: BaseModel, files: dict[str, Path]) -> None:
    both = [(files["hair"], 0.6), (files["hat"], 1.3)]
    with adapters_loaded(base.network, both) as headers:
        together = answer(base)
    assert [header["spf.target"] for header in headers] == ["hair", "hat"]
    torch.testing.assert_close(together, merged(base, both), rtol=1e-4, atol=1e-5)
    alone = [merged(base, [one]) for one in both]
    assert all((together - one).abs().max() > 1e-3 for one in alone)


def test_off_is_exact_with_two_and_a_strength_of_0_leaves_the_other(base: BaseModel, files: dict[str, Path]) -> None:
    before = answer(base)
    with adapters_loaded(base.network, [(files["hair"], 1.0), (files["hat"], 1.0)]):
        with adapter_off(base.network):
            assert torch.equal(answer(base), before)
        assert not torch.equal(answer(base), before)
    with adapters_loaded(base.network, [(files["hat"], 1.0)]):
        hat = answer(base)
    with adapters_loaded(base.network, [(files["hair"], 0.0), (files["hat"], 1.0)]) as headers:
        assert torch.equal(answer(base), hat)
        assert len(headers) == 2
    with adapters_loaded(base.network, [(files["hair"], 0.0), (files["hat"], 0.0)]):
        assert torch.equal(answer(base), before)


def test_the_same_adapter_twice_is_twice_as_strong(base: BaseModel, files: dict[str, Path]) -> None:
    with adapters_loaded(base.network, [(files["hair"], 0.5), (files["hair"], 0.5)]):
        twice = answer(base)
    with adapters_loaded(base.network, [(files["hair"], 1.0)]):
        torch.testing.assert_close(twice, answer(base))


def test_the_network_is_left_as_it_was_found(base: BaseModel, files: dict[str, Path], tmp_path: Path) -> None:
    layout, before = repr(base.network), answer(base)
    with adapters_loaded(base.network, [(files["hair"], 1.0), (files["hat"], 0.5)]):
        pass
    assert repr(base.network) == layout
    with pytest.raises(ModelError), adapters_loaded(base.network, [(files["hair"], 1.0), (tmp_path / "gone", 0.0)]):
        pass
    assert repr(base.network) == layout
    assert torch.equal(answer(base), before)
