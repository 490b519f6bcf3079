"""Nothing is left on the CPU that belongs beside the network, and nothing is mixed: all jobs run on a second device."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_all_jobs_run_on_a_second_device() -> None:
    """In a process of its own, because torch keeps a device that it has met."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
    scenarios = str(Path(__file__).with_name("scenarios.py"))
    ran = subprocess.run([*command, scenarios], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout[-4000:] + ran.stderr[-1000:]
