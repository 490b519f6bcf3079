"""Names and keys of the pictures that a training draws along the way.

    previews/{job}/{token}-{step}-{index}.png

A resumed attempt draws some of its steps once more, under its own token: no file is ever written again.
"""

from __future__ import annotations

import re

AREA = "previews"

_NAME = re.compile(r"\d+-\d{6}-\d{2}\.png")


def preview_name(token: int, step: int, index: int) -> str:
    """Name the picture of one text.

    Args:
        token: of the attempt that drew it.
        step: of both stages together.
        index: which of the step's texts.
    """
    return f"{token}-{step:06d}-{index:02d}.png"


def is_preview_name(name: str) -> bool:
    """Tell whether a preview may have this name."""
    return _NAME.fullmatch(name) is not None


def preview_folder(job_id: str) -> str:
    """Key of the folder with a job's previews."""
    return f"{AREA}/{job_id}"
