"""Every metric by name: its unit, which direction is better, what it means, and what it cannot be measured without."""

from dataclasses import dataclass
from typing import Final, Literal

Better = Literal["higher", "lower"]


@dataclass(frozen=True)
class Requirement:
    """Something that a metric needs and that may not be there.

    Attributes:
        how_to_get: What to do when it is missing.
        licence: Under which terms it can be had.
    """

    how_to_get: str
    licence: str


@dataclass(frozen=True)
class Metric:
    """One metric.

    Attributes:
        name: In JSON.
        title: In tables.
        unit: Of its values; empty for plain numbers.
        better: Which direction is better.
        meaning: In one line.
        needs: Key of `REQUIREMENTS`; empty when pictures are enough.
    """

    name: str
    title: str
    unit: str
    better: Better
    meaning: str
    needs: str = ""


_WITH_PICO: Final = (
    "It comes with the base model pico: restore the folder models/pico, or train it again with "
    "python -m spf_portrait.pico.training"
)
_OURS: Final = "Apache-2.0, as this project"


def _folder(name: str, what: str) -> str:
    return f"Put {what} into a folder {name}, and name the folder above it with --metrics or as SPF_METRICS_DIR"


def _plug_in(name: str, address: str) -> str:
    return f"Get it from {address} and give evaluate_adapter a function under plug_ins['{name}']"


REQUIREMENTS: Final[dict[str, Requirement]] = {
    "judge": Requirement(f"{_WITH_PICO}. For photographs there is none", _OURS),
    "parser": Requirement(
        f"{_WITH_PICO}. For photographs: "
        + _folder("face_parsing", "a SegFormer that parses faces, such as huggingface.co/jonathandinu/face-parsing,"),
        f"{_OURS}; SegFormer: NVIDIA's, research and evaluation alone",
    ),
    "identity": Requirement(
        f"{_WITH_PICO}. For photographs: " + _plug_in("identity", "https://github.com/deepinsight/insightface"),
        f"{_OURS}; insightface's weights: research alone",
    ),
    "second CLIP": Requirement(
        f"{_WITH_PICO}. For photographs: "
        + _folder("clip", "a CLIP in safetensors, such as huggingface.co/openai/clip-vit-large-patch14,"),
        f"{_OURS}; OpenAI's CLIP: MIT",
    ),
    "region": Requirement("Evaluate the base model pico, where the region of a target is known", _OURS),
    "renderer": Requirement(
        "Evaluate the base model pico, and install what draws it: pip install 'spf-portrait[pico]'",
        f"{_OURS}; the figures are free for personal and commercial use",
    ),
    "lpips": Requirement(
        _folder(
            "lpips",
            "torchvision's alexnet-owt-7be5be79.pth as alexnet.pth, and weights/v0.1/alex.pth of "
            "https://github.com/richzhang/PerceptualSimilarity as lin.pth",
        ),
        "BSD-2-Clause; torchvision's weights: BSD-3-Clause",
    ),
    "hpsv2": Requirement(
        _folder("hpsv2", "the weights of https://github.com/tgxs002/HPSv2, converted to a CLIPModel in safetensors,"),
        "Apache-2.0",
    ),
    "image_reward": Requirement(_plug_in("image_reward", "https://github.com/THUDM/ImageReward"), "Apache-2.0"),
    "mps": Requirement(
        _plug_in("mps", "https://github.com/Kwai-Kolors/MPS") + ". Its file is a pickle, which runs code when loaded",
        "not stated by its authors",
    ),
}

CATALOGUE: Final[tuple[Metric, ...]] = (
    Metric("attribute_accuracy", "attribute accuracy", "share", "higher", "responses that show the target", "judge"),
    Metric(
        "attribute_accuracy_visible",
        "attribute accuracy where visible",
        "share",
        "higher",
        "the same, only texts whose reference does not hide the target's place",
        "judge",
    ),
    Metric("base_shown", "base shown", "share", "lower", "tuned model shows the target for base text alone", "judge"),
    Metric("base_shown_original", "base shown, original", "share", "lower", "the same for the original model", "judge"),
    Metric("pollution", "pollution", "share", "lower", "other attributes that the response changes", "judge"),
    Metric("pollution_floor", "pollution floor", "share", "lower", "the same for the original model", "judge"),
    Metric("excess_pollution", "excess pollution", "share", "lower", "pollution minus its floor", "judge"),
    Metric(
        "excess_pollution_visible",
        "excess pollution where visible",
        "share",
        "lower",
        "the same, only texts whose reference does not hide the target's place",
        "judge",
    ),
    Metric(
        "text_followed",
        "text followed",
        "share",
        "higher",
        "attributes named in base texts that responses show",
        "judge",
    ),
    Metric("text_followed_original", "text followed, original", "share", "higher", "the same for references", "judge"),
    Metric("base_pollution", "base pollution", "share", "lower", "attributes that change for base text alone", "judge"),
    Metric("change", "change", "of full scale", "lower", "mean pixel difference, the target's own included"),
    Metric(
        "outside_change", "outside change", "of full scale", "lower", "the same outside the target region", "region"
    ),
    Metric("base_change", "base change", "of full scale", "lower", "tuned against original model, base text alone"),
    Metric("base_psnr", "base PSNR", "dB", "higher", "the same as signal-to-noise ratio; 100 for equal pictures"),
    Metric("identity", "ID", "cosine", "higher", "likeness of the person in reference and response", "identity"),
    Metric("clip_i", "CLIP-I", "cosine", "higher", "likeness of reference and response", "second CLIP"),
    Metric("seg_cons", "Seg-Cons", "%", "higher", "pixels outside the region that keep their class", "parser"),
    Metric("kid", "KID x 1000", "", "lower", "distance between the sets of references and responses", "second CLIP"),
    Metric("clip_t_target", "CLIP-T target", "cosine", "higher", "response and target phrase", "second CLIP"),
    Metric("clip_t_complete", "CLIP-T complete", "cosine", "higher", "response and complete text", "second CLIP"),
    Metric("control_map_auc", "control map AUC", "", "higher", "finding the exact mask; 0.5 is chance", "renderer"),
    Metric("control_map_inside", "control map inside", "", "higher", "its mean where the target is", "renderer"),
    Metric("control_map_outside", "control map outside", "", "lower", "its mean everywhere else", "renderer"),
    Metric("lpips", "LPIPS", "", "lower", "perceptual distance of reference and response", "lpips"),
    Metric("hpsv2", "HPSv2", "", "higher", "predicted human preference for the response", "hpsv2"),
    Metric("image_reward", "ImageReward", "", "higher", "predicted human preference for the response", "image_reward"),
    Metric("mps", "MPS", "", "higher", "predicted human preference for the response", "mps"),
)
