"""docs/proof.md: the records in words, tables and pictures."""

from collections.abc import Collection, Sequence
from typing import Final

from spf_portrait.pico.proof.report.claims import OURS, PAPER, Finding, findings
from spf_portrait.pico.proof.report.paper_table import OUR_COLUMNS, PAPER_COLUMNS, TABLE_1
from spf_portrait.pico.proof.report.samples import VALUES, Sample, sample
from spf_portrait.pico.proof.rows import Drawing, RowName, mean_over_targets, row_names
from spf_portrait.pico.proof.tables import COLUMNS

_NOTHING: Final = "–"
_DIGITS: Final = {"seg_cons": 1}
_HEADINGS: Final = {
    **{figure: COLUMNS.get(figure, figure) for figure in VALUES},
    "shown": COLUMNS["attribute_accuracy_visible"],
    "text_followed": "text followed, beyond the original model",
    "clip_t_target": "CLIP-T",
}
_INTRODUCTION: Final = """\
# The proof

Written by `make proof` from the records under `proof/results`; no figure on this page is typed by hand. How cells are
run, what each column means and what was tried on the way is told in [experiments.md](experiments.md); target by target
and axis by axis the same records are in [proof-tables.md](proof-tables.md).

Every training learns one attribute that the model has never seen, from 24 portraits. In each set the attribute never
comes without a brick wall and a green hoodie, so what else changes when the attribute is asked for can be read off
pictures exactly: pico draws cartoons whose every attribute is known. Figures are means over targets of means over 24
held-out texts; an interval of 95 % is over texts (bootstrap within each target), and says nothing about other seeds of
the training.
"""


def page(drawings: Sequence[Drawing], pictures: Sequence[str]) -> str:
    """Markdown.

    Args:
        drawings: All that were recorded.
        pictures: Markdown of the pictures beside it.
    """
    lines = [_INTRODUCTION]
    for bias in sorted({drawing.bias for drawing in drawings if drawing.bias is not None}):
        of_bias = [drawing for drawing in drawings if drawing.bias in (bias, None)]
        lines += [f"## Bias {bias} in the captions", "", *_claims(of_bias), *_means(of_bias), *_beside_paper(of_bias)]
    return "\n".join([*lines, *pictures]).rstrip() + "\n"


def _claims(drawings: Collection[Drawing]) -> list[str]:
    return [
        *_findings("### What the paper claims", findings(PAPER, drawings)),
        *_findings("### What this project claims", findings(OURS, drawings)),
    ]


def _findings(heading: str, found: Sequence[Finding]) -> list[str]:
    """One line a claim: what is compared, by how much it differs, and whether that decides it."""
    rows = [
        [
            finding.claim.text,
            f"{_HEADINGS[finding.claim.figure]}: {finding.claim.row.title} − {finding.claim.against.title}",
            _number(finding.claim.figure, finding.measured),
            _NOTHING if finding.measured is None else str(finding.measured.targets),
            f"**{finding.verdict}**",
        ]
        for finding in found
    ]
    return [heading, "", *_table(["claim", "difference", "measured", "targets", ""], rows)]


def _means(drawings: Collection[Drawing]) -> list[str]:
    rows: list[list[str]] = []
    for name in row_names(drawings):
        of_row = [drawing for drawing in drawings if drawing.row == name]
        targets = str(len({drawing.target for drawing in of_row}))
        rows.append([name.title, targets, *(_number(figure, sample(of_row, figure)) for figure in VALUES)])
    return ["### All rows, mean over targets", "", *_table(["system", "targets", *_HEADINGS.values()], rows)]


def _beside_paper(drawings: Collection[Drawing]) -> list[str]:
    """The paper's rows with its figures, and pico's beside them."""
    rows: list[list[str]] = []
    for line in TABLE_1:
        of_row = [drawing for drawing in drawings if drawing.row == RowName(line.system)]
        ours = [mean_over_targets(of_row, metric) for metric in OUR_COLUMNS.values()]
        measured = [_NOTHING if value is None else f"{value:.3g}" for value in ours]
        rows.append([line.title, *(f"{figure:g}" for figure in line.figures), *measured])
    note = (
        "The first eight columns are the paper's, of Stable Diffusion's photographs; the others are measured here, of "
        "pico's cartoons with pico's judges. The scales differ: compare the order of rows, not the numbers."
    )
    return ["### The paper's Table 1", "", note, "", *_table(["row", *PAPER_COLUMNS, *OUR_COLUMNS], rows)]


def _number(figure: str, found: Sample | None) -> str:
    if found is None:
        return _NOTHING
    digits = _DIGITS.get(figure, 3)
    low, high = found.interval
    return f"{found.mean:.{digits}f} ({low:.{digits}f} … {high:.{digits}f})"


def _table(headings: list[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [headings, ["---"] * len(headings), *rows]
    return [*(f"| {' | '.join(cells)} |" for cells in lines), ""]
