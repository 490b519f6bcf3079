"""An evaluation as a table for people."""

from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import Final

from spf_portrait.evaluation.results import Estimate, Evaluation, Missing, Result
from spf_portrait.metrics.catalogue import CATALOGUE, Metric
from spf_portrait.metrics.intervals import Interval

_HEADINGS: Final = ("metric", "value", "95 % interval", "over", "better", "unit", "meaning")
_AXIS_HEADINGS: Final = ("other attribute", "changed", "over", "floor")
_RIGHT: Final = (1, 2, 3)
"""Columns of numbers."""
_INDENT: Final = "    "


def table(evaluation: Evaluation) -> str:
    """What was measured, then what could not be and how to change that; plain text, aligned, with a final line feed."""
    measured = [(metric, evaluation.results[metric.name]) for metric in CATALOGUE]
    rows = [_row(metric, result) for metric, result in measured if isinstance(result, Estimate)]
    lines = [_title(evaluation), "", *_aligned(_HEADINGS, rows), *_axes(evaluation), *_missing(measured)]
    return "\n".join(lines) + "\n"


def _aligned(headings: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    return [
        _line(headings, widths),
        _line(["-" * width for width in widths], widths),
        *(_line(row, widths) for row in rows),
    ]


def _title(evaluation: Evaluation) -> str:
    about = evaluation.about
    return (
        f"{about['adapter']} ({about['target']}) on {about['base']}: {about['count']} texts, "
        f"seeds {_seeds(about['seeds'])}, {about['steps']} steps, "
        f"guidance scale {about['guidance_scale']:g}, strength {about['strength']:g}{_hold(about['hold'])}"
    )


def _seeds(seeds: Sequence[int]) -> str:
    first, last = seeds[0], seeds[-1]
    return f"{first} to {last}" if list(seeds) == list(range(first, last + 1)) else "of the order"


def _hold(hold: Mapping[str, float] | None) -> str:
    if hold is None:
        return ""
    return f", the rest held ({', '.join(f'{name} {value:g}' for name, value in hold.items())})"


def _row(metric: Metric, estimate: Estimate) -> tuple[str, ...]:
    interval = _interval(estimate.interval, estimate.value)
    value, over = _number(estimate.value, estimate.value), str(estimate.count)
    return (metric.title, value, interval, over, metric.better, metric.unit, metric.meaning)


def _axes(evaluation: Evaluation) -> list[str]:
    """Which attributes besides the target change, in how many of the texts where they can be seen in both pictures."""
    rows = [
        (
            axis.replace("_", " "),
            _number(found.pollution.value, 0),
            str(found.pollution.count),
            "unknown" if found.floor is None else _number(found.floor.value, 0),
        )
        for axis, found in evaluation.axes.items()
    ]
    return ["", *_aligned(_AXIS_HEADINGS, rows)] if rows else []


def _interval(interval: Interval | None, value: float) -> str:
    if interval is None:
        return "unknown"
    return f"{_number(interval.low, value)} to {_number(interval.high, value)}"


def _number(number: float, beside: float) -> str:
    """As many decimals as its neighbour: four below 10, two above."""
    return f"{number:.4f}" if abs(beside) < 10 else f"{number:.2f}"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [
        cell.rjust(width) if column in _RIGHT else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return "  ".join(padded).rstrip()


def _missing(measured: list[tuple[Metric, Result]]) -> list[str]:
    """What lacks a figure and why, in one paragraph for all that is mended in the same way."""
    paragraphs: dict[tuple[str, str], dict[str, list[str]]] = {}
    for metric, result in measured:
        if isinstance(result, Missing):
            reasons = paragraphs.setdefault((result.how_to_get, result.licence), {})
            reasons.setdefault(result.reason, []).append(metric.title)
    lines = ["", "Not measured:"] if paragraphs else []
    for (how_to_get, licence), reasons in paragraphs.items():
        lines += [f"  {', '.join(titles)}: {reason}" for reason, titles in reasons.items()]
        lines += wrap(f"{how_to_get}. Licence: {licence}.", 100, initial_indent=_INDENT, subsequent_indent=_INDENT)
    return lines
