"""Which caption set an upload has gone into, by the Idempotency-Key that it came with."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.idempotency import RequestKey, require_same_request
from backend.tables import UploadKey


def gone_into(session: Session, request_key: RequestKey | None) -> str | None:
    """Return the id of the caption set that this very upload has gone into before, or None.

    Raises:
        Unprocessable: the key came with another upload.
    """
    if request_key is None:
        return None
    known = session.scalar(select(UploadKey).where(UploadKey.key == request_key.key))
    if known is None:
        return None
    require_same_request(known.key, known.request_sha256, request_key.sha256)
    return known.dataset_id


def remember(session: Session, request_key: RequestKey | None, dataset_id: str) -> None:
    """Remember it, if the upload came with a key."""
    if request_key is not None:
        session.add(UploadKey(key=request_key.key, request_sha256=request_key.sha256, dataset_id=dataset_id))
