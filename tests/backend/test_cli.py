"""`spf-studio`, with a real database."""

from __future__ import annotations

import tomllib
from datetime import timedelta
from pathlib import Path

import pytest

from backend.access.keys import list_keys
from backend.cli.main import main
from backend.db import Database
from backend.settings import Settings


@pytest.fixture(autouse=True)
def environment(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings as a shell would have them."""
    monkeypatch.setenv("SPF_DATABASE_URL", settings.sqlalchemy_url)


def test_a_key_is_shown_once_listed_without_its_secret_and_revoked(
    db: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["keys", "create", "--owner", "mina", "--scope", "write", "--expires", "90"]) == 0
    shown = capsys.readouterr().out.strip()
    prefix, key_id, secret = shown.split("_", 2)
    assert prefix == "spf"
    assert main(["keys", "list"]) == 0
    listed = capsys.readouterr().out
    assert [word in listed for word in (key_id, "mina", "write", "valid", "never")] == [True] * 5
    assert secret not in listed
    assert main(["keys", "revoke", key_id]) == 0
    (key,) = list_keys(db)
    assert (key.id, key.owner, key.scope, key.state) == (key_id, "mina", "write", "revoked")
    assert key.expires_at is not None
    assert round((key.expires_at - key.created_at) / timedelta(days=1), 3) == 90
    assert main(["keys", "revoke", key_id]) == 1
    assert key_id in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--owner", "mina", "--scope", "all"], "invalid choice: 'all'"),
        (["--owner", " ", "--scope", "read"], "allowed are 1 to 64 letters"),
        (["--owner", "mina", "--scope", "read", "--expires", "0"], "allowed are 1 to 3650 days"),
    ],
)
def test_wrong_options_are_told(options: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["keys", "create", *options])
    assert end.value.code == 2
    assert told in capsys.readouterr().err


def test_an_empty_database_is_brought_up_to_date_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPF_DATABASE_URL", f"sqlite:///{tmp_path / 'new.sqlite'}")
    assert main(["keys", "create", "--owner", "mina", "--scope", "admin"]) == 0
    assert main(["migrate"]) == 0


def test_the_command_is_installed_with_the_package() -> None:
    scripts = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))["project"]["scripts"]
    assert scripts["spf-studio"] == "backend.cli.main:main"
