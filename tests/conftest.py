"""What holds for every test."""

import os

from hypothesis import settings

from tests.postgresql_cluster import postgresql_cluster

__all__ = ["postgresql_cluster"]

# Tests never ask a model hub for anything.
os.environ["HF_HUB_OFFLINE"] = "1"

# The same examples on every machine, however slow it is.
settings.register_profile("project", deadline=None, max_examples=60, derandomize=True)
settings.load_profile("project")
