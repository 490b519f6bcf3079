"""Which base models are there."""

from __future__ import annotations

from pathlib import Path

from backend.bases.schemas import BaseOut
from spf_portrait.contract.bases import BaseInfo, known_bases
from spf_portrait.contract.errors import ModelError
from spf_portrait.contract.vocabulary import read_vocabulary


def list_bases(models_dir: Path | None) -> list[BaseOut]:
    """Return the base models of the models folder; an empty or missing folder gives an empty list."""
    try:
        found = known_bases(models_dir)
    except ModelError:
        return []
    return [_base_out(info) for _, info in sorted(found.items())]


def _base_out(info: BaseInfo) -> BaseOut:
    """Show a base model."""
    vocabulary = read_vocabulary(info.path)
    return BaseOut(
        key=info.key,
        title=info.title,
        family=info.family,
        image_size_px=info.image_size_px,
        vocabulary=None if vocabulary is None else sorted(vocabulary),
    )
