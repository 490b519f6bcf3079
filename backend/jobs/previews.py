"""Reading the pictures that a training draws along the way."""

from __future__ import annotations

from pathlib import Path

from backend.context import Context
from backend.errors import NotFound
from backend.jobs.preview_files import is_preview_name, preview_folder
from backend.jobs.service import require_job
from backend.storage import sha256_of


def preview_path(context: Context, job_id: str, name: str) -> tuple[Path, str]:
    """Return where a preview lies, and its SHA-256.

    Raises:
        NotFound: no such job, or no such picture of it.
    """
    with context.db.read() as session:
        require_job(session, job_id)
    if not is_preview_name(name):
        raise NotFound("preview", name)
    path = context.storage.path(f"{preview_folder(job_id)}/{name}")
    if not path.is_file():
        raise NotFound("preview", name)
    return path, sha256_of(path)
