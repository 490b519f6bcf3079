"""The Train page in a real chromium: an order tried and placed, and a training followed, with a tiny model."""

import re
import time
from collections.abc import Iterator

import pytest
from selenium.webdriver.common.action_chains import ActionChains

from tests.end_to_end.accessibility import weighty_findings
from tests.end_to_end.browser import CHROMEDRIVER, CHROMIUM, Browser
from tests.end_to_end.rest import client_of, jobs, portrait, small_set, upload
from tests.end_to_end.running_studio import RunningStudio
from tests.end_to_end.test_browser import id_in_address

pytestmark = pytest.mark.skipif(
    not (CHROMIUM and CHROMEDRIVER), reason="needs chromium and chromedriver: apt-get install chromium chromium-driver"
)
JOB_S = 240.0
SHOWN_PREVIEWS = (
    "return [...document.querySelectorAll('li[data-step] img')].filter((one) => one.naturalWidth > 0).length"
)


@pytest.fixture
def caption_set(studio: RunningStudio) -> str:
    """A set of its own."""
    return small_set(studio)


@pytest.fixture(autouse=True)
def nothing_runs_on(studio: RunningStudio) -> Iterator[None]:
    """A test's trainings end with it, so that none keeps the next one waiting."""
    yield
    with client_of(studio) as client:
        for job in jobs(studio):
            if job["finished_at"] is None:
                client.post(f"jobs/{job['id']}/cancel")


def open_form(browser: Browser, studio: RunningStudio, dataset_id: str) -> None:
    """Go to the form and wait until it has tried the order as it stands."""
    browser.driver.get(f"{studio.url}/#/train?set={dataset_id}")
    browser.wait("a first try", lambda: "steps, " in browser.text())


def type_into(browser: Browser, **settings: str) -> None:
    """Fill fields of the advanced settings, which are open."""
    for name, text in settings.items():
        field = browser.find(f"[name='{name}']")
        field.clear()
        field.send_keys(text)


def status(studio: RunningStudio, job_id: str) -> str:
    """A job's state."""
    return studio.read(f"/jobs/{job_id}")["status"]


def test_an_order_is_tried_before_it_is_placed(browser: Browser, studio: RunningStudio, caption_set: str) -> None:
    before = len(jobs(studio))
    open_form(browser, studio, caption_set)
    assert "3 portraits are few" in browser.text()
    browser.click(browser.driver.find_element("xpath", "//button[.='Check']"))
    browser.wait("a verdict", lambda: "Nothing stops this training." in browser.text())
    browser.press("Advanced settings")
    type_into(browser, stage1_steps="5", stage2_steps="2")
    browser.wait("the steps of the form", lambda: "7 steps, " in browser.text())
    names = {one["title"] for one in studio.read("/trainings/settings")["groups"]}
    assert names <= {legend.text for legend in browser.driver.find_elements("css selector", "details legend")}
    for theme in ("light", "dark"):
        browser.run(f"document.documentElement.dataset.theme = '{theme}'")
        assert weighty_findings(browser) == [], theme
    assert browser.overflow_on_a_phone_px() == 0
    assert len(jobs(studio)) == before
    assert studio.read(f"/datasets/{caption_set}")["status"] == "draft"
    assert browser.log() == []


def test_a_check_says_why_an_order_would_be_refused(browser: Browser, studio: RunningStudio) -> None:
    untargeted = upload(studio, "no target", {"a.png": portrait("tan"), "a.txt": b"a woman, a red background"})["id"]
    open_form(browser, studio, untargeted)
    browser.click(browser.driver.find_element("xpath", "//button[.='Check']"))
    browser.wait("a verdict", lambda: "This training would be refused." in browser.text())
    assert "a.png" in browser.find("form [role=alert]").text
    assert weighty_findings(browser) == []


def test_a_value_out_of_bounds_is_shown_at_its_field_even_where_it_is_folded_away(
    browser: Browser, studio: RunningStudio, caption_set: str
) -> None:
    before = len(jobs(studio))
    open_form(browser, studio, caption_set)
    browser.press("Advanced settings")
    type_into(browser, rank="0")
    browser.press("Advanced settings")
    browser.wait("a folded form", lambda: not browser.find("[name=rank]").is_displayed())
    browser.press("Start training")
    browser.wait("the field", lambda: browser.driver.switch_to.active_element.get_attribute("name") == "rank")
    assert "Found 0; allowed: whole numbers, 1 to 128." in browser.text()
    assert len(jobs(studio)) == before


def test_a_double_click_orders_once(browser: Browser, studio: RunningStudio, caption_set: str) -> None:
    before = len(jobs(studio))
    open_form(browser, studio, caption_set)
    browser.run("const form = document.querySelector('form'); form.requestSubmit(); form.requestSubmit()")
    browser.wait("the training's page", lambda: "job=" in browser.driver.current_url)
    assert len(jobs(studio)) == before + 1


def test_a_training_is_followed_stopped_and_gone_on_with(
    browser: Browser, studio: RunningStudio, caption_set: str
) -> None:
    open_form(browser, studio, caption_set)
    browser.press("For comparison")
    browser.press("Plain LoRA")
    browser.press("Advanced settings")
    type_into(browser, stage1_steps="600", stage2_steps="0", rank="2", validate_every="20", checkpoint_every="20")
    browser.press("Start training")
    browser.wait("previews of step 0", lambda: browser.run(SHOWN_PREVIEWS) >= 2, JOB_S)
    browser.wait("both charts", lambda: browser.count("figure canvas") == 2, JOB_S)
    first = id_in_address(browser, "job")
    browser.driver.refresh()
    browser.wait("the same after a reload", lambda: browser.run(SHOWN_PREVIEWS) >= 2)
    browser.wait("both charts again", lambda: browser.count("figure canvas") == 2)
    zoom_survives_new_data(browser)
    browser.press("Log of the trainer")
    browser.find("[aria-label='End of the log']")
    assert weighty_findings(browser) == []
    assert browser.overflow_on_a_phone_px() == 0
    browser.press("Cancel")
    browser.wait("the end", lambda: status(studio, first) == "canceled", JOB_S)
    browser.press("Go on from the last checkpoint")
    browser.wait("another job", lambda: first not in browser.driver.current_url)
    browser.wait("what went before", lambda: browser.count("li[data-step='0']") == 2)
    browser.wait("curves from the beginning", lambda: re.search(r"From -?[\d.]+ at step 0 to", browser.text()))
    assert browser.log() == []


def zoom_survives_new_data(browser: Browser) -> None:
    """Zoom into the first chart while the training takes its steps."""
    over = browser.find("figure .u-over")
    browser.run("document.querySelector('figure .u-over').scrollIntoView({block: 'center'})")
    drag = ActionChains(browser.driver).move_to_element_with_offset(over, -60, 0).click_and_hold()
    drag.move_by_offset(40, 0).move_by_offset(40, 0).release().perform()
    browser.wait("a zoomed chart", lambda: "Show all steps" in browser.text())
    zoomed = browser.find(".zoom span").text
    seen = browser.text()
    browser.wait("another measurement", lambda: validated(browser.text()) > validated(seen), JOB_S)
    time.sleep(0.5)
    assert browser.find(".zoom span").text == zoomed
    browser.press("Show all steps")
    browser.wait("the whole chart", lambda: browser.count(".zoom") == 0)


def validated(text: str) -> int:
    """The step of the last measurement that the page tells of."""
    return int((re.search(r"Rest kept: .* at step (\d+)", text) or ["", "0"])[1])
