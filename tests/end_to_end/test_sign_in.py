"""The page of a studio with keys: a real chromium, the real studio."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver.common.keys import Keys

from tests.end_to_end.accessibility import weighty_findings
from tests.end_to_end.browser import CHROMEDRIVER, CHROMIUM, Browser
from tests.end_to_end.running_studio import RunningStudio, command_environment, running_studio
from tests.spf_portrait.tiny_model import write_tiny_base

pytestmark = pytest.mark.skipif(
    not (CHROMIUM and CHROMEDRIVER), reason="needs chromium and chromedriver: apt-get install chromium chromium-driver"
)
ACTIVE = "return document.activeElement.matches('{}') ? 1 : 0"


def spf_studio(data_dir: Path, *arguments: str) -> str:
    """What the command writes to standard output."""
    command = [sys.executable, "-m", "backend.cli", *arguments]
    done = subprocess.run(command, env=command_environment(data_dir), capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """Where the studio keeps its records."""
    return tmp_path / "data"


@pytest.fixture
def keyed_studio(data_dir: Path, tmp_path: Path) -> Iterator[RunningStudio]:
    """A studio of several owners."""
    write_tiny_base(tmp_path / "models" / "pico")
    with running_studio(data_dir, tmp_path / "models") as running:
        yield running


def test_signing_in_and_out_by_keyboard(browser: Browser, data_dir: Path, keyed_studio: RunningStudio) -> None:
    key = spf_studio(data_dir, "keys", "create", "--owner", "mina", "--scope", "write")
    browser.driver.get(keyed_studio.url)
    browser.wait("the field for the key", lambda: browser.run(ACTIVE.format("input[name=key]")))
    assert "Captions" not in browser.text()
    assert browser.overflow_on_a_phone_px() == 0
    assert weighty_findings(browser) == []
    browser.driver.switch_to.active_element.send_keys("spf_wrong_key", Keys.ENTER)
    browser.wait("the refusal", lambda: "unknown, revoked or expired" in browser.find("[role=alert]").text)
    browser.driver.switch_to.active_element.send_keys(key, Keys.ENTER)
    browser.wait("the name of the caller", lambda: "mina" in browser.text())
    browser.wait("the lists", lambda: "Your trainings" in browser.text())
    assert browser.overflow_on_a_phone_px() == 0
    assert weighty_findings(browser) == []
    assert browser.run("return document.cookie.length") == 0, "no script may read the session"
    browser.driver.refresh()
    browser.wait("the same caller after a reload", lambda: "mina" in browser.text())
    browser.find("header p button").send_keys(Keys.ENTER)
    browser.wait("the field for the key again", lambda: browser.run(ACTIVE.format("input[name=key]")))
    browser.driver.back()
    browser.wait("the field for the key still", lambda: browser.count("input[name=key]") == 1)
    assert "mina" not in browser.text()


def test_a_revoked_key_ends_its_sessions_under_the_readers_eyes(
    browser: Browser, data_dir: Path, keyed_studio: RunningStudio
) -> None:
    key = spf_studio(data_dir, "keys", "create", "--owner", "mina", "--scope", "read")
    browser.driver.get(keyed_studio.url)
    browser.find("input[name=key]").send_keys(key, Keys.ENTER)
    browser.wait("the caller and the scope", lambda: "mina (read)" in browser.text())
    spf_studio(data_dir, "keys", "revoke", key.split("_")[1])
    browser.press("Train")
    browser.wait("the field for the key", lambda: browser.count("input[name=key]") == 1)
