import torch

from spf_portrait.method.control_map import (
    SCALE_BUCKETS,
    SCALE_DECAY,
    bucket_of,
    control_map,
    dilated,
    focused,
    min_max,
    noise_difference,
    phrase_distances,
    prediction_gain,
    running_maximum,
    scaled,
    stretched,
    useful_difference,
)


def test_equal_paths_give_zero() -> None:
    predicted = torch.randn(2, 8, 4, 4)
    difference = noise_difference(predicted, predicted)
    scale = running_maximum(torch.zeros(SCALE_BUCKETS), torch.tensor([0, 1]), difference)
    m = control_map(scaled(difference, scale[:2]), torch.rand(2, 3, 4, 4), torch.rand(2, 3), 1.0)
    assert not m.any()


def test_a_difference_where_no_phrase_looks_is_kept_whole() -> None:
    difference = torch.zeros(1, 4, 4)
    difference[0, 1, 2] = 1
    jacket = torch.zeros(1, 1, 4, 4)
    jacket[0, 0, 3] = 0.5
    assert torch.equal(control_map(difference, jacket, torch.ones(1, 1), 1.0), difference)


def test_a_distant_phrase_is_subtracted_strongly_and_a_close_one_weakly() -> None:
    difference, maps = torch.ones(1, 2, 2), torch.tensor([[[[0.0, 1.0], [0.0, 0.0]]]])
    distant = control_map(difference, maps, torch.tensor([[1.0]]), 1.0)
    close = control_map(difference, maps, torch.tensor([[0.1]]), 1.0)
    assert distant[0, 0, 1] < 1e-4
    assert 0.89 < close[0, 0, 1] < 0.91
    assert control_map(difference, maps, torch.tensor([[1.0]]), 0.0)[0, 0, 1] == 1, "gain 0 subtracts nothing"


def test_small_differences_are_not_blown_up_once_a_large_one_was_seen() -> None:
    large, small = torch.full((1, 2, 2), 4.0), torch.full((1, 2, 2), 0.04)
    bucket = torch.tensor([3])
    scale = running_maximum(torch.zeros(SCALE_BUCKETS), bucket, large)
    scale = running_maximum(scale, bucket, small)
    assert scale[3] == 4 * SCALE_DECAY
    assert scaled(small, scale[bucket]).max() < 0.011
    assert scale.count_nonzero() == 1, "other timesteps have their own"


def test_running_maximum_takes_the_largest_of_a_batch() -> None:
    difference = torch.tensor([1.0, 3.0, 2.0])[:, None, None]
    scale = running_maximum(torch.zeros(SCALE_BUCKETS), torch.tensor([5, 5, 0]), difference)
    assert scale[5] == 3
    assert scale[0] == 2


def test_buckets_cover_the_schedule() -> None:
    assert bucket_of(torch.tensor([0, 99, 100, 999]), 1000).tolist() == [0, 0, 1, 9]


def test_min_max_of_a_constant_map_is_zero() -> None:
    assert not min_max(torch.full((1, 1, 3, 3), 0.7)).any()
    assert min_max(torch.rand(1, 1, 3, 3)).max() > 0.99


def test_distances_are_stretched_over_the_bank() -> None:
    target, phrases = torch.tensor([1.0, 0.0]), torch.tensor([[1.0, 0.1], [1.0, 0.3], [1.0, 0.5]])
    distances = phrase_distances(target, phrases)
    d = stretched(distances, float(distances.min()), float(distances.max()))
    assert d[0] == 0
    assert d[2] == 1
    assert 0 < d[1] < 1
    assert not stretched(distances, 0.2, 0.2).any(), "a bank without spread"


def test_no_gradient_passes() -> None:
    difference = torch.rand(1, 2, 2, requires_grad=True)
    assert not control_map(difference, torch.rand(1, 1, 2, 2), torch.ones(1, 1), 1.0).requires_grad


def test_a_response_that_is_the_truth_gains_its_squared_difference() -> None:
    reference, truth = torch.zeros(1, 4, 2, 2), torch.zeros(1, 4, 2, 2)
    truth[0, :, 0, 1] = 0.5
    gain = prediction_gain(truth, reference, truth)
    torch.testing.assert_close(gain, noise_difference(truth, reference).square())
    torch.testing.assert_close(prediction_gain(reference, truth, truth), -gain)


def test_a_difference_that_explains_nothing_is_of_no_use() -> None:
    difference = torch.ones(1, 8, 8)
    gain = torch.zeros(1, 8, 8)
    gain[0, 1:4, 1:4] = 1.0
    useful = useful_difference(difference, gain)
    assert useful[0, 2, 2] == useful.max() == 1
    assert not useful[0, 5:].any()
    assert not useful_difference(difference, -gain).any(), "a loss is no gain"
    assert not useful_difference(torch.zeros(1, 8, 8), gain).any()


def test_a_focused_map_is_full_where_most_differs_and_empty_where_little_does() -> None:
    mean_difference = torch.tensor([[[0.4, 0.22], [0.05, 0.14]]])
    torch.testing.assert_close(focused(mean_difference, 0.15, 0.55), torch.tensor([[[1.0, 1.0], [0.0, 0.5]]]))


def test_next_to_no_difference_is_not_stretched_to_a_full_map() -> None:
    assert focused(torch.full((1, 2, 2), 0.01), 0.15, 0.55).max() == 0
    assert focused(torch.zeros(1, 2, 2), 0.15, 0.55).max() == 0


def test_a_dilated_map_covers_its_neighbours_and_no_cells_are_none() -> None:
    spot = torch.zeros(1, 5, 5)
    spot[0, 2, 2] = 0.5
    assert (dilated(spot, 1) == 0.5).sum() == 9
    assert torch.equal(dilated(spot, 0), spot)
