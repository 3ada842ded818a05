"""Whoever follows docs/operations/compose.md has a whole fleet: each service with what compose.yaml gives it alone."""

import json
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.local.warden import Warden
from tests.composing import FILE, read
from tests.composing.machine import Machine
from tests.gemini_emulator import GeminiEmulator
from tests.guide import GUIDE, all_commands
from tests.images import ROLES
from tests.running_fleet import QUICK, Site, site, wait_until

__all__ = ["site"]

SECRETS = ("servers-secrets", "fleet-secrets", "front-door", "analyzer")
KEY = "AIzaSyAda-0000000000000000000000000000ada"


@pytest.fixture
def gemini() -> Iterator[GeminiEmulator]:
    with GeminiEmulator() as gemini:
        gemini.add_key(KEY)
        yield gemini


@pytest.fixture
def machine(tmp_path: Path, gemini: GeminiEmulator, warden: Warden) -> Iterator[Machine]:
    """A machine whose `.env` names the emulated provider, and lets pages of this machine be read."""
    settings = {**QUICK, "FLEET_GEMINI_BASE_URL": gemini.url}
    machine = Machine(tmp_path, read(FILE.read_text(encoding="utf-8"), settings), watch=warden)
    yield machine
    machine.down()


def follow(machine: Machine, command: list[str]) -> str:
    """Do what a `docker compose …` of the page does."""
    if "cp" in command:
        service, _, path = command[command.index("cp") + 1].partition(":")
        return machine.run(service, ["test", "-s", path])
    if "exec" in command:
        service, *argv = command[command.index("exec") + 1 :]
        return machine.run(service, argv, typed=f"{KEY}\n")
    machine.up(*(command[n + 1] for n, word in enumerate(command) if word == "--profile"))
    return ""


def up_in(prometheus: str) -> dict[str, str]:
    """The roles that a Prometheus watches, and whether it reaches each."""
    with urllib.request.urlopen(f"{prometheus}/api/v1/query?query=up", timeout=10) as answer:  # noqa: S310 - our own
        found = json.load(answer)["data"]["result"]
    return {series["metric"]["role"]: series["value"][1] for series in found}


def secrets_in(folder: Path) -> dict[Path, bytes]:
    """What the volumes hold that servers and processes know each other by."""
    return {file: file.read_bytes() for name in SECRETS for file in (folder / "volumes" / name).iterdir()}


def test_who_follows_the_page_has_a_fleet_that_analyses_on_adas_own_key_and_is_watched(
    machine: Machine, site: Site, tmp_path: Path
) -> None:
    first, *then = all_commands(GUIDE / "compose.md")
    then = then[: then.index(["docker", "compose", "up", "--wait"])]  # from there on it is more of the same

    follow(machine, first)
    made = secrets_in(tmp_path)
    printed = [follow(machine, command) for command in then]
    machine.run("api", ["fleet", "submit", *site.pages(1), "--user", "ada"])

    wait_until(
        lambda: '"gemini"' in machine.run("api", ["fleet", "results", "--user", "ada", "--json"]),
        what="Gemini has analysed a page on Ada's key",
    )
    wait_until(
        lambda: up_in(machine.published(9090)) == dict.fromkeys(set(ROLES) - {"migrate"}, "1"),
        what="Prometheus reaches every role",
    )
    assert any(re.fullmatch(r"ey\S+\n", told) for told in printed), "fleet token prints a token"
    assert secrets_in(tmp_path) == made
