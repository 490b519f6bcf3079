"""The region of a target, from exact class maps: it must hold all that the target can change."""

import pytest
import torch

from spf_portrait.metrics.segmentation import region_of_classes
from spf_portrait.pico.domain import AXIS, held_back
from spf_portrait.pico.held_out import held_out_portrait, place_of
from spf_portrait.pico.parsing import class_map
from spf_portrait.pico.regions import LATENT_CELL_PX
from spf_portrait.pico.renderer import exact_mask
from spf_portrait.pico.target_parts import TARGET_PARTS


def test_every_axis_has_parts() -> None:
    assert TARGET_PARTS.keys() == AXIS.keys()


@pytest.mark.parametrize("phrase", held_back())
def test_what_the_target_changes_lies_in_its_region(phrase: str) -> None:
    axis, value = place_of(phrase)
    for seed in range(3):
        portrait = held_out_portrait(axis, value, phrase, seed)
        maps = [torch.from_numpy(class_map(item)) for item in (portrait.without_target, portrait.attributes)]
        region = region_of_classes(maps[0], maps[1], TARGET_PARTS[axis], LATENT_CELL_PX)
        changed = torch.from_numpy(exact_mask(portrait.without_target, axis, value))
        assert (changed & region).sum() / changed.sum() > 0.97
        assert region.float().mean() < 0.75
