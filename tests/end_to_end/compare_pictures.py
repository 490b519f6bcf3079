"""Makes the pictures of Compare in docs/images from a pair of a running studio.

python -m tests.end_to_end.compare_pictures 'http://127.0.0.1:8000/#/compare?adapter=adp_…&pair=job_…&phrase=base+tan+skin'

The address is one that Compare shows. A pair of pico with reconstruction and maps is best.
"""

import argparse
import tempfile
import time
from pathlib import Path
from typing import Final

from tests.end_to_end.browser import Browser, open_browser
from tests.end_to_end.running_studio import REPOSITORY

IMAGES: Final = REPOSITORY / "docs" / "images"
SETTLED_S: Final = 1.0
"""For what is painted after the last number is there."""
DESKTOP_PX: Final = (1440, 1000)
PHONE_PX: Final = (390, 1500)


def main() -> None:
    """Write compare.png (light), compare-dark.png (the difference) and compare-phone.png."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("address", help="of a pair in Compare")
    address: str = parser.parse_args().address
    with tempfile.TemporaryDirectory() as downloads, open_browser(Path(downloads)) as browser:
        shoot(browser, address, "light", DESKTOP_PX, "compare.png")
        shoot(browser, f"{address}&mode=difference", "dark", DESKTOP_PX, "compare-dark.png")
        shoot(browser, address, "light", PHONE_PX, "compare-phone.png")


def shoot(browser: Browser, address: str, theme: str, size_px: tuple[int, int], name: str) -> None:
    """One picture of the window."""
    width, height = size_px
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
    media = {"features": [{"name": "prefers-color-scheme", "value": theme}]}
    browser.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)  # pyright: ignore[reportUnknownMemberType]
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)  # pyright: ignore[reportUnknownMemberType]
    browser.driver.get("about:blank")
    browser.driver.get(address)
    browser.wait("the evidence", lambda: browser.count("section.evidence tbody tr"), timeout_s=60)
    time.sleep(SETTLED_S)
    assert browser.driver.save_screenshot(str(IMAGES / name)), f"{IMAGES / name} cannot be written"


if __name__ == "__main__":
    main()
