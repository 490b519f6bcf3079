"""A real evaluation over REST: pico learns a little, its figures are published, and everything can be deleted."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from spf_portrait.metrics.catalogue import CATALOGUE
from tests.end_to_end.browser import CHROMEDRIVER, CHROMIUM, open_browser
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


@dataclass(frozen=True)
class Measured:
    """A studio in which an adapter was trained and measured."""

    studio: RunningStudio
    client: httpx2.Client
    files: Path
    adapter: str
    figures: str


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Measured]:
    """By the bundled model, which alone knows what is true of its pictures."""
    files = tmp_path_factory.mktemp("data")
    with (
        running_studio(files, REPOSITORY / "models", SPF_WARM_S="0") as studio,
        httpx2.Client(base_url=f"{studio.url}/api/v1", timeout=30) as client,
    ):
        dataset = client.post("/datasets/examples/sunglasses").json()
        adapter = done(studio, client, kind="training", dataset_id=dataset["id"], spec=FEW_STEPS)
        figures = done(studio, client, kind="evaluation", adapter_id=adapter, spec={"count": 2, **DRAWN})
        yield Measured(studio, client, files, adapter, figures)


@pytest.mark.timeout(600)
def test_figures_of_a_fresh_adapter(measured: Measured) -> None:
    studio = measured.studio
    evaluation = studio.read(f"/evaluations/{measured.figures}")
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


@pytest.mark.skipif(not (CHROMIUM and CHROMEDRIVER), reason="needs chromium and chromedriver")
def test_the_page_shows_them_with_what_is_missing(measured: Measured, tmp_path: Path) -> None:
    with open_browser(tmp_path) as browser:
        browser.driver.get(f"{measured.studio.url}/#/adapter?adapter={measured.adapter}")
        browser.wait("the table", lambda: browser.count("section table tbody tr") > 10)
        table = browser.find("section table").text
        assert "outside change" in table
        assert "%" in table
        assert "2 texts, strength 1, the rest held" in browser.text()
        assert "Not measured: LPIPS, HPSv2, ImageReward, MPS" in browser.text()
        assert browser.count("a[download='evaluation.json']") == 1
        assert browser.overflow_on_a_phone_px() <= 0


def test_afterwards_everything_can_be_deleted(measured: Measured) -> None:
    client = measured.client
    assert client.delete(f"/adapters/{measured.adapter}").json()["code"] == "adapter_has_results"
    for address in (f"/evaluations/{measured.figures}", f"/adapters/{measured.adapter}"):
        assert client.delete(address).status_code == 204
    areas = ("adapters", "evaluations", "checkpoints")
    assert [path for area in areas for path in (measured.files / area).rglob("*") if path.is_file()] == []
