"""Long caption sets, folders and lost connections in a real chromium."""

from pathlib import Path

import pytest
from PIL import Image

from tests.end_to_end.accessibility import weighty_findings
from tests.end_to_end.browser import CHROMEDRIVER, CHROMIUM, Browser
from tests.end_to_end.rest import small_set
from tests.end_to_end.running_studio import RunningStudio
from tests.end_to_end.test_browser import id_in_address

pytestmark = pytest.mark.skipif(
    not (CHROMIUM and CHROMEDRIVER), reason="needs chromium and chromedriver: apt-get install chromium chromium-driver"
)
CARDS = "main ul.items > li"
MANY = 1000


def base_of(studio: RunningStudio, dataset: str, index: int) -> list[str]:
    """Base phrases of one caption, as the studio has them."""
    return studio.read(f"/datasets/{dataset}")["items"][index]["base"]


def go_offline(browser: Browser, *, offline: bool) -> None:
    """Cut the window off, or connect it again."""
    conditions = {"offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    browser.driver.execute_cdp_cmd("Network.enable", {})  # pyright: ignore[reportUnknownMemberType]
    browser.driver.execute_cdp_cmd("Network.emulateNetworkConditions", conditions)  # pyright: ignore[reportUnknownMemberType]


def test_a_thousand_captions_are_there_without_a_thousand_cards(browser: Browser, studio: RunningStudio) -> None:
    dataset = small_set(studio, count=MANY, size_px=32)
    browser.driver.get(f"{studio.url}/#/captions?set={dataset}")
    browser.wait("the first cards", lambda: browser.count(CARDS) > 0)
    assert weighty_findings(browser) == []
    browser.run("scrollTo(0, document.body.scrollHeight / 2)")
    browser.wait("cards of the middle", lambda: browser.count("li[aria-posinset='500']") == 1)
    browser.wait("few elements", lambda: browser.run("return document.querySelectorAll('*').length") < 900)
    browser.run("document.querySelector('footer').scrollIntoView()")
    browser.wait("the last card", lambda: browser.count(f"li[aria-posinset='{MANY}']") == 1)
    assert browser.run("return document.querySelectorAll('*').length") < 900
    last = f"Base phrase 1 of {MANY - 1:04d}.png"
    browser.retype(browser.field(last), "a man")
    browser.wait("the saved correction", lambda: base_of(studio, dataset, MANY - 1)[0] == "a man")
    assert browser.log() == []


def test_a_correction_outlasts_a_lost_connection_and_scrolling(browser: Browser, studio: RunningStudio) -> None:
    dataset = small_set(studio, count=60)
    browser.driver.get(f"{studio.url}/#/captions?set={dataset}")
    browser.wait("the cards", lambda: browser.count(CARDS) > 0)
    go_offline(browser, offline=True)
    browser.retype(browser.field("Base phrase 1 of 0000.png"), "a man")
    browser.retype(browser.field("Base phrase 2 of 0000.png"), "a brick wall")
    browser.wait("what became of it", lambda: "Not saved yet; what you typed is kept here." in browser.text())
    browser.run("scrollTo(0, document.body.scrollHeight)")
    browser.wait("the first card out of sight", lambda: browser.count("li[aria-posinset='1']") == 0)
    go_offline(browser, offline=False)
    wanted = ["a man", "a brick wall"]
    browser.wait("both corrections", lambda: base_of(studio, dataset, 0) == wanted)
    browser.run("scrollTo(0, 0)")
    browser.wait(
        "the card as it was typed",
        lambda: browser.field("Base phrase 2 of 0000.png").get_attribute("value") == wanted[1],
    )


def test_quick_edits_of_one_caption_all_arrive(browser: Browser, studio: RunningStudio) -> None:
    dataset = small_set(studio, count=2)
    browser.driver.get(f"{studio.url}/#/captions?set={dataset}")
    browser.wait("the cards", lambda: browser.count(CARDS) == 2)
    for label, text in (
        ("Base phrase 1", "a man"),
        ("Base phrase 2", "a wall"),
        ("Add a base phrase", "a hat, a scarf"),
    ):
        browser.retype(browser.field(f"{label} {'to' if 'Add' in label else 'of'} 0000.png"), text)
    browser.wait("all edits", lambda: base_of(studio, dataset, 0) == ["a man", "a wall", "a hat", "a scarf"])


def test_a_folder_is_sent_as_it_is(browser: Browser, studio: RunningStudio, tmp_path: Path) -> None:
    deep = tmp_path / "portraits" / "deep"
    deep.mkdir(parents=True)
    for number, folder in enumerate((deep.parent, deep)):
        Image.new("RGB", (64, 64), "teal").save(folder / f"{number}.png")
        (folder / f"{number}.txt").write_text("a woman, [sunglasses]", "utf-8")
    (deep / "notes.doc").write_text("neither", "utf-8")
    browser.driver.get(f"{studio.url}/#/captions")
    browser.find("input[webkitdirectory]").send_keys(str(deep.parent))
    browser.wait("the set", lambda: browser.count(CARDS) == 2)
    made = studio.read(f"/datasets/{id_in_address(browser, 'set')}")
    assert (made["name"], [item["file_name"] for item in made["items"]]) == ("portraits", ["0.png", "deep/1.png"])
    assert made["errors"] == []
