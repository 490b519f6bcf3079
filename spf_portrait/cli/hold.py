"""`--hold` and its thresholds, for commands that draw with adapters."""

import argparse
from typing import Final

from spf_portrait.contract.hold import Hold

_FIELDS: Final = {"hold": "firmness", "held_below": "held_below", "free_above": "free_above"}
"""Option → field of the hold."""
_DEFAULT: Final = Hold()
_DESCRIPTION: Final = """\
An adapter often changes more than it was taught: the clothes with the hair, the background with the glasses. With a
hold it draws only where it answers most differently from the original model; everywhere else the original model goes
on drawing the picture that it has begun. No training is needed, so this works with adapters from other tools, too, of
every family. The held pictures take twice as long to draw.
"""


def add_hold(parser: argparse.ArgumentParser) -> None:
    """Add a group of options."""
    group = parser.add_argument_group("hold the rest while drawing", _DESCRIPTION)
    group.add_argument(
        "--hold",
        type=float,
        nargs="?",
        const=_DEFAULT.firmness,
        metavar="FIRMNESS",
        help=f"how firmly, 0 (not at all) to 1 (wholly); without a number {_DEFAULT.firmness:g}",
    )
    group.add_argument(
        "--held-below",
        type=float,
        metavar="SHARE",
        help="hold where the models differ by less than this share of their largest difference in the picture; raise "
        f"it if too much still changes (default: {_DEFAULT.held_below:g}; implies --hold)",
    )
    group.add_argument(
        "--free-above",
        type=float,
        metavar="SHARE",
        help="where they differ by more than this share, the adapter alone draws; lower it if the target comes out "
        f"pale (default: {_DEFAULT.free_above:g}; implies --hold)",
    )


def chosen_hold(options: argparse.Namespace) -> dict[str, float]:
    """Fields of the hold that the command line names; empty without a hold."""
    named = {field: getattr(options, option) for option, field in _FIELDS.items()}
    return {field: value for field, value in named.items() if value is not None}
