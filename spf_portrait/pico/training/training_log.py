"""How long each part was trained, and on what: for the model card."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import torch

TRAINING_LOG: Final = "training.json"


def write_record(checkpoint: Path, device: torch.device, folder: Path) -> None:
    """Beside a finished part: steps, minutes and device of its training."""
    kept: dict[str, Any] = torch.load(checkpoint, map_location="cpu", weights_only=True, mmap=True)
    record = {"steps": kept["step"], "minutes": round(kept["seconds"] / 60, 1), "device": _name(device)}
    (folder / TRAINING_LOG).write_text(json.dumps(record) + "\n", "utf-8")


def collect_records(parts: Mapping[str, Path], out: Path) -> None:
    """Into the model's folder: name of the part → its record."""
    records = {name: json.loads((folder / TRAINING_LOG).read_text("utf-8")) for name, folder in parts.items()}
    (out / TRAINING_LOG).write_text(json.dumps(records, indent=2) + "\n", "utf-8")


def _name(device: torch.device) -> str:
    """What a reader of the card can compare their own with."""
    if device.type == "cuda":
        return str(torch.cuda.get_device_name(device))
    return f"{torch.get_num_threads()} CPU threads"
