"""Guards of checkpoints, uploads and requests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

from nemesis.guards.guard import answering, replace


def checkpoint_rename() -> None:
    """Checkpoints are written where they belong, file by file."""
    from spf_portrait.training import checkpoint

    write = cast(Any, checkpoint)._write

    def save(folder: Path, step: int, origin: Any, tensors: Any, facts: Any, keep: int) -> Path:
        final = folder / f"step-{step:06d}"
        final.mkdir(parents=True)
        write(final, step, origin, tensors, facts)
        return final

    replace(checkpoint, "save_checkpoint", save)


def checkpoint_hashes() -> None:
    """A manifest is believed, whatever lies beside it."""
    from spf_portrait.training import checkpoint

    def read(candidate: Path) -> Any:
        return json.loads((candidate / "manifest.json").read_text("utf-8"))

    replace(checkpoint, "_verified_manifest", read)


def archive_ratio() -> None:
    """Members of a zip may grow to a thousand times their size."""
    from spf_portrait.contract import archive

    replace(archive, "MAX_RATIO", 10**9)


def picture_bounds() -> None:
    """Pictures may have any size and any number of frames."""
    from PIL import Image

    from spf_portrait.contract import portraits

    replace(Image, "MAX_IMAGE_PIXELS", None)
    replace(portraits, "_check_header", answering(None))


def fresh_canvas() -> None:
    """Pictures are kept as they came."""
    from spf_portrait.contract import portraits

    def same(image: Any) -> Any:
        return image.copy()

    replace(portraits, "_clean", same)


def body_limit() -> None:
    """Requests may be of any size."""
    from backend import main

    replace(main, "_LARGEST_BODY_BYTES", 2**40)


def header_deadline() -> None:
    """Headers may take as long as they like."""
    from backend import header_deadline

    replace(header_deadline, "HEADERS_S", 1e6)
