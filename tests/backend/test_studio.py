"""`python -m backend.studio` as a real process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

TIMEOUT_S = 60.0


def _start(data_dir: Path, models_dir: Path, **variables: str) -> subprocess.Popen[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("SPF_")}
    environment |= {"SPF_DATA_DIR": str(data_dir), "SPF_MODELS_DIR": str(models_dir), "SPF_PORT": "0", **variables}
    return subprocess.Popen(
        [sys.executable, "-m", "backend.studio"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text("utf-8").split():
            found += [int(child), *_children(int(child))]
    return found


def _gone(pids: list[int]) -> bool:
    deadline_s = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline_s:
        alive = [pid for pid in pids if Path(f"/proc/{pid}/cmdline").exists()]
        if not any(Path(f"/proc/{pid}/cmdline").read_bytes() for pid in alive if Path(f"/proc/{pid}").exists()):
            return True
        time.sleep(0.1)
    return False


@pytest.fixture
def studio(tmp_path: Path, models_dir: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A running studio and its address."""
    process = _start(tmp_path / "data", models_dir)
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("SPF-Portrait is ready: http://127.0.0.1:"), line
    yield process, line.split(": ", 1)[1].strip()
    if process.poll() is None:
        process.kill()
    process.communicate()


def test_starts_answers_and_stops_everything(studio: tuple[subprocess.Popen[str], str]) -> None:
    process, url = studio
    with urllib.request.urlopen(f"{url}/readyz", timeout=10) as answer:
        assert json.load(answer) == {"status": "ready", "bases": ["pico"]}
    children = _children(process.pid)
    assert len(children) >= 3
    process.send_signal(signal.SIGINT)
    assert process.wait(TIMEOUT_S) == 0
    assert _gone(children)


def test_a_killed_studio_takes_its_children_along(studio: tuple[subprocess.Popen[str], str]) -> None:
    process, _ = studio
    children = _children(process.pid)
    process.kill()
    process.wait()
    assert _gone(children)


def test_refuses_an_address_that_others_can_reach(tmp_path: Path, models_dir: Path) -> None:
    process = _start(tmp_path / "data", models_dir, SPF_HOST="0.0.0.0")
    output, errors = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 1
    assert output == ""
    assert "SPF_HOST='0.0.0.0'" in errors
    assert "loopback" in errors
    assert "Traceback" not in errors


def test_a_taken_port_is_named(studio: tuple[subprocess.Popen[str], str], tmp_path: Path, models_dir: Path) -> None:
    port = studio[1].rpartition(":")[2]
    second = _start(tmp_path / "other", models_dir, SPF_PORT=port)
    _, errors = second.communicate(timeout=TIMEOUT_S)
    assert second.returncode == 1
    assert port in errors
    assert "Traceback" not in errors


def test_a_second_studio_in_the_same_folder_is_refused(
    studio: tuple[subprocess.Popen[str], str], tmp_path: Path, models_dir: Path
) -> None:
    second = _start(tmp_path / "data", models_dir)
    _, errors = second.communicate(timeout=TIMEOUT_S)
    assert second.returncode == 1
    assert "another studio" in errors
    assert "Traceback" not in errors


@pytest.mark.parametrize("command", [(b"worker", b"train"), (b"backend.maintenance",)])
def test_a_child_that_was_killed_is_started_again(
    studio: tuple[subprocess.Popen[str], str], command: tuple[bytes, ...]
) -> None:
    pid = studio[0].pid

    def running() -> set[int]:
        lines = {child: Path(f"/proc/{child}/cmdline").read_bytes() for child in _children(pid)}
        return {child for child, line in lines.items() if all(part in line for part in command)}

    first = running()
    assert first
    for child in first:
        os.kill(child, signal.SIGKILL)
    deadline_s = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline_s and not running() - first:
        time.sleep(0.2)
    assert running() - first
