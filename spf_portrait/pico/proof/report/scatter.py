"""The picture of the trade: how much of the target arrives, against how much else changes; a point for each row."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spf_portrait.pico.proof.report.samples import Sample, sample
from spf_portrait.pico.proof.rows import Drawing, RowName, row_names

_SIZE_IN: Final = (8.0, 5.5)
_OURS: Final = "#b3541e"
_OTHERS: Final = "#3b6ea5"
_LIMIT: Final = "#5b7f3b"
_REPEATABLE: Final[dict[Any, Any]] = {"svg.hashsalt": "spf-portrait", "svg.fonttype": "none"}
"""The same records give the same file, and its words stay words."""


@dataclass(frozen=True)
class Point:
    """One row.

    Attributes:
        name: Which.
        shown: Share of texts that show the target, where its place can be seen.
        excess: Excess pollution.
    """

    name: RowName
    shown: Sample
    excess: Sample


def points(drawings: Collection[Drawing], shown_as: Collection[str]) -> list[Point]:
    """Rows that have both figures.

    Args:
        drawings: Of one kind of bias.
        shown_as: Names of the systems that are drawn.
    """
    found: list[Point] = []
    for name in row_names(drawings):
        of_row = [drawing for drawing in drawings if drawing.row == name]
        shown, excess = sample(of_row, "shown"), sample(of_row, "excess_pollution")
        if name.system in shown_as and shown is not None and excess is not None:
            found.append(Point(name, shown, excess))
    return found


def write_scatter(found: Sequence[Point], file: Path) -> None:
    """Draw the points with the intervals of both figures, as SVG."""
    with mpl.rc_context(_REPEATABLE):
        figure = Figure(figsize=_SIZE_IN, layout="constrained")
        axes = figure.add_subplot()
        for point in found:
            _draw(axes, point)
        axes.axvline(0, color="#999999", linewidth=0.8)
        axes.set_xlabel("excess pollution: share of other attributes that change, beyond the original model's own")
        axes.set_ylabel("target shown, where its place can be seen")
        axes.set_ylim(-0.03, 1.06)
        axes.grid(alpha=0.25)
        figure.savefig(file, format="svg", metadata={"Date": None})


def _draw(axes: Axes, point: Point) -> None:
    x, y = point.excess, point.shown
    axes.errorbar(
        x.mean,
        y.mean,
        xerr=[[x.mean - x.interval.low], [x.interval.high - x.mean]],
        yerr=[[y.mean - y.interval.low], [y.interval.high - y.mean]],
        marker="s" if point.name.held else "o",
        markersize=7,
        color=_colour(point.name.system),
        ecolor="#bbbbbb",
        elinewidth=1,
    )
    axes.annotate(point.name.title, (x.mean, y.mean), xytext=(7, 6), textcoords="offset points", fontsize=8)


def _colour(system: str) -> str:
    if system in ("original", "sibling-oracle"):
        return _LIMIT
    return _OURS if system.startswith(("spf", "paper")) else _OTHERS
