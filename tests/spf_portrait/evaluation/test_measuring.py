"""Response = reference must give a perfect score in every metric that looks at pairs."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from spf_portrait.contract.errors import SpecError
from spf_portrait.contract.phrases import Caption
from spf_portrait.contract.training_spec import TrainingSpec
from spf_portrait.drawing.four_pictures import Case, FourPictures
from spf_portrait.drawing.map_settings import MapSettings
from spf_portrait.evaluation.axes import pollution_by_axis
from spf_portrait.evaluation.measuring import measure
from spf_portrait.evaluation.observations import Observations
from spf_portrait.evaluation.results import Estimate, Missing, Result
from spf_portrait.metrics.catalogue import CATALOGUE, REQUIREMENTS
from spf_portrait.models.base_model import BaseModel, load_base
from spf_portrait.pico.domain_of_base import domain_of_base
from spf_portrait.pico.held_out import held_out_portrait
from spf_portrait.pico.identity import IDENTITY_FILE, Identity
from spf_portrait.pico.parser import PARSER_FILE, Parser
from spf_portrait.pico.renderer import render
from spf_portrait.running.untyped import safetensors_torch

SETTINGS = MapSettings(spec=TrainingSpec(control_map_gain=0.1), noise_scale=None, bank_range=None)


@pytest.fixture(scope="module")
def pico() -> BaseModel:
    return load_base("pico")


def renders(*, with_target: bool, count: int = 3) -> torch.Tensor:
    """Portraits with and without sunglasses, uint8 [count, 3, 128, 128]."""
    portraits = [held_out_portrait("glasses", "sunglasses", "sunglasses", seed) for seed in range(count)]
    drawn = [render(item.attributes if with_target else item.without_target) for item in portraits]
    return torch.stack([torch.from_numpy(np.array(picture)).permute(2, 0, 1) for picture in drawn])


def observed(base: BaseModel, pictures: FourPictures, target: str = "sunglasses") -> Observations:
    cases = [Case(Caption(base=("a portrait",), target=target), seed) for seed in range(len(pictures.reference))]
    return Observations(base, cases, pictures, domain_of_base(base.path, target), SETTINGS)


def value(result: Result) -> float:
    assert isinstance(result, Estimate)
    return result.value


def test_equal_pictures_are_perfect(pico: BaseModel) -> None:
    same = renders(with_target=True)
    results = measure(observed(pico, FourPictures(same, same, same, same)), {})
    assert results.keys() == {metric.name for metric in CATALOGUE}
    for name in ("pollution", "pollution_floor", "excess_pollution", "change", "outside_change", "base_change"):
        assert value(results[name]) == 0
    assert value(results["base_psnr"]) == pytest.approx(100)
    for name in ("identity", "clip_i"):
        if isinstance(results[name], Estimate):
            assert value(results[name]) == pytest.approx(1)
    for name, perfect in (("kid", 0), ("seg_cons", 100)):
        if isinstance(results[name], Estimate):
            assert value(results[name]) == perfect


def test_only_the_target_was_added(pico: BaseModel) -> None:
    without, with_target = renders(with_target=False), renders(with_target=True)
    results = measure(observed(pico, FourPictures(without, without, without, with_target)), {})
    assert value(results["attribute_accuracy"]) == 1
    assert value(results["pollution"]) <= 0.05
    assert value(results["change"]) > 0.01
    assert value(results["outside_change"]) < 0.001
    assert value(results["control_map_auc"]) > 0.6, "better than chance although nobody taught it sunglasses"


def test_other_portraits_are_polluted(pico: BaseModel) -> None:
    without = renders(with_target=False)
    results = measure(observed(pico, FourPictures(without, without, without, without.roll(1, dims=0))), {})
    assert value(results["attribute_accuracy"]) == 0
    assert value(results["pollution"]) == value(results["excess_pollution"]) > 0.3
    assert value(results["outside_change"]) > 0.05


def test_what_is_missing_is_said_and_never_a_number(base: BaseModel) -> None:
    pictures = torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8)
    results = measure(observed(base, FourPictures(pictures, pictures, pictures, pictures), "blonde hair"), {})
    there = {name for name, result in results.items() if isinstance(result, Estimate)}
    assert there == {"change", "base_change", "base_psnr"}
    for result in results.values():
        assert isinstance(result, Estimate) or (result.reason and result.how_to_get and result.licence)


def test_a_target_that_the_domain_does_not_know(pico: BaseModel) -> None:
    same = renders(with_target=True, count=2)
    results = measure(observed(pico, FourPictures(same, same, same, same), "a monocle"), {})
    for name in ("attribute_accuracy", "pollution", "outside_change", "control_map_auc"):
        missing = results[name]
        assert isinstance(missing, Missing)
        assert "a monocle" in missing.reason
    assert value(results["change"]) == 0


def test_a_plug_in_is_asked_once_with_pairs_and_captions(base: BaseModel) -> None:
    pictures = torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8)
    four = FourPictures(pictures, pictures, pictures, pictures.flip(0))
    asked: list[Sequence[Caption]] = []

    def score(
        references: Sequence[Image.Image], responses: Sequence[Image.Image], captions: Sequence[Caption]
    ) -> list[float]:
        asked.append(captions)
        assert references[0].tobytes() == responses[1].tobytes()
        return [0.25, 0.75]

    results = measure(observed(base, four, "blonde hair"), {"lpips": score})
    assert value(results["lpips"]) == 0.5
    assert [[caption.complete_text for caption in captions] for captions in asked] == [["a portrait, blonde hair"] * 2]
    assert results["mps"] == Missing(
        "weights missing, none are bundled", REQUIREMENTS["mps"].how_to_get, REQUIREMENTS["mps"].licence
    )
    with pytest.raises(SpecError, match="lpipz"):
        measure(observed(base, four, "blonde hair"), {"lpipz": score})


def test_one_picture_has_no_bootstrap_interval(pico: BaseModel) -> None:
    same = renders(with_target=True, count=1)
    results = measure(observed(pico, FourPictures(same, same, same, same)), {})
    change, shown = results["change"], results["attribute_accuracy"]
    assert isinstance(change, Estimate)
    assert change.interval is None
    assert isinstance(shown, Estimate)
    assert shown.interval is not None
    assert shown.interval.low < 0.5


def test_a_second_clip_gives_the_clip_metrics(pico: BaseModel, tmp_path: Path) -> None:
    (tmp_path / "judge").mkdir()
    (tmp_path / "judge" / "clip").symlink_to(pico.path / "clip")
    without, with_target = renders(with_target=False), renders(with_target=True)
    own = replace(pico, path=tmp_path)
    same = measure(observed(own, FourPictures(without, without, without, without)), {})
    assert value(same["clip_i"]) == pytest.approx(1)
    assert value(same["kid"]) == 0
    changed = measure(observed(own, FourPictures(without, without, without, with_target)), {})
    assert value(changed["clip_i"]) < 0.999
    assert value(changed["kid"]) > 0
    assert value(changed["clip_t_target"]) > value(same["clip_t_target"])


def test_a_parser_gives_seg_cons_and_the_region(pico: BaseModel, tmp_path: Path) -> None:
    (tmp_path / "judge").mkdir()
    torch.manual_seed(0)
    safetensors_torch.save_file(Parser().state_dict(), tmp_path / PARSER_FILE)
    without, with_target = renders(with_target=False), renders(with_target=True)
    own = replace(pico, path=tmp_path)
    same = observed(own, FourPictures(without, without, without, without))
    assert value(measure(same, {})["seg_cons"]) == 100
    changed = observed(own, FourPictures(without, without, without, with_target))
    assert not torch.equal(changed.regions[0], changed.regions[1]), "each pair has its own"
    assert value(measure(changed, {})["seg_cons"]) < 100


def test_an_identity_network_tells_who_is_shown(pico: BaseModel, tmp_path: Path) -> None:
    (tmp_path / "judge").mkdir()
    torch.manual_seed(0)
    safetensors_torch.save_file(Identity().state_dict(), tmp_path / IDENTITY_FILE)
    without = renders(with_target=False)
    own = replace(pico, path=tmp_path)
    same = measure(observed(own, FourPictures(without, without, without, without)), {})
    assert value(same["identity"]) == pytest.approx(1)
    others = measure(observed(own, FourPictures(without, without, without, without.roll(1, dims=0))), {})
    assert value(others["identity"]) < 0.9999


def pixels(portraits: Sequence[dict[str, str]], **changed: str) -> torch.Tensor:
    """Renders, uint8 [portraits, 3, 128, 128]."""
    drawn = [np.array(render({**item, **changed})) for item in portraits]
    return torch.stack([torch.from_numpy(picture).permute(2, 0, 1) for picture in drawn])


def hat_and_bare(count: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    """Blonde portraits without and with a hat."""
    blonde = [held_out_portrait("hair_colour", "blonde", "blonde hair", seed).attributes for seed in range(count)]
    return pixels(blonde, headwear="none"), pixels(blonde, headwear="hat")


def test_a_hat_in_the_reference_is_reported_and_may_be_kept(pico: BaseModel) -> None:
    bare, in_a_hat = hat_and_bare()
    reference = torch.cat([bare[:3], in_a_hat[3:]])
    results = measure(observed(pico, FourPictures(reference, reference, reference, reference), "blonde hair"), {})
    everywhere, visible = results["attribute_accuracy"], results["attribute_accuracy_visible"]
    assert isinstance(everywhere, Estimate)
    assert isinstance(visible, Estimate)
    assert (everywhere.value, everywhere.count) == (0.75, 4)
    assert (visible.value, visible.count) == (1, 3)


def test_excess_pollution_where_the_place_is_visible_leaves_the_other_texts_out(pico: BaseModel) -> None:
    bare, in_a_hat = hat_and_bare()
    reference, response = torch.cat([bare[:3], in_a_hat[3:]]), torch.cat([bare[:3], in_a_hat[:1]])
    results = measure(observed(pico, FourPictures(reference, reference, reference, response), "blonde hair"), {})
    assert value(results["excess_pollution"]) > 0, "another person's hat in the last"
    assert value(results["excess_pollution_visible"]) == 0


def test_where_every_reference_hides_the_place_there_is_no_figure(pico: BaseModel) -> None:
    _, in_a_hat = hat_and_bare(2)
    results = measure(observed(pico, FourPictures(in_a_hat, in_a_hat, in_a_hat, in_a_hat), "blonde hair"), {})
    assert isinstance(results["attribute_accuracy"], Estimate)
    assert isinstance(results["attribute_accuracy_visible"], Missing)


def test_base_texts_that_show_the_target_are_told_from_those_of_the_original(pico: BaseModel) -> None:
    without, with_target = renders(with_target=False), renders(with_target=True)
    results = measure(observed(pico, FourPictures(without, without, with_target, with_target)), {})
    assert (value(results["base_shown"]), value(results["base_shown_original"])) == (1, 0)


def test_pollution_is_told_axis_by_axis(pico: BaseModel) -> None:
    portraits = [held_out_portrait("glasses", "sunglasses", "sunglasses", seed).attributes for seed in range(3)]
    mint, brick = pixels(portraits, background="mint"), pixels(portraits, background="brick")
    four = FourPictures(mint, mint, mint, brick)
    axes = pollution_by_axis(observed(pico, four))
    assert {axis for axis, found in axes.items() if found.pollution.value > 0} == {"background"}
    assert axes["background"].pollution.value == 1
    floor = axes["background"].floor
    assert floor is not None
    assert (floor.value, floor.count) == (0, 3)
    assert "glasses" not in axes


def test_a_base_that_nothing_is_known_about_has_no_axes(base: BaseModel) -> None:
    pictures = torch.zeros(1, 3, 32, 32, dtype=torch.uint8)
    assert pollution_by_axis(observed(base, FourPictures(pictures, pictures, pictures, pictures))) == {}


def test_metrics_that_nobody_wants_are_not_measured(base: BaseModel) -> None:
    pictures = torch.zeros(1, 3, 32, 32, dtype=torch.uint8)
    results = measure(observed(base, FourPictures(pictures, pictures, pictures, pictures)), {}, {"kid", "change"})
    assert results.keys() == {metric.name for metric in CATALOGUE} - {"kid", "change"}


def test_what_a_base_text_names_must_still_be_there(pico: BaseModel) -> None:
    portraits = [held_out_portrait("glasses", "sunglasses", "sunglasses", seed) for seed in range(6)]
    drawn = [torch.from_numpy(np.array(render(item.attributes))).permute(2, 0, 1) for item in portraits]
    as_asked = torch.stack(drawn)
    mixed_up = as_asked.roll(1, dims=0)
    cases = [Case(item.caption, seed) for seed, item in enumerate(portraits)]
    domain = domain_of_base(pico.path, "sunglasses")
    seen = Observations(pico, cases, FourPictures(as_asked, as_asked, mixed_up, mixed_up), domain, SETTINGS)
    results = measure(seen, {})
    assert value(results["text_followed_original"]) > 0.95
    assert value(results["text_followed"]) < 0.7, "the portraits of other texts"
    assert value(results["base_pollution"]) > 0.2


def test_a_text_that_names_nothing_has_no_figure_of_what_was_followed(pico: BaseModel) -> None:
    same = renders(with_target=True)
    results = measure(observed(pico, FourPictures(same, same, same, same)), {})
    missing = results["text_followed"]
    assert isinstance(missing, Missing)
    assert "name no attribute" in missing.reason
    assert value(results["base_pollution"]) == 0
