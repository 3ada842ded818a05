"""The guide for Kubernetes, every block in order by a shell, with a cluster that knows what it was told."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import rehearsing
from tests.guide import GUIDE, blocks
from tests.manifests import FOLDERS, ROOT, put_together

LATER = [block for page in ("losses.md", "keeping.md") for block in blocks(GUIDE / page) if block.startswith("kubectl")]
GUIDED = "\n".join([*blocks(GUIDE / "kubernetes.md"), *LATER])
FILES = (
    "database.url",
    "redis.url",
    "token.secret",
    "broker.url",
    "vault.token",
    "ca.crt",
)  # what the page says to have


@pytest.fixture(scope="module")
def overlays(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("overlays") / "overlays.json"
    file.write_text(json.dumps({folder: put_together(folder) for folder in FOLDERS}), encoding="utf-8")
    return file


@pytest.fixture
def desk(tmp_path: Path, overlays: Path) -> dict[str, str]:
    """Where somebody sits who follows the page: the repository, the files, the programs."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("kubectl", "docker"):
        (programs / name).write_text(f'#!/bin/sh\nexec {sys.executable} -I {rehearsing.__file__} {name} "$@"\n')
    (programs / "install").write_text('#!/bin/sh\ntest -f "$4"\n')  # the node's own folders are not ours to write
    for program in programs.iterdir():
        program.chmod(0o755)
    (tmp_path / "deploy").symlink_to(ROOT / "deploy")
    for name in FILES:
        (tmp_path / name).write_text("x")
    return {"PATH": f"{programs}:{os.environ['PATH']}", "OVERLAYS": str(overlays), "HOME": str(tmp_path)}


def follow(text: str, desk: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = ["bash", "-euo", "pipefail", "-c", text]
    return subprocess.run(command, cwd=desk["HOME"], env=desk, capture_output=True, text=True, check=False)


def test_the_page_leads_from_nothing_to_a_fleet_and_on(desk: dict[str, str]) -> None:
    followed = follow(GUIDED, desk)

    assert (followed.returncode, followed.stderr) == (0, "")


@pytest.mark.parametrize(
    ("right", "wrong", "noticed"),
    [
        ("secret generic fleet-redis", "secret generic fleet-reddis", "secret/fleet-redis is not there"),
        ("kubectl create configmap fleet-ca", "true", "configmap/fleet-ca is not there"),
        ("job/vault-set-up", "job/set-up-vault", "job/set-up-vault is not there"),
        ('docker push "registry', 'true "registry', "image/registry.example/bookmark-fleet/migrate:0.1.0 is not there"),
        ('--target "$role"', '--target "$rolle"', "rolle: unbound variable"),
        ("kubectl apply -k deploy/k8s/overlays/production/migration", "true", "namespace/fleet is not there"),
        ("url=database.url", "url=postgresql.url", "postgresql.url is not there"),
        ("--all --replicas=1", "--all --replicas=0", "a pod of deployment/api is not there"),
    ],
)
def test_a_planted_mistake_stops_who_follows_the_page(
    right: str, wrong: str, noticed: str, desk: dict[str, str]
) -> None:
    assert right in GUIDED

    followed = follow(GUIDED.replace(right, wrong), desk)

    assert followed.returncode != 0
    assert noticed in followed.stderr
