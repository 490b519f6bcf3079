"""Looking at the pictures of an evaluation: what several metrics need is looked at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

from spf_portrait.contract.base_info import JUDGE_FOLDER
from spf_portrait.contract.errors import DataError, ModelError
from spf_portrait.drawing.four_pictures import Case, FourPictures, as_images
from spf_portrait.drawing.map_settings import MapSettings
from spf_portrait.evaluation.control_maps import control_map_quality
from spf_portrait.evaluation.known_domain import KnownDomain
from spf_portrait.method.clip_space import ClipSpace, load_clip_space, text_space_of
from spf_portrait.metrics.attributes import Comparison, Reading
from spf_portrait.metrics.map_quality import MapQuality
from spf_portrait.models.base_model import BaseModel


@dataclass(frozen=True)
class Readings:
    """The judge's, one for each case; fields as in `FourPictures`."""

    reference: list[Reading]
    floor: list[Reading]
    base_by_tuned: list[Reading]
    response: list[Reading]


class Observations:
    """Everything that metrics are computed from; each property may say with a ModelError that its weights are missing.

    Args:
        base: With the adapter attached, for control maps.
        cases: What was drawn.
        pictures: The result.
        domain: What knows the truth, if anything does.
        settings: How the adapter's training measured its control map.
    """

    def __init__(
        self,
        base: BaseModel,
        cases: Sequence[Case],
        pictures: FourPictures,
        domain: KnownDomain | None,
        settings: MapSettings,
    ) -> None:
        self.base, self.cases, self.pictures, self.settings = base, cases, pictures, settings
        self._domain = domain
        self.references = as_images(pictures.reference)
        self.responses = as_images(pictures.response)
        self.floors = as_images(pictures.floor)

    @property
    def domain(self) -> KnownDomain:
        """What knows the truth.

        Raises:
            ModelError: Nothing does.
        """
        if self._domain is None:
            raise ModelError(
                "no_judge", f"no folder {JUDGE_FOLDER} in the base model {self.base.key}", "a judge", "Evaluate pico"
            )
        return self._domain

    @cached_property
    def clip(self) -> ClipSpace:
        """A CLIP that no loss uses."""
        return load_clip_space(self.base.path / JUDGE_FOLDER, self.base.tokenizer, self.base.device)

    @cached_property
    def reference_embeddings(self) -> Tensor:
        """i(reference), [cases, width]."""
        return self._embedded(self.pictures.reference)

    @cached_property
    def response_embeddings(self) -> Tensor:
        """i(response), [cases, width]."""
        return self._embedded(self.pictures.response)

    @cached_property
    def regions(self) -> list[Tensor]:
        """Where the target may change each pair."""
        return self.domain.regions(self.references, self.responses)

    @cached_property
    def readings(self) -> Readings:
        """What the judge reads off every picture; each is looked at once."""
        base_by_tuned = as_images(self.pictures.base_by_tuned)
        looked_at = (self.references, self.floors, base_by_tuned, self.responses)
        return Readings(*(self.domain.readings(pictures) for pictures in looked_at))

    @cached_property
    def visible(self) -> list[bool]:
        """Whether the reference picture of a case leaves the target's place open to view."""
        return [self.domain.shows_place(reading) for reading in self.readings.reference]

    @cached_property
    def comparisons(self) -> list[Comparison]:
        """Responses of the tuned model with the references, axis by axis."""
        return self._compared(self.readings.response)

    @cached_property
    def floor_comparisons(self) -> list[Comparison]:
        """The same for the original model, asked for the target as well."""
        return self._compared(self.readings.floor)

    @property
    def excess_pollution(self) -> list[float]:
        """pollution − floor of each case."""
        pairs = zip(self.comparisons, self.floor_comparisons, strict=True)
        return [tuned.pollution - floor.pollution for tuned, floor in pairs]

    def shown(self, readings: list[Reading]) -> list[float]:
        """Which pictures show the target, by what was read off them: 1 or 0 each."""
        return [self.domain.shows_target(reading) for reading in readings]

    def followed(self, readings: list[Reading]) -> list[float | None]:
        """How far each picture shows what its base text names; None for a text that names nothing."""
        pairs = zip(self.cases, readings, strict=True)
        return [self.domain.followed(case.caption, reading) for case, reading in pairs]

    @property
    def base_pollution(self) -> list[float]:
        """What the tuned model changes for the base text alone."""
        pairs = zip(self.readings.reference, self.readings.base_by_tuned, strict=True)
        return [self.domain.changed(original, tuned) for original, tuned in pairs]

    def where_visible(self, values: list[float]) -> list[float]:
        """The values of those cases whose reference picture does not hide the target's place.

        Raises:
            DataError: All hide it.
        """
        kept = [value for value, visible in zip(values, self.visible, strict=True) if visible]
        if not kept:
            raise DataError(
                "place_hidden",
                "no reference picture in which the target's place can be seen",
                "one or more",
                "Evaluate with a larger --count",
            )
        return kept

    @cached_property
    def control_maps(self) -> list[list[MapQuality]]:
        """On as many held-out portraits as there are cases, at several timesteps."""
        portraits = self.domain.portraits([case.seed for case in self.cases])
        return control_map_quality(self.base, text_space_of(self.base), portraits, self.settings)

    def _compared(self, readings: list[Reading]) -> list[Comparison]:
        pairs = zip(self.readings.reference, readings, strict=True)
        return [self.domain.comparison(reference, other) for reference, other in pairs]

    def _embedded(self, pictures: Tensor) -> Tensor:
        return self.clip.pictures(pictures.to(self.base.device) / 127.5 - 1).cpu()
