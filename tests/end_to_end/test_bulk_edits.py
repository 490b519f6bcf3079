"""Many captions changed at once in the page, and back: a real chromium, the real studio."""

from pathlib import Path

import pytest
from PIL import Image

from tests.end_to_end.browser import CHROMEDRIVER, CHROMIUM, Browser
from tests.end_to_end.running_studio import RunningStudio
from tests.end_to_end.test_browser import id_in_address

pytestmark = pytest.mark.skipif(
    not (CHROMIUM and CHROMEDRIVER), reason="needs chromium and chromedriver: apt-get install chromium chromium-driver"
)
COLOURS = ("red", "green", "blue", "gray", "black", "white")


@pytest.fixture
def uploaded(browser: Browser, studio: RunningStudio, tmp_path: Path) -> str:
    """Address of a set whose target always comes with one garment."""
    for number, colour in enumerate(COLOURS):
        Image.new("RGB", (128, 128), colour).save(tmp_path / f"{number}.png")
        (tmp_path / f"{number}.txt").write_text(f"a woman, a {colour} background, a green hoodie, [sunglasses]")
    browser.driver.get(studio.url)
    browser.find("input[type=file]").send_keys("\n".join(str(file) for file in sorted(tmp_path.glob("*.*"))))
    browser.wait("six captions", lambda: browser.count("main ul.items > li") == len(COLOURS))
    return f"/datasets/{id_in_address(browser, 'set')}"


def phrases(studio: RunningStudio, dataset: str) -> set[tuple[str, ...]]:
    """First and last base phrase of every caption, and its target."""
    return {(item["base"][0], item["base"][-1], item["target"]) for item in studio.read(dataset)["items"]}


def test_a_phrase_is_replaced_in_every_caption_and_comes_back(
    browser: Browser, studio: RunningStudio, uploaded: str
) -> None:
    before = phrases(studio, uploaded)
    browser.find("main details summary").click()
    browser.field("Phrase").send_keys("a woman")
    browser.field("Other phrase").send_keys("a man")
    browser.press("Change all")
    browser.wait("what it did", lambda: "6 captions changed." in browser.text())
    assert phrases(studio, uploaded) == {("a man", "a green hoodie", "sunglasses")}
    browser.press("Undo")
    browser.wait("what undoing did", lambda: "6 captions put back." in browser.text())
    assert phrases(studio, uploaded) == before


def test_an_edit_that_would_break_captions_changes_none_and_says_why(
    browser: Browser, studio: RunningStudio, uploaded: str
) -> None:
    before = phrases(studio, uploaded)
    browser.find("main details summary").click()
    browser.field("Phrase").send_keys("a woman")
    browser.field("Other phrase").send_keys("sunglasses")
    browser.press("Change all")
    browser.wait("a refusal", lambda: browser.count("[role=alert]") == 1)
    assert phrases(studio, uploaded) == before


def test_another_target_for_all_is_one_request_and_can_be_undone(
    browser: Browser, studio: RunningStudio, uploaded: str
) -> None:
    browser.retype(browser.field("Target phrase of the whole set"), "heart glasses")
    browser.wait("what it did", lambda: "6 captions changed." in browser.text())
    assert {target for *_, target in phrases(studio, uploaded)} == {"heart glasses"}
    browser.press("Undo")
    browser.wait("what undoing did", lambda: "6 captions put back." in browser.text())
    assert {target for *_, target in phrases(studio, uploaded)} == {"sunglasses"}


@pytest.mark.usefixtures("uploaded")
def test_what_always_comes_with_the_target_is_said_beside_the_captions(browser: Browser) -> None:
    browser.wait("the report", lambda: "a green hoodie" in browser.find("main .notice.warning").text)
