import pytest
import torch

from spf_portrait.metrics.pixel_change import mean_change, outside_change, psnr

PICTURE = torch.randint(0, 256, (3, 4, 4), dtype=torch.uint8)


def test_equal_pictures_do_not_differ() -> None:
    nothing = torch.zeros(4, 4, dtype=torch.bool)
    assert mean_change(PICTURE, PICTURE) == 0
    assert outside_change(PICTURE, PICTURE, nothing) == 0
    assert psnr(PICTURE, PICTURE) == pytest.approx(100)


def test_black_and_white_are_as_far_apart_as_can_be() -> None:
    black, white = torch.zeros(3, 2, 2, dtype=torch.uint8), torch.full((3, 2, 2), 255, dtype=torch.uint8)
    assert mean_change(black, white) == 1
    assert psnr(black, white) == pytest.approx(0)
    assert psnr(black, white // 10) == pytest.approx(20, abs=0.2), "a tenth of full scale is 20 dB"


def test_only_what_is_outside_the_region_counts() -> None:
    reference, response = torch.zeros(3, 2, 2), torch.zeros(3, 2, 2)
    response[:, 0, 0], response[:, 1, 1] = 255, 51
    region = torch.tensor([[True, False], [False, False]])
    assert mean_change(reference, response) == pytest.approx(0.3)
    assert outside_change(reference, response, region) == pytest.approx(0.2 / 3)
    assert outside_change(reference, response, torch.ones(2, 2, dtype=torch.bool)) == 0
