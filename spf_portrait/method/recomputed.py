"""Less memory for the same figures: what lies between arguments and answer is not kept, but computed once more."""

from collections.abc import Callable
from typing import TypeVar

from torch import Tensor

from spf_portrait.running.untyped import torch_checkpoint

Result = TypeVar("Result")


def recomputed(work: Callable[..., Result], *tensors: Tensor) -> Result:
    """`work(*tensors)`, of which the backward pass finds the arguments alone and works again.

    Nothing here is random, so no state of a random source is kept for the second run.
    """
    return torch_checkpoint.checkpoint(work, *tensors, use_reentrant=False, preserve_rng_state=False)
