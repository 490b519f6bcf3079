"""Looking at the pictures of an evaluation: what several metrics need is looked at once."""

from collections.abc import Sequence
from functools import cached_property

from torch import Tensor

from spf_portrait.contract.errors import ModelError
from spf_portrait.drawing.four_pictures import Case, FourPictures, as_images
from spf_portrait.drawing.map_settings import MapSettings
from spf_portrait.evaluation.control_maps import control_map_quality
from spf_portrait.evaluation.known_domain import JUDGE_FOLDER, KnownDomain
from spf_portrait.method.clip_space import ClipSpace, load_clip_space, text_space_of
from spf_portrait.metrics.map_quality import MapQuality
from spf_portrait.models.base_model import BaseModel


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
    def pollution(self) -> list[float]:
        """Of the tuned model."""
        return self.domain.pollution(self.references, self.responses)

    @cached_property
    def pollution_floor(self) -> list[float]:
        """Of the original model."""
        return self.domain.pollution(self.references, self.floors)

    @cached_property
    def control_maps(self) -> list[list[MapQuality]]:
        """On as many held-out portraits as there are cases, at several timesteps."""
        portraits = self.domain.portraits([case.seed for case in self.cases])
        return control_map_quality(self.base, text_space_of(self.base), portraits, self.settings)

    def _embedded(self, pictures: Tensor) -> Tensor:
        return self.clip.pictures(pictures.to(self.base.device) / 127.5 - 1).cpu()
