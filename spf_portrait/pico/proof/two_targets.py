"""Two targets in one text: what is asked, and what a picture shows of either and of everything else."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from torch import Tensor

from spf_portrait.contract.errors import SpecError
from spf_portrait.drawing.four_pictures import as_images
from spf_portrait.evaluation.results import Estimate, mean_estimate, share_estimate
from spf_portrait.metrics.attributes import Comparison, Reading, compare
from spf_portrait.metrics.pixel_change import outside_change
from spf_portrait.pico.captions import base_phrases
from spf_portrait.pico.held_out import place_of
from spf_portrait.pico.known_domain import PicoDomain
from spf_portrait.pico.portrait import random_attributes, visible_axes

_FIRST_SEED: Final = 9_900_000
"""Neither trainings nor the held-out texts of single targets draw from here."""
_TRIES: Final = 100


@dataclass(frozen=True)
class TwoTargets:
    """A judge of pictures that were asked for both.

    Attributes:
        base_path: Folder of the base model.
        targets: Phrases of held-back attributes on two axes that can be seen together.
    """

    base_path: Path
    targets: tuple[str, str]

    def base_texts(self, count: int) -> list[str]:
        """Of portraits that could show both; silent about either axis. The same for every order of the targets.

        Raises:
            SpecError: No portrait can show both.
        """
        places = dict(sorted(place_of(target) for target in self.targets))
        if len(places) < len(self.targets):
            raise _never_together(self.targets)
        return [self._base_text(places, _FIRST_SEED + _TRIES * seed) for seed in range(count)]

    def measured(self, references: Tensor, pictures: Tensor, asked: Sequence[str]) -> dict[str, Estimate]:
        """Figures of pictures beside their references.

        Args:
            references: By the original model for the base texts, uint8 [texts, 3, height, width].
            pictures: The same seeds, with what was asked.
            asked: Those of the targets that the texts named: "shown" is said of these alone, where references do not
                hide their places.
        """
        before, after = (self._domains[0].readings(as_images(drawn)) for drawn in (references, pictures))
        shown = {
            f"shown {target}": share_estimate(values)
            for target, domain in zip(self.targets, self._domains, strict=True)
            if target in asked and (values := _shown_where_visible(domain, before, after))
        }
        compared = [self._comparison(*pair) for pair in zip(before, after, strict=True)]
        return {
            **shown,
            "pollution": mean_estimate([comparison.pollution for comparison in compared]),
            "outside_change": mean_estimate(self._outside_changes(references, pictures)),
        }

    def _comparison(self, reference: Reading, picture: Reading) -> Comparison:
        """Over the axes that both targets leave alone."""
        first, second = (domain.comparison(reference, picture).compared for domain in self._domains)
        return compare(reference, picture, [axis for axis in first if axis in second])

    def _outside_changes(self, references: Tensor, pictures: Tensor) -> list[float]:
        before, after = as_images(references), as_images(pictures)
        first, second = (domain.regions(before, after) for domain in self._domains)
        return [outside_change(*one) for one in zip(references, pictures, map(_either, first, second), strict=True)]

    def _base_text(self, places: dict[str, str], first_seed: int) -> str:
        drawn = (random_attributes(first_seed + index, places) for index in range(_TRIES))
        attributes = next((one for one in drawn if places.keys() <= set(visible_axes(one))), None)
        if attributes is None:
            raise _never_together(self.targets)
        return ", ".join(base_phrases(attributes, random.Random(first_seed), without=places.keys()))

    @cached_property
    def _domains(self) -> tuple[PicoDomain, PicoDomain]:
        first, second = self.targets
        return PicoDomain(self.base_path, first), PicoDomain(self.base_path, second)


def _shown_where_visible(domain: PicoDomain, before: Sequence[Reading], after: Sequence[Reading]) -> list[float]:
    """1 or 0 for each text whose reference does not hide the target's place."""
    pairs = zip(before, after, strict=True)
    return [domain.shows_target(reading) for original, reading in pairs if domain.shows_place(original)]


def _either(first: Tensor, second: Tensor) -> Tensor:
    return first | second


def _never_together(targets: tuple[str, str]) -> SpecError:
    return SpecError(
        "never_together",
        f"{targets[0]!r} together with {targets[1]!r}",
        "targets on two axes, neither of which hides the other",
        "Choose others, such as 'blonde hair' and 'sunglasses'",
    )
