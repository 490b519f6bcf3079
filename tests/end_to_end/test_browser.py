"""The main job as a person does it: a real chromium, the real studio, a tiny model in the place of pico."""

import hashlib
import json
import re
import zipfile
from pathlib import Path

import pytest
from PIL import Image, ImageDraw
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from spf_portrait.contract.hold import Hold
from tests.end_to_end.browser import CHROMEDRIVER, CHROMIUM, Browser
from tests.end_to_end.running_studio import RunningStudio

pytestmark = pytest.mark.skipif(
    not (CHROMIUM and CHROMEDRIVER), reason="needs chromium and chromedriver: apt-get install chromium chromium-driver"
)

TRAINING_S = 240.0
DRAWING_S = 90.0
PAINTED_MAP = "canvas[data-painted=true]"
LOADED_PICTURES = "return [...document.querySelectorAll('figure img')].filter((one) => one.naturalWidth > 0).length"


def make_caption_set(folder: Path) -> list[Path]:
    """Four portraits, and a file that is no picture; one caption has a slip of the pen, another one marks no target."""
    folder.mkdir()
    lines: list[str] = []
    for number, colour in enumerate(("red", "green", "blue", "orange")):
        image = Image.new("RGB", (128, 128), colour)
        ImageDraw.Draw(image).ellipse((32, 24, 96, 104), fill="wheat")
        image.save(folder / f"portrait_{number}.png")
        person = "a wmoan" if number == 2 else "a woman"
        target = "sunglasses" if number == 3 else "[sunglasses]"
        text = f"{person}, a {colour} background, {target}"
        lines.append(json.dumps({"file_name": f"portrait_{number}.png", "text": text}))
    (folder / "broken.png").write_bytes(b"not a picture")
    lines.append(json.dumps({"file_name": "broken.png", "text": "a woman, [sunglasses]"}))
    (folder / "metadata.jsonl").write_text("\n".join(lines))
    return sorted(folder.iterdir())


def id_in_address(browser: Browser, name: str) -> str:
    """One of the ids in the page's address."""
    found = re.search(rf"[?&]{name}=(\w+)", browser.driver.current_url)
    assert found, f"no {name} in {browser.driver.current_url}"
    return found.group(1)


def upload_and_correct(browser: Browser, studio: RunningStudio, files: list[Path]) -> None:
    """Step 1 of the page."""
    browser.driver.get(studio.url)
    assert "draws cartoon portraits" in browser.text()
    browser.find("input[type=file]").send_keys("\n".join(str(file) for file in files))
    browser.wait("four captions", lambda: browser.count("main ul.items > li") == 4)
    assert "broken.png" in browser.text(), "the broken picture must be named"
    browser.wait("the words that pico does not know", lambda: "has never seen: wmoan, orange." in browser.text())
    browser.retype(browser.field("Base phrase 1 of portrait_2.png"), "a woman")
    browser.wait("one unknown word less", lambda: "has never seen: orange." in browser.text())
    browser.click(browser.field("Teach “sunglasses”"))
    browser.wait("four sound captions", lambda: "needs a correction" not in browser.text())
    dataset = f"/datasets/{id_in_address(browser, 'set')}"
    browser.wait("the saved correction", lambda: studio.read(dataset)["items"][2]["base"][0] == "a woman")
    assert studio.read(dataset)["target"] == "sunglasses"


def train(browser: Browser, studio: RunningStudio) -> None:
    """Step 2 of the page: a short training, watched, with a reload in the middle."""
    browser.press("Train on this set")
    browser.press("Advanced settings")
    for name, value in {"stage1_steps": "12", "stage2_steps": "8", "batch_size": "2", "rank": "2"}.items():
        browser.find(f"input[name={name}]").send_keys(value)
    browser.press("Start training")
    browser.find("progress")
    browser.driver.refresh()
    browser.wait("progress in steps", lambda: re.search(r"\d+ of \d+|is ready", browser.text()), TRAINING_S)
    browser.wait("the end of the training", lambda: re.search("is ready|Failed", browser.text()), TRAINING_S)
    job = studio.read(f"/jobs/{id_in_address(browser, 'job')}")
    assert job["status"] == "succeeded", job["error"]
    assert (job["spec"]["stage1_steps"], job["spec"]["rank"]) == (12, 2), "settings must arrive"
    browser.find("figure canvas")
    assert "Denoising" in browser.text()
    browser.wait("the two validation curves", lambda: browser.count("figure canvas") == 2)
    assert re.search(r"Target gained: .* From -?\d\.\d\d at step 0 to -?\d\.\d\d at step 20", browser.text())
    described = [
        one.get_attribute("aria-label") or "" for one in browser.driver.find_elements(By.CSS_SELECTOR, "[role=img]")
    ]
    assert any("Rest kept: From 1.00 at step 0" in text for text in described), described


