"""Compare in a real chromium with the real studio and a tiny model: what is seen, reached by keyboard, and shared."""

import io
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from tests.end_to_end.browser import CHROMEDRIVER, CHROMIUM, Browser
from tests.end_to_end.compare_page import DRAWING_S, PAINTED, ComparePage, Trained, prepare
from tests.end_to_end.running_studio import RunningStudio

pytestmark = pytest.mark.skipif(
    not (CHROMIUM and CHROMEDRIVER), reason="needs chromium and chromedriver: apt-get install chromium chromium-driver"
)

NATURAL_PX = 32
WOMAN, JACKET = "[data-phrase='base a woman']", "[data-phrase='base a brown jacket']"
HANDLE = "[role=slider][aria-label='Where the response begins']"
FRAMES = "figure > .frame"
MOVING = "figure .moving"


@pytest.fixture(scope="module")
def trained(studio: RunningStudio, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Two adapters and two pairs."""
    return prepare(studio, tmp_path_factory.mktemp("set"))


@pytest.fixture
def page(browser: Browser, trained: Trained) -> Iterator[ComparePage]:
    """Compare with the rich pair; whatever a test does there, the console has to stay silent."""
    browser.driver.set_window_size(1440, 1000)
    page = ComparePage(browser, trained)
    page.open()
    yield page
    assert browser.log() == [], "the console must stay silent, the content security policy included"


def test_pictures_are_as_large_as_whole_pixels_allow(page: ComparePage) -> None:
    sides = page.browser.run(f"return document.querySelector('{FRAMES}').clientWidth")
    assert sides % NATURAL_PX == 0
    assert sides >= 400
    assert page.style("figure img", "imageRendering") == ["pixelated"] * 2
    page.browser.press("Divider")
    alone = page.browser.run(f"return document.querySelector('{FRAMES}').clientWidth")
    assert alone % NATURAL_PX == 0
    assert alone > sides


def test_a_word_shows_where_both_pictures_look_and_a_press_keeps_it(page: ComparePage) -> None:
    mouse = ActionChains(page.browser.driver)
    mouse.move_to_element(page.browser.find(WOMAN)).perform()
    page.painted(2, "/00_04.png")
    assert "grayscale(1)" in page.style("figure img", "filter")[0], "the portrait's own colours step back"
    mouse.move_to_element(page.browser.find("[data-phrase=target]")).perform()
    page.painted(1, "maps/response/02_04.png")
    assert "the reference is not asked for the target" in page.browser.text()
    mouse.move_to_element(page.browser.find("#evidence-heading")).perform()
    page.painted(0)
    page.browser.find(JACKET).click()
    mouse.move_to_element(page.browser.find("#evidence-heading")).perform()
    page.browser.run("document.activeElement.blur()")
    page.painted(2, "/01_04.png")
    page.says(phrase="base a brown jacket")
    page.browser.driver.execute_script("document.querySelector(arguments[0]).focus()", WOMAN)  # pyright: ignore
    page.painted(2, "/00_04.png")
    page.browser.find(WOMAN).send_keys(Keys.ESCAPE)
    page.says(phrase="")


def test_response_minus_reference_and_single_layers(page: ComparePage) -> None:
    page.browser.find(WOMAN).click()
    page.browser.press("Response minus reference")
    page.browser.wait("one map over both", lambda: page.browser.count(f"{PAINTED}[data-map*=' − ']") == 2)
    assert "+1" in page.browser.text(), "a legend has numbers"
    page.browser.press("Attention to a word")
    page.browser.find("input[name=layer]").send_keys(Keys.HOME, Keys.ARROW_RIGHT)
    page.browser.wait("a layer's maps", lambda: page.browser.count(f"{PAINTED}[data-map*='maps/layers/']") == 2)
    page.says(layer="0")
    page.open(page.trained.plain)
    assert "Layer by layer: not recorded." in page.browser.text()


def test_arrows_step_through_the_timesteps(page: ComparePage) -> None:
    page.browser.press("Noise difference")
    page.painted(2, "maps/noise/04.png")
    page.browser.find("[aria-label^='The pictures']").send_keys(Keys.ARROW_RIGHT)
    page.painted(2, "maps/noise/05.png")
    page.browser.find("input[name=timestep]").send_keys(Keys.HOME)
    page.painted(2, "maps/noise/00.png")
    page.says(t="0", map="noise")


def test_the_divider_is_dragged_and_stepped(page: ComparePage) -> None:
    page.browser.press("Divider")
    handle = page.browser.find(HANDLE)
    ActionChains(page.browser.driver).drag_and_drop_by_offset(handle, 100, 0).perform()
    dragged = float(handle.get_attribute("aria-valuenow") or 0)
    assert 55 < dragged < 80
    handle.send_keys(Keys.ARROW_LEFT, Keys.ARROW_LEFT)
    assert float(handle.get_attribute("aria-valuenow") or 0) == pytest.approx(dragged - 4, abs=1)
    handle.send_keys(Keys.END)
    page.says(divide="100")
    assert page.style(FRAMES, "clipPath")[1] == "inset(0px 0px 0px 100%)"


def test_blinking_lasts_as_long_as_it_is_held(page: ComparePage) -> None:
    page.browser.press("Blink")
    assert page.style(FRAMES, "clipPath")[1] == "none"
    pictures = page.browser.find("[aria-label^='The pictures']")
    keys = ActionChains(page.browser.driver)
    keys.click(pictures).key_down(Keys.SPACE).perform()
    page.browser.wait("the reference", lambda: page.style(FRAMES, "clipPath")[1] != "none")
    keys.key_up(Keys.SPACE).perform()
    page.browser.wait("the response", lambda: page.style(FRAMES, "clipPath")[1] == "none")
    keys.click_and_hold(pictures).perform()
    page.browser.wait("the reference again", lambda: page.style(FRAMES, "clipPath")[1] != "none")
    keys.release().perform()
    page.browser.wait("the response again", lambda: page.style(FRAMES, "clipPath")[1] == "none")


def test_zoom_and_shift_are_shared_and_come_back(page: ComparePage) -> None:
    for _ in range(2):
        page.browser.find("button[aria-label=Larger]").click()
    page.says(zoom="2.25")
    ActionChains(page.browser.driver).drag_and_drop_by_offset(page.browser.find(FRAMES), 90, 40).perform()
    page.browser.wait("a shift", lambda: "x" in page.address())
    first, second = page.style(MOVING, "transform")
    assert first == second != "none"
    page.browser.driver.refresh()
    page.loaded()
    page.browser.wait("the same zoom on both", lambda: page.style(MOVING, "transform") != ["none", "none"])
    for restored in page.style(MOVING, "transform"):
        assert numbers(restored) == pytest.approx(numbers(first), abs=1.5), "an address has three digits"
    page.browser.press("Whole")
    page.says(zoom="")


def numbers(transform: str) -> list[float]:
    """Those of a matrix(…)."""
    return [float(part) for part in transform.removeprefix("matrix(").removesuffix(")").split(",")]


def test_the_address_holds_the_whole_view(page: ComparePage) -> None:
    page.open(mode="divider", divide="30", phrase="base a woman", t="2", opacity="0.35", map="change")
    page.browser.wait("the map", lambda: page.browser.count(f"{PAINTED}[data-map*='/00_02.png']") == 2)
    assert page.browser.find(HANDLE).get_attribute("aria-valuenow") == "30"
    assert page.value("opacity") == "0.35"
    assert page.browser.find(WOMAN).get_attribute("aria-pressed") == "true"
    page.open(mode="difference")
    page.painted(1)
    assert page.style("figure", "visibility") == ["visible", "hidden"]


def test_the_pair_before_and_all_that_was_typed_stay_while_the_next_is_drawn(page: ComparePage) -> None:
    page.browser.find(WOMAN).click()
    page.browser.press("Divider")
    page.browser.find("input[name=timestep]").send_keys(Keys.END)
    before = page.address()["pair"]
    text = page.browser.find("textarea[name=base_text]")
    text.send_keys(Keys.END, ", a blue hat", Keys.ENTER)
    page.browser.wait("the new pair's address", lambda: page.address()["pair"] != before)
    text.send_keys(" and more")
    assert page.browser.count("section[aria-label='The pair before'] figure img") == 2
    assert page.browser.run("return document.activeElement.name === 'base_text'"), "the focus stays"
    page.loaded()
    assert page.value("base_text") == "a woman, a brown jacket, a blue hat and more"
    assert page.job()["spec"]["base_text"] == "a woman, a brown jacket, a blue hat"
    page.painted(2, "/00_07.png")
    page.says(mode="divider", phrase="base a woman", t="7")


def test_the_strength_slider_draws_anew_and_finds_what_was_drawn(page: ComparePage) -> None:
    first = page.address()["pair"]
    page.browser.find("input[name=strength]").send_keys(Keys.HOME)
    page.browser.wait("another pair", lambda: page.address()["pair"] != first, DRAWING_S)
    page.loaded()
    assert page.job()["spec"]["strength"] == 0
    assert "0 %" in page.browser.find("section.evidence").text, "an adapter of strength 0 changes no base text"
    page.browser.find("input[name=strength]").send_keys(*[Keys.ARROW_RIGHT] * 20)
    page.says(pair=first)


def test_a_grid_of_seeds_and_strengths(page: ComparePage) -> None:
    page.open(seeds="2", strengths="0.5 1")
    page.browser.press("Draw the 2 that are missing")
    drawn = "button.cell img"
    page.browser.wait("four cells", lambda: page.browser.count(drawn) == 4, DRAWING_S)
    page.browser.find("button.cell[tabindex='0']").send_keys(Keys.ARROW_DOWN)
    page.browser.driver.switch_to.active_element.send_keys(Keys.ARROW_RIGHT)
    cell = page.browser.driver.switch_to.active_element
    assert (cell.get_attribute("aria-label") or "").startswith("Seed 4, strength 1:")
    cell.send_keys(Keys.ENTER)
    page.says(pair=page.trained.plain, seeds="2")
    page.loaded()


def test_evidence_is_what_the_files_say(page: ComparePage) -> None:
    comparison = page.trained.studio.read(f"/comparisons/{page.job()['comparison_id']}")
    files, sample = comparison["files"], comparison["sample"]

    def read(name: str, mode: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        with Image.open(io.BytesIO(page.trained.studio.fetch(files[name]))) as picture:
            return np.asarray(picture.convert(mode), np.float64) / 255

    change = np.abs(read("reference.png", "RGB") - read("response.png", "RGB")).mean(axis=2)
    control = np.mean([read(f"maps/control/{t:02d}.png", "L") for t in range(len(sample["timesteps"]))], axis=0)
    inside = control >= 0.5
    evidence = page.browser.find("section.evidence")
    page.browser.wait("a phrase's change", lambda: evidence.find_elements("css selector", "tbody tr"))
    if inside.any() and not inside.all():
        assert in_percent(change[~inside].mean()) in evidence.text
        assert in_percent(change[inside].mean()) in evidence.text
    else:
        assert "the control map reaches 0.5 nowhere" in evidence.text
    assert in_percent(sample["reconstruction_change"]) in evidence.text
    assert evidence.find_elements("css selector", "img[src$='/reconstruction.png']")
    page.open(page.trained.plain)
    page.browser.find("section.evidence button").click()
    page.browser.wait("the base text alone", lambda: page.browser.count("img[src$='/reconstruction.png']"), DRAWING_S)
    assert page.job()["spec"] == {
        **page.trained.studio.read(f"/jobs/{page.trained.plain}")["spec"],
        "reconstruction": True,
    }


def in_percent(share: float) -> str:
    """As the page writes it."""
    return f"{100 * share:.{2 if share < 0.01 else 1}f} %"


def test_another_adapter_can_be_chosen(page: ComparePage) -> None:
    other = page.trained.adapters[1]
    page.browser.find(f"select[name=adapter] option[value='{other}']").click()
    page.says(adapter=other, pair="")
    assert page.value("base_text") == "a woman, a brown jacket", "the texts stay"
    page.browser.press("Draw")
    page.browser.wait("its pair", lambda: "pair" in page.address())
    page.loaded()
    assert page.job()["source_adapter_id"] == other


def test_a_map_that_cannot_be_read_is_not_shown_under_another_name(page: ComparePage) -> None:
    page.browser.driver.execute_cdp_cmd("Network.enable", {})  # pyright: ignore
    page.browser.driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": ["*/maps/control/*"]})  # pyright: ignore
    page.browser.driver.refresh()
    page.loaded()
    page.browser.press("Noise difference")
    page.painted(2)
    page.browser.press("Control map")
    page.browser.wait("a word for each picture", lambda: page.browser.count("figure [role=alert]") == 2)
    assert page.browser.count(PAINTED) == 0
    assert "not measured" in page.browser.find("section.evidence").text
    page.browser.press("Noise difference")
    page.painted(2)
    assert page.browser.count("figure [role=alert]") == 0
    assert all("net::ERR_BLOCKED_BY_CLIENT" in message for message in page.browser.log())


def test_a_field_that_is_amiss_is_shown_even_where_it_was_folded_away(page: ComparePage) -> None:
    page.browser.press("Options")
    page.browser.find("input[name=steps]").send_keys("999")
    page.browser.press("Options")
    page.browser.wait("it folded away", lambda: not page.browser.find("input[name=steps]").is_displayed())
    page.browser.press("Draw")
    page.browser.wait("the field that is amiss", lambda: page.browser.find("input[name=steps]:invalid").is_displayed())


def test_nothing_stands_in_the_way_of_a_reader(page: ComparePage) -> None:
    page.open(seeds="1", phrase="base a woman")
    page.painted(2)
    for theme in ("light", "dark"):
        assert page.browser.weighty_findings() == [], theme
        page.browser.press("Options")
        assert page.browser.weighty_findings() == [], f"{theme}, with options"
        page.browser.press("Options")
        page.browser.find("button[role=switch][aria-label=Dark]").click()
    page.browser.find("button[role=switch][aria-label=Dark]").click()
    page.browser.driver.refresh()
    page.browser.wait(
        "dark after a reload", lambda: page.browser.run("return document.documentElement.dataset.theme === 'dark'")
    )


def test_a_phone_is_wide_enough(page: ComparePage) -> None:
    for view in ({"phrase": "base a woman"}, {"mode": "divider"}, {"mode": "difference", "seeds": "2"}):
        page.open(**view)
        assert page.browser.overflow_on_a_phone_px() == 0, view


def test_another_page_begins_at_its_top(page: ComparePage) -> None:
    page.browser.run("scrollTo(0, 600)")
    page.browser.run("document.querySelector('nav a[href^=\"#/captions\"]').click()")
    page.browser.wait("the top", lambda: page.browser.run("return scrollY") == 0)
    assert page.browser.run("return document.activeElement.id === 'main'")
