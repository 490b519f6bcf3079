"""What is compared: the rows of the proof. Those that train are the options of one training."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final


@dataclass(frozen=True)
class System:
    """One row.

    Attributes:
        name: On the command line and in files.
        title: In tables.
        options: What its training changes of the preset; None for the original model, which is not trained.
        asks_sibling: Whether texts ask for the target's sibling instead of the target, see `pico.siblings`.
    """

    name: str
    title: str
    options: Mapping[str, Any] | None = field(default_factory=dict[str, Any])
    asks_sibling: bool = False


def _without(term: str) -> dict[str, Any]:
    return {"losses": {term: False}}


def _preserving(**changed: float) -> dict[str, Any]:
    return {"preservation": changed}


_NOTHING_HELD: Final = {
    "losses": {"text_consistent": False, "fine_grained": False},
    "w_prediction_anchor": 0.0,
    **_preserving(share=0.0),
}
_ENHANCEMENT_ALONE: Final = {**_NOTHING_HELD, "w_denoise": 0.0, "w_enhancement": 0.1}

_PAPER: Final = {"method": "spf-paper"}

ORIGINAL: Final = System("original", "original model", None)
SIBLING_ORACLE: Final = System("sibling-oracle", "sibling oracle", None, asks_sibling=True)
SYSTEMS: Final = (
    ORIGINAL,
    SIBLING_ORACLE,
    System("naive", "naive fine-tuning", {"method": "naive"}),
    System("naive-cross", "naive, cross-attention only", {"method": "naive", "adapter": "cross_attention"}),
    System("lora", "LoRA", {"method": "lora"}),
    System("lora-cross", "LoRA, cross-attention only", {"method": "lora", "layers": "cross_attention"}),
    System("weight-l2", "LoRA, weight-offset L2", {"method": "weight-l2"}),
    System("adalora", "AdaLoRA", {"method": "adalora"}),
    System("tokencompose", "TokenCompose", {"method": "tokencompose"}),
    System("output-preservation", "LoRA, output preservation", {"method": "output-preservation"}),
    System("purecc", "PureCC", {"method": "purecc"}),
    System("concept-slider", "Concept Slider", {"method": "concept-slider"}),
    System(
        "concept-slider-original",
        "Concept Slider, taught by the original model",
        {"method": "concept-slider", "rivals": {"concept_slider": {"teacher": "original"}}},
    ),
    System("spf", "SPF"),
    System("spf-standard", "SPF, standard preset", {"preset": "standard"}),
    System("spf-thorough", "SPF, thorough preset", {"preset": "thorough"}),
    System("spf-cross", "SPF, cross-attention only", {"layers": "cross_attention"}),
    System("no-map-survey", "SPF, control map of one step", {"control_map_looks": 0}),
    System("phrases-subtracted", "SPF, phrases subtracted from the map", {"control_map_gain": 0.1}),
    System("spf-paper", "SPF (paper)", _PAPER),
    System(
        "paper-no-text-consistent",
        "SPF (paper) without text-consistent loss",
        {**_PAPER, **_without("text_consistent")},
    ),
    System("paper-no-fine-grained", "SPF (paper) without fine-grained loss", {**_PAPER, **_without("fine_grained")}),
    System("paper-no-enhancement", "SPF (paper) without enhancement", {**_PAPER, **_without("enhancement")}),
    System("paper-no-control-map", "SPF (paper) without control map", {**_PAPER, **_without("control_map")}),
    System("no-text-consistent", "SPF without text-consistent loss", _without("text_consistent")),
    System("no-fine-grained", "SPF without fine-grained loss", _without("fine_grained")),
    System("no-prediction-anchor", "SPF without prediction anchor", {"w_prediction_anchor": 0.0}),
    System("with-enhancement", "SPF with enhancement", {"w_enhancement": 0.1}),
    System("whole-denoising", "SPF, denoising everywhere", {"masked_denoising": False, "w_denoise": 1.0}),
    System("map-of-all-noise", "SPF, control map from all noise levels", {"control_map_min_snr_db": -60.0}),
    System("no-preservation", "SPF without prior preservation", _preserving(share=0.0)),
    System("nothing-asked", "SPF, pictures never asked for the target", _preserving(asked_share=0.0)),
    System("portraits-too", "SPF, prior preservation on portraits, too", _preserving(picture_share=0.6)),
    System(
        "no-release",
        "SPF, prior preservation on portraits, too, without release",
        _preserving(picture_share=0.6, release_min_snr_db=60.0),
    ),
    System("pairs-at-all-noise", "SPF, prior preservation at all noise levels alike", _preserving(times_power=1.0)),
    System("no-guided-preservation", "SPF without guided preservation", _preserving(guided_weight=0.0)),
    System("no-original-pictures", "SPF without pictures by the original model", _preserving(picture_share=0.0)),
    System("constant-rate", "SPF, learning rate kept", {"learning_rate_end": 1.0}),
    System("long-stage-1", "SPF, half of the steps in stage 1", {"stage1_steps": 200, "stage2_steps": 200}),
    System("no-control-map", "SPF without control map", _without("control_map")),
    System("stage-1", "stage 1 alone", {"stage2_steps": 0}),
    System("enhancement-alone", "stage 1, then enhancement alone", _ENHANCEMENT_ALONE),
)
"""In the order of the tables. The last two answer whether the enhancement by itself brings the target."""


def systems_named(names: list[str]) -> tuple[System, ...]:
    """The systems of these names, in the table's order; all for no name."""
    return tuple(system for system in SYSTEMS if not names or system.name in names)


def variant(system: System, label: str, changed: Mapping[str, Any]) -> System:
    """A trial beside the named systems: one of them with some options changed, under a name of its own."""
    options: dict[str, Any] = dict(system.options or {})
    for name, value in changed.items():
        inner = isinstance(value, Mapping) and isinstance(options.get(name), Mapping)
        options[name] = {**options[name], **value} if inner else value
    return System(label, label, options)
