"""A portrait's control map is a mean over its visits, as far as these are remembered."""

import torch

from spf_portrait.method.control_map import dilated, focused
from spf_portrait.method.map_memory import MapMemory

CPU = torch.device("cpu")
ALL = torch.tensor([True, True])


def test_first_the_mean_of_all_visits_then_the_older_ones_fade() -> None:
    memory = MapMemory.of(3, 2, CPU)
    means = [memory.average(torch.tensor([1]), torch.full((1, 2, 2), value), ALL[:1], 2) for value in (1.0, 0.0, 0.0)]
    assert [float(mean[0, 0, 0]) for mean in means] == [1.0, 0.5, 0.25]
    assert memory.visits.tolist() == [0, 3, 0]
    assert not memory.means[[0, 2]].any(), "other portraits keep their own"


def test_a_portrait_twice_in_a_batch_counts_twice() -> None:
    memory = MapMemory.of(3, 2, CPU)
    means = memory.average(torch.tensor([2, 2]), torch.stack((torch.zeros(2, 2), torch.ones(2, 2))), ALL, 10)
    assert means.flatten().tolist() == [0.5] * 8
    assert memory.visits.tolist() == [0, 0, 2]


def test_a_focused_map_is_full_where_most_differs_and_empty_where_little_does() -> None:
    mean_difference = torch.tensor([[[0.4, 0.22], [0.05, 0.14]]])
    torch.testing.assert_close(focused(mean_difference, 0.15, 0.55), torch.tensor([[[1.0, 1.0], [0.0, 0.5]]]))


def test_next_to_no_difference_is_not_stretched_to_a_full_map() -> None:
    assert focused(torch.full((1, 2, 2), 0.01), 0.15, 0.55).max() == 0
    assert focused(torch.zeros(1, 2, 2), 0.15, 0.55).max() == 0


def test_visits_that_do_not_count_leave_no_trace() -> None:
    memory = MapMemory.of(3, 2, CPU)
    means = memory.average(torch.tensor([0, 1]), torch.ones(2, 2, 2), torch.tensor([False, True]), 10)
    assert means.amax(dim=(1, 2)).tolist() == [0, 1]
    assert memory.visits.tolist() == [0, 1, 0]


def test_a_dilated_map_covers_its_neighbours_and_no_cells_are_none() -> None:
    spot = torch.zeros(1, 5, 5)
    spot[0, 2, 2] = 0.5
    assert (dilated(spot, 1) == 0.5).sum() == 9
    assert torch.equal(dilated(spot, 0), spot)
