"""Errors about base models that several readers raise."""

from pathlib import Path

from spf_portrait.contract.errors import ModelError


def damaged(path: Path, found: str) -> ModelError:
    """A file of a base model that cannot be read as what it should be."""
    return ModelError(
        "damaged_base",
        f"{found}: {path}",
        "a model as diffusers or the usual tools save it",
        "Restore it from where it came from, or move it out of the models folder",
    )
