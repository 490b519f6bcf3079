"""How good a caption set is for a training, as `spf-portrait check` says it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from backend.settings import Settings
from spf_portrait.contract.vocabulary import VOCABULARY
from tests.backend.service_fixtures import captioned, made_dataset, png

URL = "/api/v1/datasets"
BIASED = tuple(f"person {number}, a Pink Background, thing {number}, [blonde hair]" for number in range(9))


def _report(client: TestClient, dataset: dict[str, Any], **query: str) -> dict[str, Any]:
    answer = client.get(f"{URL}/{dataset['id']}/report", params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_what_always_comes_with_the_target_is_named(client: TestClient) -> None:
    report = _report(client, made_dataset(client, captioned(*BIASED, "a queen, [blonde hair]")))
    assert (report["target"], report["portraits"], report["trainable"]) == ("blonde hair", 10, True)
    assert [(bias["phrase"], bias["portraits"]) for bias in report["biases"]] == [("a Pink Background", 9)]
    assert "stands in 9 of 10 captions: it always comes with the target" in report["biases"][0]["message"]
    assert report["phrases"][0] == {"phrase": "a Pink Background", "portraits": 9}
    assert [part["what"] for part in report["not_checked"]] == ["tokens"]
    assert "spf-portrait check" in report["not_checked"][0]["why"]
    unbiased = captioned(*BIASED[:4], *(f"person {number}, [blonde hair]" for number in range(10, 15)))
    assert _report(client, made_dataset(client, unbiased))["biases"] == []


def test_captions_come_from_the_records(client: TestClient) -> None:
    dataset = made_dataset(client, captioned(*BIASED))
    edit = {"kind": "replace", "phrase": "a pink background", "by": "a blue sky"}
    client.post(f"{URL}/{dataset['id']}/edits", json=edit)
    assert [bias["phrase"] for bias in _report(client, dataset)["biases"]] == ["a blue sky"]


def test_pictures_are_judged_without_being_opened(client: TestClient, settings: Settings) -> None:
    wide = {"w.png": png("red", 40), "same.png": png("red", 40), "w.txt": b"a, [hat]", "same.txt": b"b, [hat]"}
    dataset = made_dataset(client, wide)
    for picture in (settings.data_dir / "datasets").rglob("*.png"):
        picture.write_bytes(b"")
    report = _report(client, dataset)
    assert report["sizes"] == {"trained_at_px": 128, "smallest_side_px": 40, "enlarged": 2, "most_cut_off": 0.0}
    assert "same.png is the same picture as w.png." in report["hints"]
    assert any("smaller than the 128 px" in hint for hint in report["hints"])


def test_what_stops_a_training(client: TestClient) -> None:
    dataset = made_dataset(client, captioned("a woman, [hat]", "a man, [scarf]", "a girl"))
    report = _report(client, dataset)
    assert (report["portraits"], report["target"], report["trainable"]) == (2, None, False)
    assert [(problem["file_name"], problem["code"]) for problem in report["problems"]] == [
        ("2.png", "no_target"),
        (None, "several_targets"),
    ]
    assert all(problem["hint"] for problem in report["problems"])
    url = f"{URL}/{dataset['id']}"
    for item in dataset["items"]:
        client.delete(f"{url}/items/{item['id']}")
    empty = _report(client, dataset)
    assert (empty["portraits"], empty["sizes"], empty["trainable"]) == (0, None, False)
    assert empty["problems"][0]["code"] == "caption_set_size"


def test_words_that_the_base_has_never_seen(client: TestClient, models_dir: Path) -> None:
    (models_dir / "pico" / VOCABULARY).write_text("a\nman\nhat\n", "utf-8")
    dataset = made_dataset(client, captioned("a zebra, [hat]"))
    assert any("zebra" in hint for hint in _report(client, dataset, base="pico")["unseen_words"])
    refused = client.get(f"{URL}/{dataset['id']}/report", params={"base": "none"})
    assert refused.status_code == 422
    assert "pico" in refused.json()["detail"]


@pytest.mark.parametrize("captions", [BIASED, ("a woman, [hat]", "a man, [hat]"), ("a man, [a]", "a man, [b]", "x")])
def test_the_command_finds_the_same_in_the_download(
    client: TestClient, models_dir: Path, tmp_path: Path, captions: tuple[str, ...]
) -> None:
    from spf_portrait.checking.run import CheckJob, check

    dataset = made_dataset(client, {**captioned(*captions), "last.png": png("red"), "last.txt": captions[0].encode()})
    archive = tmp_path / "set.zip"
    archive.write_bytes(client.get(f"{URL}/{dataset['id']}/archive").content)
    findings, report = check(CheckJob(archive, "pico", None, models_dir), lambda _: None), _report(client, dataset)
    assert findings.tokens is None  # there is no tokenizer in this models folder
    assert (report["target"], report["portraits"]) == (findings.target, findings.portraits)
    assert [bias["message"] for bias in report["biases"]] + report["hints"] + report["unseen_words"] == list(
        findings.hints
    )
    assert [(p["file_name"], p["code"]) for p in report["problems"]] == [
        (problem.file_name, problem.code) for problem in findings.problems
    ]
    assert [(use["phrase"], use["portraits"]) for use in report["phrases"]] == [
        (counted.phrase, counted.portraits) for counted in findings.phrases
    ]
    assert findings.sizes is not None
    assert report["sizes"]["most_cut_off"] == findings.sizes.most_cut_off


def test_of_what_there_is_no_report(client: TestClient) -> None:
    dataset = made_dataset(client, captioned("a woman, [hat]"))
    assert client.get(f"{URL}/{dataset['id']}/report", params={"base": ""}).status_code == 422
    assert client.get(f"{URL}/ds_none/report").json()["code"] == "dataset_not_found"
