"""The command line of the proof: what it refuses, and in which words."""

import sys
from pathlib import Path

import pytest

from spf_portrait.pico.proof import __main__ as command


def called(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["proof", *arguments])
    command.main()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--set", "rank=4"], "--label NAME"),
        (["--label", "mine", "--set", "rank=4"], "--systems spf"),
        (["--label", "mine", "--systems", "lora", "spf"], "lora, spf"),
        (["--label", "mine", "--systems", "original"], "one system that trains"),
        (["--label", "naive", "--systems", "spf"], "named system's name"),
        (["--label", "../mine", "--systems", "spf"], "small letters"),
        (["--targets", "pink hair"], "another --split"),
        (["--split", "test", "--targets", "sunglasses"], "pink hair"),
        (["--label", "mine", "--systems", "spf", "--set", "no_such=1"], "no_such"),
    ],
)
def test_mistakes_get_a_sentence(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = ["--work", str(tmp_path / "work"), "--results", str(tmp_path / "results")]
    with pytest.raises(SystemExit, match=message):
        called(monkeypatch, *arguments, *work)
    assert not list(tmp_path.iterdir()), "nothing was begun"
