"""TokenCompose: both losses are the paper's formulas, and they reach the layers that they are about."""

from collections.abc import Callable
from math import log
from pathlib import Path

import pytest
import torch

from spf_portrait.contract.errors import DataError
from spf_portrait.method.attention_recorder import AttentionRecorder
from spf_portrait.models.base_model import BaseModel
from spf_portrait.training.baselines.tokencompose import pixel_loss, supervised_layers, token_loss
from spf_portrait.training.preparation import TrainingJob
from tests.spf_portrait.stepping import adapter_of, stepped
from tests.spf_portrait.tiny_model import write_caption_folder

Make = Callable[..., TrainingJob]
COLUMNS, SIDE = 3, 4


def maps(cells: int, *shares: float) -> torch.Tensor:
    """One row; every column pays these shares of attention to the cells."""
    return torch.tensor(shares).reshape(1, cells, 1).repeat(1, 1, COLUMNS)


def left_half(*columns: int) -> torch.Tensor:
    masks = torch.zeros(1, COLUMNS, SIDE, SIDE)
    masks[:, list(columns), :, : SIDE // 2] = 1
    return masks


def test_the_share_of_attention_outside_the_mask_costs_layer_by_layer() -> None:
    inside, half = maps(4, 0.4, 0.0, 0.4, 0.0), maps(4, 0.1, 0.1, 0.2, 0.2)
    assert token_loss([inside], left_half(0, 2)) == 0
    torch.testing.assert_close(token_loss([half], left_half(0, 2)), torch.tensor(0.25))
    torch.testing.assert_close(token_loss([inside, half, half], left_half(1)), torch.tensor(0.5))


def test_masks_of_ones_leave_the_pixels_alone_to_pay() -> None:
    everywhere, layer = torch.ones(1, COLUMNS, SIDE, SIDE), maps(4, 0.1, 0.2, 0.3, 0.4)
    assert token_loss([layer], everywhere).item() == pytest.approx(0, abs=1e-12)
    expected = -sum(log(share) for share in (0.1, 0.2, 0.3, 0.4)) / 4
    assert pixel_loss([layer], everywhere).item() == pytest.approx(expected, rel=1e-5)


def test_layers_of_one_resolution_are_compared_by_their_mean_map() -> None:
    first, second = maps(4, 0.2, 0.6, 0.2, 0.6), maps(4, 0.4, 0.2, 0.4, 0.2)
    together = pixel_loss([first, second], left_half(0))
    torch.testing.assert_close(together, pixel_loss([maps(4, 0.3, 0.4, 0.3, 0.4)], left_half(0)))
    fine = maps(16, *[0.3] * 16)
    torch.testing.assert_close(
        pixel_loss([first, second, fine], left_half(0)), together + pixel_loss([fine], left_half(0))
    )


def test_phrases_without_a_mask_do_not_count() -> None:
    layer = maps(4, 0.1, 0.1, 0.2, 0.2)
    layer[:, :, 1] = torch.tensor([0.0, 1.0, 0.0, 1.0])
    torch.testing.assert_close(token_loss([layer], left_half(0)), torch.tensor(0.25))
    assert token_loss([layer], left_half()) == pixel_loss([layer], left_half()) == 0


def test_layers_in_the_middle_and_on_the_way_up_are_supervised(base: BaseModel) -> None:
    with AttentionRecorder(base.network) as recorder:
        names = [recorder.layer_names[layer] for layer in supervised_layers(recorder)]
    assert {name.partition("_")[0] for name in names} == {"mid", "up"}
    assert len(names) < len(recorder.layer_names)


def test_both_losses_change_the_training(make_job: Make) -> None:
    weights = {"token_weight": 0.0, "pixel_weight": 0.0}
    plain = stepped(make_job("plain", method="lora"))
    unweighted = stepped(make_job("unweighted", method="tokencompose", rivals={"tokencompose": weights}))
    for name, tensor in adapter_of(plain).items():
        torch.testing.assert_close(adapter_of(unweighted)[name], tensor)
    for term in weights:
        options = {"tokencompose": weights | {term: 1.0}}
        weighted = adapter_of(stepped(make_job(term, method="tokencompose", rivals=options)))
        assert any(not torch.allclose(weighted[name], tensor) for name, tensor in adapter_of(plain).items())


def test_a_set_without_masks_is_refused_with_what_to_do(make_job: Make, tmp_path: Path) -> None:
    job = make_job(method="tokencompose")
    bare = TrainingJob(
        write_caption_folder(tmp_path / "bare"), job.out, job.checkpoints, job.spec, models_dir=job.models_dir
    )
    with pytest.raises(
        DataError, match=r"a caption set without masks; allowed: .*masks/<name of the portrait"
    ) as refusal:
        stepped(bare)
    assert "Add masks" in refusal.value.hint
