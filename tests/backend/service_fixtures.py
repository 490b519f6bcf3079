"""Fixtures for tests of the service: a migrated database, a models folder, a client, portraits and jobs."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from starlette.testclient import TestClient

from backend.db import Database
from backend.ids import new_id
from backend.jobs import transitions
from backend.main import create_app
from backend.migrate import migrate
from backend.settings import Settings
from backend.storage import LocalStorage
from backend.tables import Dataset, DatasetItem, DatasetVersion, Job
from tests.postgresql_cluster import TEMPLATE, PostgresqlCluster

UploadPart = tuple[str, tuple[str, bytes, str]]


ON_SQLITE_ALONE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
"""For tests about SQLite itself, and for slow ones whose like runs on both databases."""

ON_POSTGRESQL_ALONE = pytest.mark.parametrize("database", ["postgresql"], indirect=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str:
    """The kind of database; every test of the service runs on both."""
    return str(request.param)


@pytest.fixture
def database_url(database: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a migrated database of this test's own."""
    if database == "sqlite":
        (tmp_path / "data").mkdir()
        own = shutil.copyfile(request.getfixturevalue("template_database"), tmp_path / "data" / "studio.sqlite")
        yield f"sqlite:///{own}"
    else:
        cluster: PostgresqlCluster = request.getfixturevalue("postgresql_cluster")
        with cluster.database(TEMPLATE) as url:
            yield url


@pytest.fixture(scope="session")
def template_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file, made once."""
    folder = tmp_path_factory.mktemp("template")
    migrate(Settings(data_dir=folder))
    return folder / "studio.sqlite"


@pytest.fixture
def models_dir(tmp_path: Path) -> Path:
    """A models folder with the descriptions of one base model, enough to be chosen."""
    base = tmp_path / "models" / "pico"
    (base / "unet").mkdir(parents=True)
    (base / "vae").mkdir()
    (base / "model_index.json").write_text(json.dumps({"_class_name": "StableDiffusionPipeline"}), "utf-8")
    (base / "unet" / "config.json").write_text(json.dumps({"sample_size": 16}), "utf-8")
    (base / "vae" / "config.json").write_text(json.dumps({"block_out_channels": [8, 8, 8, 8]}), "utf-8")
    return base.parent


@pytest.fixture
def settings(tmp_path: Path, models_dir: Path, database_url: str) -> Settings:
    """Settings with a data folder and a database of their own and short times."""
    (tmp_path / "data").mkdir(exist_ok=True)
    return Settings(
        data_dir=tmp_path / "data",
        database_url=database_url,
        models_dir=models_dir,
        host_names=("testserver",),
        lease_s=2.0,
        heartbeat_s=0.3,
        grace_s=3.0,
        stall_s=30.0,
        retry_delay_s=0.0,
        relay_s=0.1,
        resend_s=1.0,
    )


@pytest.fixture
def db(settings: Settings) -> Iterator[Database]:
    """The migrated database."""
    database = Database(settings.sqlalchemy_url)
    yield database
    database.close()


@pytest.fixture
def storage(settings: Settings) -> LocalStorage:
    """The data folder."""
    return LocalStorage(settings.data_dir)


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    """A client of the application."""
    app = create_app(settings)
    with TestClient(app, raise_server_exceptions=False) as test_client:
        yield test_client


def png(color: str = "tan", size_px: int = 40) -> bytes:
    """A small PNG of one colour."""
    stream = io.BytesIO()
    Image.new("RGB", (size_px, size_px), color).save(stream, "PNG")
    return stream.getvalue()


def zipped(members: Mapping[str, bytes]) -> bytes:
    """A zip of these members."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def parts(files: Mapping[str, bytes]) -> list[UploadPart]:
    """Multipart parts of an upload."""
    return [("files", (name, content, "application/octet-stream")) for name, content in files.items()]


GOOD_FILES = {
    "a.png": png("tan"),
    "b.png": png("olive"),
    "captions.csv": b'file_name,text\na.png,"a woman, a brown jacket, [blonde hair]"\n'
    b'b.png,"a man, a blue shirt, [blonde hair]"\n',
}


def made_dataset(client: TestClient, files: Mapping[str, bytes] = GOOD_FILES, name: str = "my set") -> dict[str, Any]:
    """A caption set that was uploaded."""
    answer = client.post("/api/v1/datasets", files=parts(files), data={"name": name})
    assert answer.status_code == 201, answer.text
    dataset: dict[str, Any] = answer.json()
    return dataset


def captioned(*captions: str) -> dict[str, bytes]:
    """Files of as many portraits as there are captions, each different: 0.png, 0.txt and so on."""
    files: dict[str, bytes] = {}
    for number, caption in enumerate(captions):
        files |= {f"{number}.png": png(f"hsl({number * 37 % 360}, 60%, 50%)"), f"{number}.txt": caption.encode()}
    return files


def add_dataset(session: Any, storage: LocalStorage, count: int = 2) -> str:
    """Add a frozen caption set with real pictures; return the id of its version."""
    dataset_id, version_id = new_id("ds"), new_id("dsv")
    session.add(Dataset(id=dataset_id, name="set", version_id=version_id, rejected=[]))
    session.flush()
    items: list[dict[str, Any]] = []
    for number in range(count):
        key = f"datasets/{dataset_id}/{number}.png"
        storage.path(key).parent.mkdir(parents=True, exist_ok=True)
        storage.path(key).write_bytes(png("tan" if number % 2 else "olive"))
        item = {
            "file_name": f"{number}.png",
            "image_key": key,
            "image_sha256": "0" * 64,
            "base": ["a woman"],
            "target": "blonde hair",
        }
        items.append(item)
        session.add(
            DatasetItem(**item, id=new_id("itm"), dataset_id=dataset_id, position=number, width_px=40, height_px=40)
        )
    session.add(
        DatasetVersion(id=version_id, dataset_id=dataset_id, content_hash=version_id, target="blonde hair", items=items)
    )
    session.flush()
    return version_id


NewJob = Callable[..., str]


@pytest.fixture
def new_job(db: Database, storage: LocalStorage) -> NewJob:
    """A function that queues a job and returns its id."""

    def add(kind: str = "training", **columns: Any) -> str:
        spec: dict[str, Any] = (
            {"base": "pico", "method": "spf", "stage1_steps": 10, "seed": 0}
            if kind == "training"
            else {"base": "pico", "adapter": None, "base_text": "a woman", "target": "blonde hair", "seed": 1}
        )
        with db.write() as session:
            if kind == "training":
                columns.setdefault("dataset_version_id", add_dataset(session, storage))
            queue = "train" if kind == "training" else "draw"
            job = Job(**{"id": new_id("job"), "kind": kind, "queue": queue, "spec": spec, **columns})
            transitions.enqueue(session, job, [job.source_adapter_id] if job.source_adapter_id else [])
        return job.id

    return add


def job_row(db: Database, job_id: str) -> Job:
    """Read a job."""
    with db.read() as session:
        job = session.get(Job, job_id)
    assert job is not None
    return job
