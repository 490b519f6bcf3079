"""`python -m spf_portrait.pico.proof.tables`: the recorded cells as Markdown tables, without running anything.

For each kind of bias: means over targets, ratios to what the systems are to be compared with, pollution axis by axis,
and a table for each target. Stored figures alone are read; the torch stack is not even imported.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from spf_portrait.contract.errors import DataError, SpfError
from spf_portrait.pico.domain import AXES
from spf_portrait.pico.proof.records import RESULTS, records_in
from spf_portrait.pico.proof.rows import (
    Drawing,
    RowName,
    axis_shares,
    current,
    drawings,
    mean_over_targets,
    ratio,
    row_names,
)
from spf_portrait.pico.proof.systems import ORIGINAL, SIBLING_ORACLE

COLUMNS: Final = {
    "attribute_accuracy": "shown",
    "attribute_accuracy_visible": "shown where visible",
    "excess_pollution": "excess pollution",
    "excess_pollution_visible": "excess where visible",
    "outside_change": "outside change",
    "base_shown": "base shown",
    "base_change": "base change",
    "base_pollution": "base pollution",
    "text_followed": "text followed",
    "identity": "ID",
    "clip_i": "CLIP-I",
    "seg_cons": "Seg-Cons",
}
"""Metric → heading."""
COMPARED: Final = (
    "attribute_accuracy_visible",
    "excess_pollution",
    "excess_pollution_visible",
    "outside_change",
    "base_change",
)
"""What ratios are taken of; all but the first are the better the lower they are."""
AGAINST: Final = (RowName("naive"), RowName("lora"), RowName(SIBLING_ORACLE.name))
_NOTHING: Final = "–"


def main() -> None:
    """Print the tables, or write them into a file."""
    options = _parser().parse_args()
    try:
        text = tables(drawings(current(records_in(options.results), options.texts)))
    except SpfError as error:
        sys.exit(str(error))
    if options.out is None:
        sys.stdout.write(text)
    else:
        options.out.write_text(text, "utf-8")


def tables(found: Sequence[Drawing]) -> str:
    """All tables, bias by bias.

    Raises:
        DataError: There is nothing to put side by side.
    """
    if not found:
        raise DataError(
            "no_records",
            "no recorded cell with so many texts",
            "one or more",
            "Run python -m spf_portrait.pico.proof, or name its folder with --results and its number with --texts",
        )
    biases = sorted({drawing.bias for drawing in found if drawing.bias is not None})
    untrained = [drawing for drawing in found if drawing.bias is None]
    if not biases:
        return "\n".join(_of_bias("Without any training", untrained))
    lines: list[str] = []
    for bias in biases:
        of_bias = [*untrained, *(drawing for drawing in found if drawing.bias == bias)]
        lines += _of_bias(f"Bias {bias} in the captions", of_bias)
    return "\n".join(lines)


def _of_bias(heading: str, found: Sequence[Drawing]) -> list[str]:
    targets = list(dict.fromkeys(drawing.target for drawing in found))
    lines = [f"## {heading}", "", f"### Mean over targets: {', '.join(targets)}", "", *_means(found)]
    for against in AGAINST:
        lines += _ratios(found, against)
    lines += ["### Axis by axis: share of texts in which it differs", "", *_axes(found)]
    for target in targets:
        of_target = [drawing for drawing in found if drawing.target == target]
        lines += [f"### {target.capitalize()}", "", _visible(of_target), "", *_single(of_target)]
    return lines


def _means(found: Sequence[Drawing]) -> list[str]:
    def cells(of_row: list[Drawing]) -> list[str]:
        values = [_number(metric, mean_over_targets(of_row, metric)) for metric in COLUMNS]
        return [str(len({drawing.target for drawing in of_row})), *values]

    return _table(["targets", *COLUMNS.values()], found, cells)


def _single(found: Sequence[Drawing]) -> list[str]:
    def cells(of_row: list[Drawing]) -> list[str]:
        return [_with_margin(metric, of_row) for metric in COLUMNS]

    return _table(list(COLUMNS.values()), found, cells)


def _ratios(found: Sequence[Drawing], against: RowName) -> list[str]:
    """On the targets that a row and what it is compared with have in common."""
    theirs = [drawing for drawing in found if drawing.row == against]
    if not theirs:
        return []

    def cells(of_row: list[Drawing]) -> list[str]:
        shares = (ratio(of_row, theirs, metric) for metric in COMPARED)
        return [_NOTHING if share is None else f"{share:.2f}" for share in shares]

    trained = [drawing for drawing in found if drawing.bias is not None and drawing.row != against]
    heading = f"### Ratio to {against.title}"
    return [heading, "", *_table([COLUMNS[metric] for metric in COMPARED], trained, cells)] if trained else []


def _axes(found: Sequence[Drawing]) -> list[str]:
    """The original model, asked for the target, is the floor."""
    axes = [axis.name for axis in AXES if any(axis.name in axis_shares([one], "pollution") for one in found)]

    def cells(of_row: list[Drawing]) -> list[str]:
        shares = axis_shares(of_row, "pollution")
        return [f"{shares[axis]:.2f}" if axis in shares else _NOTHING for axis in axes]

    return _table([axis.replace("_", " ") for axis in axes], found, cells)


def _table(headings: list[str], found: Sequence[Drawing], cells: Callable[[list[Drawing]], list[str]]) -> list[str]:
    """A row for each system and way of drawing, and an empty line."""
    lines = [_line(["system", *headings]), _line(["---"] * (len(headings) + 1))]
    for name in row_names(found):
        of_row = [drawing for drawing in found if drawing.row == name]
        lines.append(_line([name.title, *cells(of_row)]))
    return [*lines, ""]


def _visible(found: Sequence[Drawing]) -> str:
    cases = found[0].cases
    visible = sum(case["visible"] for case in cases)
    beside = next((drawing for drawing in found if drawing.row.system == ORIGINAL.name), None)
    own = "" if beside is None else f" {sum(case['reference_shows'] for case in beside.cases):.0f} show the target."
    return f"Of {len(cases)} reference pictures {visible} do not hide the target's place.{own}"


def _with_margin(metric: str, of_row: Sequence[Drawing]) -> str:
    """The mean, and for a single training half of its 95 % interval."""
    value = _number(metric, mean_over_targets(of_row, metric))
    interval = of_row[0].metrics.get(metric, {}).get("interval_95")
    if len(of_row) > 1 or interval is None:
        return value
    return f"{value} ± {_number(metric, (interval[1] - interval[0]) / 2)}"


def _number(metric: str, value: float | None) -> str:
    if value is None:
        return _NOTHING
    return f"{value:.1f}" if metric == "seg_cons" else f"{value:.3f}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m spf_portrait.pico.proof.tables",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--results", type=Path, default=RESULTS, metavar="DIR", help=f"records (default {RESULTS})")
    parser.add_argument("--texts", type=int, default=24, help="only cells with so many texts (default 24)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the tables there instead of printing them")
    return parser


if __name__ == "__main__":
    main()
