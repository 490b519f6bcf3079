"""The examples in docs/ run as they stand, here with two steps of training."""

import importlib.util
from pathlib import Path

import pytest

from spf_portrait.contract.artifacts import ADAPTER, EVALUATION, RESPONSE

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


@pytest.mark.slow
def test_train_and_compare(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = importlib.util.spec_from_file_location("train_and_compare", EXAMPLES / "train_and_compare.py")
    assert found is not None
    assert found.loader is not None
    example = importlib.util.module_from_spec(found)
    found.loader.exec_module(example)
    example.main(tmp_path, texts=1, stage1_steps=1, stage2_steps=1, preservation={"pictures": 2})
    assert all((tmp_path / name).is_file() for name in (ADAPTER, f"pair/{RESPONSE}", f"measured/{EVALUATION}"))
    assert "excess pollution" in capsys.readouterr().out.lower()
