"""The proof as a Markdown table: a row for each system, its figures averaged over targets."""

from collections.abc import Mapping, Sequence
from typing import Final

from spf_portrait.pico.proof.systems import System
from spf_portrait.pico.proof.trial import Figures

COLUMNS: Final = {
    "attribute_accuracy": "target shown",
    "clip_t_target": "CLIP-T (target)",
    "pollution": "pollution",
    "excess_pollution": "excess pollution",
    "outside_change": "outside change",
    "identity": "ID",
    "clip_i": "CLIP-I",
    "seg_cons": "Seg-Cons",
    "base_change": "base texts changed",
}
"""Metric → heading."""


def table(rows: Sequence[tuple[System, Mapping[str, Figures]]], heading: str) -> str:
    """One table.

    Args:
        rows: Every system with its figures by target.
        heading: Above the table.
    """
    lines = [f"### {heading}", "", _row(["system", *COLUMNS.values()]), _row(["---"] * (len(COLUMNS) + 1))]
    for system, by_target in rows:
        lines.append(_row([system.title, *(_cell(list(by_target.values()), metric) for metric in COLUMNS)]))
    return "\n".join(lines) + "\n"


def _cell(measured: Sequence[Figures], metric: str) -> str:
    values = [figures[metric]["value"] for figures in measured if metric in figures]
    if len(values) < len(measured):
        return "not measured"
    mean = sum(values) / len(values)
    return f"{mean:.1f}" if metric == "seg_cons" else f"{mean:.3f}"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
