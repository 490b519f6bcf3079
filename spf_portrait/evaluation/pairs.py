"""How much the responses that `sample` wrote differ from their references, in all and outside a mask."""

from pathlib import Path
from typing import Any

import numpy
import torch
from PIL import Image
from torch import Tensor

from spf_portrait.contract.artifacts import REFERENCE, RESPONSE
from spf_portrait.contract.errors import DataError
from spf_portrait.contract.portraits import open_portrait
from spf_portrait.metrics.pixel_change import mean_change, outside_change


def evaluate_pairs(folders: list[Path], mask: Path | None = None) -> dict[str, Any]:
    """Compare the two pictures in each folder, as `sample` writes them.

    Args:
        folders: One a pair.
        mask: Picture whose bright pixels are the target's region, the same for all pairs; None for no region.

    Returns:
        The values of every pair and their means, ready for JSON.

    Raises:
        DataError: A picture is missing, broken or of another size than its partner.
    """
    pairs = {str(folder): _compare(folder, mask) for folder in folders}
    names = next(iter(pairs.values())).keys()
    means = {name: sum(values[name] for values in pairs.values()) / len(pairs) for name in names}
    return {"pairs": pairs, "mean": means}


def _compare(folder: Path, mask: Path | None) -> dict[str, float]:
    reference, response = _pixels(folder / REFERENCE), _pixels(folder / RESPONSE)
    _check_size(folder / RESPONSE, response, reference)
    values = {"change": mean_change(reference, response)}
    if mask is not None:
        region = _pixels(mask)
        _check_size(mask, region, reference)
        values["outside_change"] = outside_change(reference, response, region.float().mean(dim=0) > 127)
    return values


def _pixels(file: Path) -> Tensor:
    """[3, height, width] of 0 … 255."""
    if not file.is_file():
        raise DataError(
            "missing_picture", f"no file {file}", "reference.png and response.png of a pair", "Run sample first"
        )
    image: Image.Image = open_portrait(file, file.name)
    return torch.from_numpy(numpy.array(image)).permute(2, 0, 1)


def _check_size(file: Path, found: Tensor, wanted: Tensor) -> None:
    if found.shape != wanted.shape:
        size, right = tuple(found.shape[1:]), tuple(wanted.shape[1:])
        raise DataError(
            "size_differs", f"{file} of {size} pixels", f"{right} pixels as its partner", "Give pictures of one size"
        )
