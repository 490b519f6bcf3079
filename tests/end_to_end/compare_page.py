"""Compare as a person uses it, and a studio that has something to compare."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode

import httpx2

from tests.end_to_end.browser import Browser
from tests.end_to_end.running_studio import RunningStudio
from tests.spf_portrait.tiny_model import TARGET, write_caption_folder

DRAWING_S = 90.0
JOB_S = 240.0
STEPS = {"stage1_steps": 6, "stage2_steps": 4, "batch_size": 2, "rank": 2, "preservation": {"pictures": 2}}
PAINTED = "canvas[data-painted=true]"


@dataclass(frozen=True)
class Trained:
    """A studio with two adapters and pairs of the first.

    Attributes:
        rich: Order of a pair with every layer's maps and the base text alone.
        plain: Order of a pair of another seed, without both.
    """

    studio: RunningStudio
    adapters: tuple[str, str]
    rich: str
    plain: str


def prepare(studio: RunningStudio, folder: Path) -> Trained:
    """Train and draw through the REST interface."""
    with httpx2.Client(base_url=f"{studio.url}/api/v1/", timeout=30) as client:
        files = [("files", (file.name, file.read_bytes())) for file in sorted(write_caption_folder(folder).iterdir())]
        dataset = client.post("datasets", files=files, data={"name": "tiny set"}).json()["id"]
        adapters = [
            str(finished(client, kind="training", dataset_id=dataset, spec={**STEPS, "method": method})["adapter_id"])
            for method in ("spf", "lora")
        ]
        more = {"layer_maps": True, "reconstruction": True}
        pairs = [
            str(finished(client, kind="comparison", adapter_id=adapters[0], spec={**pair_spec(seed), **extras})["id"])
            for seed, extras in ((3, more), (4, {}))
        ]
    return Trained(studio, (adapters[0], adapters[1]), pairs[0], pairs[1])


def pair_spec(seed: int) -> dict[str, Any]:
    """A pair that is drawn at once."""
    return {"base_text": "a woman, a brown jacket", "target": TARGET, "seed": seed, "steps": 8}


def finished(client: httpx2.Client, **order: Any) -> dict[str, Any]:
    """Order a job and wait for its end."""
    answer = client.post("jobs", json=order)
    assert answer.status_code == 202, answer.text
    for _ in range(int(JOB_S / 0.2)):
        job: dict[str, Any] = client.get(f"jobs/{answer.json()['id']}").json()
        if job["finished_at"] is not None:
            assert job["status"] == "succeeded", job["error"]
            return job
        time.sleep(0.2)
    raise AssertionError(f"waited {JOB_S:.0f} s in vain for {order}")


class ComparePage:
    """Compare in a browser.

    Args:
        browser: Its window.
        trained: The studio that it shows.
    """

    def __init__(self, browser: Browser, trained: Trained) -> None:
        self.browser = browser
        self.trained = trained

    def open(self, pair: str | None = None, **view: str) -> None:
        """Go to a pair, the rich one if none is named, and wait for both pictures."""
        query = {"adapter": self.trained.adapters[0], "pair": pair or self.trained.rich, **view}
        self.browser.driver.get("about:blank")
        self.browser.driver.get(f"{self.trained.studio.url}/#/compare?{urlencode(query)}")
        self.loaded()

    def loaded(self) -> None:
        """Wait for both pictures of the pair in the address."""
        script = "return [...document.querySelectorAll('figure img')].filter((one) => one.naturalWidth > 0).length"
        self.browser.wait("two pictures", lambda: self.browser.run(script) == 2, DRAWING_S)
        self.browser.wait("no pair before", lambda: self.browser.count("section[aria-label='The pair']"), DRAWING_S)

    def address(self) -> dict[str, str]:
        """What the address says."""
        query = self.browser.driver.current_url.partition("?")[2]
        return {name: values[0] for name, values in parse_qs(query).items()}

    def says(self, **wanted: str) -> None:
        """Wait until the address says so; "" means that it does not speak of it."""

        def holds() -> bool:
            found = self.address()
            return all(found.get(name, "") == value for name, value in wanted.items())

        self.browser.wait(f"{wanted} in the address", holds)

    def painted(self, count: int, ending: str = "") -> None:
        """Wait until so many maps lie over the pictures, whose files' names end so."""
        css = f"canvas[data-map$='{ending}'][data-painted=true]" if ending else PAINTED
        self.browser.wait(f"{count} maps {ending}", lambda: self.browser.count(css) == count)

    def value(self, name: str) -> str | None:
        """What a field says."""
        return self.browser.find(f"[name={name}]").get_attribute("value")

    def style(self, css: str, name: str) -> list[str]:
        """One computed style of all elements of a selector."""
        script = f"return [...document.querySelectorAll({css!r})].map((one) => getComputedStyle(one)[{name!r}])"
        return list(self.browser.driver.execute_script(script))  # pyright: ignore

    def job(self) -> dict[str, Any]:
        """The order of the pair in the address."""
        return self.trained.studio.read(f"/jobs/{self.address()['pair']}")
