"""What libraries read when they are first imported; for programs, before they import the torch stack."""

import os


def settle_libraries() -> None:
    """Set it.

    Idle OpenMP threads sleep instead of spinning: with another training on the same cores a pair takes 6 s instead of
    50 s. And loading a model is our own progress: no second bar, no advice about libraries that are not needed.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    from diffusers.utils import logging as diffusers_logging
    from transformers.utils import logging as transformers_logging

    diffusers_logging.set_verbosity_error()
    diffusers_logging.disable_progress_bar()
    transformers_logging.disable_progress_bar()
