"""The bundled portraits as a domain whose truth is known: what measures an adapter for pico."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from statistics import fmean

import torch
from torch import Tensor

from spf_portrait.contract.errors import ModelError
from spf_portrait.contract.phrases import Caption
from spf_portrait.evaluation.known_domain import MaskedPortrait, Pictures
from spf_portrait.metrics.attributes import Comparison, Reading, compare, shows
from spf_portrait.metrics.segmentation import region_of_classes
from spf_portrait.pico.held_out import HeldOutPortrait, held_out_portrait, place_of
from spf_portrait.pico.identity import Identity, load_identity
from spf_portrait.pico.judge import Judge, load_judge
from spf_portrait.pico.parser import Parser, load_parser
from spf_portrait.pico.pollution_axes import comparable_axes, compared_axes
from spf_portrait.pico.portrait import visible_axes
from spf_portrait.pico.regions import LATENT_CELL_PX, target_region
from spf_portrait.pico.renderer import exact_mask, render
from spf_portrait.pico.said_attributes import said_attributes
from spf_portrait.pico.target_parts import TARGET_PARTS


class PicoDomain:
    """Implements `evaluation.known_domain.KnownDomain`.

    Args:
        base: Folder of a pico base model; its networks are loaded when they are first needed.
        target: Phrase of the target.
    """

    def __init__(self, base: Path, target: str) -> None:
        self._base, self._target = base, target

    def captions(self, seeds: Sequence[int]) -> list[Caption]:
        """Of portraits that no training saw."""
        return [portrait.caption for portrait in self._held_out(seeds)]

    def portraits(self, seeds: Sequence[int]) -> list[MaskedPortrait]:
        """Rendered, each with the pixels that its target changes."""
        axis, value = self._place
        return [
            MaskedPortrait(
                picture=render(portrait.attributes),
                caption=portrait.caption,
                mask=torch.from_numpy(exact_mask(portrait.without_target, axis, value)),
            )
            for portrait in self._held_out(seeds)
        ]

    def readings(self, pictures: Pictures) -> list[Reading]:
        """By the judge."""
        return list(self._judge.attributes(pictures))

    def shows_target(self, reading: Reading) -> float:
        """A target that its own reading hides, as a hat hides hair, is not shown."""
        axis, value = self._place
        return shows(reading, axis, value, visible_axes(reading))

    def shows_place(self, reading: Reading) -> bool:
        """Unless a value of the reading hides the target's axis (`domain.Value.hides`)."""
        return self._place[0] in visible_axes(reading)

    def comparison(self, reference: Reading, response: Reading) -> Comparison:
        """Over the axes that the target leaves alone and that can be seen in both pictures."""
        axis, value = self._place
        return compare(reference, response, comparable_axes(axis, value, reference, response))

    def followed(self, caption: Caption, reading: Reading) -> float | None:
        """What is hidden counts as not shown: a text that names glasses asks for a picture with glasses in view."""
        left_alone = compared_axes(*self._place)
        said = {axis: value for axis, value in said_attributes(caption.base).items() if axis in left_alone}
        visible = visible_axes(reading)
        return fmean(shows(reading, axis, value, visible) for axis, value in said.items()) if said else None

    def changed(self, first: Reading, second: Reading) -> float:
        """An axis that can be seen in one picture alone has changed."""
        seen = [dict.fromkeys(visible_axes(reading)) for reading in (first, second)]
        either = {**seen[0], **seen[1]}
        return fmean(axis not in seen[0] or axis not in seen[1] or first[axis] != second[axis] for axis in either)

    def regions(self, references: Pictures, responses: Pictures) -> list[Tensor]:
        """The target's parts in either picture, as the parser sees them, and one latent cell around.

        Without a parser the region is found by drawing portraits, and is the same for all pairs.
        """
        axis, value = self._place
        try:
            maps = (self.class_maps(references), self.class_maps(responses))
        except ModelError:
            return [torch.from_numpy(target_region(axis, value))] * len(references)
        parts = TARGET_PARTS[axis]
        return [region_of_classes(ours, theirs, parts, LATENT_CELL_PX) for ours, theirs in zip(*maps, strict=True)]

    def class_maps(self, pictures: Pictures) -> list[Tensor]:
        """By the parser."""
        return [torch.from_numpy(classes) for classes in self._parser.parse(pictures)]

    def identities(self, pictures: Pictures) -> Tensor:
        """By the identity network; what a picture hides, as a hat hides hair, is no part of who is shown."""
        return self._identity.embed(pictures)

    def _held_out(self, seeds: Sequence[int]) -> list[HeldOutPortrait]:
        axis, value = self._place
        return [held_out_portrait(axis, value, self._target, seed) for seed in seeds]

    @cached_property
    def _place(self) -> tuple[str, str]:
        return place_of(self._target)

    @cached_property
    def _judge(self) -> Judge:
        return load_judge(self._base)

    @cached_property
    def _parser(self) -> Parser:
        return load_parser(self._base)

    @cached_property
    def _identity(self) -> Identity:
        return load_identity(self._base)
