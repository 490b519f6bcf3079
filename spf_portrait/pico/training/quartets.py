"""Quartets of four portraits: two persons who differ in one thing alone, each of them drawn in the same two ways.

    a: person P, drawing 1     b: person P, drawing 2     c: person Q, drawing 1     d: person Q, drawing 2

Who is shown cannot be told from clothes or background: a is as alike to c there as it is unlike b.
"""

import random
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from spf_portrait.pico.person import PERSON_AXES, another_person, person_of
from spf_portrait.pico.portrait import Attributes, random_attributes, visible_axes
from spf_portrait.pico.renderer import render
from spf_portrait.pico.training.drawn_once import digest_of, load_or_draw
from spf_portrait.pico.training.renders import Renders

QUARTET: Final = 4
"""Portraits of one quartet, which stand side by side."""
_FIRST_SEED: Final = 3_000_000
_TRIES: Final = 100
"""Seeds that one quartet may use up until its second drawing hides as much of the person as the first."""


def load_or_render_quartets(folder: Path, count: int) -> Renders:
    """`count` quartets, 4 · count portraits, rendered unless `folder` already holds them."""
    attributes = tuple(portrait for index in range(count) for portrait in quartet(index))
    return Renders(load_or_draw(folder, "quartets", attributes, _pixels), attributes, digest_of(attributes))


def quartet(index: int) -> tuple[dict[str, str], ...]:
    """The attributes of a, b, c and d; all values occur, held-back ones too."""
    seed = _FIRST_SEED + _TRIES * index
    first = random_attributes(seed, with_held_back=True)
    fixed = {axis: first[axis] for axis in PERSON_AXES}
    drawn = (random_attributes(seed + other, fixed, with_held_back=True) for other in range(1, _TRIES))
    second = next(
        item for item in drawn if person_of(item) == person_of(first) and drawing_of(item) != drawing_of(first)
    )
    other_person = another_person(first, random.Random(seed))
    other_fixed = {axis: other_person[axis] for axis in PERSON_AXES}
    return first, second, other_person, {**second, **other_fixed}


def drawing_of(attributes: Attributes) -> dict[str, str]:
    """All that can be seen and is no part of the person."""
    return {axis: attributes[axis] for axis in visible_axes(attributes) if axis not in PERSON_AXES}


def _pixels(attributes: Attributes) -> NDArray[np.uint8]:
    return np.asarray(render(attributes), dtype=np.uint8)
