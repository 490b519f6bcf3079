"""How firmly the rest of a picture is held to the original model while an adapter draws."""

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from spf_portrait.contract.closed_spec import ClosedSpec


class Hold(ClosedSpec):
    """Both thresholds are shares of the largest difference that the target makes in the picture."""

    held_below: float = Field(
        default=0.2, ge=0, lt=1, description="where the target differs by less than this share, the original draws"
    )
    free_above: float = Field(
        default=0.5,
        gt=0,
        le=1,
        validate_default=True,
        description="where it differs by more, the adapter draws; between the two, both do",
    )
    firmness: float = Field(default=1.0, ge=0, le=1, description="1 holds the rest wholly, 0 not at all")

    @field_validator("free_above")
    @classmethod
    def _thresholds_rise(cls, free_above: float, info: ValidationInfo) -> float:
        below = info.data.get("held_below")
        if below is not None and free_above <= below:
            raise PydanticCustomError("free_above", "more than held_below, which is {below}", {"below": below})
        return free_above
