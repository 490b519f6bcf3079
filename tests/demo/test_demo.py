"""The demo's own parts, against a small server that answers as the studio does."""

import json
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import socket
from threading import Thread
from typing import Any

import pytest
from PIL import Image

from demo.__main__ import Outcome, main, summary
from demo.measure import Measurement
from demo.studio import DemoError, Studio, studio_at
from spf_portrait.drawing.sheet import contact_sheet

WEIGHTS = b"weights" * 100


@dataclass
class Answers:
    """What the server says to "GET /path", and which bodies were posted to it."""

    by_request: dict[str, list[tuple[int, bytes]]] = field(default_factory=dict[str, list[tuple[int, bytes]]])
    posted: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    cut_off: str = ""
    """The request whose answer breaks off in the middle."""

    def give(self, request: str, *documents: dict[str, Any] | bytes, status: int = 200) -> None:
        """Answer with these one after the other, and with the last one ever after."""
        bodies = [part if isinstance(part, bytes) else json.dumps(part).encode() for part in documents]
        self.by_request[request] = [(status, body) for body in bodies]

    def next(self, request: str) -> tuple[int, bytes]:
        """The answer to a request; 404 to all that was not foreseen."""
        queue = self.by_request.get(request, [(404, b"not here")])
        return queue.pop(0) if len(queue) > 1 else queue[0]


@dataclass
class Server:
    """A server that runs, and what it answers."""

    url: str
    answers: Answers


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Generator[Server]:
    monkeypatch.setattr("demo.studio._POLL_S", 0.01)
    answers = Answers()
    with ThreadingHTTPServer(("127.0.0.1", 0), handler_of(answers)) as listening:
        Thread(target=listening.serve_forever, args=(0.01,), daemon=True).start()
        yield Server(f"http://127.0.0.1:{listening.server_port}", answers)
        listening.shutdown()


def handler_of(answers: Answers) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            answers.posted.append(json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or "{}"))
            self._answer()

        def log_message(self, format: str, *args: Any) -> None:
            """Keep the test's output clean."""

        def _answer(self) -> None:
            request = f"{self.command} {self.path}"
            status, body = answers.next(request)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if answers.cut_off == request else body)

    return Handler


def job(status: str, **more: Any) -> dict[str, Any]:
    """A job as GET /jobs/{id} tells it."""
    progress = {"step": 3, "total": 10, "eta_s": None}
    return {"id": "job_1", "status": status, "phase": "stage1", "progress": progress, "error": None, **more}


def test_a_studio_is_ready_when_it_says_so(server: Server) -> None:
    server.answers.give("GET /readyz", {}, status=503)
    assert not Studio(server.url).is_ready()
    server.answers.give("GET /readyz", {})
    assert Studio(server.url + "/").is_ready()


def test_an_order_sends_the_job_and_gives_its_id(server: Server) -> None:
    server.answers.give("POST /api/v1/jobs", job("queued"), status=202)
    assert Studio(server.url).order(kind="training", dataset_id="ds_1", spec={"preset": "quick"}) == "job_1"
    assert server.answers.posted == [{"kind": "training", "dataset_id": "ds_1", "spec": {"preset": "quick"}}]


def test_waiting_ends_when_the_job_has_succeeded(server: Server) -> None:
    done = job("succeeded", adapter_id="adp_1")
    server.answers.give("GET /api/v1/jobs/job_1", job("queued", phase=None), job("running"), done)
    assert Studio(server.url).wait("job_1", "training")["adapter_id"] == "adp_1"


@pytest.mark.parametrize(
    ("ended", "reason"),
    [
        (job("failed", error={"code": "no_clip", "message": "no CLIP model"}), "training: failed: no CLIP model"),
        (job("canceled"), "training: canceled: no reason given"),
    ],
)
def test_waiting_for_a_job_that_did_not_succeed_gives_the_reason(
    server: Server, ended: dict[str, Any], reason: str
) -> None:
    server.answers.give("GET /api/v1/jobs/job_1", job("running"), ended)
    with pytest.raises(DemoError) as caught:
        Studio(server.url).wait("job_1", "training")
    assert str(caught.value) == reason


def test_a_refusal_names_the_request_and_what_was_answered(server: Server) -> None:
    server.answers.give("POST /api/v1/datasets/examples/monocle", {"detail": "no such example"}, status=404)
    with pytest.raises(DemoError, match=r"POST .*/examples/monocle: 404 .*no such example"):
        Studio(server.url).example_set("monocle")


