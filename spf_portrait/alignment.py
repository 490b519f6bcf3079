"""Second stage: one step of dual-path alignment on states (A), that is noised training pictures."""

from dataclasses import dataclass

import torch
from torch import Tensor

from spf_portrait.attention_maps import mean_over_layers
from spf_portrait.attention_recorder import AttentionRecorder
from spf_portrait.base_model import BaseModel, decode_latents
from spf_portrait.clip_space import ClipSpace
from spf_portrait.contract.jobs import EnhancementForm, LossSwitches
from spf_portrait.control_map import RunningScale, bucket_of, control_map, noise_difference, running_maximum, scaled
from spf_portrait.dual_path import PathResult, reference_pass, response_pass
from spf_portrait.enhancement import FORMS, Embeddings
from spf_portrait.losses import denoising_loss, fine_grained_loss, text_consistent_loss
from spf_portrait.schedule import add_noise, predicted_clean, prediction_target
from spf_portrait.training_set import MeaningRows, TrainingRows


@dataclass(frozen=True)
class Alignment:
    """Computes the raw losses of a step; what it hands from step to step is the control map's scale.

    Attributes:
        base: With the adapter attached to its U-Net.
        clip: For the enhancement loss.
        recorder: Open on the base's U-Net for as long as this is used, backward passes included.
        switches: Which terms to compute. Without the control map M is 0: everything is held to the reference.
        control_map_gain: Strength of subtracting phrase maps.
        enhancement_form: One of `enhancement.FORMS`.
        enhancement_t_max: Fraction of the schedule below which x̂_0 means enough to be enhanced.
        scale: Running maximum of the noise difference; brought up to date at every step.
    """

    base: BaseModel
    clip: ClipSpace
    recorder: AttentionRecorder
    switches: LossSwitches
    control_map_gain: float
    enhancement_form: EnhancementForm
    enhancement_t_max: float
    scale: RunningScale

    def losses(self, rows: TrainingRows, meaning: MeaningRows, timesteps: Tensor, noise: Tensor) -> dict[str, Tensor]:
        """Raw values by name, and the mean of the control map for the log.

        Args:
            rows: A batch.
            meaning: The same rows.
            timesteps: [batch].
            noise: ε, shaped as x_0.
        """
        schedule = self.base.schedule
        alpha_bar = schedule.alpha_bar(timesteps)
        x_t = add_noise(rows.x_0, noise, alpha_bar)
        reference = reference_pass(self.base, self.recorder, x_t, timesteps, rows.base_states, rows.base_pooling)
        response = response_pass(self.base, self.recorder, x_t, timesteps, rows.complete_states, rows.complete_pooling)
        target = prediction_target(rows.x_0, noise, alpha_bar, schedule.prediction)
        control = self._control_map(reference, response, meaning.distances, timesteps)
        losses = {"denoise": denoising_loss(response.predicted, target), "control_mean": control.mean()}
        losses |= self._alignment(reference, response, rows.present, control)
        if self.switches.enhancement:
            losses["enhancement"] = self._enhancement(reference, response, meaning, x_t, timesteps)
        return losses

    def _control_map(self, reference: PathResult, response: PathResult, distances: Tensor, timesteps: Tensor) -> Tensor:
        difference = noise_difference(response.predicted.detach(), reference.predicted)
        if not self.switches.control_map:
            return torch.zeros_like(difference)
        buckets = bucket_of(timesteps, self.base.schedule.timesteps)
        self.scale.value = running_maximum(self.scale.value.to(difference.device), buckets, difference)
        detached = tuple(layer.detach() for layer in response.attention.maps)
        maps = mean_over_layers(detached, *difference.shape[-2:])[:, : distances.shape[1]]
        return control_map(scaled(difference, self.scale.value[buckets]), maps, distances, self.control_map_gain)

    def _alignment(
        self, reference: PathResult, response: PathResult, present: Tensor, control: Tensor
    ) -> dict[str, Tensor]:
        ours, theirs = response.attention, reference.attention
        losses: dict[str, Tensor] = {}
        if self.switches.text_consistent:
            losses["text_consistent"] = text_consistent_loss(ours.maps, theirs.maps, present, control)
        if self.switches.fine_grained:
            losses["fine_grained"] = fine_grained_loss(ours.queries, theirs.queries, control)
        return losses

    def _enhancement(
        self, reference: PathResult, response: PathResult, meaning: MeaningRows, x_t: Tensor, timesteps: Tensor
    ) -> Tensor:
        """L_re over the rows inside the window of t, averaged over the whole batch."""
        inside = timesteps < self.enhancement_t_max * self.base.schedule.timesteps
        if not inside.any():
            return x_t.new_zeros(())
        rows = meaning.chosen(inside)
        with torch.no_grad():
            seen_by_reference = self._seen(x_t[inside], reference.predicted[inside], timesteps[inside])
        embeddings = Embeddings(
            response=self._seen(x_t[inside], response.predicted[inside], timesteps[inside]),
            reference=seen_by_reference,
            exemplar=rows.exemplar,
            target=rows.target,
            base=rows.base,
            complete=rows.complete,
        )
        return FORMS[self.enhancement_form](embeddings).sum() / len(timesteps)

    def _seen(self, x_t: Tensor, predicted: Tensor, timesteps: Tensor) -> Tensor:
        """i(x̂_0): what CLIP sees in a path's one-step prediction."""
        schedule = self.base.schedule
        x_0 = predicted_clean(x_t, predicted, schedule.alpha_bar(timesteps), schedule.prediction)
        return self.clip.pictures(decode_latents(self.base, x_0))
