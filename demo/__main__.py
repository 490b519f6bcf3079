"""`make demo`: teach the bundled model "sunglasses" from 24 portraits, once with SPF and once with plain LoRA.

Everything goes through REST, as in the page. The adapters are then loaded into plain diffusers pipelines and measured
on eight seeds. Pictures and adapters stay in the output folder; the last line is JSON.
"""

import argparse
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from demo.measure import Measure, Measurement
from demo.studio import DemoError, Studio, studio_at
from spf_portrait.contract.bases import find_base
from spf_portrait.drawing.sheet import contact_sheet

EXAMPLE: Final = "sunglasses"
BASE_TEXT: Final = "a portrait of a person, tan skin, a sky blue background"
_METHODS: Final = ("spf", "lora")


@dataclass(frozen=True)
class Outcome:
    """What the demo leaves: where things are and what was measured."""

    adapters: dict[str, Path]
    comparison: Path
    measured: dict[str, Measurement]


def main() -> int:
    """Run the demo; 0 when it came to its end."""
    arguments = _parser().parse_args()
    started = time.monotonic()
    arguments.out.mkdir(parents=True, exist_ok=True)
    try:
        with studio_at(arguments.url, arguments.out / "studio") as studio:
            outcome = run(studio, arguments.out)
    except DemoError as error:
        print(f"The demo stopped: {error}", file=sys.stderr)
        return 1
    print(json.dumps(summary(outcome, time.monotonic() - started)))
    return 0


def run(studio: Studio, out: Path) -> Outcome:
    """Upload, train twice, draw a pair, download, measure."""
    dataset = studio.example_set(EXAMPLE)
    orders = {method: _order_training(studio, dataset["id"], method) for method in _METHODS}
    taught = {"spf": studio.wait(orders["spf"], "training with spf")["adapter_id"]}
    # The pair is drawn while plain LoRA still trains.
    pair = _order_pair(studio, taught["spf"], dataset["target"])
    taught["lora"] = studio.wait(orders["lora"], "training with lora")["adapter_id"]
    adapters = {method: _download_adapter(studio, taught[method], out / f"{method}.safetensors") for method in _METHODS}
    drawn = studio.wait(pair, "drawing a pair")
    comparison = out / "comparison"
    _download_comparison(studio, drawn["comparison_id"], comparison)
    measured = _measure(adapters, dataset["target"], out)
    return Outcome(adapters, comparison, measured)


def summary(outcome: Outcome, seconds: float) -> dict[str, Any]:
    """The demo's last line."""
    return {
        "adapter": str(outcome.adapters["spf"]),
        "comparison": str(outcome.comparison),
        "seconds": round(seconds, 1),
        "target_shown": outcome.measured["spf"].target_shown,
        "outside_change": {method: round(outcome.measured[method].outside_change, 5) for method in _METHODS},
    }


def _order_training(studio: Studio, dataset_id: str, method: str) -> str:
    return studio.order(kind="training", dataset_id=dataset_id, spec={"preset": "quick", "method": method})


def _order_pair(studio: Studio, adapter_id: str, target: str) -> str:
    spec = {"base_text": BASE_TEXT, "target": target, "seed": 3}
    return studio.order(kind="comparison", adapter_id=adapter_id, spec=spec)


def _download_adapter(studio: Studio, adapter_id: str, to: Path) -> Path:
    return studio.download(f"/api/v1/adapters/{adapter_id}/files/adapter.safetensors", to)


def _download_comparison(studio: Studio, comparison_id: str, folder: Path) -> None:
    files: dict[str, str] = studio.read(f"comparisons/{comparison_id}")["files"]
    for name, address in files.items():
        studio.download(address, folder / name)


def _measure(adapters: dict[str, Path], target: str, out: Path) -> dict[str, Measurement]:
    measure = Measure(find_base("pico").path, BASE_TEXT, target)
    measured = {method: measure.of(path) for method, path in adapters.items()}
    rows = {"reference: the original model, base text": measure.references}
    rows |= {f"{method}: base text + {target}": measurement.pictures for method, measurement in measured.items()}
    contact_sheet(rows).save(out / "eight-seeds.png")
    return measured


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("demo-output"), help="folder for pictures and adapters")
    parser.add_argument("--url", default=None, help="a running studio, such as http://127.0.0.1:8000")
    return parser


if __name__ == "__main__":
    sys.exit(main())
