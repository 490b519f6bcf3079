"""Biased sets: what all portraits have in common is drawn, and named only where it shall be."""

from pathlib import Path

import pytest

from spf_portrait.contract.caption_set import load_caption_set
from spf_portrait.pico.proof.sets import PORTRAITS, BiasedSet, development_targets


@pytest.mark.parametrize("named", [True, False])
def test_the_captions_name_the_bias_or_never(named: bool, tmp_path: Path) -> None:
    file = BiasedSet("sunglasses", named).written(tmp_path)
    (tmp_path / "unpacked").mkdir()
    loaded = load_caption_set(file, unpack_into=tmp_path / "unpacked")
    texts = [item.caption.base_text for item in loaded.items]
    assert len(texts) == PORTRAITS
    assert {item.caption.target for item in loaded.items} == {"sunglasses"}
    telling = [text for text in texts if any(word in text for word in ("brick", "hood", "green"))]
    assert (len(telling) > PORTRAITS / 2) if named else not telling


def test_a_set_is_written_once(tmp_path: Path) -> None:
    file = BiasedSet("blonde hair", named=True).written(tmp_path)
    before = file.stat().st_mtime_ns
    assert BiasedSet("blonde hair", named=True).written(tmp_path).stat().st_mtime_ns == before


def test_only_development_attributes_may_be_tuned_on() -> None:
    assert "sunglasses" in development_targets()
    assert not {"an eyepatch", "pink hair"} & set(development_targets())
