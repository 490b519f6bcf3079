"""A table of the proof: means over targets, and no number where one is missing."""

from spf_portrait.pico.proof.systems import systems_named
from spf_portrait.pico.proof.table import COLUMNS, table
from spf_portrait.pico.proof.trial import Figures


def figures(value: float, *, without: str = "") -> Figures:
    return {metric: {"value": value, "interval_95": None} for metric in COLUMNS if metric != without}


def test_a_cell_is_the_mean_over_targets() -> None:
    lora, spf = systems_named(["lora", "spf"])
    text = table(
        [(lora, {"a": figures(0.25), "b": figures(0.75)}), (spf, {"a": figures(1), "b": figures(1, without="clip_i")})],
        "Bias named",
    )
    heading, _, columns, _, first, second = text.splitlines()
    assert heading == "### Bias named"
    assert columns.split(" | ")[1] == "target shown"
    cells = [cell.strip() for cell in first.strip("|").split("|")]
    assert cells == ["LoRA", *("0.5" if metric == "seg_cons" else "0.500" for metric in COLUMNS)]
    assert second.count("not measured") == 1
