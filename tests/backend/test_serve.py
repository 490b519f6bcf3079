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

import pytest

from backend.access.keys import create_key
from backend.db import Database
from backend.migrate import migrate
from backend.settings import Settings

TIMEOUT_S = 60.0


def _start(data_dir: Path, models_dir: Path, **variables: str) -> subprocess.Popen[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("SPF_")}
    environment |= {"SPF_DATA_DIR": str(data_dir), "SPF_MODELS_DIR": str(models_dir), **variables}
    return subprocess.Popen([sys.executable, "-m", "backend.serve"], env=environment, stderr=subprocess.PIPE, text=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _status(port: int, host: str, key: str | None = None) -> int | None:
    headers = {"Host": host, **({} if key is None else {"Authorization": f"Bearer {key}"})}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/api/v1/jobs", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None


@pytest.mark.parametrize("open_to_others", [{"SPF_HOST": "0.0.0.0"}, {"SPF_HOST_NAMES": "studio.example.org"}])
def test_it_refuses_to_be_reached_by_others_without_a_key(
    tmp_path: Path, models_dir: Path, open_to_others: dict[str, str]
) -> None:
    process = _start(tmp_path / "data", models_dir, SPF_PORT="0", **open_to_others)
    _, errors = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 1
    assert "spf-studio keys create" in errors
    assert "Traceback" not in errors


def test_it_serves_callers_with_keys_by_the_names_that_it_is_given(tmp_path: Path, models_dir: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data")
    migrate(settings)
    key = create_key(Database(settings.sqlalchemy_url), "mina", "read", None)
    port = _free_port()
    variables = {"SPF_HOST": "0.0.0.0", "SPF_PORT": str(port), "SPF_HOST_NAMES": "studio.example.org"}
    with _start(tmp_path / "data", models_dir, **variables) as process:
        try:
            deadline_s = time.monotonic() + TIMEOUT_S
            while _status(port, "localhost") is None and time.monotonic() < deadline_s:
                time.sleep(0.1)
            assert _status(port, "studio.example.org", key) == 200
            assert _status(port, "studio.example.org") == 401
            assert _status(port, "evil.example", key) == 400
        finally:
            process.terminate()
