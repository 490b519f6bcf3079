"""Rules for every answer: problem documents, headers, refusal of foreign requests, and the API's description."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from backend.main import create_app
from backend.settings import Settings
from spf_portrait.contract.vocabulary import VOCABULARY
from tests.backend.service_fixtures import NewJob


def _assert_problem(answer: Any, status: int) -> dict[str, Any]:
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert {"type", "title", "status", "detail", "code", "errors", "request_id"} <= set(problem)
    assert problem["status"] == status
    assert problem["request_id"] == answer.headers["x-request-id"]
    return problem


def test_every_kind_of_failure_is_a_problem_document(client: TestClient) -> None:
    _assert_problem(client.get("/api/v1/jobs/job_none"), 404)
    _assert_problem(client.get("/api/v1/nothing"), 404)
    _assert_problem(client.put("/api/v1/jobs"), 405)
    problem = _assert_problem(client.post("/api/v1/jobs", json={"kind": "painting"}), 422)
    assert problem["errors"][0]["message"]
    _assert_problem(client.post("/api/v1/jobs", content=b"{", headers={"content-type": "application/json"}), 422)
    too_large = b'{"text": "' + b"a" * 2_000_000 + b'"}'
    headers = {"content-type": "application/json"}
    _assert_problem(client.post("/api/v1/phrases/parse", content=too_large, headers=headers), 413)


def test_an_unhandled_error_tells_only_its_request_id(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        raise RuntimeError("a secret path")

    monkeypatch.setattr("backend.bases.service.list_bases", fail)
    problem = _assert_problem(client.get("/api/v1/bases"), 500)
    assert problem["code"] == "internal_error"
    assert "secret" not in json.dumps(problem)


def test_headers_of_every_answer(client: TestClient) -> None:
    for path in ("/healthz", "/api/v1/jobs", "/api/v1/jobs/job_none"):
        headers = client.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
    assert client.get("/api/v1/jobs").headers["cache-control"] == "no-store"


def test_the_page_is_served_with_its_fallback(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "static" / "assets").mkdir(parents=True)
    (tmp_path / "static" / "index.html").write_text("<!doctype html><title>page</title>", "utf-8")
    (tmp_path / "static" / "assets" / "app.js").write_text("void 0", "utf-8")
    monkeypatch.setattr("backend.main.STATIC_DIR", tmp_path / "static")
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        browser = {"Accept": "text/html"}
        for path in ("/", "/compare/cmp_1"):
            answer = client.get(path, headers=browser)
            assert (answer.status_code, "page" in answer.text) == (200, True)
            assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert client.get("/assets/app.js").headers["content-type"].startswith("text/javascript")
        _assert_problem(client.get("/api/v1/nothing", headers=browser), 404)
        _assert_problem(client.get("/assets/none.js"), 404)
        assert client.get("/..%2fstudio.sqlite").status_code == 404


def test_foreign_hosts_and_sites_are_refused(client: TestClient) -> None:
    _assert_problem(client.get("/api/v1/jobs", headers={"Host": "evil.example"}), 400)
    body = {"text": "a woman, [hat]"}
    url = "/api/v1/phrases/parse"
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://evil.example"}, {"Origin": "null"}):
        assert _assert_problem(client.post(url, json=body, headers=headers), 403)["code"] == "cross_site_refused"
    for headers in ({"Sec-Fetch-Site": "same-origin"}, {"Origin": "http://testserver"}, {}):
        assert client.post(url, json=body, headers=headers).status_code == 200
    assert client.get("/api/v1/jobs", headers={"Host": "localhost:8000"}).status_code == 200
    assert client.get("/api/v1/jobs", headers={"Host": "[::1]:8000"}).status_code == 200


@pytest.mark.parametrize("headers", [{"Host": "[x"}, {"Host": "["}, {"Host": "testserver", "Origin": "http://[x"}])
def test_addresses_that_are_none_are_refused(client: TestClient, headers: dict[str, str]) -> None:
    answer = client.post("/api/v1/phrases/parse", json={"text": "a woman, [hat]"}, headers=headers)
    _assert_problem(answer, 403 if "Origin" in headers else 400)


def test_head_is_get_without_its_body(client: TestClient, new_job: NewJob) -> None:
    for path in ("/api/v1/jobs", "/healthz", f"/api/v1/jobs/{new_job()}", "/api/v1/jobs/job_none", "/api/v1/nothing"):
        got, asked = client.get(path), client.head(path)
        assert (asked.status_code, asked.content) == (got.status_code, b"")
        assert asked.headers["content-length"] == got.headers["content-length"]
    assert client.head("/api/v1/nothing").status_code == 404


def test_head_of_a_stream_ends(client: TestClient, new_job: NewJob) -> None:
    answer = client.head(f"/api/v1/jobs/{new_job()}/events", headers={"Accept": "text/event-stream"})
    assert (answer.status_code, answer.content) == (200, b"")


def test_another_method_is_not_another_address(client: TestClient) -> None:
    for path, allowed in (("/api/v1/phrases/parse", "POST"), ("/api/v1/jobs", "GET, POST, HEAD")):
        answer = client.request("DELETE", path)
        _assert_problem(answer, 405)
        assert answer.headers["allow"] == allowed
    _assert_problem(client.get("/api/v1/phrases/parse"), 405)
    _assert_problem(client.post("/api/v1/nothing"), 404)


def test_readiness_names_the_base_models(client: TestClient) -> None:
    assert client.get("/readyz").json() == {"status": "ready", "bases": ["pico"]}
    bases = client.get("/api/v1/bases").json()
    assert bases["errors"] == []
    assert bases["data"] == [
        {"key": "pico", "title": "pico", "family": "sd1", "image_size_px": 128, "vocabulary": None}
    ]


def test_a_damaged_base_hides_no_other_and_is_named(client: TestClient, models_dir: Path) -> None:
    (models_dir / "broken.safetensors").write_bytes(b"half a download")
    bases = client.get("/api/v1/bases").json()
    assert [base["key"] for base in bases["data"]] == ["pico"]
    assert [(error["key"], error["code"]) for error in bases["errors"]] == [("broken", "damaged_base")]
    assert bases["errors"][0]["hint"]
    assert client.get("/readyz").json()["bases"] == ["pico"]
    spec = {"base_text": "a woman", "target": "hat"}
    assert client.post("/api/v1/jobs", json={"kind": "comparison", "spec": spec}).status_code == 202
    refused = client.post("/api/v1/jobs", json={"kind": "comparison", "spec": {**spec, "base": "broken"}})
    assert (refused.status_code, refused.json()["code"]) == (422, "damaged_base")


def test_not_ready_without_a_base(client: TestClient, models_dir: Path) -> None:
    (models_dir / "pico" / "vae" / "config.json").unlink()
    problem = _assert_problem(client.get("/readyz"), 503)
    assert (problem["code"], problem["errors"][0]["code"]) == ("no_base_model", "damaged_base")


def test_a_base_that_knows_few_words_names_them(client: TestClient, models_dir: Path) -> None:
    (models_dir / "pico" / VOCABULARY).write_text("a\nhat\nRed\n", "utf-8")
    assert client.get("/api/v1/bases").json()["data"][0]["vocabulary"] == ["a", "hat", "red"]


def test_not_ready_without_tables(tmp_path_factory: pytest.TempPathFactory) -> None:
    settings = Settings(data_dir=tmp_path_factory.mktemp("empty"), host_names=("testserver",))
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        assert _assert_problem(client.get("/readyz"), 503)["code"] == "database_not_ready"


def test_the_description_is_openapi_3_1_and_needs_no_torch() -> None:
    code = (
        "import sys, runpy; runpy.run_module('backend.openapi', run_name='__main__');"
        "heavy = {'torch', 'diffusers', 'transformers', 'peft', 'safetensors', 'worker'} & set(sys.modules);"
        "sys.exit(f'loaded {heavy}' if heavy else 0)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")
    document = json.loads(result.stdout)
    assert document["openapi"].startswith("3.1")
    assert "/api/v1/jobs/{job_id}/events" in document["paths"]
    for path, operations in document["paths"].items():
        if path.startswith("/api/"):
            assert all("4XX" in operation["responses"] for operation in operations.values())


def test_a_name_from_outside_is_served_when_it_is_set(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPF_HOST_NAMES", " Studio.example.org, 10.0.0.5,::2")
    named = Settings(data_dir=settings.data_dir)
    assert named.host_names == ("studio.example.org", "10.0.0.5", "::2")
    with TestClient(create_app(named)) as client:
        for host, status in (("studio.example.org", 200), ("[::2]:80", 200), ("localhost", 200), ("testserver", 400)):
            assert client.get("/healthz", headers={"Host": host}).status_code == status


def test_the_page_behind_a_proxy_may_write_and_other_sites_may_not(settings: Settings) -> None:
    named = settings.model_copy(update={"host_names": ("studio.example.org",)})
    with TestClient(create_app(named)) as client:
        for origin, status in (("https://studio.example.org", 200), ("https://evil.example", 403)):
            headers = {"Host": "studio.example.org", "Origin": origin}
            answer = client.post("/api/v1/phrases/parse", json={"text": "a woman, [hat]"}, headers=headers)
            assert answer.status_code == status


@pytest.mark.parametrize("name", ["https://studio.example.org", "studio.example.org:8000", "*", "a b"])
def test_settings_refuse_host_names_that_are_none(name: str) -> None:
    with pytest.raises(ValueError, match="SPF_HOST_NAMES"):
        Settings(host_names=(name,))


def test_settings_refuse_a_lease_that_heartbeats_cannot_hold() -> None:
    with pytest.raises(ValueError, match="SPF_HEARTBEAT_S"):
        Settings(lease_s=10.0, heartbeat_s=8.0)


def test_an_application_that_ends_closes_its_connections_to_the_database(settings: Settings) -> None:
    app = create_app(settings)
    with TestClient(app) as client:
        assert client.get("/api/v1/jobs").status_code == 200
        assert app.state.context.db.engine.pool.checkedin() > 0
    assert app.state.context.db.engine.pool.checkedin() == 0
