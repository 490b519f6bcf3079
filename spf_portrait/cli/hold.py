"""`--hold` and its thresholds, for commands that draw with adapters."""

import argparse
from typing import Final

from spf_portrait.contract.hold import Hold

_FIELDS: Final = {"hold": "firmness", "held_below": "held_below", "free_above": "free_above"}
"""Option → field of the hold."""
_DEFAULT: Final = Hold()
_DESCRIPTION: Final = """\
An adapter often changes more than it was taught: the clothes with the hair, the background with the glasses. With a
hold it first draws by itself and is watched: where do its answers differ from the original model's, and where do the
words of the target make them differ? There it draws again, and everywhere else the original model does. No training is
needed, so this works with adapters from other tools, too, of every family. Held pictures take four times as long.
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
        help="hold where the target differs by less than this share of its largest difference in the picture; raise "
        f"it if too much still changes (default: {_DEFAULT.held_below:g}; implies --hold)",
    )
    group.add_argument(
        "--free-above",
        type=float,
        metavar="SHARE",
        help="where it differs by more than this share, the adapter alone draws; lower it if the target comes out "
        f"pale (default: {_DEFAULT.free_above:g}; implies --hold)",
    )


def chosen_hold(options: argparse.Namespace) -> dict[str, float]:
    """Fields of the hold that the command line names; empty without a hold."""
    named = {field: getattr(options, option) for option, field in _FIELDS.items()}
    return {field: value for field, value in named.items() if value is not None}
