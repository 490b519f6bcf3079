"""Folders of one attempt: the order for the engine, the caption set, the output, and the checkpoints to go on from.

    jobs/{job}/{token}/          gone after the attempt
        spec.json  data/  out/
    checkpoints/{job}/{token}/   copied from the attempt before, or from the parent job's last one
    logs/{job}.{token}.log       what the trainer wrote to standard error

Every attempt writes under its own token, so a paused worker that wakes up late cannot disturb its successor.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from backend.jobs.transitions import Lease
from backend.storage import LocalStorage
from backend.tables import DatasetVersion
from spf_portrait.contract.caption_set import CaptionItem, write_imagefolder
from spf_portrait.contract.phrases import Caption
from spf_portrait.contract.portraits import open_portrait

_LAID_OUT = re.compile(r"(?<![\w.-])\d{4}\.png\b")


class Workspace:
    """Folders of one attempt.

    Args:
        storage: the data folder.
        lease: job and token.
    """

    def __init__(self, storage: LocalStorage, lease: Lease) -> None:
        self._storage = storage
        self._job_id = lease.job_id
        self._token = lease.token
        self.root = storage.path(f"jobs/{lease.job_id}/{lease.token}")
        self.spec_file = self.root / "spec.json"
        self.data = self.root / "data"
        self.out = self.root / "out"
        self.checkpoints = storage.path(f"checkpoints/{lease.job_id}/{lease.token}")
        self.log = storage.path(f"logs/{lease.job_id}.{lease.token}.log")
        self._uploaded_names: dict[str, str] = {}

    def open(self, spec: Mapping[str, Any]) -> None:
        """Make the folders and write the order."""
        # What killed attempts of this job left behind: their tokens are void.
        shutil.rmtree(self.root.parent, ignore_errors=True)
        self.out.mkdir(parents=True)
        self.spec_file.write_text(json.dumps(spec), "utf-8")

    def lay_out(self, version: DatasetVersion) -> None:
        """Write a frozen caption set as an imagefolder, the form in which the engine reads it."""
        named = {f"{number:04d}.png": item for number, item in enumerate(version.items)}
        self._uploaded_names = {name: str(item["file_name"]) for name, item in named.items()}
        items = [
            CaptionItem(file_name=name, caption=Caption(base=tuple(item["base"]), target=str(item["target"])))
            for name, item in named.items()
        ]
        pictures = (open_portrait(self._storage.path(str(item["image_key"])), name) for name, item in named.items())
        write_imagefolder(items, pictures, self.data)

    def in_users_words(self, error: Mapping[str, str]) -> dict[str, str]:
        """An error about laid out portraits, with the names that they were uploaded under."""
        return {
            key: _LAID_OUT.sub(lambda found: self._uploaded_names.get(found[0], found[0]), text)
            for key, text in error.items()
        }

    def inherit_checkpoints(self, ancestors: Sequence[str]) -> None:
        """Copy the newest checkpoints of this job, or else of its nearest ancestor that has any.

        Args:
            ancestors: ids of the parent job, its parent, and so on.
        """
        for job_id in (self._job_id, *ancestors):
            source = self._newest(job_id)
            if source is not None:
                partial = self.checkpoints.with_name(f"{self.checkpoints.name}.partial")
                shutil.rmtree(partial, ignore_errors=True)
                shutil.copytree(source, partial)
                partial.rename(self.checkpoints)
                return
        self.checkpoints.mkdir(parents=True, exist_ok=True)

    def close(self, *, finished: bool) -> None:
        """Remove what no later attempt needs."""
        shutil.rmtree(self.root, ignore_errors=True)
        if finished:
            self._storage.delete_tree(f"checkpoints/{self._job_id}")

    def _newest(self, job_id: str) -> Path | None:
        """Return the checkpoint folder of a job's latest attempt that has any checkpoint."""
        folder = self._storage.path(f"checkpoints/{job_id}")
        tokens = sorted((int(path.name) for path in folder.glob("*") if path.name.isdigit()), reverse=True)
        folders = (folder / str(token) for token in tokens if job_id != self._job_id or token < self._token)
        return next((path for path in folders if any(path.iterdir())), None)
