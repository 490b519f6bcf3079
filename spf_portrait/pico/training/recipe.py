"""What the bundled model and its judge are made of, in the order in which they are made, and for how long."""

from enum import Enum
from typing import Final


class Part(Enum):
    """A network of its own; each needs some of those before it."""

    AUTOENCODER = "autoencoder"
    CLIP = "clip"
    UNET = "unet"
    CLASSIFIER = "classifier"
    PARSER = "parser"
    IDENTITY = "identity"
    JUDGE_CLIP = "judge_clip"


STEPS: Final[dict[Part, int]] = {
    Part.AUTOENCODER: 2600,
    Part.CLIP: 600,
    Part.UNET: 6400,
    Part.CLASSIFIER: 1000,
    Part.PARSER: 500,
    Part.IDENTITY: 600,
    Part.JUDGE_CLIP: 600,
}
"""Optimizer steps that the shipped weights were trained for."""
