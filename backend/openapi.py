"""`python -m backend.openapi > openapi.json`: the contract that clients are generated from."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from backend.main import create_app
from backend.settings import Settings


def main() -> None:
    """Write the OpenAPI document to standard output; needs neither database nor broker."""
    with tempfile.TemporaryDirectory() as folder:
        document = create_app(Settings(data_dir=Path(folder))).openapi()
    json.dump(document, sys.stdout, indent=2, sort_keys=True)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