def compare(browser: Browser) -> None:
    """Step 3 of the page: a pair, every map of it; test_compare.py looks closer."""
    browser.press("See what it changes")
    browser.wait("a prefilled prompt", lambda: value_of(browser, "base_text"))
    assert value_of(browser, "target") == "sunglasses"
    browser.press("Draw")
    browser.wait("two pictures", lambda: browser.run(LOADED_PICTURES) == 2, DRAWING_S)
    for phrase, maps in (("base a woman", 2), ("target", 1), ("pad", 2)):
        browser.find(f"[data-phrase='{phrase}']").click()
        browser.wait(f"the maps of {phrase}", lambda wanted=maps: browser.count(PAINTED_MAP) == wanted)
    for name in ("Control map", "Noise difference"):
        browser.press(name)
        browser.wait(name, lambda: browser.count(PAINTED_MAP) == 2)


def hold_the_rest(browser: Browser, studio: RunningStudio) -> None:
    """The same pair again with one switch: another response, and a map of where the adapter drew."""
    first = studio.read(f"/jobs/{id_in_address(browser, 'pair')}")
    browser.press("Options")
    browser.press("Hold the rest")
    browser.press("More")
    browser.find("input[name=held_below]").send_keys(Keys.END)
    browser.wait("the other threshold before it", lambda: value_of(browser, "free_above") == "1")
    browser.find("input[name=firmness]").send_keys(Keys.HOME, Keys.PAGE_UP)
    for _ in range(2):
        browser.press("Hold the rest")
    assert [value_of(browser, name) for name in ("firmness", "held_below")] == ["0.1", "0.99"], "off and on again"
    browser.driver.refresh()
    browser.press("Options")
    browser.press("Hold the rest")
    browser.press("More")
    defaults = {name: float(value_of(browser, name) or "nan") for name in Hold.model_fields}
    assert defaults == Hold().model_dump(), "the page's defaults are the engine's"
    browser.find("input[name=held_below]").send_keys(Keys.END)  # the tiny model's answers differ nearly everywhere
    browser.press("Draw")
    browser.wait("the new pair's address", lambda: first["id"] not in browser.driver.current_url)
    browser.wait("the held picture", lambda: browser.count("img[alt^='Response, the rest held']") == 1, DRAWING_S)
    held = studio.read(f"/jobs/{id_in_address(browser, 'pair')}")
    assert held["spec"] == {**first["spec"], "hold": Hold(held_below=0.99, free_above=1).model_dump()}
    before, after = (studio.read(f"/comparisons/{job['comparison_id']}")["files"] for job in (first, held))
    same = {name: studio.fetch(before[name]) == studio.fetch(after[name]) for name in ("reference.png", "response.png")}
    assert same == {"reference.png": True, "response.png": False}
    browser.press("Hold map")
    browser.wait("the map of the hold", lambda: browser.count(PAINTED_MAP) == 2)
    browser.driver.refresh()
    browser.wait("the map that is in the address", lambda: browser.count(PAINTED_MAP) == 2)
    browser.press("Options: hold")
    browser.wait("the switch of the pair in the address", lambda: browser.count("input[name=hold]:checked") == 1)


def value_of(browser: Browser, name: str) -> str | None:
    """What a field of the form says."""
    return browser.find(f"[name={name}]").get_attribute("value")


