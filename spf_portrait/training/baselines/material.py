"""What the stages of a method for comparison are made of."""

from dataclasses import dataclass

from spf_portrait.contract.caption_set import LoadedCaptionSet
from spf_portrait.contract.training_spec import TrainingSpec
from spf_portrait.method.attention_recorder import AttentionRecorder
from spf_portrait.method.training_set import TrainingRows
from spf_portrait.models.base_model import BaseModel
from spf_portrait.training.training_state import TrainingState


@dataclass(frozen=True)
class Material:
    """All that a training has loaded.

    Attributes:
        base: With the adapter attached.
        portraits: The caption set.
        rows: The same as tensors, on the CPU.
        spec: What is ordered.
        state: Of the training, new or that of a checkpoint.
        recorder: Open on the base's network.
    """

    base: BaseModel
    portraits: LoadedCaptionSet
    rows: TrainingRows
    spec: TrainingSpec
    state: TrainingState
    recorder: AttentionRecorder
