"""Prior preservation: rows of a step that do not name the target, in pairs of base text and empty text on one state.

Every portrait shows the target, so a training on portraits alone draws it for every text in the end, and
classifier-free guidance, ε_∅ + s (ε_text − ε_∅), subtracts what has leaked into ε_∅. Both answers are therefore held to
the original model's, on pictures that it drew itself.

A part of these pairs asks the tuned model for the complete text, and holds the answer to the original model's answer to
the base text: whatever the picture shows, asking for the target changes nothing outside its place R. Portraits alone do
not teach that. They are few and have things in common, and the original model's own idea of the words changes more.

On a portrait, R is released for another reason: at low noise it already shows the target, and the original model, which
does not know it, would erase it. There the answers learn from the portrait as well.
"""

from dataclasses import dataclass
from typing import Final, cast

import torch
from torch import Tensor

from spf_portrait.contract.preservation import Preservation
from spf_portrait.method.control_map import dilated, focused
from spf_portrait.method.losses import guided_anchor_loss, masked_denoising_loss, prediction_anchor_loss
from spf_portrait.method.states import NoisedState, noised
from spf_portrait.method.training_set import TrainingRows
from spf_portrait.models.base_model import BaseModel
from spf_portrait.models.families.text_embedding import TextEmbedding, stacked
from spf_portrait.models.schedule import snr_db

_MIDDLE: Final = 0.5
"""Of a timestep, so that the first can be raised to a power, too."""


@dataclass(frozen=True)
class PreservedRows:
    """Pairs: all rows with the base text first, then the same states with the empty text.

    Attributes:
        state: Of every pair once, [pairs, ...].
        text: What the original model is asked, [2 · pairs] embeddings.
        tuned_text: What the tuned model is asked: the complete text in place of the base text where `asked` is 1.
        pooling: [2 · pairs, tokens, columns]. What these rows attend to is not looked at, so that the empty text goes
            by the pooling of its partner.
        portraits: Indices in the caption set, [pairs].
        pictures: Indices of the original model's pictures, [pairs]; where there are none, zeros.
        may_keep: 1 where the state shows a portrait in which the target can be seen already, [pairs].
        asked: 1 where the state shows a picture and the tuned model is asked for the target, [pairs].
    """

    state: NoisedState
    text: TextEmbedding
    tuned_text: TextEmbedding
    pooling: Tensor
    portraits: Tensor
    pictures: Tensor
    may_keep: Tensor
    asked: Tensor

    @property
    def x_t(self) -> Tensor:
        """[2 · pairs, channels, height, width]."""
        return self.state.x_t.repeat(2, 1, 1, 1)

    @property
    def timesteps(self) -> Tensor:
        """[2 · pairs]."""
        return self.state.timesteps.repeat(2)


@dataclass(frozen=True)
class PairDraw:
    """What chance gives a step's pairs.

    Attributes:
        portraits: Indices in the caption set, [pairs].
        times: Whole numbers drawn evenly from the schedule, [pairs].
        noise: [pairs, channels, height, width].
        chance: Uniform numbers in [0, 1): portrait or picture, which picture, and whether to ask, [pairs, 3].
    """

    portraits: Tensor
    times: Tensor
    noise: Tensor
    chance: Tensor


def preserved_rows(
    base: BaseModel,
    portraits: TrainingRows,
    pictures: TrainingRows,
    nothing: TextEmbedding,
    drawn: PairDraw,
    settings: Preservation,
) -> PreservedRows:
    """The pairs of one step.

    Args:
        base: The base model.
        portraits: All of the caption set, on the CPU.
        pictures: By the original model, on the CPU, a row for each text, see `original_pictures`; may be none.
        nothing: Embedding of the empty text, one row.
        drawn: By chance.
        settings: How many of the pairs look at pictures and how many of these ask, and what may be kept.
    """
    on_picture = (drawn.chance[:, 0] < settings.picture_share) & (len(pictures.x_0) > 0)
    asked = on_picture & (drawn.chance[:, 2] < settings.asked_share)
    which = (drawn.chance[:, 1] * len(pictures.x_0)).long()
    rows = _mixed(portraits.brought(drawn.portraits), pictures, on_picture, which)
    times = towards_noise(drawn.times, base.schedule.timesteps, settings.times_power)
    timesteps = base.schedule.trained_at(times)
    visible = snr_db(base.schedule.levels(timesteps)) >= settings.release_min_snr_db
    empty = nothing.expand(len(timesteps))
    return PreservedRows(
        state=noised(base.schedule, rows.x_0, timesteps, drawn.noise),
        text=stacked([rows.base_text, empty]),
        tuned_text=stacked([_chosen(rows.complete_text, rows.base_text, asked), empty]),
        pooling=rows.base_pooling.repeat(2, 1, 1),
        portraits=drawn.portraits,
        pictures=which % max(1, settings.pictures),
        may_keep=(visible & ~on_picture).float(),
        asked=asked.float(),
    )


def towards_noise(times: Tensor, timesteps: int, power: float) -> Tensor:
    """⌊T · u^power⌋, u = (t + ½) / T: of whole numbers drawn evenly, the more become large the smaller the power.

    Args:
        times: t from 0 … T − 1, any shape.
        timesteps: T.
        power: 1 leaves them as they are.
    """
    return (((times + _MIDDLE) / timesteps) ** power * timesteps).long().clamp(max=timesteps - 1)


def preservation_losses(
    response: Tensor, reference: Tensor, rows: PreservedRows, mean_difference: Tensor, place: Tensor, s: Preservation
) -> dict[str, Tensor]:
    """Raw values by name.

    Args:
        response: The tuned model's answers, [2 · pairs, channels, height, width].
        reference: The original model's.
        rows: What was asked.
        mean_difference: D of what the pairs look at, [pairs, height, width], see `control_map.focused`.
        place: M of what the pairs look at, [pairs, height, width].
        s: The settings.
    """
    may_keep, asked = rows.may_keep[:, None, None], rows.asked[:, None, None]
    wide = dilated(focused(mean_difference, s.release_from, s.release_to), s.release_dilation)
    with_text, without_text = (may_keep + asked) * wide, may_keep * wide
    ours, theirs = (cast("tuple[Tensor, Tensor]", answers.chunk(2)) for answers in (response, reference))
    twice = (may_keep * place).repeat(2, 1, 1)
    return {
        "preservation": prediction_anchor_loss(response, reference, torch.cat([with_text, without_text])),
        "guided_preservation": guided_anchor_loss(ours, theirs, with_text, s.guidance_scale),
        "released": masked_denoising_loss(response, rows.state.truth.repeat(2, 1, 1, 1), twice),
    }


def _mixed(portraits: TrainingRows, pictures: TrainingRows, on_picture: Tensor, which: Tensor) -> TrainingRows:
    """Row by row the portrait, or the picture of that index."""
    if not len(pictures.x_0):
        return portraits
    row, pairs = torch.arange(len(which), device=which.device), len(which)
    both = TrainingRows.joined([portraits, pictures.brought(which)])
    return both.chosen(torch.where(on_picture, pairs + row, row))


def _chosen(first: TextEmbedding, second: TextEmbedding, takes_first: Tensor) -> TextEmbedding:
    """Row by row the first, or the second."""
    row, rows = torch.arange(len(takes_first), device=takes_first.device), len(takes_first)
    return stacked([first, second])[torch.where(takes_first, row, rows + row)]
