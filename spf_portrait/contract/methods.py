"""How an adapter can be trained: SPF, and for comparison the rows of the paper's Table 1 and later rivals."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

Method = Literal[
    "spf",
    "spf-paper",
    "lora",
    "naive",
    "weight-l2",
    "adalora",
    "tokencompose",
    "output-preservation",
    "purecc",
    "concept-slider",
]


@dataclass(frozen=True)
class MethodFacts:
    """For people who choose one.

    Attributes:
        title: What the field calls it.
        source: Where it was published.
        words: What it does, in one sentence.
    """

    title: str
    source: str
    words: str


METHODS: Final[Mapping[Method, MethodFacts]] = MappingProxyType(
    {
        "spf": MethodFacts(
            "SPF",
            "after arXiv 2504.00396",
            "Learns the target, then holds all else to the original model.",
        ),
        "spf-paper": MethodFacts(
            "SPF (paper)", "arXiv 2504.00396", "The same, by the paper's figure read word by word."
        ),
        "lora": MethodFacts("LoRA", "arXiv 2106.09685", "Learns from the portraits through low-rank updates."),
        "naive": MethodFacts("Naive fine-tuning", "arXiv 2208.12242", "Learns from the portraits with every weight."),
        "weight-l2": MethodFacts(
            "LoRA with weight-offset L2", "arXiv 1803.05045", "LoRA that pays for every change of a weight."
        ),
        "adalora": MethodFacts(
            "AdaLoRA", "arXiv 2303.10512", "LoRA that gives higher ranks to the modules that need them most."
        ),
        "tokencompose": MethodFacts(
            "TokenCompose",
            "arXiv 2312.03626",
            "LoRA that looks at each phrase where its mask says; the caption set needs masks.",
        ),
        "output-preservation": MethodFacts(
            "LoRA with output preservation",
            "as ai-toolkit and sd-scripts have it",
            "LoRA that is held to the original model's answers to the base texts.",
        ),
        "purecc": MethodFacts(
            "PureCC", "arXiv 2603.07561", "LoRA that may differ from its answer to the base text by the target alone."
        ),
        "concept-slider": MethodFacts(
            "Concept Slider",
            "arXiv 2311.12092",
            "LoRA that moves every answer along a tuned model's idea of the target.",
        ),
    }
)
