"""What `spf-portrait train --help` says about methods, presets and settings, all read off the contract."""

import json
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any, Final

from spf_portrait.contract.methods import METHODS
from spf_portrait.contract.preset_table import AMOUNTS, PresetFamily
from spf_portrait.contract.presets import preset_values
from spf_portrait.contract.training_spec import TrainingSpec

_WIDTH: Final = 110
_NAMES: Final = 34
"""Columns for name and default."""


def described_settings() -> str:
    """One entry a setting: name and default, what it is, what is allowed."""
    schema = TrainingSpec.model_json_schema()
    return "\n".join(_entries(schema, schema.get("$defs", {})))


def described_methods() -> str:
    """One entry a method: its name, what it is and does, where it was published."""
    return "\n".join(
        _listed(name, f"{method.title} ({method.source}). {method.words}") for name, method in METHODS.items()
    )


def preset_tables() -> str:
    """What the presets set for each family of base models, a column each; only pico's were measured."""
    return "\n".join(_preset_table(family) for family in AMOUNTS)


def _preset_table(family: PresetFamily) -> str:
    presets = [preset_values(family, preset, "spf", None) for preset in AMOUNTS[family]]
    rows = [[name, *(f"{preset[name]:g}" for preset in presets)] for name in presets[0]]
    return "\n".join(_row(row) for row in [[f"with {family}", *AMOUNTS[family]], *rows])


def _row(cells: list[str]) -> str:
    return f"  {cells[0]:<{_NAMES - 2}}" + "".join(f"{cell:>10}" for cell in cells[1:])


def _entries(schema: Mapping[str, Any], parts: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for name, setting in schema["properties"].items():
        part = str(setting.get("$ref", "")).rpartition("/")[2]
        if part:
            yield from _entries(parts[part], parts, f"{prefix}{name}.")
        else:
            yield _entry(f"{prefix}{name}={_value(setting['default'])}", setting)


def _entry(name: str, setting: Mapping[str, Any]) -> str:
    return _listed(name, "; ".join(filter(None, (setting.get("description", ""), _allowed(setting)))))


def _listed(name: str, words: str) -> str:
    first, *rest = textwrap.wrap(words, _WIDTH - _NAMES, break_on_hyphens=False) or [""]
    lines = [f"  {name:<{_NAMES - 3}} {first}", *(" " * _NAMES + line for line in rest)]
    return "\n".join(lines)


def _allowed(setting: Mapping[str, Any]) -> str:
    if "anyOf" in setting:
        return " | ".join(_allowed(choice) for choice in setting["anyOf"])
    if "enum" in setting:
        return " | ".join(setting["enum"])
    if "minimum" in setting:
        return f"{setting['minimum']} to {setting['maximum']}"
    return {"boolean": "true or false", "null": "null"}.get(setting["type"], "")


def _value(default: Any) -> str:
    return default if isinstance(default, str) else json.dumps(default)
