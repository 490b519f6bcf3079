"""What the base model draws when asked, as the judge reads it."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import torch
from PIL import Image
from tqdm import tqdm

from spf_portrait.metrics.attributes import compare, shows
from spf_portrait.pico.domain import AXES, AXIS, Axis, Split, held_back
from spf_portrait.pico.judge import Judge
from spf_portrait.pico.measuring.unseen import silent_captions
from spf_portrait.pico.pollution_axes import comparable_axes
from spf_portrait.pico.portrait import Attributes, visible_axes

SETTINGS: Final[dict[str, Any]] = {"num_inference_steps": 25, "guidance_scale": 4.0}
_BATCH: Final = 8
_COLOURED: Final = {"clothes_colour": "{} clothes"}
_NO_PHRASE: Final = {"headwear_colour"}
"""Nobody can ask for the colour of headwear without asking for headwear."""


def draw(pipeline: Any, captions: Sequence[str], title: str) -> list[Image.Image]:
    """One picture for each caption, the first from seed 0, the next from seed 1 and so on."""
    pictures: list[Image.Image] = []
    with tqdm(total=len(captions), desc=f"{title:<22}") as bar:
        for start in range(0, len(captions), _BATCH):
            texts = list(captions[start : start + _BATCH])
            noise = [torch.Generator().manual_seed(start + index) for index in range(len(texts))]
            pictures += pipeline(texts, generator=noise, **SETTINGS).images
            bar.update(len(texts))
    return pictures


def drawn_as_asked(judge: Judge, pictures: Sequence[Image.Image], asked: Sequence[Attributes]) -> dict[str, float]:
    """Share of named attributes that the judge finds in the picture, by axis."""
    right: dict[str, list[bool]] = defaultdict(list)
    for attributes, answer in zip(asked, judge.attributes(pictures), strict=True):
        for axis in visible_axes(attributes):
            if attributes[axis] != "none":
                right[axis].append(answer[axis] == attributes[axis])
    return {axis.name: float(np.mean(right[axis.name])) for axis in AXES}


def held_back_drawn(pipeline: Any, judge: Judge, count: int) -> dict[str, dict[str, float]]:
    """Split → phrase → how often the base draws an attribute that it was never shown."""
    return {
        split.value: {
            phrase: _share_drawn(pipeline, judge, AXIS[axis], value, phrase, count)
            for phrase, (axis, value) in held_back(split).items()
        }
        for split in (Split.DEVELOPMENT, Split.TEST)
    }


def pollution_floor(pipeline: Any, judge: Judge, count: int) -> dict[str, float]:
    """Phrase → share of the other attributes that change when it is added to a caption under the same seed."""
    floors: dict[str, float] = {}
    for axis in AXES:
        if axis.name in _NO_PHRASE:
            continue
        captions = silent_captions(axis.name, count)
        references = judge.attributes(draw(pipeline, captions, f"without {axis.name}"))
        for value in axis.known:
            if value.phrases:
                phrase = _COLOURED.get(axis.name, "{}").format(value.phrases[0])
                responses = judge.attributes(draw(pipeline, [f"{text}, {phrase}" for text in captions], phrase))
                floors[phrase] = _mean_pollution(axis.name, value.name, references, responses)
    return floors


def _share_drawn(pipeline: Any, judge: Judge, axis: Axis, value: str, phrase: str, count: int) -> float:
    captions = [f"{text}, {phrase}" for text in silent_captions(axis.name, count)]
    readings = judge.attributes(draw(pipeline, captions, phrase))
    return float(np.mean([shows(reading, axis.name, value, visible_axes(reading)) for reading in readings]))


def _mean_pollution(axis: str, value: str, references: Sequence[Attributes], responses: Sequence[Attributes]) -> float:
    pairs = zip(references, responses, strict=True)
    return float(np.mean([compare(a, b, comparable_axes(axis, value, a, b)).pollution for a, b in pairs]))
