"""What the families with a U-Net have in common."""

from typing import Any, cast

from torch import Tensor, nn

from spf_portrait.contract.errors import ModelError
from spf_portrait.models.families.family import Family, Parts
from spf_portrait.models.families.targets import ALL_ATTENTION, CROSS_ATTENTION
from spf_portrait.models.schedule import DiffusionSchedule


class UNetFamily(Family):
    """A UNet2DConditionModel on a diffusion schedule."""

    network_name = "unet"
    network_class = "UNet2DConditionModel"
    cross_attention_modules = CROSS_ATTENTION

    def all_attention_modules(self, network: nn.Module) -> str:
        """Self- and cross-attention."""
        return ALL_ATTENTION

    def schedule(self, parts: Parts) -> DiffusionSchedule:
        """ᾱ of the scheduler, and whether the U-Net answers ε or v.

        Raises:
            ModelError: The scheduler knows neither.
        """
        prediction = parts.scheduler.config.get("prediction_type")
        if prediction not in ("epsilon", "v_prediction") or not hasattr(parts.scheduler, "alphas_cumprod"):
            raise ModelError(
                "unsupported_prediction",
                f"prediction type {prediction!r} of a {type(parts.scheduler).__name__}",
                "epsilon or v_prediction",
                "Choose another base model",
            )
        return DiffusionSchedule(parts.scheduler.alphas_cumprod.to(parts.device), prediction)

    def cell_step(self, parts: Parts) -> int:
        """The U-Net must be able to halve the latents at every level."""
        return 2 ** (len(cast("Any", parts.network).config.block_out_channels) - 1)


def answer(parts: Parts, x_t: Tensor, timesteps: Tensor, states: Tensor, **more: Any) -> Tensor:
    """ε or v of the U-Net."""
    return cast("Any", parts.network)(x_t, timesteps, encoder_hidden_states=states, **more).sample