def test_a_download_is_saved_under_its_name(server: Server, tmp_path: Path) -> None:
    server.answers.give("GET /files/a", WEIGHTS)
    saved = Studio(server.url).download("/files/a", tmp_path / "maps" / "a.safetensors")
    assert saved.read_bytes() == WEIGHTS
    assert list(saved.parent.iterdir()) == [saved]


def refuse(answers: Answers) -> None:
    answers.give("GET /files/a", b"gone", status=410)


def cut_off(answers: Answers) -> None:
    answers.give("GET /files/a", WEIGHTS)
    answers.cut_off = "GET /files/a"


@pytest.mark.parametrize("fault", [refuse, cut_off])
def test_a_download_that_fails_leaves_the_earlier_file_as_it_was(
    server: Server, tmp_path: Path, fault: Callable[[Answers], None]
) -> None:
    (tmp_path / "a").write_bytes(b"earlier")
    fault(server.answers)
    with pytest.raises(DemoError):
        Studio(server.url).download("/files/a", tmp_path / "a")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a", b"earlier")]


CALLS: list[Callable[[Studio], object]] = [
    lambda studio: studio.example_set("sunglasses"),
    lambda studio: studio.order(kind="training"),
    lambda studio: studio.wait("job_1", "training"),
    lambda studio: studio.read("bases"),
    lambda studio: studio.download("/files/a", Path("never-written")),
]


@pytest.mark.parametrize("use", CALLS)
def test_a_studio_that_died_is_told_as_such(use: Callable[[Studio], object]) -> None:
    with unused_port() as port, pytest.raises(DemoError, match=rf"studio at http://127.0.0.1:{port} no longer answers"):
        use(Studio(f"http://127.0.0.1:{port}"))


def test_the_command_ends_with_a_sentence_when_the_studio_dies_in_the_middle(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    server.answers.give("GET /readyz", {})
    server.answers.give("POST /api/v1/datasets/examples/sunglasses", {"id": "ds_1", "target": "sunglasses"})
    server.answers.give("POST /api/v1/jobs", job("queued"))
    server.answers.give("GET /api/v1/jobs/job_1", job("running"))
    server.answers.cut_off = "GET /api/v1/jobs/job_1"
    monkeypatch.setattr("sys.argv", ["demo", "--out", str(tmp_path), "--url", server.url])
    assert main() == 1
    assert "The demo stopped: the studio at" in capsys.readouterr().err


def test_the_studio_at_an_address_is_taken_as_it_is(server: Server, tmp_path: Path) -> None:
    server.answers.give("GET /readyz", {})
    server.answers.give("GET /api/v1/bases", {"items": []})
    with studio_at(server.url, tmp_path / "studio") as studio:
        assert studio.read("bases") == {"items": []}
    assert not (tmp_path / "studio").exists()


def test_an_address_where_nothing_answers_is_explained(tmp_path: Path) -> None:
    with unused_port() as port, pytest.raises(DemoError, match=rf"no studio answers at .*:{port}: .*make up"):
        studio_at(f"http://127.0.0.1:{port}", tmp_path).__enter__()


@contextmanager
def unused_port() -> Generator[int]:
    """A port that is taken but does not listen."""
    with socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield int(holder.getsockname()[1])


def test_a_sheet_has_a_row_for_each_system_and_a_column_for_each_seed() -> None:
    colours = {"reference": ("red", "lime"), "response": ("blue", "yellow")}
    rows = {name: [Image.new("RGB", (32, 32), colour) for colour in pair] for name, pair in colours.items()}
    sheet = contact_sheet(rows)
    assert sheet.size == (2 * 36, 2 * 58)
    centres = [sheet.getpixel((x, y)) for y in (22 + 16, 58 + 22 + 16) for x in (16, 36 + 16)]
    assert centres == [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0)]


def test_the_summary_can_be_written_as_json_and_holds_what_was_measured(tmp_path: Path) -> None:
    measured = {"spf": Measurement([], 7, 0.0123456), "lora": Measurement([], 8, 0.1)}
    adapters = {method: tmp_path / f"{method}.safetensors" for method in measured}
    line = json.dumps(summary(Outcome(adapters, tmp_path / "comparison", measured), 61.26))
    assert json.loads(line) == {
        "adapter": str(tmp_path / "spf.safetensors"),
        "comparison": str(tmp_path / "comparison"),
        "seconds": 61.3,
        "target_shown": 7,
        "outside_change": {"spf": 0.01235, "lora": 0.1},
    }
