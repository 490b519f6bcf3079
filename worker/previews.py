"""Keeps the pictures that a training draws along the way, so that they can be looked at while it runs."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from backend.jobs.preview_files import preview_folder, preview_name
from backend.jobs.transitions import Lease
from backend.storage import LocalStorage
from spf_portrait.contract.events import PreviewsDrawn

log = logging.getLogger(__name__)


def keep_previews(storage: LocalStorage, lease: Lease, event: PreviewsDrawn) -> dict[str, Any] | None:
    """Store the pictures of one step.

    Args:
        storage: the data folder.
        lease: job and token.
        event: what the engine tells of them.

    Returns:
        What the job's event says: the step, and text and name of each picture. None when they could not be stored,
        which is no reason to end a training.
    """
    pictures: list[dict[str, str]] = []
    try:
        for index, (file, text) in enumerate(event.files.items()):
            name = preview_name(lease.token, event.step, index)
            storage.put(name, f"{preview_folder(lease.job_id)}/{name}", Path(file))
            pictures.append({"text": text, "name": name})
    except OSError as error:
        log.warning("the previews of step %s could not be stored: %s", event.step, error)
        return None
    return {"step": event.step, "pictures": pictures}
