"""A running studio: the one named by its address, or one that is started for the demo and stopped after it."""

import os
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from socket import socket
from typing import Any, Final

import httpx2 as httpx
from tqdm import tqdm

_START_S: Final = 120.0
_POLL_S: Final = 0.5
_FINAL: Final = ("succeeded", "failed", "canceled")


class DemoError(Exception):
    """The demo cannot go on; the message says what the studio answered."""


class Studio:
    """The few REST calls that the main job takes.

    Args:
        url: where it answers.
        key: for a studio that asks for one.
    """

    def __init__(self, url: str, key: str | None = None) -> None:
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        self._client = httpx.Client(base_url=f"{url.rstrip('/')}/api/v1/", headers=headers, timeout=60)
        self._root = url.rstrip("/")

    def is_ready(self) -> bool:
        """Whether the studio answers and can take jobs."""
        try:
            return httpx.get(f"{self._root}/readyz", timeout=5).is_success
        except httpx.HTTPError:
            return False

    def example_set(self, name: str) -> dict[str, Any]:
        """Upload a bundled caption set."""
        return self._answer("POST", f"datasets/examples/{name}")

    def order(self, **job: Any) -> str:
        """Create a job and return its id."""
        return str(self._answer("POST", "jobs", job)["id"])

    def wait(self, job_id: str, title: str) -> dict[str, Any]:
        """Poll a job until it ends, with a progress bar.

        Raises:
            DemoError: The job did not succeed.
        """
        with tqdm(desc=f"{title:<24}", unit="step") as bar:
            while (job := self._answer("GET", f"jobs/{job_id}"))["status"] not in _FINAL:
                _show(bar, job)
                time.sleep(_POLL_S)
            _show(bar, job)
        if job["status"] != "succeeded":
            raise DemoError(f"{title}: {job['status']}: {(job['error'] or {}).get('message', 'no reason given')}")
        return job

    def read(self, path: str) -> dict[str, Any]:
        """GET a resource below /api/v1."""
        return self._answer("GET", path)

    def download(self, address: str, to: Path) -> Path:
        """Save a file that the studio serves; it appears complete or not at all."""
        response = self._ask("GET", httpx.URL(self._root).join(address))
        to.parent.mkdir(parents=True, exist_ok=True)
        partial = to.with_name(f".{to.name}.partial")
        partial.write_bytes(response.content)
        return partial.replace(to)

    def _answer(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        return self._ask(method, path, body).json()

    def _ask(self, method: str, address: httpx.URL | str, body: dict[str, Any] | None = None) -> httpx.Response:
        """The studio's answer.

        Raises:
            DemoError: It gave none, or refused.
        """
        try:
            response = self._client.request(method, address, json=body)
        except httpx.HTTPError as error:
            raise DemoError(f"the studio at {self._root} no longer answers ({error}); does it still run?") from error
        if not response.is_success:
            raise DemoError(f"{method} {response.request.url}: {response.status_code} {response.text}")
        return response


@contextmanager
def studio_at(url: str | None, data_dir: Path) -> Generator[Studio]:
    """The studio at `url`, called with the key in SPF_KEY if there is one, or a new one with its data in `data_dir`.

    Raises:
        DemoError: It does not answer.
    """
    if url:
        studio = Studio(url, os.environ.get("SPF_KEY"))
        if not studio.is_ready():
            raise DemoError(f"no studio answers at {url}: start one with `make up`, or leave URL out")
        yield studio
        return
    port = _free_port()
    environment = {**os.environ, "SPF_PORT": str(port), "SPF_DATA_DIR": str(data_dir)}
    with subprocess.Popen(
        [sys.executable, "-m", "backend.studio"], env=environment, stdout=subprocess.DEVNULL
    ) as process:
        try:
            studio = Studio(f"http://127.0.0.1:{port}")
            _wait_until_ready(studio, process)
            yield studio
        finally:
            process.terminate()


def _wait_until_ready(studio: Studio, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_S
    while not studio.is_ready():
        if process.poll() is not None:
            raise DemoError(f"the studio ended with exit code {process.returncode}; its words are above")
        if time.monotonic() > deadline:
            raise DemoError(f"the studio did not answer within {_START_S:.0f} s")
        time.sleep(_POLL_S)


def _show(bar: "tqdm[Any]", job: dict[str, Any]) -> None:
    progress = job["progress"]
    bar.total = progress["total"] or None
    bar.n = progress["step"]
    bar.set_postfix_str(job["phase"] or job["status"])


def _free_port() -> int:
    with socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
