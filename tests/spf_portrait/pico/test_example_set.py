"""The command that writes an example caption set."""

import sys
from pathlib import Path

import pytest

from spf_portrait.contract.caption_set import load_caption_set
from spf_portrait.pico import example_set


def write(monkeypatch: pytest.MonkeyPatch, *options: str) -> int:
    monkeypatch.setattr(sys, "argv", ["example_set", *options])
    return example_set.main()


def test_the_written_set_is_read_back_with_its_one_target(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert write(monkeypatch, "--target", "sunglasses", "--count", "6", "--out", str(tmp_path / "set")) == 0
    loaded = load_caption_set(tmp_path / "set")
    assert loaded.target == "sunglasses"
    assert len(loaded.items) == 6
    assert all(path.is_file() for path in loaded.images)


def test_a_zip_holds_the_same_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write(monkeypatch, "--count", "4", "--out", str(tmp_path / "set"))
    write(monkeypatch, "--count", "4", "--out", str(tmp_path / "set.zip"))
    (tmp_path / "unpacked").mkdir()
    unpacked = load_caption_set(tmp_path / "set.zip", unpack_into=tmp_path / "unpacked")
    assert unpacked.items == load_caption_set(tmp_path / "set").items


def test_masks_are_those_of_the_phrases_that_can_be_seen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write(monkeypatch, "--count", "4", "--masks", "--out", str(tmp_path / "set"))
    loaded = load_caption_set(tmp_path / "set")
    for item, masks in zip(loaded.items, loaded.masks, strict=True):
        assert "sunglasses" in masks
        assert set(masks) <= {*item.caption.base, item.caption.target}


@pytest.mark.parametrize("named", [True, False])
def test_a_bias_is_in_every_portrait_and_unnamed_on_request(named: bool) -> None:
    items = example_set.example_items("turban", 12, 0, {"background": "brick"}, name_bias=named)
    assert all(attributes["background"] == "brick" for _, attributes in items)
    assert any("brick" in item.caption.base_text for item, _ in items) is named


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--target", "monocle"], "sunglasses"),
        (["--bias", "clothes"], "--bias clothes=jacket"),
        (["--bias", "glasses=round"], "axes other than the target's"),
        (["--bias", "shoes=red"], "background"),
    ],
)
def test_a_wrong_option_is_explained_and_nothing_is_written(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    options: list[str],
    message: str,
) -> None:
    assert write(monkeypatch, *options, "--out", str(tmp_path / "set")) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
