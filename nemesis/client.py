"""The REST calls that the rows make."""

from __future__ import annotations

import io
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import httpx2 as httpx

_TIMEOUT_S: Final = 120.0

TRAINING: Final = {
    "base": "tiny",
    "method": "lora",
    "stage1_steps": 12,
    "stage2_steps": 0,
    "batch_size": 1,
    "rank": 1,
    "checkpoint_every": 2,
    "validate_every": 0,
}
"""The smallest real training that has checkpoints to go on from."""

PAIR: Final = {"base": "tiny", "base_text": "a woman", "target": "blonde hair", "steps": 1, "maps": False}
"""The smallest real drawing."""


class Client:
    """Speaks to a studio and counts its server errors.

    Args:
        url: address of the studio.
    """

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=f"{url}/api/v1", timeout=_TIMEOUT_S)
        self.server_errors: list[str] = []
        """Answers with a 5xx. A 503 is none: it says that a part is away, and when to ask again."""

    def ask(self, method: str, path: str, **content: Any) -> httpx.Response:
        """Send a request; return whatever is answered."""
        answer = self._http.request(method, path, **content)
        if answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR and not _asks_for_patience(answer):
            self.server_errors.append(f"{method} {path}: {answer.status_code} {answer.text[:200]}")
        return answer

    def upload(self, files: Mapping[str, bytes], name: str = "set") -> httpx.Response:
        """Upload files as a caption set."""
        parts = [("files", (file_name, io.BytesIO(content))) for file_name, content in files.items()]
        return self.ask("POST", "/datasets", files=parts, data={"name": name})

    def upload_folder(self, folder: Path) -> str:
        """Upload all files of a folder; return the caption set's id."""
        answer = self.upload({path.name: path.read_bytes() for path in sorted(folder.iterdir())})
        return str(answer.raise_for_status().json()["id"])

    def order(self, order: Mapping[str, Any]) -> str:
        """Order a job; return its id."""
        return str(self.ask("POST", "/jobs", json=order).raise_for_status().json()["id"])

    def job(self, job_id: str) -> dict[str, Any]:
        """Read a job."""
        return self.ask("GET", f"/jobs/{job_id}").raise_for_status().json()

    def cancel(self, job_id: str) -> int:
        """Cancel a job; return the answer's status."""
        return self.ask("POST", f"/jobs/{job_id}/cancel").status_code

    def close(self) -> None:
        """Close the connections."""
        self._http.close()


def _asks_for_patience(answer: httpx.Response) -> bool:
    return answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE and "Retry-After" in answer.headers
