"""What every attempt of a worker needs, and how it starts the engine."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from backend.db import Database
from backend.settings import Settings
from backend.storage import LocalStorage
from worker.supervisor import Timing
from worker.warm_engine import WarmEngine

ENGINE = (sys.executable, "-m", "spf_portrait")


@dataclass(frozen=True)
class WorkerContext:
    """Parts that live as long as the worker."""

    settings: Settings
    db: Database
    storage: LocalStorage
    engine: Sequence[str]
    warm_engine: WarmEngine
    draining: Callable[[], bool]

    @property
    def timing(self) -> Timing:
        """How an engine is watched."""
        settings = self.settings
        return Timing(settings.heartbeat_s, settings.fence_s, settings.grace_s, settings.stall_s)


def engine_environment(settings: Settings) -> dict[str, str]:
    """The engine's environment: this process's own, with the models folder the settings name."""
    named = {} if settings.models_dir is None else {"SPF_MODELS_DIR": str(settings.models_dir.resolve())}
    return {**os.environ, **named}
