"""What a browser test needs from a studio before its page is opened, through the REST interface."""

import io
import zipfile
from collections.abc import Sequence
from typing import Any

import httpx2
from PIL import Image

from tests.end_to_end.running_studio import RunningStudio

BACKGROUNDS = ("red", "green", "blue")


def client_of(studio: RunningStudio) -> httpx2.Client:
    """A client of a studio."""
    return httpx2.Client(base_url=f"{studio.url}/api/v1/", timeout=60)


def small_set(studio: RunningStudio, count: int = 3, size_px: int = 64, name: str = "small") -> str:
    """Upload a caption set of single-coloured portraits; return its id."""
    lines = ["file_name,text"]
    files: dict[str, bytes] = {}
    for number in range(count):
        background = BACKGROUNDS[number % len(BACKGROUNDS)]
        files[f"{number:04d}.png"] = portrait((number % 256, number // 256, 128), size_px)
        lines.append(f'{number:04d}.png,"a woman, a {background} background, [sunglasses]"')
    files["captions.csv"] = "\n".join(lines).encode()
    return upload(studio, name, files)["id"]


def portrait(colour: str | tuple[int, int, int], size_px: int = 64) -> bytes:
    """A PNG of one colour."""
    picture = io.BytesIO()
    Image.new("RGB", (size_px, size_px), colour).save(picture, "PNG")
    return picture.getvalue()


def upload(studio: RunningStudio, name: str, files: dict[str, bytes]) -> dict[str, Any]:
    """Upload files as one zip; return the set."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for member, content in files.items():
            archive.writestr(member, content)
    with client_of(studio) as client:
        answer = client.post("datasets", files=[("files", ("set.zip", packed.getvalue()))], data={"name": name})
    assert answer.status_code == 201, answer.text
    return answer.json()


def jobs(studio: RunningStudio) -> Sequence[dict[str, Any]]:
    """All jobs, newest first."""
    return studio.read("/jobs")["data"]
