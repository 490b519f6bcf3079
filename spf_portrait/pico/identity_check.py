"""How well an identity network tells persons apart, on portraits that no training saw."""

import random
from typing import Final

import torch

from spf_portrait.metrics.map_quality import area_under_curve
from spf_portrait.metrics.similarity import cosine_similarity
from spf_portrait.pico.domain import AXIS
from spf_portrait.pico.identity import Identity
from spf_portrait.pico.person import PERSON_AXES, another_person, person_of
from spf_portrait.pico.portrait import Attributes, random_attributes, visible_axes
from spf_portrait.pico.renderer import render

_FIRST_SEED: Final = 9_200_000
"""Trainings draw their portraits from smaller seeds."""


def identity_check(network: Identity, count: int = 256) -> dict[str, float]:
    """Compare each of `count` portraits with two others that differ from it in one attribute: does that make a person?

    Returns:
        "same_person_nearer": share of portraits nearer to the same person than to the other one, who differs in skin,
        hair style, hair colour or facial hair alone.
        "auc": area under the ROC curve of the cosine, same persons against different ones, over all 2 · count pairs.
    """
    portraits = [random_attributes(_FIRST_SEED + index, with_held_back=True) for index in range(count)]
    same = [otherwise(item, random.Random(index)) for index, item in enumerate(portraits)]
    different = [another_person(item, random.Random(index)) for index, item in enumerate(portraits)]
    anchors, near, far = (network.embed([render(item) for item in part]) for part in (portraits, same, different))
    to_same, to_different = cosine_similarity(anchors, near), cosine_similarity(anchors, far)
    cosines = torch.cat((to_same, to_different))
    is_same = torch.arange(2 * count) < count
    return {
        "same_person_nearer": float((to_same > to_different).double().mean()),
        "auc": area_under_curve(cosines, is_same.double()),
    }


def otherwise(attributes: Attributes, generator: random.Random) -> dict[str, str]:
    """The same person with one other thing changed that can be seen: another hat, glasses, a smile gone."""
    free = [axis for axis in visible_axes(attributes) if axis not in PERSON_AXES]
    changes = [{**attributes, axis: value.name} for axis in free for value in AXIS[axis].values]
    person = person_of(attributes)
    return generator.choice([item for item in changes if item != attributes and person_of(item) == person])
