"""The picture that travels with an adapter: what the tuned model draws, never what it was trained on."""

from typing import Final

from spf_portrait.contract.drawing_spec import ComparisonSpec
from spf_portrait.contract.phrases import Caption
from spf_portrait.drawing.pair import draw_pair
from spf_portrait.drawing.pictures import SOFTWARE, generated_png
from spf_portrait.models.base_model import BaseModel

_STEPS: Final = 20


def draw_cover(base: BaseModel, caption: Caption, seed: int) -> bytes:
    """A portrait as PNG.

    Args:
        base: With its adapter on, all parts awake, and nothing recording on it.
        caption: What to draw.
        seed: The same one gives the same picture.
    """
    options = {"base": base.key, "base_text": caption.base_text, "target": caption.target, "seed": seed}
    spec = ComparisonSpec.from_mapping({**options, "steps": _STEPS, "maps": False})
    return generated_png(draw_pair(base, spec, lambda step: None).response.picture, SOFTWARE)
