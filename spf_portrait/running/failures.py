"""What ends a training, in words that say how to go on: numbers that are none any more, and memory that is used up."""

import math
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Final

import torch

from spf_portrait.contract.errors import TrainingError
from spf_portrait.contract.training_spec import TrainingSpec

_OF_THE_CPU: Final = ("not enough memory", "can't allocate memory")
"""What torch says when the machine has no memory left; it has no class of its own for that."""
_LONGEST_REASON: Final = 160
_LARGEST_ACCUMULATION: Final = 64

WhatIsLeft = Callable[[], str]
"""Says in a sentence from where a training that has ended can go on."""


def check_finite(values: Mapping[str, float], step: int, what_is_left: WhatIsLeft) -> None:
    """Stop before a step that would spoil the weights.

    Args:
        values: Losses and the like.
        step: Steps done so far.
        what_is_left: Closes the message.

    Raises:
        TrainingError: One of the values is not a finite number.
    """
    bad = [name for name, value in values.items() if not math.isfinite(value)]
    if bad:
        raise TrainingError(
            "loss_not_finite",
            f"{' and '.join(bad)} that are no longer numbers after step {step}",
            "finite losses and gradients",
            f"Halve the learning rate and start again. {what_is_left()}",
        )


def memory_shortage_told(spec: TrainingSpec, what_is_left: WhatIsLeft) -> AbstractContextManager[None]:
    """Turn the various ways in which memory runs out into one error.

    Args:
        spec: Of the training, for what to change.
        what_is_left: Closes the message.

    Raises:
        TrainingError: Memory ran out inside.
    """
    return _told_as(lambda reason: _shortage(spec, what_is_left(), reason))


def export_shortage_told(what_is_left: WhatIsLeft) -> AbstractContextManager[None]:
    """The same for the end of a training, where all steps are taken and the adapter is drawn with and exported.

    Args:
        what_is_left: Closes the message.

    Raises:
        TrainingError: Memory ran out inside.
    """
    return _told_as(
        lambda reason: TrainingError(
            "out_of_memory",
            f"no memory left to draw the cover and export the adapter ({reason})",
            "as much memory as a comparison of this base model needs",
            f"Close what else uses this device and add --resume: only the export is left. {what_is_left()}",
        )
    )


@contextmanager
def _told_as(error_of: Callable[[str], TrainingError]) -> Generator[None]:
    """Put the error of that reason in place of whatever says that memory ran out."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not _is_shortage(error):
            raise
        raise error_of(_reason(error)) from error


def _is_shortage(error: MemoryError | RuntimeError) -> bool:
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return any(words in str(error) for words in _OF_THE_CPU)


def _reason(error: Exception) -> str:
    return (str(error) or "no reason given").partition("\n")[0][:_LONGEST_REASON]


def _shortage(spec: TrainingSpec, left: str, reason: str) -> TrainingError:
    remedies = _remedies(spec)
    same = f"Set {' or '.join(remedies)} and add --resume: the result stays the same. " if remedies else ""
    return TrainingError(
        "out_of_memory",
        f"no memory left for {spec.batch_size} portraits at once ({reason})",
        "a batch that fits into the memory of this device",
        f"{same}A smaller image_size_px, or precision=bf16 on a GPU, needs less memory, but means starting anew. "
        f"{left}",
    )


def _remedies(spec: TrainingSpec) -> list[str]:
    """Settings that need less memory for the same result, so that a training may go on with them."""
    found: list[str] = []
    part = next((divisor for divisor in range(2, spec.batch_size + 1) if spec.batch_size % divisor == 0), None)
    if part is not None and spec.accumulation * part <= _LARGEST_ACCUMULATION:
        found.append(f"batch_size={spec.batch_size // part} with accumulation={spec.accumulation * part}")
    if not spec.gradient_checkpointing:
        found.append("gradient_checkpointing=true")
    return found
