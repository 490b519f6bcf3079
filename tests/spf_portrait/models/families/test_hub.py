"""Fetching from a model hub, which here is a server on this machine that has one repository."""

import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch

from spf_portrait.contract.errors import ModelError
from spf_portrait.models.base_model import load_base
from spf_portrait.models.families.catalogue import FAMILIES
from spf_portrait.models.families.hub import wanted_files
from tests.spf_portrait.models.families.tiny_families import write_tiny

REVISION = "0123456789abcdef0123456789abcdef01234567"


class _Hub(BaseHTTPRequestHandler):
    """Answers what huggingface_hub asks for one repository, me/tiny, at one commit."""

    root: Path
    fetched: list[str]

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _answer(self, *, with_body: bool) -> None:
        path = self.path.split("?")[0]
        names = sorted(str(file.relative_to(self.root)) for file in self.root.rglob("*") if file.is_file())
        if path == f"/api/models/me/tiny/tree/{REVISION}":
            entries = [{"type": "file", "path": name, "size": 1, "oid": "0" * 40} for name in names]
            self._send(json.dumps(entries).encode(), with_body)
        elif path == f"/api/models/me/tiny/revision/{REVISION}":
            siblings = [{"rfilename": name} for name in names]
            self._send(json.dumps({"id": "me/tiny", "sha": REVISION, "siblings": siblings}).encode(), with_body)
        elif path.startswith(f"/me/tiny/resolve/{REVISION}/"):
            name = path.removeprefix(f"/me/tiny/resolve/{REVISION}/")
            if with_body:
                self.fetched.append(name)
            self._send((self.root / name).read_bytes(), with_body)
        else:
            self.send_error(404)

    def _send(self, content: bytes, with_body: bool) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("ETag", f'"{hashlib.sha1(content).hexdigest()}"')
        self.send_header("X-Repo-Commit", REVISION)
        self.end_headers()
        if with_body:
            self.wfile.write(content)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[_Hub]]:
    """A hub with a tiny Stable Diffusion 1 and some things that nobody should fetch."""

    class Hub(_Hub):
        root = write_tiny(tmp_path / "repository", "sd1")
        fetched: list[str] = []  # noqa: RUF012

    for name in ("code.py", "unet/model.bin", "whole.safetensors", "unet/diffusion_pytorch_model.fp16.safetensors"):
        (Hub.root / name).write_bytes(b"not for us")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    here = f"http://127.0.0.1:{server.server_port}"
    template = f"{here}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", here)
    monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)
    yield Hub
    server.shutdown()
    server.server_close()


def listed(models: Path, revision: str = REVISION) -> Path:
    models.mkdir()
    (models / "bases.toml").write_text(f'[mine]\nhub = "me/tiny"\nrevision = "{revision}"\nfamily = "sd1"\n')
    return models


def test_one_commit_is_fetched_once_and_without_code(hub: type[_Hub], tmp_path: Path) -> None:
    models = listed(tmp_path / "models")
    base = load_base("mine", models)
    assert base.path.is_relative_to(models)
    assert all(name == "model_index.json" or name.split("/")[0] in FOLDERS for name in hub.fetched)
    assert not [name for name in hub.fetched if not name.endswith((".json", ".txt", ".safetensors"))]
    assert "unet/diffusion_pytorch_model.fp16.safetensors" not in hub.fetched
    fetched = len(hub.fetched)
    again = load_base("mine", models)
    assert len(hub.fetched) == fetched, "the hub is asked no more"
    assert all(torch.equal(a, b) for a, b in zip(base.network.parameters(), again.network.parameters(), strict=True))


FOLDERS = {"unet", "vae", "text_encoder", "tokenizer", "scheduler"}


@pytest.mark.usefixtures("hub")
def test_another_commit_is_not_had(tmp_path: Path) -> None:
    models = listed(tmp_path / "models", "f" * 40)
    with pytest.raises(ModelError, match=rf"me/tiny at {'f' * 40}.*hf download me/tiny --revision"):
        load_base("mine", models)


def test_weights_in_half_precision_are_taken_only_where_there_are_no_others() -> None:
    names = ["model_index.json", "scheduler/scheduler_config.json", "unet/config.json", "vae/config.json"]
    names += ["unet/model.fp16.safetensors", "vae/model.safetensors", "vae/model.fp16.safetensors"]
    names += ["text_encoder/model.safetensors", "text_encoder/pytorch_model.bin"]
    chosen = wanted_files(FAMILIES["sd1"], names)
    assert [name for name in chosen if name.endswith(".safetensors")] == [
        "text_encoder/model.safetensors",
        "unet/model.fp16.safetensors",
        "vae/model.safetensors",
    ]


def test_pickled_weights_are_refused() -> None:
    names = ["model_index.json", "unet/diffusion_pytorch_model.bin", "vae/model.safetensors"]
    with pytest.raises(ValueError, match=r"no \.safetensors files in unet and text_encoder"):
        wanted_files(FAMILIES["sd1"], names)


def test_a_missing_third_encoder_is_no_reason_to_refuse() -> None:
    parts = ("vae", "transformer", "text_encoder", "text_encoder_2")
    assert wanted_files(FAMILIES["sd3"], [f"{part}/model.safetensors" for part in parts])
