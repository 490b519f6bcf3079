"""Teach the bundled model sunglasses, draw one pair, and measure: the whole job in Python, without the web app.

    python docs/examples/train_and_compare.py run/

takes about ten minutes on two CPU cores. `run/` gets the adapter, the pair with its maps, and the figures.
"""

import sys
from pathlib import Path
from typing import Any

from spf_portrait.contract.artifacts import ADAPTER
from spf_portrait.contract.bases import find_base
from spf_portrait.contract.drawing_spec import ComparisonSpec, EvaluationSpec
from spf_portrait.contract.training_spec import TrainingSpec
from spf_portrait.drawing.sample import SampleJob, sample
from spf_portrait.evaluation.run import EvaluationJob, evaluate_adapter
from spf_portrait.evaluation.table import table
from spf_portrait.pico.domain_of_base import domain_of_base
from spf_portrait.running.library_settings import settle_libraries
from spf_portrait.running.reporters import Bars
from spf_portrait.training.train import TrainingJob, train

EXAMPLE_SET = find_base("pico").path / "examples" / "sunglasses.zip"


def main(out: Path, texts: int = 16, **options: Any) -> None:
    """Train, draw, measure.

    Args:
        out: Folder for everything.
        texts: Held-out texts to measure with.
        options: Of the training, such as rank=16 or losses={"control_map": False}.
    """
    settle_libraries()
    bars = Bars()

    spec = TrainingSpec.from_preset("quick", **options)
    train(TrainingJob(EXAMPLE_SET, out, out / "checkpoints", spec), bars)
    adapter = out / ADAPTER

    pair = ComparisonSpec(base_text="a portrait of a person, tan skin, a sky blue background", target="sunglasses")
    sample(SampleJob(pair, adapter, out / "pair"), bars)

    measured = evaluate_adapter(
        EvaluationJob(EvaluationSpec(count=texts), adapter, out=out / "measured"), bars, domain_of_base
    )
    bars.close()
    print(table(measured))


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "run"))
