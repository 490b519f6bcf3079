import pytest
import torch

from spf_portrait.metrics.segmentation import dilated, region_of_classes, seg_cons

HAIR, SKIN, HAT = 0, 1, 2


def test_equal_maps_agree_everywhere() -> None:
    classes = torch.randint(0, 9, (6, 6))
    assert seg_cons(classes, classes, torch.zeros(6, 6, dtype=torch.bool)) == 100
    assert seg_cons(classes, classes + 1, torch.ones(6, 6, dtype=torch.bool)) == 100


def test_only_pixels_outside_the_region_count() -> None:
    reference, response = torch.full((2, 4), SKIN), torch.full((2, 4), SKIN)
    response[0] = HAT
    region = torch.zeros(2, 4, dtype=torch.bool)
    assert seg_cons(reference, response, region) == 50
    region[0, :2] = True
    assert seg_cons(reference, response, region) == pytest.approx(200 / 3)
    region[0] = True
    assert seg_cons(reference, response, region) == 100


def test_a_region_is_the_union_of_both_pictures() -> None:
    reference, response = torch.full((5, 9), SKIN), torch.full((5, 9), SKIN)
    reference[2, 1], response[2, 7], response[0, 4] = HAIR, HAT, 5
    region = region_of_classes(reference, response, {HAIR, HAT}, 0)
    assert region.nonzero().tolist() == [[2, 1], [2, 7]]
    assert not region_of_classes(reference, response, {8}, 2).any()


def test_a_region_grows_by_whole_pixels_to_all_sides_and_stops_at_the_edge() -> None:
    region = torch.zeros(8, 8, dtype=torch.bool)
    region[0, 4] = True
    grown = dilated(region, 2)
    assert grown.nonzero().tolist() == [[row, column] for row in range(3) for column in range(2, 7)]
    assert torch.equal(dilated(region, 0), region)