def download_adapter(browser: Browser, downloads: Path) -> None:
    """Step 4 of the page: the file that arrives is the one whose hash is shown."""
    browser.run("location.hash = location.hash.replace('#/compare', '#/adapter')")
    browser.press("Download adapter.safetensors")
    adapter = downloads / "adapter.safetensors"
    browser.wait("the download", adapter.is_file)
    assert hashlib.sha256(adapter.read_bytes()).hexdigest() in browser.text()
    assert "Loads in diffusers only: " in browser.text()
    cover = "return document.querySelector('img[src$=\"/adapter.png\"]').naturalWidth"
    browser.wait("the cover", lambda: browser.run(cover) > 0)
    browser.press("adapter.json")
    browser.wait("the notes", (downloads / "adapter.json").is_file)
    assert json.loads((downloads / "adapter.json").read_text("utf-8"))["activation text"] == "sunglasses"
    browser.press("All files in one zip")
    browser.wait("the zip", lambda: list(downloads.glob("adp_*.zip")))
    with zipfile.ZipFile(next(downloads.glob("adp_*.zip"))) as archive:
        assert archive.read("adapter.safetensors") == adapter.read_bytes()
        assert "diffusers/pytorch_lora_weights.safetensors" in archive.namelist()
    assert "ComfyUI and AUTOMATIC1111 do not" in browser.text()


def delete_everything(browser: Browser, studio: RunningStudio) -> None:
    """What was made goes again: the pairs first, then the training together with its adapter."""
    for comparison in studio.read("/comparisons")["data"]:
        browser.driver.get(f"{studio.url}/#/compare?pair={comparison['job_id']}")
        browser.click(browser.field("Delete this pair"))
        browser.press("Delete for good")
        browser.wait("an empty stage", lambda: "pair=" not in browser.driver.current_url)
    assert studio.read("/comparisons")["data"] == []
    browser.driver.get(studio.url)
    browser.click(browser.field("Delete the training of “sunglasses”"))
    assert "The adapter that it made goes, too." in browser.find("dialog[open]").text
    browser.press("Delete for good")
    browser.wait("an empty list", lambda: "No adapter yet" in browser.text() and "No training yet." in browser.text())
    assert (studio.read("/adapters")["data"], studio.read("/jobs?kind=training")["data"]) == ([], [])


def test_the_main_job_in_a_real_browser(
    browser: Browser, studio: RunningStudio, tmp_path: Path, downloads: Path
) -> None:
    upload_and_correct(browser, studio, make_caption_set(tmp_path / "set"))
    assert browser.overflow_on_a_phone_px() == 0, "captions"
    train(browser, studio)
    assert browser.overflow_on_a_phone_px() == 0, "training"
    compare(browser)
    assert browser.overflow_on_a_phone_px() == 0, "comparison"
    hold_the_rest(browser, studio)
    assert browser.overflow_on_a_phone_px() == 0, "held comparison"
    download_adapter(browser, downloads)
    assert browser.overflow_on_a_phone_px() == 0, "adapter"
    browser.driver.get(studio.url)
    browser.wait("the training in the list of former ones", lambda: "SPF, quick" in browser.text())
    delete_everything(browser, studio)
    assert browser.log() == [], "the console must stay silent, the content security policy included"


def test_a_studio_that_says_no_is_understood(browser: Browser, studio: RunningStudio, tmp_path: Path) -> None:
    empty = tmp_path / "empty.zip"
    empty.write_bytes(b"PK\x05\x06" + bytes(18))
    browser.driver.get(studio.url)
    browser.find("input[type=file]").send_keys(str(empty))
    browser.wait("what to do", lambda: "What to do:" in browser.find("[role=alert]").text)
    assert "empty.zip" in browser.find("[role=alert]").text


def test_a_target_is_said_once_for_captions_that_mark_none(
    browser: Browser, studio: RunningStudio, tmp_path: Path
) -> None:
    for colour in ("red", "green"):
        Image.new("RGB", (128, 128), colour).save(tmp_path / f"{colour}.png")
        (tmp_path / f"{colour}.txt").write_text(f"a woman with sunglasses, a {colour} background")
    browser.driver.get(studio.url)
    browser.find("input[name=target]").send_keys("sunglasses")
    browser.find("input[type=file]").send_keys("\n".join(str(file) for file in sorted(tmp_path.glob("*.*"))))
    browser.wait("two captions", lambda: browser.count("main ul.items > li") == 2)
    items = studio.read(f"/datasets/{id_in_address(browser, 'set')}")["items"]
    assert [(item["base"], item["target"]) for item in items] == [
        (["a woman", "a green background"], "sunglasses"),
        (["a woman", "a red background"], "sunglasses"),
    ]
    assert "needs a correction" not in browser.text()
