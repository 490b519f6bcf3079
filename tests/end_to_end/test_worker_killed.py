"""SIGKILL to the worker in the middle of a real training: the job finishes, with one adapter."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import pytest

from spf_portrait.contract.bases import MODEL_INDEX
from tests.spf_portrait.tiny_model import write_caption_folder, write_tiny_base

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

TIMEOUT_S = 240.0
STEPS = {"stage1_steps": 120, "stage2_steps": 40, "batch_size": 2, "rank": 2, "checkpoint_every": 10}

Value = TypeVar("Value")


def wait_for(look: Callable[[], Value | None], what: str) -> Value:
    """Return the first true value of `look`."""
    deadline_s = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline_s:
        value = look()
        if value:
            return value
        time.sleep(0.2)
    raise AssertionError(f"waited {TIMEOUT_S:.0f} s in vain for {what}")


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[tuple[int, httpx2.Client]]:
    """A studio whose only base model is a tiny one: its process id and a client."""
    models_dir = tmp_path / "models"
    assert (write_tiny_base(models_dir / "tiny") / MODEL_INDEX).is_file()
    environment = {key: value for key, value in os.environ.items() if not key.startswith("SPF_")}
    environment |= {
        "SPF_DATA_DIR": str(tmp_path / "data"),
        "SPF_MODELS_DIR": str(models_dir),
        "SPF_PORT": "0",
        "SPF_LEASE_S": "4",
        "SPF_HEARTBEAT_S": "0.5",
        "OMP_NUM_THREADS": "1",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "backend.studio"], env=environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("SPF-Portrait is ready: "), line
    with httpx2.Client(base_url=line.split(": ", 1)[1].strip(), timeout=30) as client:
        yield process.pid, client
    process.terminate()
    assert process.wait(TIMEOUT_S) == 0
    process.stdout.close()


def _upload(client: httpx2.Client, folder: Path) -> str:
    """Upload a small caption set; return its id."""
    names = sorted(path for path in write_caption_folder(folder).iterdir())
    files = [("files", (path.name, io.BytesIO(path.read_bytes()))) for path in names]
    answer = client.post("/api/v1/datasets", files=files, data={"name": "tiny set"})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def _find(parent_pid: int, *words: str) -> int | None:
    """Return the descendant whose command line holds all words, the highest one in the tree."""
    children = Path(f"/proc/{parent_pid}/task").glob("*/children")
    for pid in [int(pid) for file in children for pid in file.read_text("utf-8").split()]:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
        if all(word in command for word in words):
            return pid
        deeper = _find(pid, *words)
        if deeper is not None:
            return deeper
    return None


def _is_alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists() and Path(f"/proc/{pid}/cmdline").read_bytes() != b""


def _job(client: httpx2.Client, job_id: str) -> dict[str, Any]:
    job: dict[str, Any] = client.get(f"/api/v1/jobs/{job_id}").json()
    return job


def _events(client: httpx2.Client, job_id: str, kind: str) -> list[dict[str, Any]]:
    events = client.get(f"/api/v1/jobs/{job_id}/events").json()["data"]
    return [event["data"] for event in events if event["kind"] == kind]


def test_worker_killed_mid_training(studio: tuple[int, httpx2.Client], tmp_path: Path) -> None:
    studio_pid, client = studio
    dataset_id = _upload(client, tmp_path / "portraits")
    order = {"kind": "training", "dataset_id": dataset_id, "spec": {"base": "tiny", **STEPS}}
    job_id = str(client.post("/api/v1/jobs", json=order).json()["id"])
    wait_for(lambda: len(_events(client, job_id, "checkpoint")) >= 2, "two checkpoints")

    worker_pid = _find(studio_pid, "worker", "train")
    assert worker_pid is not None
    trainer_pid = _find(worker_pid, "spf_portrait", "train")
    assert trainer_pid is not None
    os.kill(worker_pid, signal.SIGKILL)
    assert wait_for(lambda: not _is_alive(trainer_pid), "the trainer to die with its worker")

    job = wait_for(lambda: next((job for job in [_job(client, job_id)] if job["finished_at"]), None), "the job to end")
    assert (job["status"], job["error"]) == ("succeeded", None)
    assert job["attempt"] == 2
    states = [event["to"] for event in _events(client, job_id, "state")]
    assert states == ["queued", "running", "queued", "running", "succeeded"]
    steps = [event["step"] for event in _events(client, job_id, "checkpoint")]
    assert steps == sorted(set(steps)), "the second attempt went on from the last checkpoint of the first"

    adapters = client.get("/api/v1/adapters").json()["data"]
    assert [adapter["job_id"] for adapter in adapters] == [job_id]
    assert job["adapter_id"] == adapters[0]["id"]
    adapter = next(file for file in adapters[0]["files"] if file["name"] == "adapter.safetensors")
    assert client.get(adapter["url"]).headers["etag"] == f'"sha256-{adapter["sha256"]}"'

    text = {"base_text": "a woman, a brown jacket", "target": "blonde hair", "seed": 3, "steps": 2}
    hold = {"held_below": 0.2, "free_above": 0.6, "firmness": 0.9}
    order = {"kind": "comparison", "adapter_id": adapters[0]["id"], "spec": {**text, "hold": hold}}
    drawing_id = str(client.post("/api/v1/jobs", json=order).json()["id"])
    drawing = wait_for(
        lambda: next((job for job in [_job(client, drawing_id)] if job["finished_at"]), None), "the pair"
    )
    assert (drawing["status"], drawing["error"]) == ("succeeded", None)
    comparison = client.get(f"/api/v1/comparisons/{drawing['comparison_id']}").json()
    assert comparison["sample"]["adapter_sha256"] == adapter["sha256"]
    assert comparison["sample"]["hold"] == drawing["spec"]["hold"] == hold
    assert "hold_map.png" in comparison["files"]
    assert client.get(comparison["files"]["response.png"]).content.startswith(b"\x89PNG")
    assert all(name in comparison["files"] for name in comparison["sample"]["maps"])
