"""A studio with a tiny model, and a browser to use it with."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from spf_portrait.contract.vocabulary import VOCABULARY
from tests.end_to_end.browser import Browser, open_browser
from tests.end_to_end.running_studio import REPOSITORY, RunningStudio, running_studio
from tests.spf_portrait.tiny_model import write_tiny_base


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStudio]:
    """A studio whose only base model is a tiny one under pico's name."""
    built = REPOSITORY / "backend" / "static" / "index.html"
    assert built.is_file(), "the page is not built: cd frontend && npm ci && npm run build"
    models = tmp_path_factory.mktemp("models")
    pico = write_tiny_base(models / "pico")
    (pico / VOCABULARY).write_text("a woman red green blue background sunglasses", "utf-8")
    with running_studio(tmp_path_factory.mktemp("data"), models) as running:
        yield running


@pytest.fixture
def downloads(tmp_path: Path) -> Path:
    """Where the browser puts what it downloads."""
    folder = tmp_path / "downloads"
    folder.mkdir()
    return folder


@pytest.fixture
def browser(downloads: Path) -> Iterator[Browser]:
    """A fresh browser."""
    with open_browser(downloads) as window:
        yield window
