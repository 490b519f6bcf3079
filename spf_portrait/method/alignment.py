"""Second stage: one step of dual-path alignment on a state that both paths look at."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from spf_portrait.contract.training_spec import AlignedLayers, TrainingSpec
from spf_portrait.method.attention_maps import mean_over_layers
from spf_portrait.method.attention_recorder import AttentionRecord, AttentionRecorder
from spf_portrait.method.clip_space import ClipSpace
from spf_portrait.method.control_map import bucket_of, control_map, focused, noise_difference, running_maximum, scaled
from spf_portrait.method.dual_path import PathResult, reference_pass, response_pass
from spf_portrait.method.enhancement import FORMS, Embeddings
from spf_portrait.method.losses import (
    denoising_loss,
    fine_grained_loss,
    masked_denoising_loss,
    prediction_anchor_loss,
    text_consistent_loss,
)
from spf_portrait.method.map_memory import MapMemory
from spf_portrait.method.micro_batches import in_batches, path_in_batches
from spf_portrait.method.preserved_rows import PreservedRows, preservation_losses
from spf_portrait.method.seen_latents import seen
from spf_portrait.method.states import State
from spf_portrait.method.training_set import MeaningRows, TrainingRows
from spf_portrait.models.base_model import BaseModel, predict
from spf_portrait.models.families.text_embedding import stacked
from spf_portrait.models.schedule import predicted_clean, snr_db


@dataclass(frozen=True)
class Alignment:
    """Computes the raw losses of a step; what it hands from step to step is the control map's memory.

    Attributes:
        base: With the adapter attached to its network.
        clip: For the enhancement loss; None if that is switched off.
        recorder: Open on the base's network for as long as this is used, backward passes included.
        spec: Which terms to compute, and how. Without the control map M is 0: everything is held to the reference.
        memory: Of the control map; brought up to date at every step.
    """

    base: BaseModel
    clip: ClipSpace | None
    recorder: AttentionRecorder
    spec: TrainingSpec
    memory: MapMemory

    def losses(
        self,
        rows: TrainingRows,
        meaning: MeaningRows,
        portraits: Tensor,
        state: State,
        preserved: PreservedRows | None = None,
    ) -> dict[str, Tensor]:
        """Raw values by name, and the mean of the control map for the log.

        Args:
            rows: A batch.
            meaning: The same rows.
            portraits: Their indices in the caption set, [batch].
            state: What both paths look at; without a known truth there is no denoising loss.
            preserved: Further rows of the step, which do not name the target and pass the network together with these.
        """
        both_references, both_responses = self._both_paths(rows, state, preserved)
        told = len(portraits)
        reference, response = both_references.first(told), both_responses.first(told)
        control = self._control_map(reference, response, meaning.shares, portraits, state.timesteps)
        losses = {"control_mean": control.mean()}
        if state.truth is not None:
            losses["denoise"] = self._denoising(response.predicted, state.truth, control)
        if preserved is not None:
            answers = both_responses.predicted[told:], both_references.predicted[told:]
            losses |= self._preservation(*answers, preserved)
        losses |= self._alignment(reference, response, rows.present, control)
        if self.spec.w_prediction_anchor:
            losses["prediction_anchor"] = prediction_anchor_loss(response.predicted, reference.predicted, control)
        if self.spec.w_base_anchor:
            losses["base_anchor"] = self._base_anchor(reference, rows, state)
        if self.spec.enhances and self.clip is not None:
            losses["enhancement"] = self._enhancement(self.clip, reference, response, meaning, state)
        return losses

    def _both_paths(
        self, rows: TrainingRows, state: State, preserved: PreservedRows | None
    ) -> tuple[PathResult, PathResult]:
        """Reference and response, the preserved rows behind those that name the target."""
        x_t, timesteps = [state.x_t], [state.timesteps]
        base_text, complete_text = [rows.base_text], [rows.complete_text]
        base_pooling, complete_pooling = [rows.base_pooling], [rows.complete_pooling]
        if preserved is not None:
            x_t.append(preserved.x_t)
            timesteps.append(preserved.timesteps)
            base_text.append(preserved.text)
            complete_text.append(preserved.tuned_text)
            base_pooling.append(preserved.pooling)
            complete_pooling.append(preserved.pooling)
        looked_at = (self.base, self.recorder, torch.cat(x_t), torch.cat(timesteps))
        at_once = self.spec.batch_size
        reference = path_in_batches(reference_pass, *looked_at, stacked(base_text), torch.cat(base_pooling), at_once)
        response = path_in_batches(
            response_pass, *looked_at, stacked(complete_text), torch.cat(complete_pooling), at_once
        )
        return reference, response

    def _denoising(self, predicted: Tensor, truth: Tensor, control: Tensor) -> Tensor:
        """L_denoise, in the target's place alone if there is a map that knows it."""
        if self.spec.masked_denoising and self.spec.losses.control_map:
            return masked_denoising_loss(predicted, truth, control)
        return denoising_loss(predicted, truth)

    def _preservation(self, response: Tensor, reference: Tensor, preserved: PreservedRows) -> dict[str, Tensor]:
        """Where no survey has found the target's place, nothing is released."""
        difference = self._difference_of_pairs(preserved, response)
        place = focused(difference, self.spec.control_map_from, self.spec.control_map_to)
        return preservation_losses(response, reference, preserved, difference, place, self.spec.preservation)

    def _difference_of_pairs(self, preserved: PreservedRows, response: Tensor) -> Tensor:
        """D of the portraits or pictures that they look at, [pairs, height, width]."""
        portraits, pictures = self.memory.surveyed, self.memory.pictures
        if portraits is None or not self.spec.losses.control_map:
            return response.new_zeros(len(preserved.portraits), *response.shape[-2:])
        of_portraits = portraits[preserved.portraits]
        if pictures is None:
            return of_portraits
        return torch.where(preserved.asked[:, None, None] > 0, pictures[preserved.pictures], of_portraits)

    def _control_map(
        self, reference: PathResult, response: PathResult, shares: Tensor, portraits: Tensor, timesteps: Tensor
    ) -> Tensor:
        difference = noise_difference(response.predicted.detach(), reference.predicted)
        if not self.spec.losses.control_map:
            return torch.zeros_like(difference)
        place = self._place_of_target(difference, portraits, timesteps)
        detached = tuple(layer.detach() for layer in response.attention.maps)
        maps = mean_over_layers(detached, *difference.shape[-2:])[:, : shares.shape[1]]
        return control_map(place, maps, shares, self.spec.control_map_gain)

    def _place_of_target(self, difference: Tensor, portraits: Tensor, timesteps: Tensor) -> Tensor:
        """norm(·) of the noise difference: as a survey found it, or of this step alone."""
        buckets = bucket_of(timesteps, self.base.schedule.timesteps)
        self.memory.scale = running_maximum(self.memory.scale.to(difference.device), buckets, difference)
        if self.memory.surveyed is None:
            return scaled(difference, self.memory.scale[buckets])
        return focused(self.memory.surveyed[portraits], self.spec.control_map_from, self.spec.control_map_to)

    def _alignment(
        self, reference: PathResult, response: PathResult, present: Tensor, control: Tensor
    ) -> dict[str, Tensor]:
        ours, theirs = (aligned(path.attention, self.spec.aligned_layers) for path in (response, reference))
        losses: dict[str, Tensor] = {}
        if self.spec.losses.text_consistent:
            losses["text_consistent"] = text_consistent_loss(ours.shared, theirs.shared, present, control)
        if self.spec.losses.fine_grained:
            losses["fine_grained"] = fine_grained_loss(ours.queries, theirs.queries, control)
        return losses

    def _base_anchor(self, reference: PathResult, rows: TrainingRows, state: State) -> Tensor:
        """mean (ε_res(base) − sg ε_ref(base))²: nothing in the paper's terms holds the base text alone in place."""
        predicted = in_batches(
            lambda i: predict(self.base, state.x_t[i], state.timesteps[i], rows.base_text[i]),
            len(state.x_t),
            self.spec.batch_size,
            torch.cat,
        )
        return F.mse_loss(predicted.float(), reference.predicted.float())

    def _enhancement(
        self, clip: ClipSpace, reference: PathResult, response: PathResult, meaning: MeaningRows, state: State
    ) -> Tensor:
        """L_re over the rows with enough signal, averaged over the whole batch."""
        inside = snr_db(self.base.schedule.levels(state.timesteps)) >= self.spec.enhancement_min_snr_db
        if not inside.any():
            return state.x_t.new_zeros(())
        rows = meaning.chosen(inside)
        with torch.no_grad():
            seen_by_reference = self._seen(clip, state, reference.predicted, inside)
        embeddings = Embeddings(
            response=self._seen(clip, state, response.predicted, inside),
            reference=seen_by_reference,
            exemplar=rows.exemplar,
            target=rows.target,
            base=rows.base,
            complete=rows.complete,
        )
        return FORMS[self.spec.enhancement_form](embeddings).sum() / len(inside)

    def _seen(self, clip: ClipSpace, state: State, predicted: Tensor, inside: Tensor) -> Tensor:
        """i(x̂_0): what CLIP sees in a path's one-step prediction."""
        schedule = self.base.schedule
        levels = schedule.levels(state.timesteps[inside])
        x_0 = predicted_clean(state.x_t[inside], predicted[inside], levels, schedule.prediction)
        return in_batches(lambda rows: seen(self.base, clip, x_0[rows]), len(x_0), self.spec.batch_size, torch.cat)


def aligned(record: AttentionRecord, layers: AlignedLayers) -> AttentionRecord:
    """The layers that are held, in the network's order; of an odd number the middle one belongs to the second half."""
    half = len(record.maps) // 2
    chosen = {"all": slice(None), "first_half": slice(half), "second_half": slice(half, None)}[layers]
    return AttentionRecord(record.maps[chosen], record.shared[chosen], record.queries[chosen])
