"""`fleet key`: a user's API key or the default key; typed at a prompt or piped in, never an argument."""

import asyncio
import sys
from collections.abc import Callable, Mapping

import click

from services.cli.command import FleetCommand, User, told
from services.cli.output import print_facts, print_json
from services.cli.surroundings import Surroundings
from services.cli.wiring import operator
from services.producer.adapters.in_gemini import GeminiKeyCheck
from services.producer.domain.adding_keys import DEFAULT_NAME, KeyAdded, known_key
from services.producer.front_door import FrontDoorSettings, open_front_door
from shared.keys import DEPLOYMENT, ApiKey, KeyRecord
from shared.keys.plaintext import api_key
from shared.settings import GeminiSettings
from shared.values import UserId

_LONGEST_LINE = 10_000


def owner_options(command: Callable[..., None]) -> Callable[..., None]:
    """`--user U` or `--default`: whose key."""
    user = click.option("--user", "user", type=User(), metavar="U", help="Whose.")
    default = click.option("--default", is_flag=True, help="The deployment's default key instead of a user's.")
    return user(default(command))


@click.group()
def key() -> None:
    """A user's API key, or the deployment's default key: it lives in the vault, and no command shows it."""


@key.command(cls=FleetCommand)
@owner_options
@click.option("--name", default=DEFAULT_NAME, show_default=True, help="What to call it.")
@told
def add(around: Surroundings, user: UserId | None, name: str, *, default: bool) -> None:
    """Check a key with the provider and store it in place of the one before."""
    added = asyncio.run(_add(_owner(user, default=default), _typed_key(), name))
    facts = {"name": added.name, "status": added.status, "reason": added.reason, "requeued": added.requeued}
    _tell(around, facts)


@key.command(cls=FleetCommand)
@owner_options
@told
def show(around: Surroundings, user: UserId | None, *, default: bool) -> None:
    """Show what is known of the key; never the key."""
    record = asyncio.run(_known(_owner(user, default=default)))
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
@owner_options
@told
def remove(around: Surroundings, user: UserId | None, *, default: bool) -> None:
    """Destroy the key in all its versions."""
    asyncio.run(_remove(_owner(user, default=default)))
    _tell(around, {"removed": True})


@key.command(cls=FleetCommand)
@owner_options
@told
def check(around: Surroundings, user: UserId | None, *, default: bool) -> None:
    """Ask the provider whether it takes a key; stores nothing. With an owner, say whether it is the key they have."""
    typed = _typed_key()
    asyncio.run(GeminiKeyCheck(GeminiSettings.read())(typed))
    facts = {"accepted": True}
    if default or user is not None:
        facts["stored"] = asyncio.run(_is_stored(_owner(user, default=default), typed))
    _tell(around, facts)


def _owner(user: UserId | None, *, default: bool) -> UserId:
    if default == (user is not None):
        raise click.UsageError("Say whose key: --user U, or --default for the deployment's.")
    return DEPLOYMENT if user is None else user


def _typed_key() -> ApiKey:
    if sys.stdin.isatty():
        return api_key(click.prompt("API key", hide_input=True, err=True, default="", show_default=False))
    return api_key(sys.stdin.read(_LONGEST_LINE))


async def _add(owner: UserId, typed: ApiKey, name: str) -> KeyAdded:
    async with open_front_door(FrontDoorSettings.read()) as door:
        return await door.add_key(owner, typed, name=name, by=operator())


async def _known(owner: UserId) -> KeyRecord:
    async with open_front_door(FrontDoorSettings.read()) as door:
        return await known_key(door.registry, owner)


async def _remove(owner: UserId) -> None:
    async with open_front_door(FrontDoorSettings.read()) as door:
        await door.remove_key(owner, by=operator())


async def _is_stored(owner: UserId, typed: ApiKey) -> bool:
    async with open_front_door(FrontDoorSettings.read()) as door:
        return (await known_key(door.registry, owner)).fingerprint == await door.fingerprint(typed)


def _tell(around: Surroundings, facts: Mapping[str, object]) -> None:
    if around.as_json:
        print_json({name.replace(" ", "_"): value for name, value in facts.items()})
    else:
        print_facts(facts)
