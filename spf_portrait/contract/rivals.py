"""Settings of the methods that are there for comparison; each is read by its own method alone."""

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from spf_portrait.contract.closed_spec import ClosedSpec, Weight
from spf_portrait.contract.methods import Method

Teacher = Literal["tuned", "original"]


class WeightL2(ClosedSpec):
    """LoRA with weight-offset L2."""

    weight: Annotated[Weight, Field(description="λ of λ · ‖ΔW‖², summed over all adapted matrices")] = 1e-4


class AdaLoRA(ClosedSpec):
    """AdaLoRA; the mean rank that it ends with is `rank`."""

    initial_factor: float = Field(
        default=1.5, gt=1, le=4, description="rank that every module starts with, as a multiple of `rank`"
    )
    warmup_share: float = Field(default=0.1, ge=0, le=0.5, description="of the steps before ranks begin to fall")
    final_share: float = Field(default=0.3, ge=0, le=0.5, description="of the steps after ranks have fallen")
    interval: int = Field(default=10, ge=1, le=1_000, description="steps between two allotments of ranks")
    orthogonality: Annotated[Weight, Field(description="of keeping the vectors of every module orthonormal")] = 0.5

    @field_validator("final_share")
    @classmethod
    def _ranks_fall(cls, final: float, info: ValidationInfo) -> float:
        if final + info.data.get("warmup_share", 0) >= 1:
            raise PydanticCustomError("shares", "less than 1 together with warmup_share, so that ranks can fall")
        return final


class TokenCompose(ClosedSpec):
    """TokenCompose."""

    token_weight: Annotated[Weight, Field(description="of the attention to a phrase that falls outside its mask")] = (
        1e-3
    )
    pixel_weight: Annotated[Weight, Field(description="of every cell's attention against the mask")] = 5e-5


class OutputPreservation(ClosedSpec):
    """LoRA with output preservation."""

    weight: Annotated[Weight, Field(description="of the distance to the original model's answers")] = 1.0
    share: float = Field(
        default=0.5, ge=0, le=0.9, description="of a step's rows that read the base text and are held; 0 for none"
    )

    def held(self, rows: int) -> int:
        """How many of a step's rows are held: at least one unless the share is 0."""
        return max(1, round(self.share * rows)) if self.share else 0


class PureCC(ClosedSpec):
    """PureCC."""

    weight: Annotated[Weight, Field(description="η of the pure learning loss beside the denoising loss")] = 1.0


class ConceptSlider(ClosedSpec):
    """Concept Slider."""

    strength: float = Field(default=4.0, ge=0, le=20, description="η: how far answers are moved along the direction")
    teacher: Teacher = Field(
        default="tuned",
        description="whose idea of the target is followed: that of the model which stage 1 tunes, or the original "
        "model's, with which both stages train the slider",
    )
    grown_steps: int = Field(
        default=8, ge=1, le=50, description="steps of a whole picture; a state is some of them away from noise"
    )


class Rivals(ClosedSpec):
    """A part for every method that has settings of its own."""

    weight_l2: WeightL2 = WeightL2()
    adalora: AdaLoRA = AdaLoRA()
    tokencompose: TokenCompose = TokenCompose()
    output_preservation: OutputPreservation = OutputPreservation()
    purecc: PureCC = PureCC()
    concept_slider: ConceptSlider = ConceptSlider()

    def of(self, method: Method) -> ClosedSpec | None:
        """What this method reads; None if it has no settings of its own."""
        name = method.replace("-", "_")
        found: ClosedSpec | None = getattr(self, name) if name in type(self).model_fields else None
        return found
