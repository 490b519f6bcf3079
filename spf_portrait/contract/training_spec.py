"""An order for a training."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from spf_portrait.contract.closed_spec import BaseKey, ClosedSpec, Seed, SignalToNoise, Weight
from spf_portrait.contract.errors import SpecError
from spf_portrait.contract.methods import Method
from spf_portrait.contract.preservation import Preservation
from spf_portrait.contract.preset_table import AdapterKind, Preset
from spf_portrait.contract.presets import own_adapter_kind, preset_family, preset_values
from spf_portrait.contract.rivals import Rivals

EnhancementForm = Literal["exemplar", "image_direction", "text_direction"]
AdapterLayers = Literal["cross_attention", "cross_attention_kv", "all_attention"]
AlignedLayers = Literal["all", "first_half", "second_half"]
States = Literal["noised", "grown"]
GrownBy = Literal["response", "reference"]
Subtraction = Literal["sum", "mean"]
Precision = Literal["fp32", "bf16"]


class LossSwitches(ClosedSpec):
    """The parts of the second stage, each of which can be switched off (the rows of the ablation)."""

    text_consistent: bool = Field(default=True, description="phrase maps of the two paths agree")
    fine_grained: bool = Field(default=True, description="cross-attention queries of the two paths agree")
    enhancement: bool = Field(default=True, description="the response shows the target")
    control_map: bool = Field(default=True, description="weigh the alignment by where the target answers")


class TrainingChoice(ClosedSpec):
    """What the presets go by."""

    base: BaseKey = "pico"
    method: Method = Field(
        default="spf",
        description="spf; spf-paper, its settings as the paper's figure shows them; the rest is there for comparison",
    )
    preset: Preset = "quick"
    adapter: AdapterKind | None = Field(
        default=None,
        description="what trains: LoRA, the whole cross-attention matrices, or every weight of the network; null for "
        "the method's own (naive: whole_network, others: lora)",
    )


SMALLEST_SCHEDULE: Final = 2
"""Steps of an AdaLoRA: one to see which ranks matter, one to allot them."""
_CHOICES: Final = tuple(TrainingChoice.model_fields)


class TrainingSpec(TrainingChoice):
    """One training. The defaults are those of the preset "quick" with the bundled base."""

    seed: Annotated[Seed, Field(description="the same seed and settings give the same adapter")] = 0
    stage1_steps: int = Field(default=100, ge=0, le=20_000, description="steps of ordinary fine-tuning")
    stage2_steps: int = Field(
        default=300,
        ge=0,
        le=20_000,
        description="steps of dual-path alignment; with methods for comparison more of their own",
    )
    batch_size: int = Field(default=4, ge=1, le=64, description="portraits that are worked on at once")
    accumulation: int = Field(
        default=1,
        ge=1,
        le=64,
        description="batches a step, one after the other: a step of so many more portraits, of which only answers, "
        "attention maps and queries are kept at once; about a third slower",
    )
    learning_rate: float = Field(
        default=2e-3,
        ge=1e-6,
        le=1e-1,
        description="size of a step of the optimizer; too large, and pictures fall apart",
    )
    warmup_steps: int = Field(
        default=0,
        ge=0,
        le=2_000,
        description="steps at the very beginning in which the learning rate rises, evenly, up to its full value",
    )
    learning_rate_end: float = Field(
        default=0.05,
        ge=0,
        le=1,
        description="share of the learning rate to which it falls, evenly, during stage 2; 1 to keep it",
    )
    layers: AdapterLayers | None = Field(
        default=None,
        description="matrices that are adapted: queries, keys, values and output of cross-attention, its keys and "
        "values alone, or all attention; null for the method's own (spf-paper: cross_attention, others: all_attention)",
    )
    rank: int = Field(
        default=8, ge=1, le=128, description="rank of the adapter; of the exported file, where whole matrices train"
    )
    image_size_px: int | None = Field(
        default=None, ge=32, le=2048, description="side in pixels; the base's own if null"
    )
    w_text_consistent: Annotated[Weight, Field(description="hold where each base phrase looks")] = 0.02
    w_fine_grained: Annotated[Weight, Field(description="hold layout and detail, by the queries of both paths")] = 1.0
    w_enhancement: Annotated[
        Weight, Field(description="push the target itself, by what CLIP sees; 0 for not at all, which is faster")
    ] = 0.0
    w_prediction_anchor: Annotated[
        Weight, Field(description="hold the answer to the complete text, too, where the target does not answer")
    ] = 2.0
    w_base_anchor: Annotated[
        Weight, Field(description="hold the answer to the base text alone; a pass more, about half as slow again")
    ] = 0.0
    w_denoise: Annotated[Weight, Field(description="of the denoising loss on complete captions in stage 2")] = 0.6
    masked_denoising: bool = Field(
        default=True,
        description="learn from the portraits only where the control map says that the target answers; false for "
        "everywhere",
    )
    aligned_layers: AlignedLayers = Field(
        default="all", description="cross-attention layers whose maps and queries are held, in the network's order"
    )
    states: States = Field(
        default="noised",
        description="what both paths look at in stage 2: noised portraits, or what one of them draws from noise",
    )
    grown_by: GrownBy = Field(default="response", description="path that draws the grown states")
    grown_steps: int = Field(
        default=8, ge=1, le=50, description="steps of a whole picture; a grown state is some of them away from noise"
    )
    denoise_every: int = Field(
        default=1, ge=1, le=100, description="with grown states: steps between two with a batch for denoising"
    )
    enhancement_form: EnhancementForm = Field(
        default="text_direction",
        description="reading of the paper's representation bias, by which w_enhancement pushes",
    )
    enhancement_min_snr_db: SignalToNoise = Field(
        default=-5.0, description="enhance where the signal-to-noise ratio is at least this many decibels"
    )
    control_map_gain: float = Field(
        default=0.0, ge=0, le=4, description="strength of subtracting phrase maps; 0 for not at all, 1 as in the paper"
    )
    control_map_subtraction: Subtraction = Field(
        default="sum", description="what is subtracted: the phrases' maps one after the other, or their mean"
    )
    control_map_distances: bool = Field(
        default=True, description="subtract phrases the more, the farther from the target they are in meaning"
    )
    control_map_looks: int | None = Field(
        default=None,
        ge=0,
        le=100,
        description="looks at every portrait before stage 2 from which its control map is made; 0 for the map of a "
        "single step, as in the paper; null for 12, and with grown states for 0",
    )
    control_map_from: float = Field(
        default=0.3,
        ge=0,
        le=1,
        description="share of a portrait's largest difference up to which a cell is not the target's",
    )
    control_map_to: float = Field(
        default=0.7, ge=0, le=1, description="share from which a cell is the target's altogether"
    )
    control_map_min_snr_db: SignalToNoise = Field(
        default=-13.0,
        description="signal-to-noise ratio in decibels of the noisiest look: more noise tells little about places",
    )
    precision: Precision = Field(
        default="fp32",
        description="of the weights that do not train and of the network's arithmetic; weights that train, losses and "
        "CLIP stay in fp32, and so does SDXL's autoencoder",
    )
    gradient_checkpointing: bool = Field(
        default=False,
        description="compute layers anew in the backward pass instead of keeping them: the same result in less memory, "
        "about a third slower",
    )
    checkpoint_every: int = Field(
        default=50,
        ge=0,
        le=20_000,
        description="steps between checkpoints, and one more at the end; 0 for none at all",
    )
    keep_checkpoints: int = Field(default=3, ge=1, le=100, description="newest checkpoints that are kept")
    export_checkpoints: bool = Field(
        default=True, description="an adapter file of every checkpoint, in the folder steps; all of them are kept"
    )
    validate_every: int = Field(
        default=50,
        ge=0,
        le=20_000,
        description="steps between two measurements of target gained and rest kept; 0 for none. Of 32 portraits or "
        "more, four are held out for it",
    )
    preview_every: int = Field(default=0, ge=0, le=20_000, description="steps between preview pictures; 0 for none")
    preview_count: int = Field(default=2, ge=1, le=4, description="pairs of pictures in a preview")
    preservation: Preservation = Preservation()
    losses: LossSwitches = LossSwitches()
    rivals: Rivals = Rivals()

    @field_validator("layers")
    @classmethod
    def _whole_matrices_are_those_of_cross_attention(
        cls, layers: AdapterLayers | None, info: ValidationInfo
    ) -> AdapterLayers | None:
        kind = info.data.get("adapter")
        if kind == "whole_network" and layers is not None:
            raise PydanticCustomError("layers", "null with adapter whole_network, which knows no choice of layers")
        if layers == "all_attention" and kind == "cross_attention":
            raise PydanticCustomError(
                "layers", "cross_attention, cross_attention_kv or null with adapter cross_attention"
            )
        return layers

    @field_validator("control_map_looks")
    @classmethod
    def _grown_states_belong_to_no_portrait(cls, looks: int | None, info: ValidationInfo) -> int | None:
        if info.data.get("states") == "grown" and looks not in (None, 0):
            raise PydanticCustomError("looks", "0 or null with grown states, which belong to no portrait")
        return looks

    @field_validator("control_map_to")
    @classmethod
    def _the_map_rises(cls, full: float, info: ValidationInfo) -> float:
        if full <= info.data.get("control_map_from", 0):
            raise PydanticCustomError("map", "more than control_map_from")
        return full

    @model_validator(mode="after")
    def _stage_2_learns_something(self) -> Self:
        if self.is_dual_path and self.stage2_steps and not self._weighs_any_loss():
            raise SpecError(
                "nothing_to_learn",
                f"{self.stage2_steps} steps of stage 2 in which every loss is switched off or has the weight 0",
                "a weight above 0 for at least one of denoise, text_consistent, fine_grained, prediction_anchor, "
                "base_anchor and enhancement, or preservation with a share; no weight is needed with stage2_steps=0",
                "Give one of them a weight, such as w_denoise=1, or order stage 1 alone with stage2_steps=0",
            )
        return self

    @model_validator(mode="after")
    def _ranks_can_be_allotted(self) -> Self:
        if self.method == "adalora" and (self.adapter_kind != "lora" or self.steps < SMALLEST_SCHEDULE):
            raise SpecError(
                "no_ranks_to_allot",
                f"method adalora with adapter {self.adapter_kind} and {self.steps} steps",
                f"adapter lora, and {SMALLEST_SCHEDULE} steps or more",
                "Leave the adapter to the method, and order more steps",
            )
        return self

    def _weighs_any_loss(self) -> bool:
        kept = self.preservation
        return self.enhances or any(
            (
                self.w_denoise,
                self.losses.text_consistent and self.w_text_consistent,
                self.losses.fine_grained and self.w_fine_grained,
                self.w_prediction_anchor,
                self.w_base_anchor,
                kept.share and (kept.weight or kept.guided_weight or kept.denoise_weight),
            )
        )

    @property
    def enhances(self) -> bool:
        """Whether the enhancement is computed at all."""
        return self.losses.enhancement and self.w_enhancement > 0

    @property
    def map_looks(self) -> int:
        """`control_map_looks`, or what suits the states."""
        if self.control_map_looks is None:
            return 12 if self.states == "noised" else 0
        return self.control_map_looks

    @property
    def adapter_kind(self) -> AdapterKind:
        """`adapter`, or the method's own."""
        return self.adapter or own_adapter_kind(self.method)

    @property
    def adapted_layers(self) -> AdapterLayers:
        """`layers`, or the method's own."""
        if self.layers is None:
            narrow = self.method == "spf-paper" or self.adapter_kind == "cross_attention"
            return "cross_attention" if narrow else "all_attention"
        return self.layers

    @property
    def reads_masks(self) -> bool:
        """Whether the caption set must have masks of its phrases."""
        return self.method == "tokencompose"

    @property
    def own_settings(self) -> ClosedSpec | None:
        """Those that the method alone reads, where it is there for comparison."""
        return self.rivals.of(self.method)

    @property
    def steps(self) -> int:
        """Of both stages together."""
        return self.stage1_steps + self.stage2_steps

    @property
    def is_dual_path(self) -> bool:
        """Whether the second stage is alignment."""
        return self.method in ("spf", "spf-paper")

    @classmethod
    def from_preset(cls, preset: Preset = "quick", **overrides: Any) -> Self:
        """The values of a preset, with some of them replaced; a base is looked for in the default models folder.

        Raises:
            SpecError: The preset or an option is unknown, or a value is out of bounds.
            ModelError: There is no such base.
        """
        return cls.from_order({**overrides, "preset": preset})

    @classmethod
    def from_order(cls, options: Mapping[str, Any], models_dir: Path | None = None) -> Self:
        """Options as they are ordered; what they leave open, the preset decides for the family of the base.

        Args:
            options: By name.
            models_dir: Folder of the base models; None for the default.

        Raises:
            SpecError: An option is unknown or out of bounds.
            ModelError: There is no such base.
        """
        choice = TrainingChoice.from_mapping({name: options[name] for name in _CHOICES if name in options})
        family = preset_family(choice.base, models_dir)
        values = preset_values(family, choice.preset, choice.method, choice.adapter)
        if "batch_size" in options:  # how a preset splits its own batch says nothing of another
            del values["accumulation"]
        return cls.from_mapping({**values, **options})
