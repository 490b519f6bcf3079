import random
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from spf_portrait.contract.errors import ModelError
from spf_portrait.pico.identity import IDENTITY_FILE, Identity, load_identity
from spf_portrait.pico.identity_check import identity_check, otherwise
from spf_portrait.pico.person import are_different, person_of
from spf_portrait.pico.portrait import random_attributes
from spf_portrait.pico.renderer import render
from spf_portrait.pico.training.autoencoder import new_autoencoder, pixels
from spf_portrait.pico.training.identity import contrastive_loss, person_numbers, relations, train_identity
from spf_portrait.pico.training.quartets import drawing_of, load_or_render_quartets, quartet
from spf_portrait.pico.training.resumable import Budget
from spf_portrait.running.untyped import safetensors_torch

ALICE, BOB = [1.0, 0.0], [0.0, 1.0]
QUARTETS = 4


def random_network() -> Identity:
    torch.manual_seed(0)
    return Identity().eval()


def test_embeddings_have_length_one_and_do_not_depend_on_their_neighbours(tmp_path: Path) -> None:
    network = random_network()
    assert sum(weight.numel() for weight in network.parameters()) <= 500_000
    (tmp_path / IDENTITY_FILE).parent.mkdir()
    safetensors_torch.save_file(network.state_dict(), tmp_path / IDENTITY_FILE)
    pictures = [render(random_attributes(seed)) for seed in range(3)]
    embedded = load_identity(tmp_path).embed(pictures)
    assert embedded.shape == (3, 64)
    assert torch.allclose(embedded.square().sum(dim=1), torch.ones(3))
    assert torch.equal(embedded[1:], network.embed(pictures[1:]))


def test_without_its_file_there_is_no_network(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=IDENTITY_FILE):
        load_identity(tmp_path)


@pytest.mark.parametrize("index", range(20))
def test_a_quartet_is_two_persons_in_two_drawings(index: int) -> None:
    a, b, c, d = quartet(index)
    assert person_of(a) == person_of(b)
    assert person_of(c) == person_of(d)
    assert are_different(person_of(a), person_of(c))
    assert drawing_of(a) != drawing_of(b)
    assert sum(a[axis] != c[axis] for axis in a) == sum(b[axis] != d[axis] for axis in b) == 1
    assert quartet(index) == (a, b, c, d)


def test_quartets_are_kept_and_rendered_anew_when_there_are_more(tmp_path: Path) -> None:
    quartets = load_or_render_quartets(tmp_path, 2)
    assert quartets.images.shape == (8, 128, 128, 3)
    assert np.array_equal(quartets.images[5], np.asarray(render(quartet(1)[1])))
    assert np.array_equal(load_or_render_quartets(tmp_path, 2).images, quartets.images)
    assert len(list(tmp_path.iterdir())) == 1
    assert len(load_or_render_quartets(tmp_path, 3).images) == 12


def test_who_is_the_same_who_is_different_and_who_may_be_either() -> None:
    bare = random_attributes(0, {"headwear": "none", "facial_hair": "none", "skin": "tan"})
    other_smile = {**bare, "expression": "sad" if bare["expression"] != "sad" else "smiling"}
    hatted, pale_hatted = {**bare, "headwear": "hat"}, {**bare, "headwear": "hat", "skin": "pale"}
    same, different = relations(person_numbers([bare, other_smile, hatted, pale_hatted]))
    assert same.int().tolist() == [[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
    assert different.int().tolist() == [[0, 0, 0, 1], [0, 0, 0, 1], [0, 0, 0, 1], [1, 1, 1, 0]]


def test_relations_are_those_of_the_persons() -> None:
    portraits = [portrait for index in range(6) for portrait in quartet(index)]
    persons = [person_of(portrait) for portrait in portraits]
    same, different = relations(person_numbers(portraits))
    assert same.tolist() == [[first == second for second in persons] for first in persons]
    assert different.tolist() == [[are_different(first, second) for second in persons] for first in persons]


def test_the_loss_is_small_where_persons_stand_together_and_apart_from_others() -> None:
    same = torch.tensor([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1]]).bool()
    apart, mixed = torch.tensor([ALICE, ALICE, BOB, BOB]), torch.tensor([ALICE, BOB, ALICE, BOB])
    assert float(contrastive_loss(apart, same, ~same)) == pytest.approx(2 * np.exp(-10), rel=1e-3)
    assert float(contrastive_loss(mixed, same, ~same)) == pytest.approx(10 + np.log(1 + np.exp(-10)), rel=1e-3)
    assert float(contrastive_loss(mixed, same, ~same, temperature=1e6)) == pytest.approx(np.log(3), rel=1e-3)


def test_the_loss_is_that_of_the_formula() -> None:
    persons = person_numbers([portrait for index in range(4) for portrait in quartet(index)])
    same, different = relations(persons)
    z = F.normalize(torch.randn(len(persons), 8, generator=torch.Generator().manual_seed(0)), dim=-1)
    e = (z @ z.T / 0.1).exp()
    rows: list[float] = []
    for i in range(len(persons)):
        negatives = e[i, different[i]].sum()
        positives = [e[i, j] for j in range(len(persons)) if same[i, j] and j != i]
        rows.append(float(np.mean([-torch.log(p / (p + negatives)) for p in positives])))
    assert float(contrastive_loss(z, same, different)) == pytest.approx(np.mean(rows), rel=1e-4)


def test_the_same_person_twice_in_a_batch_is_no_negative() -> None:
    twice = torch.ones(4, 4).bool()
    anywhere = torch.tensor([ALICE, BOB, ALICE, BOB], requires_grad=True)
    loss = contrastive_loss(anywhere, twice, ~twice)
    loss.backward()
    assert float(loss.detach()) == 0
    assert anywhere.grad is not None
    assert not anywhere.grad.any(), "without anybody else there is nothing to learn"


def test_a_short_training_lowers_the_loss(tmp_path: Path) -> None:
    quartets = load_or_render_quartets(tmp_path, QUARTETS)
    same, different = relations(person_numbers(quartets.attributes))
    images = pixels(quartets, torch.arange(len(quartets.images)))
    trained = train_identity(tmp_path, Budget(20), new_autoencoder().eval(), quartets=QUARTETS, batch_size=16)
    with torch.no_grad():
        before, after = (contrastive_loss(model(images), same, different) for model in (random_network(), trained))
    assert after < 0.8 * before


@pytest.mark.parametrize("seed", range(12))
def test_the_check_changes_one_thing_of_the_same_person(seed: int) -> None:
    attributes = random_attributes(seed, with_held_back=True)
    changed = otherwise(attributes, random.Random(seed))
    assert sum(attributes[axis] != changed[axis] for axis in attributes) == 1
    assert person_of(attributes) == person_of(changed)
    assert drawing_of(attributes) != drawing_of(changed)


def test_a_network_that_sees_nobody_is_at_chance() -> None:
    blind = random_network()
    torch.nn.init.zeros_(blind.to_embedding.weight)
    assert identity_check(blind, 3) == {"same_person_nearer": 0.0, "auc": 0.5}


def test_the_check_reads_shares_and_repeats_itself() -> None:
    network = random_network()
    checked = identity_check(network, 6)
    assert all(0 <= value <= 1 for value in checked.values())
    assert checked == identity_check(network, 6)
