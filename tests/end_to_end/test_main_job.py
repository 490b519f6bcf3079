"""The main job with the bundled model and the bundled example set."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from spf_portrait.running.untyped import diffusers

REPOSITORY = Path(__file__).parents[2]
PICO = REPOSITORY / "models" / "pico"
EXAMPLE = PICO / "examples" / "sunglasses.zip"


def run(*command: str) -> str:
    """Run a Python module to its end and return what it printed."""
    done = subprocess.run([sys.executable, "-m", *command], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


def drawn(pipeline: Any) -> np.ndarray[Any, Any]:
    """A small drawing, always from the same noise."""
    generator = torch.Generator().manual_seed(0)
    return np.asarray(pipeline("a portrait, sunglasses", num_inference_steps=4, generator=generator).images[0])


def test_from_the_command_line_to_plain_diffusers(tmp_path: Path) -> None:
    steps = ["--set", "stage1_steps=4", "--set", "stage2_steps=4", "--set", "batch_size=2"]
    steps += ["--set", "preservation.pictures=2"]
    run("spf_portrait", "train", str(EXAMPLE), "--out", str(tmp_path / "out"), *steps)
    adapter = tmp_path / "out" / "adapter.safetensors"
    pair = tmp_path / "pair"
    texts = ["--text", "a portrait, tan skin", "--target", "sunglasses", "--seed", "3"]
    run("spf_portrait", "sample", "--adapter", str(adapter), *texts, "--out", str(pair))
    record = json.loads((pair / "sample.json").read_text("utf-8"))
    assert record["phrases"] == ["a portrait", "tan skin", "sunglasses", "PAD"]
    assert all((pair / name).is_file() for name in record["maps"])
    with Image.open(pair / "response.png") as response:
        assert response.size == (128, 128)
        assert any("AI-generated" in str(text) for text in response.info.values())
    pipeline = diffusers.StableDiffusionPipeline.from_pretrained(PICO)
    before = drawn(pipeline)
    pipeline.load_lora_weights(adapter.parent, weight_name=adapter.name)
    assert not np.array_equal(before, drawn(pipeline))


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_demo_teaches_the_target_and_changes_less_than_plain_lora(tmp_path: Path) -> None:
    answer = json.loads(run("demo", "--out", str(tmp_path)).splitlines()[-1])
    assert answer["target_shown"] >= 6
    assert answer["outside_change"]["spf"] < answer["outside_change"]["lora"]
    assert (Path(answer["comparison"]) / "control_map.png").is_file()
    assert Path(answer["adapter"]).is_file()
