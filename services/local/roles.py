"""Which processes a fleet on this machine consists of, and what each is told."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from services.local.ports import LOOPBACK, free_port
from services.local.supervisor import Role

WORKING = ("dispatch", "scrape", "analyze")
RENDER = "render"  # needs Chromium
INTAKE = "intake"  # takes events from RabbitMQ; there are none without it

_VAULT = "FLEET_VAULT_"
_FOR_FEW = (_VAULT, "FLEET_TOKEN_SECRET")  # whoever reads strangers' pages should know of neither


def api(settings: Mapping[str, str]) -> Role:
    """The HTTP API and the live page."""
    return _role("api", settings)


def workers(settings: Mapping[str, str], *, for_analyzer: Mapping[str, str]) -> list[Role]:
    """The processes that need the broker.

    Args:
        settings: the fleet's.
        for_analyzer: what the analyzer signs in to the vault with, in place of the front door's credentials.
    """
    plain = {name: value for name, value in settings.items() if not name.startswith(_FOR_FEW)}
    vault = {name: value for name, value in settings.items() if name.startswith(_VAULT)}
    told = dict.fromkeys(WORKING, plain) | {"analyze": plain | vault | dict(for_analyzer)}
    if settings.get("FLEET_RENDER") == "true":
        told[RENDER] = plain
    if settings.get("FLEET_BROKER_URL", "").startswith("amqp"):
        told[INTAKE] = plain | vault  # a user who is deleted takes their key along
    return [_role(name, its | {"FLEET_METRICS_PORT": str(free_port())}) for name, its in told.items()]


def sample_site(port: int) -> Role:
    """The sample pages on loopback; it is told nothing of the fleet."""
    command = (sys.executable, "-m", "services.local.sample_site", LOOPBACK, str(port))
    return Role("sample-site", command, _inherited())


def _role(name: str, settings: Mapping[str, str]) -> Role:
    return Role(name, (*_fleet(), name), {**_inherited(), **settings})


def _fleet() -> tuple[str, ...]:
    """The `fleet` command of this very installation."""
    return (sys.executable, str(Path(sys.executable).with_name("fleet")))


def _inherited() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("FLEET_")}
