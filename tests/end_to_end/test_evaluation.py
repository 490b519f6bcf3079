"""A real evaluation over REST: pico learns a little, its figures are published, and everything can be deleted."""

import json
from pathlib import Path

import httpx2
import pytest

from spf_portrait.metrics.catalogue import CATALOGUE
from tests.end_to_end.running_studio import REPOSITORY, RunningStudio, running_studio
from tests.end_to_end.test_worker_killed import wait_for

FEW_STEPS = {"stage1_steps": 2, "stage2_steps": 2, "batch_size": 2, "preservation": {"pictures": 2}}
DRAWN = {"steps": 2, "hold": {"firmness": 0.5}}


def done(studio: RunningStudio, client: httpx2.Client, **order: object) -> str:
    """Order a job and wait for its end; return the id of what it published."""
    answer = client.post("/jobs", json=order)
    assert answer.status_code == 202, answer.text
    address = f"/jobs/{answer.json()['id']}"

    def ended() -> dict[str, str] | None:
        job = studio.read(address)
        return job if job["finished_at"] else None

    job = wait_for(ended, f"the end of {order['kind']}")
    assert job["status"] == "succeeded", job["error"]
    return job["evaluation_id"] or job["adapter_id"]


@pytest.mark.timeout(600)
def test_figures_of_a_fresh_adapter(tmp_path: Path) -> None:
    with (
        running_studio(tmp_path, REPOSITORY / "models", SPF_WARM_S="0") as studio,
        httpx2.Client(base_url=f"{studio.url}/api/v1", timeout=30) as client,
    ):
        dataset = client.post("/datasets/examples/sunglasses").json()
        adapter = done(studio, client, kind="training", dataset_id=dataset["id"], spec=FEW_STEPS)
        figures = done(studio, client, kind="evaluation", adapter_id=adapter, spec={"count": 2, **DRAWN})
        evaluation = studio.read(f"/evaluations/{figures}")
        assert (evaluation["base"], evaluation["target"], evaluation["count"]) == ("pico", "sunglasses", 2)
        assert evaluation["hold"]["firmness"] == 0.5
        metrics = {metric["name"]: metric for metric in evaluation["metrics"]}
        assert list(metrics) == [metric.name for metric in CATALOGUE]
        low, high = metrics["pollution"]["figure"]["interval_95"]
        assert low <= metrics["pollution"]["figure"]["value"] <= high
        assert "weights missing" in metrics["lpips"]["missing"]["reason"]
        written = json.loads(studio.fetch(evaluation["files"]["evaluation.json"]))
        assert len(written["metrics"]["change"]["values"]) == 2
        assert studio.fetch(evaluation["files"]["evaluation.png"]).startswith(b"\x89PNG")

        assert client.delete(f"/adapters/{adapter}").json()["code"] == "adapter_has_results"
        for address in (f"/evaluations/{figures}", f"/adapters/{adapter}"):
            assert client.delete(address).status_code == 204
        areas = ("adapters", "evaluations", "checkpoints")
        assert [path for area in areas for path in (tmp_path / area).rglob("*") if path.is_file()] == []
