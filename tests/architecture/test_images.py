"""deploy/docker/Dockerfile: linted, every target as closed as the page beside it says; mistakes are noticed."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.composing.rules import PINNED
from tests.images import DOCKER, DOCKERFILE, ROLES, stage


def hadolint(text: str) -> subprocess.CompletedProcess[str]:
    command = [Path(sys.executable).with_name("hadolint"), "--config", DOCKER / "hadolint.yaml", "-"]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=False)


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
