from pathlib import Path

import numpy as np
import pytest
import torch

from spf_portrait.contract.errors import ModelError
from spf_portrait.pico.parser import PARSER_FILE, Parser, iou_of_parts, load_parser
from spf_portrait.pico.parsing import Part, class_map
from spf_portrait.pico.portrait import random_attributes
from spf_portrait.pico.renderer import render
from spf_portrait.pico.training.autoencoder import new_autoencoder, pixels
from spf_portrait.pico.training.parser import parsing_loss, train_parser
from spf_portrait.pico.training.renders import load_or_render
from spf_portrait.pico.training.resumable import Budget
from spf_portrait.running.untyped import safetensors_torch


def test_equal_maps_overlap_wholly_and_disjoint_ones_not_at_all() -> None:
    exact = np.stack([class_map(random_attributes(seed, with_held_back=True)) for seed in range(3)])
    assert set(iou_of_parts(exact, exact).values()) == {1.0}
    assert np.mean(list(iou_of_parts(exact, (exact + 1) % len(Part)).values())) < 0.15
    disjoint = iou_of_parts(np.zeros((2, 2), np.uint8), np.ones((2, 2), np.uint8))
    assert set(disjoint.values()) == {0.0}


def test_overlap_by_hand() -> None:
    predicted = np.array([[Part.HAIR, Part.HAIR], [Part.SKIN, Part.SKIN]], dtype=np.uint8)
    truth = np.array([[Part.HAIR, Part.SKIN], [Part.SKIN, Part.SKIN]], dtype=np.uint8)
    assert iou_of_parts(predicted, truth) == {Part.HAIR: 1 / 2, Part.SKIN: 2 / 3}


def test_a_certain_and_right_answer_costs_nothing_and_a_wrong_one_much() -> None:
    truth = torch.tensor([[[Part.HAIR, Part.SKIN], [Part.CLOTHES, Part.CLOTHES]]])
    certain = 50 * torch.nn.functional.one_hot(truth, len(Part)).movedim(-1, 1).float()
    assert float(parsing_loss(certain, truth)) == pytest.approx(0, abs=1e-6)
    assert float(parsing_loss(certain.roll(1, dims=1), truth)) > 50
    assert float(parsing_loss(torch.zeros_like(certain), truth)) > np.log(len(Part))


def test_a_short_training_lowers_the_loss(tmp_path: Path) -> None:
    renders = load_or_render(tmp_path, 8, 0, with_held_back=True)
    images = pixels(renders, torch.arange(8))
    truth = torch.from_numpy(np.stack([class_map(item) for item in renders.attributes])).long()
    torch.manual_seed(0)
    untrained = Parser()
    trained = train_parser(renders, tmp_path, Budget(20), new_autoencoder().eval(), batch_size=4)
    with torch.no_grad():
        assert parsing_loss(trained(images), truth) < 0.8 * parsing_loss(untrained(images), truth)


def test_it_names_a_part_for_each_pixel(tmp_path: Path) -> None:
    torch.manual_seed(0)
    (tmp_path / PARSER_FILE).parent.mkdir()
    safetensors_torch.save_file({name: w.half() for name, w in Parser().state_dict().items()}, tmp_path / PARSER_FILE)
    parser = load_parser(tmp_path)
    pictures = [render(random_attributes(seed)) for seed in range(2)]
    maps = parser.parse([*pictures, pictures[0].resize((256, 256))])
    assert [(classes.dtype, classes.shape) for classes in maps] == [(np.uint8, (128, 128))] * 3
    assert max(classes.max() for classes in maps) < len(Part)
    assert np.array_equal(maps[0], parser.parse(pictures[:1])[0]), "a picture's map does not depend on its neighbours"


def test_without_its_file_there_is_no_parser(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=PARSER_FILE):
        load_parser(tmp_path)
