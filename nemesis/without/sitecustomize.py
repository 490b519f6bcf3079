"""Python runs this file when a process of a nemesis studio starts; the product knows nothing of it."""

import os

if os.environ.get("NEMESIS_WITHOUT"):
    from nemesis.guards import GUARDS

    GUARDS[os.environ["NEMESIS_WITHOUT"]].take_away()
