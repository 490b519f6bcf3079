import json

from spf_portrait.evaluation.results import AxisPollution, Evaluation, Missing, Result, mean_estimate, share_estimate
from spf_portrait.evaluation.table import table
from spf_portrait.metrics.catalogue import CATALOGUE

ABOUT = {
    "adapter": "a.safetensors",
    "target": "sunglasses",
    "base": "pico",
    "count": 2,
    "seeds": [3, 4],
    "hold": None,
    "steps": 25,
    "guidance_scale": 4.0,
    "strength": 1.0,
}


def evaluation() -> Evaluation:
    results: dict[str, Result] = {metric.name: Missing("no network", "Train one", "MIT") for metric in CATALOGUE}
    results["attribute_accuracy"] = share_estimate([1.0, 0.0])
    results["change"] = mean_estimate([0.25])
    results["seg_cons"] = mean_estimate([98.0, 100.0])
    leaks = AxisPollution(share_estimate([1.0, 1.0, 0.0, 1.0]), share_estimate([0.0, 1.0]))
    return Evaluation(ABOUT, results, {"hair_colour": leaks, "skin": AxisPollution(share_estimate([0.0]), None)})


def test_columns_are_aligned_and_what_is_missing_is_told_once() -> None:
    lines = table(evaluation()).splitlines()
    assert lines[0].startswith("a.safetensors (sunglasses) on pico: 2 texts, seeds 3 to 4, 25 steps")
    start = lines[2].index("better")
    rows = lines[4:7]
    assert [row[start:].split()[0] for row in rows] == ["higher", "lower", "higher"]
    assert rows[0].split()[:6] == ["attribute", "accuracy", "0.5000", "0.0945", "to", "0.9055"]
    assert rows[0].split()[6] == "2", "over how many pictures"
    assert "unknown" in rows[1], "one picture has no interval"
    assert "99.00" in rows[2]
    by_axis = [line.split() for line in lines[lines.index(rows[2]) + 4 :][:2]]
    assert by_axis == [["hair", "colour", "0.7500", "4", "0.5000"], ["skin", "0.0000", "1", "unknown"]]
    assert lines.count("    Train one. Licence: MIT.") == 1
    assert "CLIP-I" in table(evaluation()).partition("Not measured:")[2]
    assert table(evaluation()).isascii()


def test_json_holds_value_interval_and_direction_and_the_single_values_if_wanted() -> None:
    written = json.loads(json.dumps(evaluation().as_dict(with_values=True), allow_nan=False))
    metrics = written["metrics"]
    assert written["pollution_by_axis"]["hair_colour"]["pollution"]["value"] == 0.75
    assert written["pollution_by_axis"]["hair_colour"]["floor"]["count"] == 2
    assert written["pollution_by_axis"]["skin"]["floor"] is None
    assert metrics["attribute_accuracy"]["count"] == 2
    assert metrics["attribute_accuracy"]["value"] == 0.5
    assert metrics["attribute_accuracy"]["interval_95"] == [0.094531, 0.905469]
    assert metrics["attribute_accuracy"]["better"] == "higher"
    assert metrics["seg_cons"]["values"] == [98, 100]
    assert metrics["change"]["interval_95"] is None
    assert metrics["kid"]["missing"] == {"reason": "no network", "how_to_get": "Train one", "licence": "MIT"}
    assert "value" not in metrics["kid"]
    assert "values" not in evaluation().as_dict()["metrics"]["change"]
