"""What the engine left in its output folder."""

from __future__ import annotations

from pathlib import Path

from spf_portrait.contract.errors import ExportError


def all_files(out: Path) -> dict[str, Path]:
    """Return every file by its name inside the folder."""
    return {path.relative_to(out).as_posix(): path for path in sorted(out.rglob("*")) if path.is_file()}


def required(path: Path) -> Path:
    """Return the path of a file that the engine must have written."""
    if not path.is_file():
        raise ExportError(
            "result_missing",
            f"no {path.name} in the engine's output",
            f"an output folder with {path.name}",
            "Look into the trainer's log; if it says nothing, report this as a bug",
        )
    return path
