"""`--adapter FILE[:STRENGTH]`, once or several times."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spf_portrait.contract.artifacts import ADAPTER
from spf_portrait.contract.errors import SpecError


@dataclass(frozen=True)
class ChosenAdapters:
    """What the command line names.

    Attributes:
        settings: Options of the comparison's specification; None for what is not said.
        file: A single adapter.
        files: Several adapters.
    """

    settings: dict[str, Any] = field(default_factory=dict[str, Any])
    file: Path | None = None
    files: tuple[Path, ...] = ()


def chosen_adapters(named: Sequence[str], strength: float | None) -> ChosenAdapters:
    """Files with their strengths.

    Args:
        named: FILE or FILE:STRENGTH each.
        strength: From --strength.

    Raises:
        SpecError: A strength is given twice, or one strength for several adapters.
    """
    found = [parted(one) for one in named]
    if strength is not None and (len(found) > 1 or any(own is not None for _, own in found)):
        raise SpecError(
            "two_strengths",
            f"--strength {strength} beside --adapter {' --adapter '.join(named)}",
            "--strength for a single adapter that has none of its own",
            "Give every adapter its strength as FILE:STRENGTH",
        )
    if len(found) > 1:
        uses = [{"adapter": _label(file), "strength": 1.0 if own is None else own} for file, own in found]
        return ChosenAdapters({"adapters": uses}, files=tuple(file for file, _ in found))
    file, own = found[0] if found else (None, None)
    return ChosenAdapters({"strength": strength if own is None else own}, file)


def parted(named: str) -> tuple[Path, float | None]:
    """FILE[:STRENGTH] → file and strength; a file of that very name wins over a strength."""
    file, colon, last = named.rpartition(":")
    if colon and not Path(named).exists() and re.fullmatch(r"[0-9]*\.?[0-9]+", last):
        return Path(file), float(last)
    return Path(named), None


def telling_labels(files: Sequence[Path]) -> list[str]:
    """Names of files, or folders of files that are all called alike; else what the paths do not have in common.

    Such as step-000250 for run/steps/step-000250/adapter.safetensors.
    """
    short = [_label(file) for file in files]
    if len(set(short)) == len(set(files)):
        return short
    paths = [file.absolute().with_suffix("").parts for file in files]
    front = _common(paths)
    back = _common([path[front:][::-1] for path in paths])
    own = [_allowed("_".join(path[front : len(path) - back])) for path in paths]
    return [label or name for label, name in zip(own, short, strict=True)]


def _common(paths: Sequence[tuple[str, ...]]) -> int:
    """How many parts at their beginning are the same."""
    same = [len(set(parts)) == 1 for parts in zip(*paths, strict=False)]
    return [*same, False].index(False)


def _label(file: Path) -> str:
    """The file's stem; the folder's name where the file has the name that all trainings give it."""
    telling = file.absolute().parent.name if file.name == ADAPTER else file.stem
    return _allowed(telling) or "adapter"


def _allowed(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "_", name)[:120]
