"""The compose files, read but not run: what must hold of every service, and that images and settings exist."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from backend.settings import Settings
from backend.studio import _SETTLE_S  # pyright: ignore[reportPrivateUsage]

REPOSITORY = Path(__file__).resolve().parents[1]
OURS = ("api", "maintenance", "train", "draw")


def _read(name: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((REPOSITORY / name).read_text("utf-8"))
    return content


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    """What docker-compose.yml starts."""
    found: dict[str, dict[str, Any]] = _read("docker-compose.yml")["services"]
    return found


def test_every_part_of_the_studio_is_started(services: dict[str, dict[str, Any]]) -> None:
    assert set(services) == {"postgres", "redis", *OURS}
    assert {name: services[name]["command"] for name in OURS[1:]} == {
        "maintenance": ["python", "-m", "backend.maintenance"],
        "train": ["python", "-m", "worker", "train"],
        "draw": ["python", "-m", "worker", "draw"],
    }


def test_services_share_database_broker_and_files(services: dict[str, dict[str, Any]]) -> None:
    for name in OURS:
        environment = services[name]["environment"]
        assert environment["SPF_DATABASE_URL"].startswith("postgresql://spf:${POSTGRES_PASSWORD:?")
        assert environment["SPF_DATABASE_URL"].endswith("}@postgres/spf")
        assert environment["SPF_REDIS_URL"] == "redis://redis:6379/0"
        assert "data:/data" in services[name]["volumes"]


def test_every_variable_is_a_setting(services: dict[str, dict[str, Any]]) -> None:
    known = {f"SPF_{name.upper()}" for name in Settings.model_fields}
    for name in OURS:
        assert set(services[name]["environment"]) <= known


def test_nothing_is_lost_by_the_broker_or_the_database(services: dict[str, dict[str, Any]]) -> None:
    command = " ".join(services["redis"]["command"])
    assert "--appendonly yes" in command
    assert "--maxmemory-policy noeviction" in command
    assert services["redis"]["volumes"] == ["redis:/data"]
    assert services["postgres"]["volumes"] == ["postgres:/var/lib/postgresql/data"]
    assert {"data", "postgres", "redis"} == set(_read("docker-compose.yml")["volumes"])


def test_services_wait_for_what_they_need_to_be_healthy(services: dict[str, dict[str, Any]]) -> None:
    healthy = {"condition": "service_healthy"}
    assert services["api"]["depends_on"] == {"postgres": healthy, "redis": healthy}
    for name in ("maintenance", "train", "draw"):  # the API brings the database to the present schema
        assert services[name]["depends_on"] == {"api": healthy}
    for name in ("postgres", "redis", "api"):
        assert services[name]["healthcheck"]["test"]


def test_only_the_api_is_reached_and_only_from_this_host(services: dict[str, dict[str, Any]]) -> None:
    assert {name: part["ports"] for name, part in services.items() if "ports" in part} == {
        "api": ["127.0.0.1:8000:8000"]
    }


def test_workers_have_time_to_stop(services: dict[str, dict[str, Any]]) -> None:
    for name in ("train", "draw"):
        assert float(services[name]["stop_grace_period"].removesuffix("s")) >= Settings().grace_s + _SETTLE_S


def test_secrets_come_from_outside_and_are_told_of(services: dict[str, dict[str, Any]]) -> None:
    text = (REPOSITORY / "docker-compose.yml").read_text("utf-8")
    example = dict(re.findall(r"^(\w+)=(.*)$", (REPOSITORY / ".env.example").read_text("utf-8"), flags=re.M))
    assert set(re.findall(r"\$\{(\w+)", text)) == set(example)
    assert example["POSTGRES_PASSWORD"] == ""
    assert services["postgres"]["environment"]["POSTGRES_PASSWORD"].startswith("${POSTGRES_PASSWORD:?")
    for ignored in (".gitignore", ".dockerignore"):
        assert {".env", "/.env"} & set((REPOSITORY / ignored).read_text("utf-8").splitlines())


def test_images_are_pinned_or_built_here(services: dict[str, dict[str, Any]]) -> None:
    for name in ("postgres", "redis"):
        assert re.search(r":\d+(\.\d+)?-", services[name]["image"])
    built = {part["build"]["dockerfile"]: part["image"] for part in services.values() if "build" in part}
    assert {services[name]["image"] for name in OURS} == set(built.values())
    assert all((REPOSITORY / path).is_file() for path in built)


def test_the_api_has_no_engine_and_both_images_the_driver() -> None:
    extras = {
        name: re.findall(r"--editable '\.\[([\w,]+)\]'", (REPOSITORY / f"docker/{name}.Dockerfile").read_text("utf-8"))
        for name in ("api", "worker")
    }
    assert extras == {"api": ["postgresql"], "worker": ["engine,postgresql"]}


def test_the_gpu_file_gives_one_to_each_worker(services: dict[str, dict[str, Any]]) -> None:
    override: dict[str, Any] = _read("docker-compose.gpu.yml")["services"]
    assert set(override) == {"train", "draw"} <= set(services)
    for part in override.values():
        (device,) = part["deploy"]["resources"]["reservations"]["devices"]
        assert (device["driver"], device["capabilities"]) == ("nvidia", ["gpu"])
