"""Where does an adapter draw its target? Told by what two models answer while it draws a picture unhindered.

    D = √(mean_t A_t · mean_t B_t)
    A_t = mean_c |ε_res(c) − ε_ref(b)|
    B_t = mean_c |(ε_res(c) − ε_res(b)) − (ε_ref(c) − ε_ref(b))|

ε_res is the tuned model's answer and ε_ref the original's, c the complete text and b the base text, all to one x_t. A
says how much the picture changes, B how much of what the target's words do was learnt. Each alone opens too much: A
follows whatever else a training has spoilt, for texts without the target, too; B is noisy; see docs/experiments.md.
"""

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from spf_portrait.adapter import adapter_off
from spf_portrait.method.control_map import smoothed
from spf_portrait.models.base_model import BaseModel, predict
from spf_portrait.models.families.text_embedding import TextEmbedding, stacked

_FROM: Final = 0.5
"""Share of a picture's steps after which they are looked at: before, hardly anything is to be seen in the noise."""


@dataclass(frozen=True)
class Answers:
    """Of one timestep, [batch, channels, height, width] each.

    Attributes:
        tuned: ε_res(c).
        tuned_to_base: ε_res(b).
        original: ε_ref(c).
        original_to_base: ε_ref(b).
    """

    tuned: Tensor
    tuned_to_base: Tensor
    original: Tensor
    original_to_base: Tensor


def changed(answers: Answers) -> Tensor:
    """A_t, divided by each picture's largest cell; equal answers give 0; [batch, height, width]."""
    return _of_largest((answers.tuned - answers.original_to_base).abs().mean(dim=1))


def learnt(answers: Answers) -> Tensor:
    """B_t, divided by each picture's largest cell; [batch, height, width]."""
    tuned, original = answers.tuned - answers.tuned_to_base, answers.original - answers.original_to_base
    return _of_largest((tuned - original).abs().mean(dim=1))


def _of_largest(maps: Tensor) -> Tensor:
    """Each map [..., height, width] divided by its largest cell; zeros stay zeros."""
    return maps / maps.amax(dim=(-2, -1), keepdim=True).clamp_min(torch.finfo(maps.dtype).tiny)


class TargetWatch:
    """Watches one drawing with the adapter on, see `trajectory.OnStep`. Its pictures do not depend on each other.

    Args:
        base: With the adapter on.
        base_texts: Embeddings, a row for each picture.
        complete_texts: Those that are drawn.
        steps: Of the drawing.
    """

    def __init__(self, base: BaseModel, base_texts: TextEmbedding, complete_texts: TextEmbedding, steps: int) -> None:
        self._base, self._both_texts = base, stacked([complete_texts, base_texts])
        self._first = int(_FROM * steps)
        self.looks: list[tuple[Tensor, Tensor]] = []
        """A_t and B_t of every step that was looked at, [batch, height, width] each."""

    def __call__(self, index: int, timestep: Tensor, shown: Tensor, tuned: Tensor) -> None:
        if index >= self._first:
            answers = self._answers(timestep, shown)
            self.looks.append((changed(answers), learnt(answers)))

    @property
    def difference(self) -> Tensor:
        """D, [batch, height, width]; A and B are averaged over 3 × 3 cells first."""
        a, b = (_of_largest(smoothed(torch.stack(maps).mean(dim=0))) for maps in zip(*self.looks, strict=True))
        return (a * b).sqrt()

    def _answers(self, timestep: Tensor, shown: Tensor) -> Answers:
        """Of both models to the same batch: to one of another size a model answers a little differently."""
        tuned = self._asked(timestep, shown)
        with adapter_off(self._base.network):
            return Answers(*tuned, *self._asked(timestep, shown))

    def _asked(self, timestep: Tensor, shown: Tensor) -> tuple[Tensor, Tensor]:
        """With the complete text and with the base text."""
        with_text, without = predict(self._base, torch.cat([shown, shown]), timestep, self._both_texts).chunk(2)
        return with_text, without
