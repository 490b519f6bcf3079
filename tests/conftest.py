"""What holds for every test."""

import os

from hypothesis import settings

# Tests never ask a model hub for anything.
os.environ["HF_HUB_OFFLINE"] = "1"

# The same examples on every machine, however slow it is.
settings.register_profile("project", deadline=None, max_examples=60, derandomize=True)
settings.load_profile("project")
