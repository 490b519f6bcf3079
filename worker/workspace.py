"""Folders of one attempt: the order for the engine, the caption set, the output, and the checkpoints to go on from.

    jobs/{job}/{token}/          gone after the attempt
        spec.json  data/  out/
    checkpoints/{job}/{token}/   with those of the attempt before, or of the parent job's last one
    logs/{job}.{token}.log       what the trainer wrote to standard error

Every attempt writes under its own token, so a paused worker that wakes up late cannot disturb its successor. Pictures
and checkpoints are never written again, so that they are not copied but get a second name.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from backend.jobs.transitions import Lease
from backend.storage import LocalStorage, link
from backend.tables import DatasetVersion
from spf_portrait.contract.caption_set import CaptionItem, write_metadata
from spf_portrait.contract.errors import DataError
from spf_portrait.contract.phrases import Caption

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

    def open(self) -> None:
        """Make the folders."""
        # What killed attempts of this job left behind: their tokens are void.
        for token in self._older_tokens("jobs"):
            self._storage.delete(f"jobs/{self._job_id}/{token}")
        self.out.mkdir(parents=True)

    def lay_out(self, spec: Mapping[str, Any], version: DatasetVersion, between: Callable[[], None]) -> None:
        """Write the order, and a frozen caption set as an imagefolder, the form in which the engine reads it.

        Args:
            spec: options of the training.
            version: the caption set.
            between: called after every portrait.

        Raises:
            DataError: a portrait is no longer there.
        """
        # An adapter of every checkpoint would lie in `out` until the end, and is published nowhere.
        self.spec_file.write_text(json.dumps({**spec, "export_checkpoints": False}), "utf-8")
        self.data.mkdir()
        named = {f"{number:04d}.png": item for number, item in enumerate(version.items)}
        self._uploaded_names = {name: str(item["file_name"]) for name, item in named.items()}
        for name, item in named.items():
            try:
                link(self._storage.path(str(item["image_key"])), self.data / name, between)
            except FileNotFoundError as error:
                raise _portrait_gone(name) from error
        write_metadata((_caption_item(name, item) for name, item in named.items()), self.data)

    def in_users_words(self, error: Mapping[str, str]) -> dict[str, str]:
        """An error about laid out portraits, with the names that they were uploaded under."""
        return {
            key: _LAID_OUT.sub(lambda found: self._uploaded_names.get(found[0], found[0]), text)
            for key, text in error.items()
        }

    def inherit_checkpoints(self, ancestors: Sequence[str], between: Callable[[], None]) -> None:
        """Take over the newest checkpoints of this job, or else of its nearest ancestor that has any.

        Args:
            ancestors: ids of the parent job, its parent, and so on.
            between: called after every file.
        """
        source = next(filter(None, map(self._newest, (self._job_id, *ancestors))), None)
        if source is None:
            self.checkpoints.mkdir(parents=True, exist_ok=True)
        else:
            partial = self.checkpoints.with_name(f"{self.checkpoints.name}.partial")
            shutil.rmtree(partial, ignore_errors=True)
            _link_tree(source, partial, between)
            partial.rename(self.checkpoints)
        for token in self._older_tokens("checkpoints"):
            self._storage.delete(f"checkpoints/{self._job_id}/{token}")

    def close(self, *, finished: bool) -> None:
        """Remove what no later attempt needs."""
        shutil.rmtree(self.root, ignore_errors=True)
        with contextlib.suppress(OSError):  # another attempt's folder is there
            self.root.parent.rmdir()
        if finished:
            self._storage.delete(f"checkpoints/{self._job_id}")

    def _older_tokens(self, area: str) -> list[int]:
        """Return the tokens of this job's earlier attempts that have a folder there."""
        return [token for token in _tokens(self._storage.path(f"{area}/{self._job_id}")) if token < self._token]

    def _newest(self, job_id: str) -> Path | None:
        """Return the checkpoint folder of a job's latest attempt that has any checkpoint."""
        folder = self._storage.path(f"checkpoints/{job_id}")
        tokens = sorted(_tokens(folder), reverse=True)
        folders = (folder / str(token) for token in tokens if job_id != self._job_id or token < self._token)
        return next((path for path in folders if any(path.iterdir())), None)


def _tokens(folder: Path) -> list[int]:
    """Return the tokens that a job's folder has folders of."""
    return [int(path.name) for path in folder.glob("*") if path.name.isdigit()]


def _caption_item(name: str, item: Mapping[str, Any]) -> CaptionItem:
    """An item of a version under the name that it is laid out by."""
    return CaptionItem(file_name=name, caption=Caption(base=tuple(item["base"]), target=str(item["target"])))


def _link_tree(source: Path, target: Path, between: Callable[[], None]) -> None:
    """Give every file of a folder a second name in another one."""
    for path in sorted(source.rglob("*")):
        place = target / path.relative_to(source)
        if path.is_dir():
            place.mkdir(parents=True)
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            link(path, place, between)


def _portrait_gone(name: str) -> DataError:
    return DataError(
        "portrait_gone",
        f"no stored picture of {name}",
        "a picture for every portrait of the caption set",
        "Upload the caption set again and train on the new one",
    )
