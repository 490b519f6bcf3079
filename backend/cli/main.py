"""`spf-studio`: keys, migrate."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from backend.cli.keys import add_keys
from backend.errors import ServiceError
from backend.migrate import migrate
from backend.settings import Settings, load_settings
from backend.start_error import StartError

_DESCRIPTION = """\
Look after a studio: the keys that its callers need, and the schema of its database.

It works on the database of the environment's settings, as the studio does: SPF_DATABASE_URL, or studio.sqlite in
SPF_DATA_DIR (data when unset). A studio that runs meanwhile follows at once.
"""

_EPILOG = """\
examples:
  spf-studio keys create --owner mina --scope write
  spf-studio keys create --owner dashboard --scope read --expires 90
  spf-studio keys list
  spf-studio keys revoke 4tq0z7m1xv
  spf-studio migrate

From the first key on, every caller needs one. What was made before belongs to the owner `local`: a key for this owner
goes on with it.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code: 0 done, 1 failed and the message says what to do, 2 wrong options."""
    options = _parser().parse_args(arguments)
    try:
        settings = load_settings()
        migrate(settings)
        options.run(options, settings)
    except (StartError, ServiceError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    layout = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("spf-studio", description=_DESCRIPTION, epilog=_EPILOG, formatter_class=layout)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    add_keys(commands)
    about = "Bring the database to the present schema, as the studio and every other command here do, too."
    commands.add_parser("migrate", help="bring the database up to date", description=about).set_defaults(run=_nothing)
    return parser


def _nothing(options: argparse.Namespace, settings: Settings) -> None:
    """Do no more than what comes before every command."""
