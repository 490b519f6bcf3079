"""Tables from records alone: the newest cell counts, means are over targets, and no number stands where one lacks."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from spf_portrait.contract.errors import DataError
from spf_portrait.pico.proof.records import Record, record_file, write_record
from spf_portrait.pico.proof.rows import axis_shares, current, drawings, mean_over_targets, ratio
from spf_portrait.pico.proof.tables import COLUMNS, tables


def metrics(value: float, *without: str) -> dict[str, Any]:
    given = {"value": value, "interval_95": [value - 0.25, value + 0.25], "count": 2}
    return {metric: given for metric in COLUMNS if metric not in without}


def record(system: str, value: float = 0.5, target: str = "afro", **changed: Any) -> Record:
    case = {"seed": 0, "visible": True, "reference_shows": 0, "floor": {"skin": 0}, "pollution": {"skin": 1}}
    about: dict[str, Any] = {
        "system": system,
        "target": target,
        "bias": None if system in ("original", "sibling-oracle") else "named",
        "seed": 0,
        "texts": 2,
        "base_sha256": "b",
        "seconds": {"training": 1.0, "measuring": 1.0},
        "finished": "2026-11-24",
    }
    return {**about, "metrics": metrics(value), "cases": [case, {**case, "seed": 1, "visible": False}], **changed}


def row(text: str, heading: str, title: str) -> list[str]:
    """Cells of one row of the table below a heading."""
    part = text.split(f"### {heading}")[1].split("###")[0]
    line = next(line for line in part.splitlines() if line.startswith(f"| {title} |"))
    return [cell.strip() for cell in line.strip("|").split("|")][1:]


def test_of_two_records_of_one_cell_the_newer_counts() -> None:
    old, new = record("spf", 0.25), record("spf", 0.75)
    (kept,) = current([old, new], 2)
    assert kept is new
    assert len(current([old, record("spf", seed=1), record("spf", bias="unnamed"), record("spf", target="x")], 2)) == 4


def test_other_texts_and_other_base_models_are_not_put_beside() -> None:
    fewer, older = record("naive", texts=1), record("lora", base_sha256="a")
    assert current([fewer, older, record("spf")], 2) == [record("spf")]
    assert current([fewer], 2) == []


def test_means_are_over_targets_and_first_over_trainings() -> None:
    found = drawings([record("spf", 0.0), record("spf", 1.0, seed=1), record("spf", 1.0, target="sunglasses")])
    assert mean_over_targets(found, "outside_change") == 0.75
    text = tables(found)
    assert row(text, "Mean", "SPF") == ["2", *("0.8" if metric == "seg_cons" else "0.750" for metric in COLUMNS)]
    assert row(text, "Afro", "SPF")[0] == "0.500", "of two trainings there is no interval"
    assert row(text, "Sunglasses", "SPF")[0] == "1.000 ± 0.250"


def test_what_was_not_measured_is_no_number() -> None:
    text = tables(drawings([record("spf", metrics=metrics(0.5, "clip_i"))]))
    assert row(text, "Mean", "SPF").count("–") == 1


def test_rows_stand_in_order_and_a_held_drawing_has_its_own() -> None:
    held = {"metrics": metrics(0.25, "base_shown"), "cases": [{"seed": 0, "pollution": {"skin": 0}}, {"seed": 1}]}
    found = drawings([record("a-trial"), record("spf", held=held), record("sibling-oracle"), record("original")])
    text = tables(found)
    rows = [line.split("|")[1].strip() for line in text.split("###")[1].splitlines() if line.startswith("| ")]
    assert rows == ["system", "---", "original model", "sibling oracle", "SPF", "SPF, held", "a-trial"]
    assert row(text, "Mean", "SPF, held")[list(COLUMNS).index("base_shown") + 1] == "–"
    assert row(text, "Mean", "SPF, held")[list(COLUMNS).index("outside_change") + 1] == "0.250"
    assert row(text, "Axis", "SPF, held") == ["0.50"], "what was said once stays"


def test_the_original_model_stands_in_the_table_of_every_bias() -> None:
    text = tables(drawings([record("original"), record("spf"), record("spf", bias="unnamed")]))
    named, unnamed = text.split("## Bias unnamed in the captions")
    assert "Bias named" in named
    for part in (named, unnamed):
        assert "| original model |" in part
        assert "Of 2 reference pictures 1 do not hide the target's place. 0 show the target." in part


def test_ratios_are_taken_on_common_targets() -> None:
    spf = drawings([record("spf", 0.25), record("spf", 1.0, target="sunglasses")])
    naive = drawings([record("naive", 0.5)])
    assert ratio(spf, naive, "outside_change") == 0.5
    assert ratio(naive, spf, "outside_change") == 2
    assert ratio(spf, drawings([record("sibling-oracle", 0.0)]), "base_change") is None
    text = tables([*spf, *naive, *drawings([record("sibling-oracle", 0.125)])])
    assert row(text, "Ratio to naive fine-tuning", "SPF")[1] == "0.50"
    assert row(text, "Ratio to sibling oracle", "naive fine-tuning")[1] == "4.00"
    assert "Ratio to LoRA" not in text


def test_the_axis_that_leaks_is_seen() -> None:
    cases = [{"visible": True, "pollution": {"skin": 0, "clothes": one}, "floor": {"skin": 0}} for one in (1, 1, 0, 1)]
    found = drawings([record("spf", cases=[*cases, {"visible": True, "pollution": {"skin": 1}, "floor": {}}])])
    assert axis_shares(found, "pollution") == {"skin": 0.2, "clothes": 0.75}
    assert axis_shares(found, "floor") == {"skin": 0}
    assert row(tables(found), "Axis", "SPF") == ["0.20", "0.75"]


def test_nothing_recorded_is_said() -> None:
    with pytest.raises(DataError, match="--results"):
        tables([])


def test_the_command_reads_records_and_never_imports_torch(tmp_path: Path) -> None:
    for system in ("original", "spf"):
        write_record(record_file(tmp_path, f"afro/{system}", "d" * 64), record(system))
    out = tmp_path / "tables.md"
    program = (
        "import sys; from spf_portrait.pico.proof.tables import main; "
        f"sys.argv = ['tables', '--results', {str(tmp_path)!r}, '--texts', '2', '--out', {str(out)!r}]; main(); "
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
    assert "| original model |" in out.read_text("utf-8")
