"""Settings of prior preservation: what the second stage does with texts that do not name the target."""

from typing import Annotated, Final

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from spf_portrait.contract.closed_spec import ClosedSpec, SignalToNoise, Weight

MOST_PICTURES: Final = 256


class Preservation(ClosedSpec):
    """Pairs of rows in every step of stage 2, one with the base text and one with the empty text of guidance.

    Both look at one state and are held to the original model's answers, by default on pictures that it drew itself.
    Some of these are asked for the target, too: it may come in its place, and the rest stays what the base text draws.
    Where a pair looks at a portrait and the target can already be seen in the noise, its place is released as well.
    """

    share: float = Field(
        default=0.5,
        ge=0,
        le=0.8,
        description="of a step's rows that do not name the target, at least one pair of them; 0 for none",
    )
    weight: Annotated[Weight, Field(description="hold the answers to the base text and to the empty text")] = 8.0
    guided_weight: Annotated[Weight, Field(description="hold the guided answer to the base text")] = 8.0
    guidance_scale: float = Field(
        default=4.0, ge=1, le=20, description="of the guided answer, and of the original model's pictures"
    )
    pictures: int = Field(
        default=48,
        ge=0,
        le=MOST_PICTURES,
        description="pictures that the original model draws before stage 2, each for a part of a caption's base text",
    )
    texts: int = Field(
        default=192,
        ge=1,
        le=1024,
        description="base texts that pairs on such pictures read, each a part of a caption's, at least one a picture: "
        "at high noise a state says little of its picture, so that it can stand with several",
    )
    picture_share: float = Field(
        default=1.0, ge=0, le=1, description="of pairs that look at such a picture instead of a portrait"
    )
    asked_share: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="of pairs on such a picture that ask the tuned model for the target, too, and release its place",
    )
    times_power: float = Field(
        default=0.3,
        ge=0.1,
        le=1,
        description="pairs look at the share u ** power of the schedule, u drawn evenly: the smaller, the more of them "
        "at high noise, where it is decided what a picture shows; 1 for evenly",
    )
    release_min_snr_db: SignalToNoise = Field(
        default=-17.5,
        description="signal-to-noise ratio in decibels from which on a pair that looks at a portrait may keep the "
        "target it sees: otherwise guidance would erase it",
    )
    release_from: float = Field(
        default=0.1, ge=0, le=1, description="share of a picture's largest difference at which the release begins"
    )
    release_to: float = Field(default=0.4, ge=0, le=1, description="share from which a cell is released altogether")
    release_dilation: int = Field(default=1, ge=0, le=8, description="latent cells by which the release is widened")
    denoise_weight: Annotated[Weight, Field(description="learn the released target from the portrait")] = 0.5

    @field_validator("release_to")
    @classmethod
    def _the_release_rises(cls, full: float, info: ValidationInfo) -> float:
        if full <= info.data.get("release_from", 0):
            raise PydanticCustomError("release", "more than release_from")
        return full

    def pairs(self, rows: int) -> int:
        """How many pairs a step of so many rows has."""
        return max(1, round(self.share * rows / 2)) if self.share else 0
