"""What the small CLIP is taught: the labels say what a picture shows and what a caption says, and nothing else."""

import random

import pytest
import torch

from spf_portrait.pico.captions import Description, describe
from spf_portrait.pico.domain import AXES, AXIS
from spf_portrait.pico.portrait import random_attributes, visible_axes
from spf_portrait.pico.training.clip import WIDTH, AttributeHeads, contrastive_loss, right_first, said_labels
from spf_portrait.pico.training.labels import HIDDEN, visible_labels

COLUMN = {axis.name: column for column, axis in enumerate(AXES)}


def test_labels_are_hidden_exactly_where_nothing_can_be_seen() -> None:
    portraits = [random_attributes(seed, with_held_back=True) for seed in range(50)]
    for attributes, row in zip(portraits, visible_labels(portraits), strict=True):
        for axis in AXES:
            label = int(row[COLUMN[axis.name]])
            shown = axis.values[label].name if label != HIDDEN else None
            assert shown == (attributes[axis.name] if axis.name in visible_axes(attributes) else None)


@pytest.mark.parametrize("seed", range(40))
def test_a_description_says_what_its_phrases_tell(seed: int) -> None:
    attributes = random_attributes(seed, with_held_back=True)
    description = describe(attributes, random.Random(seed), keep=0.7)
    text = ", ".join(description.phrases)
    for axis in ("skin", "glasses", "facial_hair", "expression", "background", "headwear_colour"):
        phrases = AXIS[axis].by_name[attributes[axis]].phrases
        told = axis in description.said
        assert not told or any(phrase in text for phrase in phrases), (axis, text)
        assert told or axis == "headwear_colour" or not any(phrase in text for phrase in phrases), (axis, text)


def test_a_colour_alone_is_not_said_of_a_hat_but_of_clothes() -> None:
    attributes = random_attributes(0, {"headwear": "hat", "headwear_colour": "red"})
    others = {axis.name for axis in AXES} - {"headwear_colour", "clothes_colour"}
    description = describe(attributes, random.Random(0), keep=1.0, without=others)
    assert description.said == {"clothes_colour"}


def test_silence_hides_labels() -> None:
    visible = visible_labels([random_attributes(0)])
    everything = said_labels(visible, [Description((), frozenset(AXIS))])
    only_skin = said_labels(visible, [Description((), frozenset({"skin"}))])
    assert torch.equal(everything, visible)
    assert int(only_skin[0, COLUMN["skin"]]) == int(visible[0, COLUMN["skin"]])
    assert int((only_skin != HIDDEN).sum()) == 1


def test_rows_that_do_not_tell_do_not_weigh() -> None:
    torch.manual_seed(0)
    heads, embeddings = AttributeHeads(), torch.nn.functional.normalize(torch.randn(4, WIDTH), dim=-1)
    labels = visible_labels([random_attributes(seed) for seed in range(4)])
    labels[2:] = HIDDEN
    assert torch.allclose(heads.loss(embeddings, labels), heads.loss(embeddings[:2], labels[:2]))
    assert float(heads.loss(embeddings, torch.full_like(labels, HIDDEN)).detach()) == 0


def test_contrast_is_small_where_every_row_finds_itself() -> None:
    assert float(contrastive_loss(20 * torch.eye(5))) < 1e-6
    assert float(contrastive_loss(torch.zeros(5, 5))) == pytest.approx(float(torch.tensor(5.0).log()))
    assert right_first(torch.eye(4)) == 1
    assert right_first(torch.eye(4).roll(1, dims=0)) == 0
