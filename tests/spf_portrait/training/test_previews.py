from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from spf_portrait.adapter import adapter_off
from spf_portrait.contract.phrases import Caption
from spf_portrait.drawing.four_pictures import as_images, draw_texts
from spf_portrait.drawing.pictures import GENERATED_MARK
from spf_portrait.drawing.trajectory import Sampling
from spf_portrait.training.preparation import PreparedTraining, TrainingJob, prepare
from spf_portrait.training.previews import Previews
from tests.spf_portrait.tiny_adapters import scramble

CAPTIONS = [Caption(base=("a woman", "a hat"), target="blonde hair"), Caption(base=("a man",), target="blonde hair")]


@pytest.fixture
def run(make_job: Callable[..., TrainingJob]) -> PreparedTraining:
    with ExitStack() as stack:
        return prepare(make_job(), lambda event: None, stack)


def halves(file: str) -> tuple[bytes, bytes]:
    """Reference and response."""
    picture = Image.open(file)
    side = picture.height
    assert picture.width == 2 * side
    return picture.crop((0, 0, side, side)).tobytes(), picture.crop((side, 0, 2 * side, side)).tobytes()


def test_the_reference_stays_and_the_response_follows_the_training(run: PreparedTraining, tmp_path: Path) -> None:
    previews = Previews(run.base, CAPTIONS, tmp_path)
    before = previews.draw(0)
    scramble(run.base.network)
    after = previews.draw(50)
    assert list(before.values()) == ["a woman, a hat, blonde hair", "a man, blonde hair"]
    folders = [tmp_path / "previews" / name for name in ("step-000000", "step-000050")]
    assert [Path(file) for file in (*before, *after)] == [
        folder / name for folder in folders for name in ("00.png", "01.png")
    ]
    for first, second in zip(before, after, strict=True):
        assert halves(first)[0] == halves(second)[0]
        assert halves(first)[1] != halves(second)[1]


def test_both_are_what_the_two_models_draw(run: PreparedTraining, tmp_path: Path) -> None:
    scramble(run.base.network)
    file = next(iter(Previews(run.base, CAPTIONS[:1], tmp_path).draw(7)))
    sampling = Sampling(steps=25, guidance_scale=4.0)
    response = draw_texts(run.base, ["a woman, a hat, blonde hair"], [0], sampling, lambda steps: None)
    with adapter_off(run.base.network):
        reference = draw_texts(run.base, ["a woman, a hat"], [0], sampling, lambda steps: None)
    assert halves(file) == tuple(image.tobytes() for image in as_images(torch.cat((reference, response))))


def test_references_are_drawn_once(run: PreparedTraining, tmp_path: Path) -> None:
    passes: list[int] = []

    def count(module: Any, arguments: Any) -> None:
        passes.append(1)

    run.base.network.register_forward_pre_hook(count)
    previews = Previews(run.base, CAPTIONS[:1], tmp_path)
    drawn = len(passes)
    previews.draw(0)
    previews.draw(1)
    assert len(passes) == 3 * drawn


def test_pictures_are_marked_and_whole(run: PreparedTraining, tmp_path: Path) -> None:
    previews = Previews(run.base, CAPTIONS, tmp_path)
    files = [previews.draw(3) for _ in range(2)][-1]  # a resumed training may draw a step again
    marks: list[dict[Any, Any]] = [Image.open(file).info for file in files]
    assert all(mark["Comment"] == GENERATED_MARK for mark in marks)
    assert sorted(path.name for path in (tmp_path / "previews" / "step-000003").iterdir()) == ["00.png", "01.png"]
