"""The proof's page: claims are decided by intervals of differences, text by text, and by nothing else."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from spf_portrait.pico.proof.report.claims import Claim, findings
from spf_portrait.pico.proof.report.page import page
from spf_portrait.pico.proof.report.samples import difference, sample
from spf_portrait.pico.proof.report.scatter import points, write_scatter
from spf_portrait.pico.proof.rows import Drawing, RowName

ROOT = Path(__file__).parents[4]
NAIVE, OURS = RowName("naive"), RowName("spf-standard")
TEXTS = 24


def drawing(row: RowName, values: Sequence[float], target: str = "afro", *, hidden: int = 0) -> Drawing:
    """Identity as given; every text shows the target, the first `hidden` under a hat; half of the axes differ."""
    cases: list[dict[str, Any]] = [
        {
            "visible": index >= hidden,
            "shown": float(index >= hidden),
            "identity": value,
            "pollution": {"skin": 1, "glasses": 0},
            "floor": {"skin": 0, "glasses": 0},
        }
        for index, value in enumerate(values)
    ]
    return Drawing(row, target, "named", {}, cases)


def test_a_claim_is_confirmed_or_refuted_by_the_interval_of_the_difference_alone() -> None:
    spread = [index / TEXTS for index in range(TEXTS)]
    low, high = drawing(NAIVE, spread), drawing(OURS, [value + 0.1 for value in spread])
    wavering = drawing(OURS, [value + (0.5 if index % 2 else -0.48) for index, value in enumerate(spread)])

    def verdict(ours: Drawing, *, higher: bool, by: float = 0.0) -> str:
        claim = Claim("", OURS, NAIVE, "identity", higher=higher, by=by)
        return findings([claim], [ours, low])[0].verdict

    assert verdict(high, higher=True) == "confirmed", "paired: far smaller than how texts differ among themselves"
    assert verdict(high, higher=False) == "refuted"
    assert verdict(high, higher=True, by=0.2) == "refuted"
    assert verdict(wavering, higher=True) == "not decided"
    assert findings([Claim("", OURS, NAIVE, "identity", higher=True)], [high])[0].verdict == "not measured"


def test_targets_weigh_alike_and_only_common_ones_are_compared() -> None:
    drawings = [
        drawing(OURS, [0.0] * TEXTS, "afro"),
        drawing(OURS, [0.2] * TEXTS, "afro"),
        drawing(OURS, [0.7] * TEXTS, "turban"),
    ]
    found = sample(drawings, "identity")
    assert found is not None
    assert found.targets == 2
    assert found.mean == pytest.approx((0.1 + 0.7) / 2), "two trainings of one target are one target"
    other = difference(drawings, [drawing(NAIVE, [0.6] * TEXTS, "turban")], "identity")
    assert other is not None
    assert (other.targets, other.mean) == (1, pytest.approx(0.1))
    assert difference(drawings, [drawing(NAIVE, [0.6] * TEXTS, "beard")], "identity") is None


def test_a_text_whose_reference_hides_the_place_does_not_count_as_not_shown() -> None:
    found = sample([drawing(OURS, [0.5] * TEXTS, hidden=6)], "shown")
    assert found is not None
    assert found.mean == 1


def test_the_page_says_what_is_not_measured(tmp_path: Path) -> None:
    measured = [drawing(NAIVE, [0.1] * TEXTS), drawing(OURS, [0.4] * TEXTS)]
    text = page(measured, ["## Pictures"])
    pollutes_less = next(line for line in text.splitlines() if line.startswith("| SPF pollutes less than naive"))
    assert "0.000 (0.000 … 0.000) | 1 | **not decided**" in pollutes_less
    assert next(line for line in text.splitlines() if "pollutes less than LoRA" in line).endswith("**not measured** |")
    assert next(line for line in text.splitlines() if line.startswith("| SPF without SFCM")).endswith("– |")


def test_the_same_records_give_the_same_chart_with_words_in_it(tmp_path: Path) -> None:
    found = points([drawing(NAIVE, [0.1] * TEXTS), drawing(OURS, [0.4] * TEXTS)], ["naive"])
    assert [point.name for point in found] == [NAIVE]
    assert found[0].excess.mean == 0.5
    for name in ("first.svg", "second.svg"):
        write_scatter(found, tmp_path / name)
    chart = (tmp_path / "first.svg").read_text("utf-8")
    assert chart == (tmp_path / "second.svg").read_text("utf-8")
    assert "naive fine-tuning" in chart


def test_the_command_writes_the_page_of_the_committed_records_without_any_kept_picture(tmp_path: Path) -> None:
    order = ["--out", str(tmp_path / "proof.md"), "--work", str(tmp_path / "work")]
    subprocess.run([sys.executable, "-m", "spf_portrait.pico.proof.report", *order], cwd=ROOT, check=True)
    text = (tmp_path / "proof.md").read_text("utf-8")
    assert "| sibling oracle | 5 |" in text
    assert {file.name for file in tmp_path.rglob("*.*")} == {
        "proof.md",
        "proof-tables.md",
        "proof-gained-against-pollution-named.svg",
    }
