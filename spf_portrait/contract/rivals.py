"""Settings of the methods that are there for comparison; each is read by its own method alone."""

from typing import Annotated

from pydantic import Field

from spf_portrait.contract.closed_spec import ClosedSpec, Weight
from spf_portrait.contract.methods import Method


class WeightL2(ClosedSpec):
    """LoRA with weight-offset L2."""

    weight: Annotated[Weight, Field(description="λ of λ · ‖ΔW‖², summed over all adapted matrices")] = 1e-4


class Rivals(ClosedSpec):
    """A part for every method that has settings of its own."""

    weight_l2: WeightL2 = WeightL2()

    def of(self, method: Method) -> ClosedSpec | None:
        """What this method reads; None if it has no settings of its own."""
        name = method.replace("-", "_")
        found: ClosedSpec | None = getattr(self, name) if name in type(self).model_fields else None
        return found
