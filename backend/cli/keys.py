"""`spf-studio keys`: create, list, revoke."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

from backend.access.keys import KeyRow, create_key, list_keys, revoke_key
from backend.caller import SCOPES
from backend.db import Database
from backend.settings import Settings

_OWNER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_LONGEST_DAYS: Final = 3650
_COLUMNS: Final = ("KEY", "OWNER", "SCOPE", "STATE", "CREATED", "EXPIRES", "LAST USED")

_SCOPES = "read: look at what is the owner's; write: change it, too; admin: everybody's things, and /metrics"


def add_keys(commands: Any) -> None:
    """Add `keys` with its own commands."""
    parser = commands.add_parser("keys", help="make, list and revoke keys", description="Keys that callers need.")
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    create = actions.add_parser("create", help="make a key", description="Make a key and print it, this once.")
    create.add_argument("--owner", type=_owner, required=True, metavar="NAME", help="whom its things belong to")
    create.add_argument("--scope", choices=SCOPES, required=True, help=_SCOPES)
    create.add_argument("--expires", type=_days, metavar="DAYS", help=f"1 to {_LONGEST_DAYS} (default: never)")
    create.set_defaults(run=_create)
    listing = actions.add_parser("list", help="list all keys", description="List all keys; their secrets are unknown.")
    listing.set_defaults(run=_list)
    revoke = actions.add_parser("revoke", help="revoke a key", description="Revoke a key at once, and its sessions.")
    revoke.add_argument("key", metavar="KEY", help="its short name, as the list shows it")
    revoke.set_defaults(run=_revoke)


def _create(options: argparse.Namespace, settings: Settings) -> None:
    with _database(settings) as db:
        key = create_key(db, options.owner, options.scope, options.expires)
    sys.stdout.write(f"{key}\n")
    sys.stderr.write("Keep it now: it is not stored and will not be shown again.\n")


def _list(options: argparse.Namespace, settings: Settings) -> None:
    with _database(settings) as db:
        lines = [_COLUMNS, *(_line(key) for key in list_keys(db))]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_COLUMNS))]
    for line in lines:
        row = "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        sys.stdout.write(f"{row.rstrip()}\n")


def _revoke(options: argparse.Namespace, settings: Settings) -> None:
    with _database(settings) as db:
        revoke_key(db, options.key)
    sys.stderr.write(f"The key {options.key} is revoked.\n")


@contextmanager
def _database(settings: Settings) -> Generator[Database]:
    db = Database(settings.sqlalchemy_url)
    try:
        yield db
    finally:
        db.close()


def _line(key: KeyRow) -> tuple[str, ...]:
    """Write a key's columns."""
    times = (key.created_at, key.expires_at, key.last_used_at)
    return key.id, key.owner, key.scope, key.state, *(_written(time) for time in times)


def _written(time: datetime | None) -> str:
    """Write a time that may be missing."""
    return "never" if time is None else time.strftime("%Y-%m-%d %H:%M UTC")


def _owner(text: str) -> str:
    """Read an owner's name."""
    if not _OWNER.fullmatch(text):
        raise argparse.ArgumentTypeError(
            f"found {text!r}; allowed are 1 to 64 letters, digits and . _ @ -, beginning with a letter or digit"
        )
    return text


def _days(text: str) -> int:
    """Read a number of days."""
    if not text.isdecimal() or not 1 <= int(text) <= _LONGEST_DAYS:
        raise argparse.ArgumentTypeError(f"found {text!r}; allowed are 1 to {_LONGEST_DAYS} days")
    return int(text)
