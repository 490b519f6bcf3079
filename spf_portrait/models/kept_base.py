"""A base model that stays in memory between two drawings."""

from pathlib import Path
from typing import Any

from spf_portrait.contract.bases import find_base
from spf_portrait.models.base_model import BaseModel, load_base


class KeptBase:
    """Loads a base model, or gives the one that it loaded last if that is still what lies on the disk.

    At most one is kept. Whoever attaches an adapter to it takes it off again.
    """

    def __init__(self) -> None:
        self._base: BaseModel | None = None
        self._files: Any = None

    def __call__(self, key: str, models_dir: Path | None = None) -> BaseModel:
        """As `load_base`.

        Raises:
            ModelError: As `load_base`.
        """
        files = files_of(find_base(key, models_dir).path)
        if self._base is None or files != self._files:
            self._base = None  # frees the old one before the new one is loaded
            self._base, self._files = load_base(key, models_dir), files
        return self._base


def files_of(place: Path) -> list[tuple[Path, int, int]]:
    """Every file with its size in bytes and its time of change in ns: enough to see that a model was replaced."""
    paths = [place] if place.is_file() else sorted(place.rglob("*"))
    found = [(path, path.stat()) for path in paths if path.is_file()]
    return [(path, stat.st_size, stat.st_mtime_ns) for path, stat in found]
