"""deploy/docker/Dockerfile and compose.yaml: linted, and told nothing that is not there; mistakes are noticed."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.cli.configuration import _components
from tests.manifests import ROOT, put_together, workloads

DOCKER = ROOT / "deploy" / "docker"
DOCKERFILE = (DOCKER / "Dockerfile").read_text(encoding="utf-8")
ROLES = ("migrate", "api", "intake", "dispatch", "scrape", "render", "analyze")
PINNED = re.compile(r":v?\d+\.\d+[\w.-]*$")


def hadolint(text: str) -> subprocess.CompletedProcess[str]:
    command = [Path(sys.executable).with_name("hadolint"), "--config", DOCKER / "hadolint.yaml", "-"]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=False)


def stage(name: str) -> str:
    """What the Dockerfile says of a stage, with what the stages under it say."""
    (found,) = re.findall(rf"^FROM (\S+) AS {name}$\n(.*?)(?=^FROM |\Z)", DOCKERFILE, re.DOTALL | re.MULTILINE)
    below, own = found
    return own if below.startswith("$") else stage(below) + own


def test_the_dockerfile_passes_its_linter_and_its_base_is_pinned() -> None:
    (base,) = re.findall(r"^ARG BASE=(.*)", DOCKERFILE, re.MULTILINE)

    assert hadolint(DOCKERFILE).stdout == ""
    assert PINNED.search(base)


@pytest.mark.parametrize(
    ("right", "wrong", "noticed"),
    [
        ("# hadolint ignore=DL3008\n", "", "DL3008"),
        (" --no-install-recommends", "", "DL3015"),
        ('CMD ["scrape"]', "CMD scrape", "DL3025"),
        ("COPY services services", "ADD services services", "DL3020"),
        ("USER 10001:10001\nEXPOSE", "USER root\nEXPOSE", "DL3066"),
    ],
)
def test_the_linter_notices_a_planted_mistake(right: str, wrong: str, noticed: str) -> None:
    assert right in DOCKERFILE
    assert noticed in hadolint(DOCKERFILE.replace(right, wrong)).stdout


@pytest.mark.parametrize("role", ROLES)
def test_every_role_has_a_target_that_hands_signals_on_and_runs_as_nobody(role: str) -> None:
    said = stage(role)

    assert re.findall(r"^USER (\S+)", said, re.MULTILINE)[-1] == "10001:10001"
    assert re.findall(r"^ENTRYPOINT (.*)", said, re.MULTILINE) == ['["tini", "--", "fleet"]']
    assert re.findall(r"^CMD (.*)", said, re.MULTILINE) == [f'["{role}"]']
    assert "HEALTHCHECK" in said
    assert "org.opencontainers.image.revision" in said
    assert ("chromium" in said) == (role == "render")
    assert not re.search(r"gcc|build-essential|git ", said)


def compose_faults(compose: dict[str, Any]) -> Iterator[str]:
    settings = {f"FLEET_{name.upper()}" for component in _components() for name in component.model_fields}
    for name, service in compose["services"].items():
        if not PINNED.search(service["image"]):
            yield f"{name}: {service['image']} is not pinned"
        yield from (
            f"{name} waits for {other}" for other in service.get("depends_on", {}) if other not in compose["services"]
        )
        yield from (f"{name} is on {net}" for net in service.get("networks", []) if net not in compose["networks"])
        mounted = dict(volume.split(":")[:2] for volume in service.get("volumes", []))
        for source in mounted:
            if source not in compose["volumes"] and not (ROOT / source).exists():
                yield f"{name} mounts {source}"
        for variable, value in service.get("environment", {}).items():
            if variable.startswith("FLEET_") and variable.removesuffix("_FILE") not in settings:
                yield f"{name}: there is no setting {variable}"
            if variable.endswith("_FILE") and not any(value.startswith(f"{target}/") for target in mounted.values()):
                yield f"{name}: {variable} names {value}, which is not mounted"
        yield from _of_our_own(name, service) if "build" in service else _of_others(name, service)
        yield from _told_a_secret(name, service.get("environment", {}))

    yield from _ended_unnoticed(compose["services"])


def _told_a_secret(name: str, environment: dict[str, str]) -> Iterator[str]:
    for variable, value in environment.items():
        if re.search(r"(PASS|PASSWORD|SECRET|SECRET_ID|TOKEN|KEY)$", variable) or re.search("//[^/]*:[^/]*@", value):
            yield f"{name} is told a secret: {variable}"


def _ended_unnoticed(services: dict[str, Any]) -> Iterator[str]:
    """`up --wait` takes a service that ends for a failure, unless one that goes on waits for its end."""
    waited_for = {
        name
        for service in services.values()
        if service.get("restart") == "unless-stopped"
        for name, until in service.get("depends_on", {}).items()
        if until["condition"] == "service_completed_successfully"
    }
    ending = {name for name, service in services.items() if service.get("restart", "no") == "no"}
    yield from (f"nobody that goes on waits for the end of {name}" for name in sorted(ending - waited_for))


def _of_others(name: str, service: dict[str, Any]) -> Iterator[str]:
    """Our own images bring their HEALTHCHECK along."""
    if service.get("restart") == "unless-stopped" and "healthcheck" not in service:
        yield f"{name} has no healthcheck"


def _of_our_own(name: str, service: dict[str, Any]) -> Iterator[str]:
    if service["build"]["target"] != name or service["build"]["dockerfile"] != "deploy/docker/Dockerfile":
        yield f"{name} is built from another target"
    if not service.get("read_only") or service.get("cap_drop") != ["ALL"]:
        yield f"{name} has rights"
    if "no-new-privileges:true" not in service.get("security_opt", []):
        yield f"{name} may gain privileges"


def compose(text: str | None = None) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(text or (ROOT / "compose.yaml").read_text(encoding="utf-8"))
    return loaded


def test_compose_starts_every_role_with_what_is_there() -> None:
    assert list(compose_faults(compose())) == []
    assert set(ROLES) <= set(compose()["services"])


def test_compose_tells_every_role_what_kubernetes_tells_it() -> None:
    told = {"DATABASE_URL_FILE", "BROKER_URL_FILE", "REDIS_URL_FILE", "TOKEN_SECRET_FILE", "VAULT_ADDR"}
    for work in workloads(put_together("overlays/plain")):
        here = compose()["services"][work.role]["environment"].keys()
        for name in told - {"VAULT_ADDR"} | ({"VAULT_ADDR"} if "FLEET_VAULT_ROLE" in work.environment() else set()):
            assert (f"FLEET_{name}" in here) == (f"FLEET_{name}" in work.environment()), (work.role, name)


@pytest.mark.parametrize(
    ("right", "wrong", "noticed"),
    [
        ("postgres:18.6-bookworm", "postgres:latest", "is not pinned"),
        ("FLEET_RENDER:", "FLEET_RENDERS:", "there is no setting FLEET_RENDERS"),
        ("/front-door/token.secret", "/secrets/token.secret", "which is not mounted"),
        ("read_only: true", "read_only: false", "has rights"),
        ("{vault: {condition: service_started}}", "{bao: {condition: service_started}}", "waits for bao"),
        (
            "migrate: {condition: service_completed_successfully}",
            "postgres: {condition: service_healthy}",
            "the end of migrate",
        ),
        ("- analyzer:/analyzer\n", "- analyser:/analyzer\n", "mounts analyser"),
        ("healthcheck: # healthy", "x-healthcheck: # healthy", "vault has no healthcheck"),
        ("POSTGRES_PASSWORD_FILE: /secrets/postgres-superuser.password", "POSTGRES_PASSWORD: hunter2", "told a secret"),
        ("_FILE: /fleet-secrets/redis.url", ": redis://:hunter2@valkey/0", "told a secret"),
    ],
)
def test_a_planted_mistake_in_compose_is_noticed(right: str, wrong: str, noticed: str) -> None:
    text = (ROOT / "compose.yaml").read_text(encoding="utf-8")
    assert right in text

    found = list(compose_faults(compose(text.replace(right, wrong))))

    assert any(noticed in fault for fault in found), found
