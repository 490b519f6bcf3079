"""What axe-core, which knows the accessibility rules, has against a page."""

from tests.end_to_end.browser import Browser
from tests.end_to_end.running_studio import REPOSITORY

AXE = REPOSITORY / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
WEIGHTY = ("serious", "critical")


def weighty_findings(browser: Browser) -> list[str]:
    """Serious and critical findings about the page as it is now."""
    browser.driver.execute_script(AXE.read_text("utf-8"))  # pyright: ignore
    script = (
        "const done = arguments[0]; axe.run().then((found) => done(found.violations.map((one) =>"
        " [one.impact, one.id, one.nodes.map((node) => node.html.slice(0, 160)).join(' | ')])))"
    )
    found: list[tuple[str, str, str]] = browser.driver.execute_async_script(script)  # pyright: ignore
    return [f"{rule}: {where}" for impact, rule, where in found if impact in WEIGHTY]
