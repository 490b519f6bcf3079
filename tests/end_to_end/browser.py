"""Debian's chromium, headless, with words for what a person does on the page."""

import shutil
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from selenium import webdriver
from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException, TimeoutException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

CHROMIUM = shutil.which("chromium")
CHROMEDRIVER = shutil.which("chromedriver")


class Browser:
    """One window.

    Args:
        driver: A started chromium.
    """

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def wait(self, what: str, condition: Callable[[], object], timeout_s: float = 20.0) -> None:
        """Wait until something holds; `what` names it in the failure."""
        waiting = WebDriverWait(
            self.driver,
            timeout_s,
            poll_frequency=0.1,
            ignored_exceptions=[NoSuchElementException, StaleElementReferenceException],
        )
        try:
            waiting.until(lambda _: condition())
        except TimeoutException:
            raise AssertionError(f"waited {timeout_s:g} s for {what}; the page says: {self.text()}") from None

    def find(self, css: str) -> WebElement:
        """The first element of a selector, as soon as it is there."""
        self.wait(css, lambda: self.driver.find_element(By.CSS_SELECTOR, css))
        return self.driver.find_element(By.CSS_SELECTOR, css)

    def count(self, css: str) -> int:
        """How many elements a selector finds now."""
        return len(self.driver.find_elements(By.CSS_SELECTOR, css))

    def text(self) -> str:
        """What a reader sees."""
        return self.driver.find_element(By.TAG_NAME, "body").text

    def press(self, words: str) -> None:
        """Press the button, link or label that shows these words."""
        self._labelled("self::button or self::a or self::label or self::summary", words).click()

    def click(self, element: WebElement) -> None:
        """Click an element in the middle of the window, where no bar lies over it."""
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)  # pyright: ignore[reportUnknownMemberType]
        element.click()

    def field(self, label: str) -> WebElement:
        """The field whose label, seen or spoken, begins with these words."""
        return self.find(f'[aria-label^="{label}"]')

    def retype(self, element: WebElement, text: str) -> None:
        """Replace the text of a field and leave it."""
        element.clear()
        element.send_keys(text, "\n")

    def log(self) -> list[str]:
        """What the console has had to say since the last call."""
        entries: list[dict[str, object]] = self.driver.get_log("browser")  # pyright: ignore[reportUnknownMemberType]
        return [str(entry["message"]) for entry in entries]

    def overflow_on_a_phone_px(self) -> int:
        """How far the page would be wider than a phone's window; the window is as before afterwards."""
        size = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)  # pyright: ignore[reportUnknownMemberType]
        overflow_px = self.run("return document.documentElement.scrollWidth - document.documentElement.clientWidth")
        self.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})  # pyright: ignore[reportUnknownMemberType]
        return overflow_px

    def run(self, script: str) -> int:
        """Run a script that returns a whole number, or nothing (0)."""
        return int(self.driver.execute_script(script) or 0)  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]

    def _labelled(self, kinds: str, words: str) -> WebElement:
        path = f"//*[{kinds}][contains(normalize-space(.), '{words}')]"
        self.wait(f"something to press that says {words!r}", lambda: self.driver.find_element(By.XPATH, path))
        return self.driver.find_element(By.XPATH, path)


@contextmanager
def open_browser(downloads: Path) -> Generator[Browser]:
    """Start chromium and close it at the end of the block; files it downloads land in `downloads`."""
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    # Root, as in most containers, cannot use chromium's sandbox; the only page opened is our own.
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    preferences = {"download.default_directory": str(downloads)}
    options.add_experimental_option("prefs", preferences)  # pyright: ignore[reportUnknownMemberType]
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(str(CHROMEDRIVER)))
    try:
        yield Browser(driver)
    finally:
        driver.quit()
