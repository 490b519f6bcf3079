"""All figures about one bundled model."""

import time
from pathlib import Path
from typing import Any, Final

import torch
from PIL import Image

from spf_portrait.contract.base_info import JUDGE_FOLDER
from spf_portrait.contract.drawing_spec import ComparisonSpec
from spf_portrait.drawing.pair import draw_pair
from spf_portrait.method.clip_space import load_clip_space
from spf_portrait.models.base_model import load_base
from spf_portrait.pico.identity import load_identity
from spf_portrait.pico.identity_check import identity_check
from spf_portrait.pico.judge import Judge, load_judge
from spf_portrait.pico.measuring import on_drawings, on_renders
from spf_portrait.pico.measuring.unseen import full_caption, unseen
from spf_portrait.pico.parser import load_parser
from spf_portrait.pico.renderer import render
from spf_portrait.running.untyped import diffusers

_RENDERS: Final = 512
_ASKED: Final = 128
_HELD_BACK: Final = 16
_FLOOR: Final = 8
CARD_FILES: Final = ("README.md", "measurements.json", "contact-sheet.png", "eye-check.png", "eye-check.json")


def load_pipeline(model: Path) -> Any:
    """A bare diffusers pipeline, as any user would load it."""
    pipeline = diffusers.StableDiffusionPipeline.from_pretrained(model, dtype=torch.float32, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def measure(model: Path) -> tuple[dict[str, Any], list[Image.Image]]:
    """Everything, and the pictures that were drawn for full captions.

    Args:
        model: A pico model's folder with its judge.

    Raises:
        ModelError: A part of it is missing.
    """
    pipeline, judge = load_pipeline(model), load_judge(model)
    asked = unseen(_ASKED)
    pictures = on_drawings.draw(pipeline, [full_caption(attributes) for attributes in asked], "as asked")
    measured = {
        "megabytes": _megabytes(model),
        **_on_renders(model, pipeline, judge),
        "drawn_as_asked": _with_summary(on_drawings.drawn_as_asked(judge, pictures, asked)),
        "held_back_drawn": on_drawings.held_back_drawn(pipeline, judge, _HELD_BACK),
        "pollution_floor": on_drawings.pollution_floor(pipeline, judge, _FLOOR),
        "pair": _pair(model),
    }
    return measured, pictures


def _on_renders(model: Path, pipeline: Any, judge: Judge) -> dict[str, Any]:
    truth = unseen(_RENDERS, with_held_back=True)
    images = [render(attributes) for attributes in truth]
    again = on_renders.reconstructed(pipeline.vae, images)
    read, read_again = (on_renders.accuracy(judge, pictures, truth) for pictures in (images, again))
    clips = {"clip": load_clip_space(model, pipeline.tokenizer, torch.device("cpu"))}
    clips["judge_clip"] = load_clip_space(model / JUDGE_FOLDER, pipeline.tokenizer, torch.device("cpu"))
    return {
        "autoencoder_psnr_db": on_renders.mean_psnr(again, images),
        "classifier_on_renders": _with_summary(read),
        "classifier_on_reconstructions": _with_summary(read_again),
        "parser_iou": _with_summary(on_renders.parts_iou(load_parser(model), images, truth)),
        "identity": identity_check(load_identity(model)),
        "right_caption_first_of_64": {
            name: on_renders.right_caption_first(clip, images, truth) for name, clip in clips.items()
        },
    }


def _with_summary(shares: dict[str, float]) -> dict[str, Any]:
    return {**on_renders.mean_and_worst(shares), "each": shares}


def _pair(model: Path, rounds: int = 3) -> dict[str, float]:
    """Seconds of a reference and a response with all their maps, 25 steps; the best of some rounds."""
    base = load_base(model.name, model.parent)
    spec = ComparisonSpec(base_text="a portrait, tan skin, a red hoodie", target="sunglasses")
    taken: list[float] = []
    for _ in range(rounds):
        started = time.perf_counter()
        draw_pair(base, spec, lambda _: None)
        taken.append(time.perf_counter() - started)
    return {"seconds": min(taken), "threads": torch.get_num_threads()}


def _megabytes(model: Path) -> dict[str, float]:
    """Weights and configurations of base and judge; the card and the example sets are not counted."""
    files = [path for path in model.rglob("*") if path.is_file() and path.name not in CARD_FILES]
    judges = sum(path.stat().st_size for path in files if JUDGE_FOLDER in path.relative_to(model).parts)
    examples = sum(path.stat().st_size for path in files if "examples" in path.relative_to(model).parts)
    return {"base": (sum(path.stat().st_size for path in files) - judges - examples) / 1e6, "judge": judges / 1e6}
