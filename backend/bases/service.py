"""Which base models are there."""

from __future__ import annotations

from pathlib import Path

from backend.bases.schemas import BaseOut
from spf_portrait.contract.bases import known_bases
from spf_portrait.contract.errors import ModelError


def list_bases(models_dir: Path | None) -> list[BaseOut]:
    """Return the base models of the models folder; an empty or missing folder gives an empty list."""
    try:
        found = known_bases(models_dir)
    except ModelError:
        return []
    return [
        BaseOut(key=key, title=info.title, family=info.family, image_size_px=info.image_size_px)
        for key, info in sorted(found.items())
    ]
