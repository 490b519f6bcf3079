"""Measure the finished model on portraits and captions that it has never seen, and write its card."""

import json
import random
from pathlib import Path
from typing import Any, Final

import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from spf_portrait.pico.captions import base_phrases, phrase_of
from spf_portrait.pico.domain import AXES, held_back
from spf_portrait.pico.judge import Judge, load_judge
from spf_portrait.pico.portrait import random_attributes, visible_axes
from spf_portrait.pico.renderer import render
from spf_portrait.pico.training.assemble import size_in_bytes
from spf_portrait.pico.training.autoencoder import pixels, psnr
from spf_portrait.pico.training.renders import load_or_render
from spf_portrait.untyped import diffusers

_UNSEEN: Final = 9_000_000
"""First seed of the portraits used for measuring only."""
_SHEET_COLUMNS: Final = 4
_SHEET: Final = 16
_CARD_FILES: Final = ("README.md", "contact-sheet.png", "measurements.json")
_SETTINGS: Final[dict[str, Any]] = {"num_inference_steps": 25, "guidance_scale": 4.0}


def write_card(model: Path, work: Path, training: str) -> dict[str, Any]:
    """Write README.md, contact-sheet.png and measurements.json into the model folder; return the measurements."""
    pipeline = diffusers.StableDiffusionPipeline.from_pretrained(model, dtype=torch.float32, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    judge = load_judge(model)
    measured = {
        "bytes": size_in_bytes(model, without=_CARD_FILES),
        "autoencoder_psnr_db": round(_autoencoder_psnr(pipeline.vae, work), 2),
        "judge_accuracy_on_renders": _judge_accuracy(judge),
        "attributes_drawn_as_asked": _drawn_as_asked(pipeline, judge),
        "held_back_attributes_drawn": _held_back_drawn(pipeline, judge),
    }
    _contact_sheet(pipeline).quantize(256).save(model / "contact-sheet.png", optimize=True)
    (model / "measurements.json").write_text(json.dumps(measured, indent=2) + "\n", "utf-8")
    (model / "README.md").write_text(_text(measured, training), "utf-8")
    return measured


def _autoencoder_psnr(autoencoder: Any, work: Path, count: int = 64) -> float:
    images = pixels(load_or_render(work, count, _UNSEEN, with_held_back=True), torch.arange(count))
    with torch.no_grad():
        latents = autoencoder.encode(images).latent_dist.mode()
        decoded: Tensor = autoencoder.decode(latents).sample
    return sum(psnr(a, b) for a, b in zip(decoded, images, strict=True)) / count


def _judge_accuracy(judge: Judge, count: int = 300) -> dict[str, float]:
    truth = [random_attributes(_UNSEEN + index, with_held_back=True) for index in range(count)]
    seen = judge.attributes([render(attributes) for attributes in truth])
    right: dict[str, list[bool]] = {axis.name: [] for axis in AXES}
    for attributes, answer in zip(truth, seen, strict=True):
        for axis in visible_axes(attributes):
            right[axis].append(answer[axis] == attributes[axis])
    return {axis: round(sum(hits) / len(hits), 3) for axis, hits in right.items()}


def _drawn_as_asked(pipeline: Any, judge: Judge, count: int = 64) -> dict[str, float]:
    """Share of named attributes that the judge finds in the picture drawn for an unseen caption, by axis."""
    right: dict[str, list[bool]] = {axis.name: [] for axis in AXES}
    asked = [random_attributes(_UNSEEN + index) for index in range(count)]
    for start in range(0, count, _SHEET):
        part = asked[start : start + _SHEET]
        pictures = _draw(pipeline, [_full_caption(attributes) for attributes in part], start)
        for attributes, answer in zip(part, judge.attributes(pictures), strict=True):
            for axis in visible_axes(attributes):
                if attributes[axis] != "none":
                    right[axis].append(answer[axis] == attributes[axis])
    return {axis: round(sum(hits) / len(hits), 3) for axis, hits in right.items() if hits}


def _held_back_drawn(pipeline: Any, judge: Judge, count: int = 8) -> dict[str, float]:
    """How often the base draws an attribute that it was never shown."""
    drawn: dict[str, float] = {}
    for axis, value in held_back().values():
        phrase = phrase_of(axis, value)
        pictures = _draw(pipeline, [f"a portrait of a person, tan skin, {phrase}"] * count, 0)
        drawn[phrase] = sum(answer[axis] == value for answer in judge.attributes(pictures)) / count
    return drawn


def _contact_sheet(pipeline: Any) -> Image.Image:
    captions = [_full_caption(random_attributes(_UNSEEN + 500 + index)) for index in range(_SHEET)]
    pictures = _draw(pipeline, captions, 500)
    cell, text = pictures[0].width * 2, 64
    sheet = Image.new("RGB", (cell * _SHEET_COLUMNS, (cell + text) * (_SHEET // _SHEET_COLUMNS)), "white")
    pen = ImageDraw.Draw(sheet)
    for index, (caption, picture) in enumerate(zip(captions, pictures, strict=True)):
        left, top = index % _SHEET_COLUMNS * cell, index // _SHEET_COLUMNS * (cell + text)
        sheet.paste(picture.resize((cell, cell), Image.Resampling.BICUBIC), (left, top))
        pen.multiline_text((left + 4, top + cell + 2), _folded(caption), fill="black", font=ImageFont.load_default(11))
    return sheet


def _full_caption(attributes: dict[str, str]) -> str:
    return ", ".join(base_phrases(attributes, random.Random(str(attributes)), keep=1.0))


def _draw(pipeline: Any, captions: list[str], first_seed: int) -> list[Image.Image]:
    generators = [torch.Generator().manual_seed(first_seed + index) for index in range(len(captions))]
    return list(pipeline(captions, generator=generators, **_SETTINGS).images)


def _folded(caption: str, width: int = 44) -> str:
    lines = [""]
    for phrase in caption.split(", "):
        if len(lines[-1]) + len(phrase) > width:
            lines.append("")
        lines[-1] += f"{phrase}, "
    return "\n".join(lines).removesuffix(", ")


def _text(measured: dict[str, Any], training: str) -> str:
    asked = measured["attributes_drawn_as_asked"]
    rows = "\n".join(f"| {axis} | {share:.0%} |" for axis, share in asked.items())
    unknown = "\n".join(
        f"| {phrase} | {share:.0%} |" for phrase, share in measured["held_back_attributes_drawn"].items()
    )
    judged = measured["judge_accuracy_on_renders"].values()
    return _CARD.format(
        training=training,
        mebibytes=measured["bytes"] / 2**20,
        psnr=measured["autoencoder_psnr_db"],
        mean=sum(asked.values()) / len(asked),
        judge=sum(judged) / len(judged),
        rows=rows,
        unknown=unknown,
    )


_CARD: Final = """# pico: cartoon portraits, 128 px

A text-to-image model with the parts of Stable Diffusion 1.x, small enough to train an adapter on a laptop's CPU. It
draws **cartoon portraits and nothing else**. It is there to try SPF-Portrait on, and to test it with: what a portrait
shows is known exactly.

![Sixteen portraits for captions that the model has never seen](contact-sheet.png)

Load it with `StableDiffusionPipeline.from_pretrained("models/pico")`. It uses v-prediction with zero terminal signal,
latents of 16 x 16 cells with eight channels, and a text encoder of 128 channels; `clip/` holds the whole CLIP model,
`judge/` a network that names the value of every attribute in a picture.

## Data

Portraits rendered by `spf_portrait.pico` from "Avataaars" by Pablo Stanley (free for personal and commercial use), as
packaged by DiceBear. Eleven axes; captions leave attributes out at random. The U-Net has never seen the held-back
attributes of the second table; the autoencoder, CLIP and the judge have.

## Training

{training}

Make it again with `python -m spf_portrait.pico.training` (see its `--help`).

## Measured on unseen portraits and captions

`python -m spf_portrait.pico.training card` measures these again and writes `measurements.json`.

- Size: {mebibytes:.1f} MiB. Autoencoder: {psnr:.1f} dB PSNR. Judge on renders: {judge:.1%} mean accuracy.
- Attributes drawn as asked (64 captions that name everything, 25 steps, guidance scale 4), by the judge: {mean:.0%} in
  the mean.

| axis | drawn as asked |
|---|---|
{rows}

Attributes that were held back, asked for by name: how often the base draws them (8 seeds each).

| phrase | drawn |
|---|---|
{unknown}
"""
