"""Biased sets: what all portraits have in common is drawn, and named only where it shall be."""

from pathlib import Path

import pytest

from spf_portrait.contract.caption_set import load_caption_set
from spf_portrait.pico.domain import Split
from spf_portrait.pico.proof.sets import PORTRAITS, Bias, BiasedSet, bias_beside, targets_of


@pytest.mark.parametrize("bias", ["named", "unnamed"])
def test_the_captions_name_the_bias_or_never(bias: Bias, tmp_path: Path) -> None:
    file = BiasedSet("sunglasses", bias).written(tmp_path)
    (tmp_path / "unpacked").mkdir()
    loaded = load_caption_set(file, unpack_into=tmp_path / "unpacked")
    texts = [item.caption.base_text for item in loaded.items]
    assert len(texts) == PORTRAITS
    assert {item.caption.target for item in loaded.items} == {"sunglasses"}
    telling = [text for text in texts if any(word in text for word in ("brick", "hood", "green"))]
    assert (len(telling) > PORTRAITS / 2) if bias == "named" else not telling


def test_a_set_is_written_once(tmp_path: Path) -> None:
    file = BiasedSet("blonde hair", "named").written(tmp_path)
    before = file.stat().st_mtime_ns
    assert BiasedSet("blonde hair", "named").written(tmp_path).stat().st_mtime_ns == before


def test_with_masks_it_is_the_same_set_in_a_file_of_its_own(tmp_path: Path) -> None:
    biased = BiasedSet("blonde hair", "named")
    files = [biased.written(tmp_path), biased.written(tmp_path, with_masks=True)]
    loaded = [load_caption_set(file, unpack_into=unpacked(tmp_path / str(i))) for i, file in enumerate(files)]
    assert loaded[0].items == loaded[1].items
    assert not any(loaded[0].masks)
    assert all("blonde hair" in masks for masks in loaded[1].masks)


def unpacked(folder: Path) -> Path:
    folder.mkdir()
    return folder


def test_the_hash_tells_sets_apart() -> None:
    hashes = {BiasedSet(target, bias).sha256 for target in ("an afro", "sunglasses") for bias in ("named", "unnamed")}
    assert len(hashes) == 4
    assert BiasedSet("an afro", "named").sha256 in hashes


@pytest.mark.parametrize("target", [*targets_of(Split.DEVELOPMENT), *targets_of(Split.TEST)])
def test_every_held_back_attribute_has_its_set(target: str) -> None:
    assert BiasedSet(target, "unnamed").sha256
    assert bias_beside(target)["background"] == "brick"


def test_a_target_that_is_a_garment_leaves_the_kind_of_garment_out() -> None:
    assert bias_beside("overalls") == {"background": "brick", "clothes_colour": "green"}


def test_only_development_attributes_may_be_tuned_on() -> None:
    assert "sunglasses" in targets_of(Split.DEVELOPMENT)
    assert not set(targets_of(Split.TEST)) & set(targets_of(Split.DEVELOPMENT))
