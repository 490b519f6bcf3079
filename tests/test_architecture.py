"""The service must start where torch is not installed."""

import subprocess
import sys

import pytest

TORCH_STACK = ("torch", "diffusers", "transformers", "peft", "accelerate", "safetensors", "numpy")

_PROBE = """
import importlib, sys
importlib.import_module(sys.argv[1])
loaded = [name for name in sys.argv[2:] if name in sys.modules]
sys.exit("loaded: " + ", ".join(loaded) if loaded else 0)
"""


@pytest.mark.parametrize(
    "module",
    [
        "backend.main",
        "spf_portrait",
        "spf_portrait.contract.caption_set",
        "spf_portrait.contract.training_spec",
        "spf_portrait.contract.events",
        "worker.app",
    ],
)
def test_importing_loads_no_torch_stack(module: str) -> None:
    probe = subprocess.run(
        [sys.executable, "-c", _PROBE, module, *TORCH_STACK], capture_output=True, text=True, check=False
    )
    assert probe.returncode == 0, probe.stderr


def test_worker_loads_no_web_framework() -> None:
    probe = subprocess.run(
        [sys.executable, "-c", _PROBE, "worker.app", "fastapi", "starlette", "uvicorn"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert probe.returncode == 0, probe.stderr
