"""`--hold` on the command line: what is drawn with it, how it meets --spec and --set, and what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from spf_portrait.cli.main import main
from spf_portrait.contract.artifacts import EXIT_OK, EXIT_USAGE, GRID, HOLD_MAP, RESPONSE, SAMPLE
from spf_portrait.models.base_model import load_base
from spf_portrait.running.untyped import safetensors_torch
from tests.spf_portrait.tiny_adapters import write_adapter

DEFAULT = {"held_below": 0.2, "free_above": 0.5, "firmness": 1.0}


@pytest.fixture(scope="module")
def adapter(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As another tool would write it: tensors alone, without a word about how it was trained."""
    folder = tmp_path_factory.mktemp("elsewhere")
    ours = write_adapter(load_base("tiny", models_dir).network, folder / "ours.safetensors")
    theirs = folder / "theirs.safetensors"
    safetensors_torch.save_file(safetensors_torch.load_file(ours), theirs)
    return theirs


def command(models_dir: Path, adapter: Path, out: Path) -> list[str]:
    texts = ["--text", "a woman", "--target", "blonde hair", "--set", "steps=2"]
    return [
        "sample",
        "--base",
        "tiny",
        "--models",
        str(models_dir),
        "--adapter",
        str(adapter),
        *texts,
        "--out",
        str(out),
    ]


@pytest.mark.parametrize(
    ("flags", "file", "hold"),
    [
        ([], None, None),
        (["--hold"], None, DEFAULT),
        (["--hold", "0.5"], None, DEFAULT | {"firmness": 0.5}),
        (["--held-below", "0.3"], None, DEFAULT | {"held_below": 0.3}),
        (
            ["--hold", "--held-below", "0.3", "--free-above", "0.7"],
            None,
            {**DEFAULT, "held_below": 0.3, "free_above": 0.7},
        ),
        (["--set", "hold={}"], None, DEFAULT),
        (["--hold", "0.5"], {"firmness": 0.9, "free_above": 0.8}, DEFAULT | {"firmness": 0.5, "free_above": 0.8}),
        ([], {"firmness": 0.9}, DEFAULT | {"firmness": 0.9}),
        (["--set", "hold=null"], {"firmness": 0.9}, None),
    ],
)
def test_a_pair_is_held_as_it_is_ordered(
    flags: list[str], file: Any, hold: dict[str, float] | None, models_dir: Path, adapter: Path, tmp_path: Path
) -> None:
    (tmp_path / "spec.json").write_text(json.dumps({"maps": False, "hold": file}), "utf-8")
    ordered = [*command(models_dir, adapter, tmp_path / "pair"), "--spec", str(tmp_path / "spec.json"), *flags]
    assert main(ordered) == EXIT_OK
    assert json.loads((tmp_path / "pair" / SAMPLE).read_text("utf-8"))["hold"] == hold


def test_an_adapter_from_elsewhere_is_held(models_dir: Path, adapter: Path, tmp_path: Path) -> None:
    for name, flags in {"plain": [], "held": ["--held-below", "0.3", "--free-above", "0.7"]}.items():
        assert main([*command(models_dir, adapter, tmp_path / name), *flags]) == EXIT_OK
    assert (tmp_path / "plain" / RESPONSE).read_bytes() != (tmp_path / "held" / RESPONSE).read_bytes()
    assert (tmp_path / "held" / HOLD_MAP).is_file()


def test_a_grid_is_held_as_it_is_ordered(models_dir: Path, adapter: Path, tmp_path: Path) -> None:
    ordered = ["grid", "--base", "tiny", "--models", str(models_dir), "--adapter", str(adapter), "--steps", "1"]
    ordered += ["--prompt", "a woman", "--target", "blonde hair", "--out", str(tmp_path), "--hold", "0.8"]
    assert main(ordered) == EXIT_OK
    assert json.loads((tmp_path / GRID).read_text("utf-8"))["hold"] == DEFAULT | {"firmness": 0.8}


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--hold", "1.5"], "hold.firmness = 1.5; allowed: less than or equal to 1"),
        (["--hold", "nan"], "hold.firmness = 'nan'"),
        (["--free-above", "0.1"], "hold.free_above = 0.1; allowed: more than held_below, which is 0.2"),
        (["--set", "hold=0.5"], "hold = 0.5"),
    ],
)
def test_a_hold_out_of_bounds_is_refused(
    flags: list[str], message: str, models_dir: Path, adapter: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command(models_dir, adapter, tmp_path / "pair"), *flags]) == EXIT_USAGE
    assert message in capsys.readouterr().err
    assert not (tmp_path / "pair").exists()


def test_help_says_what_a_hold_is_for(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("sample", "grid"):
        with pytest.raises(SystemExit):
            main([name, "--help"])
        told = " ".join(capsys.readouterr().out.split())
        assert "works with adapters from other tools, too" in told
        assert "default: 0.2; implies --hold" in told
