"""`fleet erase`: deletes everything of a user, in the vault and in the ledger."""

import asyncio
import sys

import click

from services.cli.command import command, told, user_option
from services.cli.output import print_facts, print_json
from services.cli.surroundings import Surroundings
from services.cli.wiring import operator
from services.producer.front_door import FrontDoorSettings, open_front_door
from shared.values import UserId


@command()
@user_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@told
def erase(around: Surroundings, user: UserId, yes: bool) -> None:
    """Delete a user's key, bookmarks, contents, analyses and jobs."""
    if not yes and sys.stdin.isatty():
        click.confirm(f"Delete everything of {user}, for good?", abort=True, err=True)
    facts = {"user": user, "bookmarks": asyncio.run(_erase(user))}
    if around.as_json:
        print_json(facts)
    else:
        print_facts(facts)


async def _erase(user: UserId) -> int:
    async with open_front_door(FrontDoorSettings.read()) as door:
        return await door.erase(user, by=operator())
