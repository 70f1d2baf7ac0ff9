"""Dockerfile and compose.yaml, as far as they can be checked where no container runs."""

import re
import tomllib
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from app.settings import Settings

ROOT = Path(__file__).parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
WORDS = {
    "build", "depends_on", "entrypoint", "environment", "healthcheck", "image", "ports", "profiles", "restart",
    "stop_grace_period", "volumes",
}  # fmt: skip
HEALTH_WORDS = {"test", "interval", "timeout", "retries", "start_period"}
INSTRUCTIONS = {"FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "EXPOSE", "VOLUME", "HEALTHCHECK", "CMD"}


def filled_in(text: object, **environment: str) -> str:
    """With `${NAME:-default}` replaced."""
    return re.sub(r"\$\{(\w+):-([^}]*)\}", lambda found: environment.get(found[1], found[2]), str(text))


def ignored() -> set[str]:
    return set((ROOT / ".dockerignore").read_text().split())


def test_every_path_that_is_copied_exists_and_is_not_ignored() -> None:
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
    paths = [path for line in copied for path in line.split()]
    assert {"app", "migrations", "locks", "pyproject.toml", "Makefile"} <= set(paths)
    assert all((ROOT / path).exists() for path in paths)
    assert not set(paths) & ignored()


def test_what_is_made_here_stays_out_of_the_image() -> None:
    assert {".git", ".venv", ".eventstream", ".engines"} <= ignored()


def test_the_dockerfile_holds_known_instructions_and_two_stages() -> None:
    lines = re.sub(r"\\\n", " ", DOCKERFILE).splitlines()
    assert {line.split()[0] for line in lines if line and not line.startswith("#")} <= INSTRUCTIONS
    assert len(re.findall(r"^FROM ", DOCKERFILE, re.MULTILINE)) == 2


def test_the_image_runs_as_a_normal_user_without_build_tools_and_says_how_it_is() -> None:
    last_stage = DOCKERFILE.split("FROM ")[-1]
    assert "USER eventstream" in last_stage
    assert "HEALTHCHECK" in last_stage
    assert "apt-get" not in last_stage
    assert "make .venv/.run" in DOCKERFILE.split("FROM ")[1]


def test_the_image_is_stripped_of_what_only_builds_and_of_nothing_that_runs() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    stripped = set(re.findall(r"^  (.+)$", (ROOT / "locks" / "strip.sh").read_text(), re.MULTILINE)[0].split())
    building = needed_by([*project["build-system"]["requires"], *project["dependency-groups"]["build"]])
    running = needed_by(project["project"]["dependencies"])
    assert stripped == (building - running) | {"pip", "uv"}
    assert re.search(r"^RUN .*make .venv/.run && sh locks/strip.sh .venv$", DOCKERFILE, re.MULTILINE)


def needed_by(requirements: Iterable[str]) -> set[str]:
    """Names of these and of all they need in turn, as they are installed here."""
    found, waiting = set[str](), [Requirement(one) for one in requirements]
    while waiting:
        one = waiting.pop()
        name = canonicalize_name(one.name)
        if name in found or (one.marker and not one.marker.evaluate()):
            continue
        found.add(name)
        for extra in ["", *one.extras]:
            told = map(Requirement, metadata.requires(name) or [])
            waiting += [more for more in told if more.marker is None or more.marker.evaluate({"extra": extra})]
    return found


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_uses_known_words_and_says_how_it_is(name: str) -> None:
    service = SERVICES[name]
    assert set(service) <= WORDS
    assert ("image" in service) != ("build" in service)
    if name != "app":  # its image has its own
        assert service["healthcheck"].keys() <= HEALTH_WORDS
        assert service["healthcheck"]["test"]
    if image := service.get("image"):
        assert re.search(r":[\w.-]*\d", image), "pinned"


@pytest.mark.parametrize("name", SERVICES)
def test_what_a_service_needs_is_there(name: str) -> None:
    service = SERVICES[name]
    for needed, how in service.get("depends_on", {}).items():
        assert how == {"condition": "service_healthy"}
        assert "profiles" not in SERVICES[needed]
    for volume in service.get("volumes", []):
        assert volume.split(":")[0] in COMPOSE["volumes"]


def test_only_the_application_is_reachable_from_outside() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["app"]


def test_the_application_gets_settings_that_choose_all_four_engines() -> None:
    environment = {name: filled_in(value) for name, value in SERVICES["app"]["environment"].items()}
    settings = Settings.from_env(environment)
    assert settings.database_url == "postgresql://eventstream:eventstream@postgres/eventstream"
    assert settings.mongodb_url
    assert settings.kafka
    assert settings.bucket
    assert settings.bucket.url == "http://minio:9000/eventstream"
    assert settings.media_base_url == f"{settings.public_url}/media"
    example = (ROOT / ".env.example").read_text()
    assert all(re.search(rf"^(?:# )?{name}=", example, re.MULTILINE) for name in environment)


def test_a_profile_makes_three_brokers_of_one_cluster() -> None:
    brokers = [service["environment"] for name, service in SERVICES.items() if name.startswith("kafka")]
    assert sorted(broker["KAFKA_NODE_ID"] for broker in brokers) == [1, 2, 3]
    assert len({broker["CLUSTER_ID"] for broker in brokers}) == 1
    assert [SERVICES[name].get("profiles") for name in ("kafka", "kafka-2", "kafka-3")] == [
        None, ["three-brokers"], ["three-brokers"],
    ]  # fmt: skip
    assert filled_in(brokers[0]["KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR"], KAFKA_REPLICATION="3") == "3"
