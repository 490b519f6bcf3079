"""`python -m spf_portrait.pico.measuring models/pico`: what the bundled model and its judge can do, as JSON.

Portraits, captions and seeds are the same every time, and no training saw them. Takes about 15 minutes on two CPU
cores.
"""

import argparse
import json
import sys
from pathlib import Path

from spf_portrait.contract.errors import SpfError
from spf_portrait.pico.measuring.card import write_card
from spf_portrait.pico.measuring.measurements import measure


def main() -> None:
    """Measure, print, and write the card if asked to."""
    arguments = _parser().parse_args()
    try:
        measured, pictures = measure(arguments.model)
    except SpfError as error:
        sys.exit(str(error))
    if arguments.write:
        write_card(arguments.model, measured, pictures)
    print(json.dumps(measured, indent=2))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m spf_portrait.pico.measuring", description=__doc__)
    parser.add_argument("model", type=Path, help="folder of a pico model with its judge")
    parser.add_argument("--write", action="store_true", help="also write the card, its sheets and measurements.json")
    return parser


if __name__ == "__main__":
    main()
