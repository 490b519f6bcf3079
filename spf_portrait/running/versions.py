"""Which libraries computed something: goes into every report and sample, so that a result can be repeated."""

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Final

_LIBRARIES: Final = ("spf-portrait", "torch", "diffusers", "transformers", "peft", "safetensors")


def library_versions() -> dict[str, str]:
    """Version by library, and Python's own; a library that is not installed is left out."""
    found = {"python": platform.python_version()}
    for library in _LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    return found
