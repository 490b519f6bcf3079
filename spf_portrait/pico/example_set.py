"""`python -m spf_portrait.pico.example_set`: write portraits with captions that teach one held-back attribute.

A bias gives every portrait of the set one more thing in common ("all wear a green jacket"), as real sets have: what a
training learns of it besides the target is semantic pollution.
"""

import argparse
import random
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from spf_portrait.contract.caption_set import CaptionItem, write_imagefolder
from spf_portrait.contract.errors import DataError, SpfError
from spf_portrait.contract.mask_files import MASK_FOLDER
from spf_portrait.contract.phrases import Caption
from spf_portrait.pico.captions import base_phrases, phrase_of
from spf_portrait.pico.domain import held_back
from spf_portrait.pico.phrase_masks import phrase_mask
from spf_portrait.pico.portrait import random_attributes
from spf_portrait.pico.renderer import render

Items = list[tuple[CaptionItem, dict[str, str]]]
"""Captions with the attributes that their portraits are drawn from."""


def example_items(target: str, count: int, seed: int, bias: Mapping[str, str], *, name_bias: bool = True) -> Items:
    """Captions and attributes of an example set.

    Args:
        target: A held-back attribute's phrase, such as "sunglasses".
        count: Number of portraits.
        seed: The same seed gives the same set.
        bias: Axis → value that all portraits share.
        name_bias: Whether captions may name the biased axes.

    Raises:
        DataError: The target is not a held-back attribute, or the bias contradicts it.
    """
    axis, value = _held_back_attribute(target)
    fixed = {**_room_for(axis), **bias, axis: value}
    if axis in bias:
        raise DataError("bias_on_target", f"a bias on {axis}", "axes other than the target's", "Take the bias out.")
    unnamed = {axis, *(() if name_bias else bias)}
    items: Items = []
    for index in range(count):
        attributes = random_attributes(seed * 10_000 + index, fixed)
        phrases = base_phrases(attributes, random.Random(seed * 10_000 + index), without=unnamed)
        caption = Caption(base=phrases, target=phrase_of(axis, value))
        items.append((CaptionItem(file_name=f"{index:04d}.png", caption=caption), attributes))
    return items


def write_example_set(items: Items, out: Path, *, with_masks: bool = False) -> None:
    """Write an imagefolder, or a zip of one when `out` ends in .zip; complete or not at all.

    With masks it has the exact one of every phrase that can be seen.
    """
    with tempfile.TemporaryDirectory(dir=out.parent) as draft:
        folder = Path(draft) / "set"
        write_imagefolder([item for item, _ in items], (render(attributes) for _, attributes in items), folder)
        if with_masks:
            write_masks(items, folder)
        if out.suffix == ".zip":
            Path(shutil.make_archive(str(Path(draft) / "archive"), "zip", folder)).rename(out)
        else:
            folder.rename(out)


def main() -> int:
    """Parse the command line and write one set."""
    arguments = _parser().parse_args()
    try:
        bias = dict(_axis_and_value(text) for text in arguments.bias)
        items = example_items(
            arguments.target, arguments.count, arguments.seed, bias, name_bias=not arguments.unnamed_bias
        )
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        write_example_set(items, arguments.out, with_masks=arguments.masks)
    except SpfError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{len(items)} portraits with {items[0][0].caption.target!r} in {arguments.out}")
    return 0


def write_masks(items: Items, folder: Path) -> None:
    """Write into `folder` where each portrait shows what its caption says; a phrase that is hidden has no mask."""
    for item, attributes in items:
        place = folder / MASK_FOLDER / Path(item.file_name).stem
        place.mkdir(parents=True)
        for phrase in (*item.caption.base, item.caption.target):
            mask = phrase_mask(phrase, attributes)
            if mask.getbbox():
                mask.save(place / f"{phrase}.png")


def _held_back_attribute(target: str) -> tuple[str, str]:
    known = {phrase.removeprefix("a "): place for phrase, place in held_back().items()}
    if target.removeprefix("a ") not in known:
        raise DataError("unknown_target", f"the target {target!r}", ", ".join(known), "Choose one of these targets.")
    return known[target.removeprefix("a ")]


def _room_for(axis: str) -> dict[str, str]:
    """Hair can be taught only where no hat covers it."""
    return {"headwear": "none"} if axis.startswith("hair_") else {}


def _axis_and_value(text: str) -> tuple[str, str]:
    axis, separator, value = text.partition("=")
    if not separator:
        raise DataError("malformed_bias", f"--bias {text}", "axis=value", "Write for instance --bias clothes=jacket.")
    return axis, value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m spf_portrait.pico.example_set", description=__doc__)
    parser.add_argument("--target", default="sunglasses", help="one of: " + ", ".join(held_back()))
    parser.add_argument("--count", type=int, default=24, help="number of portraits (default 24)")
    parser.add_argument("--bias", action="append", default=[], metavar="AXIS=VALUE", help="what all portraits share")
    parser.add_argument("--unnamed-bias", action="store_true", help="captions do not name the biased axes")
    parser.add_argument("--masks", action="store_true", help="write the mask of every phrase, for method tokencompose")
    parser.add_argument("--seed", type=int, default=7, help="the same seed gives the same set (default 7)")
    parser.add_argument("--out", type=Path, required=True, help="a new folder, or a file that ends in .zip")
    return parser


if __name__ == "__main__":
    sys.exit(main())
