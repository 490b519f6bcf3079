"""Reading and writing of the rows of caption sets, their items and their versions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from backend.tables import BulkEdit, Dataset, DatasetItem, DatasetVersion, Job, UploadKey


@dataclass(frozen=True)
class DatasetRow:
    """A caption set with the numbers that a list shows."""

    dataset: Dataset
    item_count: int
    targets: tuple[str | None, ...]
    """The different targets of its items, None for items that have none yet."""
    first_item_id: str | None


def list_datasets(
    session: Session, *, limit: int, cursor: str | None, name: str | None, frozen: bool | None
) -> list[DatasetRow]:
    """Return up to `limit` caption sets, newest first, older than the cursor.

    Args:
        session: a transaction.
        limit: how many at most.
        cursor: id of the last one before.
        name: only those with these characters in their name, in upper or lower case; None for all.
        frozen: only those whose content has a version, or only those without; None for both.
    """
    query = select(Dataset).order_by(Dataset.id.desc()).limit(limit)
    if cursor is not None:
        query = query.where(Dataset.id < cursor)
    if name is not None:
        query = query.where(Dataset.name.icontains(name, autoescape=True))
    if frozen is not None:
        query = query.where(Dataset.version_id.is_not(None) if frozen else Dataset.version_id.is_(None))
    return [_with_counts(session, dataset) for dataset in session.scalars(query)]


def get_dataset(session: Session, dataset_id: str) -> DatasetRow | None:
    """Return one caption set, or None."""
    dataset = session.get(Dataset, dataset_id)
    return None if dataset is None else _with_counts(session, dataset)


def lock_dataset(session: Session, dataset_id: str) -> Dataset | None:
    """Return one caption set, which until the transaction ends nobody else changes, freezes or deletes, or None.

    SQLite, where writers wait for each other anyway, locks nothing more.
    """
    return session.get(Dataset, dataset_id, with_for_update={"key_share": True})


def list_items(session: Session, dataset_id: str) -> Sequence[DatasetItem]:
    """Return the items of a caption set in their order."""
    query = select(DatasetItem).where(DatasetItem.dataset_id == dataset_id)
    return session.scalars(query.order_by(DatasetItem.position)).all()


def get_item(session: Session, dataset_id: str, item_id: str) -> DatasetItem | None:
    """Return one item of one caption set, or None; asks for the set, too, because it is the set that has an owner."""
    in_set = select(DatasetItem).join(Dataset, Dataset.id == DatasetItem.dataset_id)
    return session.scalar(in_set.where(DatasetItem.id == item_id, Dataset.id == dataset_id))


def find_version(session: Session, dataset_id: str, content_hash: str) -> DatasetVersion | None:
    """Return the version of a caption set with this content, or None."""
    return session.scalar(
        select(DatasetVersion).where(
            DatasetVersion.dataset_id == dataset_id, DatasetVersion.content_hash == content_hash
        )
    )


def get_version(session: Session, version_id: str) -> DatasetVersion | None:
    """Return one version, or None."""
    return session.get(DatasetVersion, version_id)


def versions_using_image(session: Session, dataset_id: str, image_key: str) -> bool:
    """Tell whether any version of a caption set holds this picture."""
    versions = session.scalars(select(DatasetVersion).where(DatasetVersion.dataset_id == dataset_id))
    return any(item["image_key"] == image_key for version in versions for item in version.items)


def jobs_of(session: Session, dataset_id: str) -> Sequence[Job]:
    """Return the jobs that versions of a caption set are used for; no others get in before the transaction ends."""
    of_set = DatasetVersion.dataset_id == dataset_id
    versions = session.scalars(select(DatasetVersion.id).where(of_set).with_for_update()).all()
    return session.scalars(select(Job).where(Job.dataset_version_id.in_(versions)).order_by(Job.id)).all()


def delete_dataset(session: Session, dataset_id: str) -> None:
    """Delete a caption set with every row that hangs on it; jobs stay, without their version."""
    versions = select(DatasetVersion.id).where(DatasetVersion.dataset_id == dataset_id)
    session.execute(update(Job).where(Job.dataset_version_id.in_(versions)).values(dataset_version_id=None))
    for table in (BulkEdit, UploadKey, DatasetItem, DatasetVersion):
        session.execute(delete(table).where(table.dataset_id == dataset_id))
    session.execute(delete(Dataset).where(Dataset.id == dataset_id))


def _with_counts(session: Session, dataset: Dataset) -> DatasetRow:
    """Count the items of a caption set, collect their targets and find the first."""
    of_set = DatasetItem.dataset_id == dataset.id
    count = session.scalar(select(func.count()).select_from(DatasetItem).where(of_set)) or 0
    targets = session.scalars(select(DatasetItem.target).where(of_set).distinct()).all()
    first = select(DatasetItem.id).where(of_set).order_by(DatasetItem.position).limit(1)
    return DatasetRow(dataset, count, tuple(targets), session.scalar(first))
