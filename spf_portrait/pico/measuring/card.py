"""The model card: what the bundled model is, how it was made, and what it can do."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from PIL import Image

from spf_portrait.pico.judge import load_judge
from spf_portrait.pico.measuring.sheets import caption_sheet, reading_sheet
from spf_portrait.pico.measuring.unseen import full_caption, unseen
from spf_portrait.pico.training.training_log import TRAINING_LOG

_ON_THE_CARD: Final = 16
_FOR_THE_EYES: Final = 100


def write_card(model: Path, measured: Mapping[str, Any], pictures: Sequence[Image.Image]) -> None:
    """Write README.md, measurements.json and the two sheets.

    Args:
        model: The model's folder; its eye-check.json is reported if it is about the very sheet that is written.
        measured: From `measurements.measure`.
        pictures: Likewise: drawn for the full captions of `unseen(len(pictures))`.
    """
    captions = [full_caption(attributes) for attributes in unseen(len(pictures))]
    _save(caption_sheet(pictures[:_ON_THE_CARD], captions[:_ON_THE_CARD]), model / "contact-sheet.png")
    looked_at = pictures[:_FOR_THE_EYES]
    _save(reading_sheet(looked_at, load_judge(model).attributes(looked_at)), model / "eye-check.png")
    (model / "measurements.json").write_text(json.dumps(measured, indent=2) + "\n", "utf-8")
    (model / "README.md").write_text(card_text(measured, _made(model), _eyes(model)), "utf-8")


def card_text(measured: Mapping[str, Any], made: Mapping[str, Any], eyes: str) -> str:
    """The card.

    Args:
        measured: From `measurements.measure`.
        made: From the training log: part → steps, minutes and device.
        eyes: What people saw on the eye-check sheet.
    """
    asked, known = measured["drawn_as_asked"], measured["held_back_drawn"]
    return _CARD.format(
        made=_rows((part, f"{its['steps']}", f"{its['minutes']:.0f}", its["device"]) for part, its in made.items()),
        parts=_rows(_summary_rows(measured)),
        eyes=eyes,
        asked=_rows((axis, f"{share:.0%}") for axis, share in asked["each"].items()),
        unknown=_rows((split, phrase, f"{share:.0%}") for split in known for phrase, share in known[split].items()),
        floors=_rows((phrase, f"{share:.0%}") for phrase, share in measured["pollution_floor"].items()),
    )


def _summary_rows(measured: Mapping[str, Any]) -> list[tuple[str, str]]:
    def shares(name: str) -> str:
        found = measured[name]
        return f"{found['mean']:.1%} mean, {found['worst']:.1%} worst ({found['worst_is'].replace('_', ' ')})"

    found = measured["right_caption_first_of_64"]
    identity = ", ".join(f"{name.replace('_', ' ')} {value:.3f}" for name, value in measured["identity"].items())
    return [
        ("size of the base, of the judge", "{base:.1f} MB, {judge:.1f} MB".format(**measured["megabytes"])),
        ("autoencoder", f"{measured['autoencoder_psnr_db']:.1f} dB PSNR"),
        ("attributes drawn as asked", shares("drawn_as_asked")),
        ("judge's classifier on renders", shares("classifier_on_renders")),
        ("the same after the autoencoder", shares("classifier_on_reconstructions")),
        ("judge's parser, IoU of parts", shares("parser_iou")),
        ("judge's identity network", identity),
        ("CLIP: right full caption first of 64", f"{found['clip']:.1%}; the judge's CLIP {found['judge_clip']:.1%}"),
        ("a pair with maps", "{seconds:.1f} s with {threads} CPU threads".format(**measured["pair"])),
    ]


def _rows(rows: Any) -> str:
    return "\n".join("| " + " | ".join(cells) + " |" for cells in rows)


def _made(model: Path) -> dict[str, Any]:
    return json.loads((model / TRAINING_LOG).read_text("utf-8"))


def _eyes(model: Path) -> str:
    """Of eye-check.json: {"sheet_sha256", "readings", "wrong": {number of the portrait: what is wrong}}."""
    file, sheet = model / "eye-check.json", model / "eye-check.png"
    found: dict[str, Any] = json.loads(file.read_text("utf-8")) if file.exists() else {}
    if found.get("sheet_sha256") != hashlib.sha256(sheet.read_bytes()).hexdigest():
        return "Nobody has checked this sheet by eye yet."
    wrong = sum(len(readings) for readings in found["wrong"].values())
    share = 1 - wrong / found["readings"]
    return f"Checked by eye: {share:.1%} of {found['readings']} readings are right (`eye-check.json` lists the others)."


def _save(sheet: Image.Image, file: Path) -> None:
    sheet.quantize(256).save(file, optimize=True)


_CARD: Final = """# pico: cartoon portraits, 128 px

A text-to-image model with the parts of Stable Diffusion 1.x, small enough to train an adapter on a laptop's CPU. It
draws **cartoon portraits and nothing else**. It is there to try SPF-Portrait on, and to test it with: what a portrait
shows is known exactly.

![Sixteen portraits for captions that the model has never seen](contact-sheet.png)

Load it with `StableDiffusionPipeline.from_pretrained("models/pico")`. It uses v-prediction with zero terminal signal,
latents of 16 x 16 cells with eight channels, and a text encoder of 128 channels; `clip/` holds the whole CLIP model.
`judge/` holds what measures: a classifier that names the value of every attribute, a parser that says which part of the
portrait covers each pixel, an identity network, and a second CLIP from another seed. No loss ever uses them.

## Data

Portraits rendered by `spf_portrait.pico` from "Avataaars" by Pablo Stanley (free for personal and commercial use), as
packaged by DiceBear. Eleven axes; captions leave attributes out at random. The U-Net has never seen the held-back
attributes (third table below); the autoencoder, CLIP and the judge have. Nothing is tuned on the test attributes.

## Training

| part | steps | minutes | device |
|---|---|---|---|
{made}

Make it again with `python -m spf_portrait.pico.training`: any device, goes on where it was after a stop. The recipe
changed while these weights were made, see docs/experiments.md; a new run follows it from its first step.

## Measured on unseen portraits and captions

`python -m spf_portrait.pico.measuring models/pico` measures these again; `measurements.json` holds the figures.

| what | measured |
|---|---|
{parts}

[What the judge reads in a hundred generated portraits](eye-check.png). {eyes}

Attributes drawn as asked: 128 captions that name everything, 25 steps, guidance scale 4.

| axis | drawn as asked |
|---|---|
{asked}

Attributes that were held back, asked for by name: how often the base draws them (16 seeds each).

| used for | phrase | drawn |
|---|---|---|
{unknown}

Pollution floor: the share of the **other** attributes that change when a phrase that the base knows is added to a
caption under the same seed (8 pairs each). No training can be asked to stay below it.

| phrase | changed |
|---|---|
{floors}
"""
