"""`python -m backend.serve` as a container runs it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

TIMEOUT_S = 60.0


def _start(data_dir: Path, models_dir: Path, **variables: str) -> subprocess.Popen[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("SPF_")}
    environment |= {"SPF_DATA_DIR": str(data_dir), "SPF_MODELS_DIR": str(models_dir), **variables}
    return subprocess.Popen([sys.executable, "-m", "backend.serve"], env=environment, stderr=subprocess.PIPE, text=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _status(port: int, host: str) -> int | None:
    request = urllib.request.Request(f"http://127.0.0.1:{port}/api/v1/jobs", headers={"Host": host})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None


def test_an_address_that_others_can_reach_must_be_asked_for(tmp_path: Path, models_dir: Path) -> None:
    process = _start(tmp_path / "data", models_dir, SPF_HOST="0.0.0.0", SPF_PORT="0")
    _, errors = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 1
    assert "SPF_ALLOW_PUBLIC_ADDRESS" in errors
    assert "Traceback" not in errors


def test_it_serves_by_the_names_that_it_is_given(tmp_path: Path, models_dir: Path) -> None:
    port = _free_port()
    variables = {"SPF_HOST": "0.0.0.0", "SPF_PORT": str(port), "SPF_ALLOW_PUBLIC_ADDRESS": "true"}
    with _start(tmp_path / "data", models_dir, **variables, SPF_HOST_NAMES="studio.example.org") as process:
        try:
            deadline_s = time.monotonic() + TIMEOUT_S
            while _status(port, "localhost") is None and time.monotonic() < deadline_s:
                time.sleep(0.1)
            assert _status(port, "studio.example.org") == 200
            assert _status(port, "evil.example") == 400
        finally:
            process.terminate()
