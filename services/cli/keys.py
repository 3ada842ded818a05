"""`fleet key`: a user's API key; typed at a prompt or piped in, never an argument, which others could read."""

import asyncio
import sys
from collections.abc import Mapping

import click

from services.cli.command import FleetCommand, told, user_option
from services.cli.output import print_facts, print_json
from services.cli.surroundings import Surroundings
from services.cli.wiring import operator
from services.producer.adapters.in_gemini import GeminiKeyCheck
from services.producer.domain.adding_keys import DEFAULT_NAME, KeyAdded, known_key
from services.producer.front_door import FrontDoorSettings, open_front_door
from shared.keys import ApiKey, KeyRecord
from shared.keys.plaintext import api_key
from shared.settings import GeminiSettings
from shared.values import UserId

_LONGEST_LINE = 10_000


@click.group()
def key() -> None:
    """A user's API key: it lives in the vault, and no command shows it."""


@key.command(cls=FleetCommand)
@user_option
@click.option("--name", default=DEFAULT_NAME, show_default=True, help="What to call it.")
@told
def add(around: Surroundings, user: UserId, name: str) -> None:
    """Check a key with the provider and store it in place of the one before."""
    added = asyncio.run(_add(user, _typed_key(), name))
    facts = {"name": added.name, "status": added.status, "reason": added.reason, "requeued": added.requeued}
    _tell(around, facts)


@key.command(cls=FleetCommand)
@user_option
@told
def show(around: Surroundings, user: UserId) -> None:
    """Show what is known of the key; never the key."""
    record = asyncio.run(_known(user))
    facts = {
        "name": record.name,
        "status": record.status,
        "reason": record.reason,
        "added": record.created_at,
        "checked": record.checked_at,
        "last used": record.last_used_at,
    }
    _tell(around, facts)


@key.command(cls=FleetCommand)
@user_option
@told
def remove(around: Surroundings, user: UserId) -> None:
    """Destroy the key in all its versions."""
    asyncio.run(_remove(user))
    _tell(around, {"removed": True})


@key.command(cls=FleetCommand)
@told
def check(around: Surroundings) -> None:
    """Ask the provider whether it takes a key; stores nothing."""
    asyncio.run(GeminiKeyCheck(GeminiSettings.read())(_typed_key()))
    _tell(around, {"accepted": True})


def _typed_key() -> ApiKey:
    if sys.stdin.isatty():
        return api_key(click.prompt("API key", hide_input=True, err=True, default="", show_default=False))
    return api_key(sys.stdin.read(_LONGEST_LINE))


async def _add(user: UserId, typed: ApiKey, name: str) -> KeyAdded:
    async with open_front_door(FrontDoorSettings.read()) as door:
        return await door.add_key(user, typed, name=name, by=operator())


async def _known(user: UserId) -> KeyRecord:
    async with open_front_door(FrontDoorSettings.read()) as door:
        return await known_key(door.registry, user)


async def _remove(user: UserId) -> None:
    async with open_front_door(FrontDoorSettings.read()) as door:
        await door.remove_key(user, by=operator())


def _tell(around: Surroundings, facts: Mapping[str, object]) -> None:
    if around.as_json:
        print_json({name.replace(" ", "_"): value for name, value in facts.items()})
    else:
        print_facts(facts)
