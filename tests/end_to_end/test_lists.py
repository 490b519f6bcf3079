"""Lists of sets, trainings and adapters in a real chromium: page by page, renamed, deleted."""

import pytest

from tests.end_to_end.accessibility import weighty_findings
from tests.end_to_end.browser import CHROMEDRIVER, CHROMIUM, Browser
from tests.end_to_end.rest import client_of, small_set
from tests.end_to_end.running_studio import RunningStudio

pytestmark = pytest.mark.skipif(
    not (CHROMIUM and CHROMEDRIVER), reason="needs chromium and chromedriver: apt-get install chromium chromium-driver"
)
ROWS = "section:has(ul) li"
COVERS = "return [...document.querySelectorAll('.picture img')].filter((one) => one.naturalWidth > 0).length"


def test_a_list_goes_on_after_its_first_page_and_shows_pictures(browser: Browser, studio: RunningStudio) -> None:
    for number in range(26):
        small_set(studio, count=1, name=f"set {number}")
    browser.driver.get(f"{studio.url}/#/captions")
    browser.wait("the first page", lambda: browser.count(ROWS) == 24)
    browser.wait("a picture", lambda: browser.run(COVERS) > 0)
    assert weighty_findings(browser) == []
    browser.click(browser.driver.find_element("xpath", "//button[.='More']"))
    browser.wait("the rest", lambda: browser.count(ROWS) >= 26 and "set 0" in browser.text())
    assert "set 0" in browser.text()
    assert browser.overflow_on_a_phone_px() == 0
    assert browser.log() == []


def test_a_set_is_renamed_and_deleted(browser: Browser, studio: RunningStudio) -> None:
    dataset = small_set(studio, name="first name")
    browser.driver.get(f"{studio.url}/#/captions?set={dataset}")
    browser.retype(browser.field("Name of the caption set"), "second name")
    browser.wait("the new name", lambda: studio.read(f"/datasets/{dataset}")["name"] == "second name")
    assert studio.fetch(f"/api/v1/datasets/{dataset}/archive").startswith(b"PK")
    browser.field("Delete the caption set “second name”").click()
    assert "Its 3 portraits and captions go with it." in browser.find("dialog[open]").text
    assert weighty_findings(browser) == []
    browser.press("Keep it")
    assert browser.count("dialog[open]") == 0
    browser.field("Delete the caption set “second name”").click()
    browser.press("Delete for good")
    browser.wait("the page of all sets", lambda: "set=" not in browser.driver.current_url)
    with client_of(studio) as client:
        assert client.get(f"datasets/{dataset}").status_code == 404


def test_what_is_in_use_stays_and_the_page_says_why(browser: Browser, studio: RunningStudio) -> None:
    dataset = small_set(studio, name="in use")
    with client_of(studio) as client:
        job = client.post("jobs", json={"kind": "training", "dataset_id": dataset, "spec": {}}).json()["id"]
        browser.driver.get(f"{studio.url}/#/captions?set={dataset}")
        browser.field("Delete the caption set “in use”").click()
        browser.press("Delete for good")
        browser.wait("a refusal", lambda: job in browser.find("dialog[open] [role=alert]").text)
        client.post(f"jobs/{job}/cancel")
        assert client.get(f"datasets/{dataset}").status_code == 200
        browser.driver.get(f"{studio.url}/#/train?set={dataset}")
        browser.wait("the end of the training", lambda: client.get(f"jobs/{job}").json()["finished_at"], 60.0)
    browser.wait("a training that can be deleted", lambda: browser.count("[aria-label^='Delete the training']") == 1)
    browser.click(browser.field("Delete the training of “sunglasses”"))
    browser.press("Delete for good")
    browser.wait("an empty list", lambda: "No training yet." in browser.text())
