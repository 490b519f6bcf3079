"""The bundled model has never learnt sunglasses, but where they are it can tell."""

from dataclasses import replace

import pytest
import torch

from spf_portrait.contract.training_spec import TrainingSpec
from spf_portrait.drawing.map_settings import MapSettings
from spf_portrait.evaluation.control_maps import TIMES, control_map_quality, covered_share
from spf_portrait.method.clip_space import load_clip_space
from spf_portrait.models.base_model import BaseModel, load_base
from spf_portrait.pico.known_domain import PicoDomain


@pytest.fixture(scope="module")
def pico() -> BaseModel:
    return load_base("pico")


def test_the_share_of_a_cell_that_a_mask_covers() -> None:
    mask = torch.zeros(4, 8, dtype=torch.bool)
    mask[:2, :2], mask[3, 7] = True, True
    assert covered_share(mask, 2, 4).tolist() == [[1, 0, 0, 0], [0, 0, 0, 0.25]]


def test_the_map_of_a_known_attribute_finds_it(pico: BaseModel) -> None:
    portraits = PicoDomain(pico.path, "a hat").portraits(range(3))
    clip = load_clip_space(pico.path, pico.tokenizer, pico.device)
    wide = TrainingSpec(control_map_gain=0, control_map_from=0.15, control_map_to=0.55, control_map_min_snr_db=-60)
    found = control_map_quality(pico, clip, portraits, MapSettings(spec=wide, noise_scale=None, bank_range=None))
    assert [len(at_times) for at_times in found] == [len(TIMES)] * 3
    assert sum(quality.auc for at_times in found for quality in at_times) / 15 > 0.7
    assert all(0 <= quality.outside <= quality.inside <= 1 for at_times in found for quality in at_times)


def test_scale_and_gain_of_the_training_arrive(pico: BaseModel) -> None:
    portraits = PicoDomain(pico.path, "sunglasses").portraits([0])
    clip = load_clip_space(pico.path, pico.tokenizer, pico.device)
    by_default = MapSettings(spec=TrainingSpec(control_map_gain=0), noise_scale=None, bank_range=None)
    wide = replace(by_default, noise_scale=torch.full((10,), 1e6))
    subtracted = MapSettings(spec=TrainingSpec(control_map_gain=4), noise_scale=None, bank_range=(-2, -1))
    plain, flat, less = (control_map_quality(pico, clip, portraits, one)[0] for one in (by_default, wide, subtracted))
    assert all(quality.inside < 1e-3 for quality in flat)
    assert all(after.inside < before.inside for after, before in zip(less, plain, strict=True))
