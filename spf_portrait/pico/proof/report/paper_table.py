"""The paper's Table 1, and what stands beside each of its columns here.

The paper measured Stable Diffusion's photographs with published networks. Pico draws cartoons, so its figures come from
pico's own judges and say nothing about the paper's numbers; only the order of the rows can be compared.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

PAPER_COLUMNS: Final = ("FID", "LPIPS", "ID", "CLIP-I", "Seg-Cons", "CLIP-T", "HPSv2", "MPS")
OUR_COLUMNS: Final[Mapping[str, str]] = {
    "KID ×1000 (pico)": "kid",
    "ID (pico)": "identity",
    "CLIP-I (pico)": "clip_i",
    "Seg-Cons (pico)": "seg_cons",
    "CLIP-T (pico)": "clip_t_target",
}
"""Heading → metric. LPIPS, HPSv2 and MPS need published weights, which this project does not carry."""


@dataclass(frozen=True)
class PaperRow:
    """One line of the table.

    Attributes:
        title: As in the paper, references left out.
        system: The row of the proof that answers to it; empty for none.
        figures: In the order of `PAPER_COLUMNS`.
    """

    title: str
    system: str
    figures: tuple[float, ...]


TABLE_1: Final = (
    PaperRow("Naive fine-tuning", "naive", (20.41, 0.57, 0.21, 0.63, 57.77, 0.24, 0.21, 0.67)),
    PaperRow("AdaLoRA", "adalora", (7.38, 0.40, 0.39, 0.80, 64.86, 0.23, 0.24, 1.10)),
    PaperRow("LoRA (best rank)", "lora", (9.82, 0.38, 0.52, 0.71, 58.37, 0.27, 0.23, 1.21)),
    PaperRow("TokenCompose", "tokencompose", (10.93, 0.41, 0.32, 0.81, 40.22, 0.27, 0.24, 0.71)),
    PaperRow("Magnet", "magnet-naive", (18.92, 0.48, 0.38, 0.61, 32.87, 0.26, 0.26, 0.97)),
    PaperRow("SPF", "spf-paper", (4.50, 0.35, 0.55, 0.83, 75.74, 0.30, 0.28, 1.49)),
    PaperRow(
        "SPF without text-consistent loss",
        "paper-no-text-consistent",
        (4.97, 0.39, 0.48, 0.60, 61.39, 0.28, 0.23, 1.13),
    ),
    PaperRow(
        "SPF without fine-grained loss", "paper-no-fine-grained", (6.74, 0.42, 0.32, 0.71, 41.62, 0.27, 0.21, 1.22)
    ),
    PaperRow("SPF without enhancement", "paper-no-enhancement", (4.52, 0.37, 0.49, 0.81, 74.38, 0.22, 0.23, 1.40)),
    PaperRow("SPF without SFCM", "paper-no-control-map", (4.13, 0.14, 0.73, 0.88, 80.03, 0.17, 0.23, 1.09)),
)
"""Source: SPF-Portrait, arXiv 2504.00396, Table 1."""
