"""Options of a specification as a user gives them: from a file, as KEY=VALUE, and by name."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from spf_portrait.contract.errors import SpecError


def chosen_options(file: Path | None, settings: Sequence[str], named: dict[str, Any]) -> dict[str, Any]:
    """Options from the file, overridden by --set, overridden by named ones."""
    chosen = {} if file is None else _read_spec(file)
    for setting in settings:
        _set(chosen, setting)
    return chosen | {name: value for name, value in named.items() if value is not None}


def _read_spec(file: Path) -> dict[str, Any]:
    try:
        content: Any = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise SpecError(
            "unreadable_spec", f"{file} ({error})", "a JSON object", "Check the path given as --spec"
        ) from error
    if not isinstance(content, dict):
        raise SpecError(
            "unreadable_spec", f"{file}, which is no object", "a JSON object", "Put the options into braces"
        )
    return cast("dict[str, Any]", content)


def _set(chosen: dict[str, Any], setting: str) -> None:
    """Apply KEY=VALUE; a dot in the key leads into a part, such as losses.control_map."""
    key, equals, value = setting.partition("=")
    if not equals:
        raise SpecError(
            "bad_setting", f"--set {setting}", "KEY=VALUE, such as rank=16", "Write the option with its value"
        )
    *parts, last = key.split(".")
    for part in parts:
        if not isinstance(chosen.get(part), dict):
            chosen[part] = {}  # a part that was off, such as hold, is on with its first option
        chosen = chosen[part]
    try:
        chosen[last] = json.loads(value)
    except ValueError:
        chosen[last] = value
