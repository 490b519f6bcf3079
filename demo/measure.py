"""What did an adapter teach, and what did it change besides? Measured in plain diffusers, on eight seeds."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from spf_portrait.metrics.attributes import shows
from spf_portrait.metrics.pixel_change import outside_change
from spf_portrait.pico.held_out import place_of
from spf_portrait.pico.judge import Judge, load_judge
from spf_portrait.pico.portrait import visible_axes
from spf_portrait.pico.regions import target_region
from spf_portrait.running.untyped import diffusers

SEEDS: Final = tuple(range(8))
STEPS: Final = 25
GUIDANCE_SCALE: Final = 4.0


@dataclass(frozen=True)
class Measurement:
    """One adapter against the original model.

    Attributes:
        pictures: The responses, one for each seed.
        target_shown: In how many of them the judge sees the target.
        outside_change: Mean |Δpixel| / 255 outside the target's region, over all seeds.
    """

    pictures: list[Image.Image]
    target_shown: int
    outside_change: float


class Measure:
    """The original model, its judge, and the references that all adapters are measured against.

    Args:
        base: Folder of the pico base.
        base_text: Prompt without the target.
        target: Phrase of a held-back attribute.
    """

    def __init__(self, base: Path, base_text: str, target: str) -> None:
        self._base = base
        self._complete_text = f"{base_text}, {target}"
        self._axis, self._value = place_of(target)
        self._judge: Judge = load_judge(base)
        self.references = _draw(_pipeline(base), base_text)

    def of(self, adapter: Path) -> Measurement:
        """Load an adapter file into a fresh pipeline, draw, and compare with the references."""
        pipeline = _pipeline(self._base)
        pipeline.load_lora_weights(adapter.parent, weight_name=adapter.name)
        pictures = _draw(pipeline, self._complete_text)
        seen = self._judge.attributes(pictures)
        mask = torch.from_numpy(target_region(self._axis, self._value))
        changes = [outside_change(_tensor(a), _tensor(b), mask) for a, b in zip(self.references, pictures, strict=True)]
        shown = sum(shows(reading, self._axis, self._value, visible_axes(reading)) for reading in seen)
        return Measurement(pictures, round(shown), sum(changes) / len(changes))


def _pipeline(base: Path) -> Any:
    pipeline = diffusers.StableDiffusionPipeline.from_pretrained(base, dtype=torch.float32, local_files_only=True)
    pipeline.set_progress_bar_config(desc="measuring               ")
    return pipeline


def _draw(pipeline: Any, prompt: str) -> list[Image.Image]:
    generators = [torch.Generator().manual_seed(seed) for seed in SEEDS]
    drawn = pipeline(
        [prompt] * len(SEEDS), num_inference_steps=STEPS, guidance_scale=GUIDANCE_SCALE, generator=generators
    )
    return list(drawn.images)


def _tensor(image: Image.Image) -> Tensor:
    pixels: NDArray[np.uint8] = np.array(image.convert("RGB"))
    return torch.from_numpy(pixels).permute(2, 0, 1)
