"""`python -m backend.datasets.read_upload BYTES`: reads one upload in a process of its own.

Decoders of pictures are the part of the service that strangers' bytes reach. Here they may take memory up to a limit,
hang, or crash: the service lives on, and knows from the last line which portrait it was.
"""

from __future__ import annotations

import resource
import sys

from backend.datasets.upload import read_upload
from backend.datasets.upload_messages import Answer, NoRoom, Opening, Read, ReadingOrder, Refused, Unreadable
from backend.errors import Unprocessable
from spf_portrait.contract.errors import DataError
from spf_portrait.contract.full_disk import is_disk_full


def main() -> None:
    """Read the order, limit the memory, and answer."""
    if sys.platform == "linux":  # elsewhere the limit is not kept or not known
        most = int(sys.argv[1])
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    _say(_answer(ReadingOrder.model_validate_json(sys.stdin.readline())))


def _answer(order: ReadingOrder) -> Answer:
    """Carry out the order."""
    try:
        upload = read_upload(
            order.files,
            order.folder,
            order.target,
            present=frozenset(order.present),
            crashed=frozenset(order.crashed),
            opening=lambda name: _say(Opening(file_name=name)),
        )
    except Unprocessable as error:
        return Refused(
            code=error.code, detail=error.detail, hint=error.hint, errors=[dict(row) for row in error.errors]
        )
    except DataError as error:
        return Unreadable(code=error.code, found=error.found, allowed=error.allowed, hint=error.hint)
    except OSError as error:
        if is_disk_full(error):
            return NoRoom()
        raise
    return Read(upload=upload)


def _say(answer: Answer) -> None:
    """Write one line at once."""
    sys.stdout.write(answer.model_dump_json() + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
