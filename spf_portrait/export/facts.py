"""What a training knows about its adapter."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from spf_portrait.contract.training_spec import TrainingSpec


@dataclass(frozen=True)
class AdapterFacts:
    """For the header and the sidecar files.

    Attributes:
        spec: What was ordered.
        target: The phrase that was taught.
        portraits: Number of training pictures.
        dataset_sha256: Hash of the caption set.
        step: Steps done, both stages together.
        extra: More spf.* values; anything JSON can hold.
    """

    spec: TrainingSpec
    target: str
    portraits: int
    dataset_sha256: str
    step: int
    extra: Mapping[str, Any] = field(default_factory=dict[str, Any])
