"""What a survey found travels with the checkpoint, and nothing pretends to be one."""

import pytest
import torch

from spf_portrait.method.map_memory import MapMemory


@pytest.mark.parametrize("surveyed", [None, torch.rand(3, 2, 2)])
def test_a_memory_is_restored_as_it_was(surveyed: torch.Tensor | None) -> None:
    memory = MapMemory(scale=torch.rand(10), surveyed=surveyed, pictures=surveyed)
    other = MapMemory(surveyed=torch.zeros(1, 1, 1), pictures=torch.zeros(1, 1, 1))
    other.restore(memory.tensors(), torch.device("cpu"))
    assert torch.equal(other.scale, memory.scale)
    if surveyed is None:
        assert other.surveyed is None
        assert other.pictures is None
    else:
        for restored in (other.surveyed, other.pictures):
            assert restored is not None
            assert torch.equal(restored, surveyed)
