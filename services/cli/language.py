"""`fleet language`: in which language a user's analyses are written, and choosing it."""

import asyncio

import click

from services.cli.command import command, told, user_option
from services.cli.output import print_facts, print_json
from services.cli.surroundings import Surroundings
from services.cli.wiring import open_ledger, operator
from shared.preferences import Language
from shared.preferences import language as checked
from shared.values import UserId

_DEFAULT = "default"


@command()
@click.argument("tag", required=False, metavar="[TAG|page|default]")
@user_option
@told
def language(around: Surroundings, tag: str | None, user: UserId) -> None:
    """Show or choose the language of a user's next analyses: a tag such as de, the page's own, or the deployment's."""
    facts = {"user": user, "language": asyncio.run(_language(user, tag))}
    if around.as_json:
        print_json(facts)
    else:
        print_facts(facts)


async def _language(user: UserId, tag: str | None) -> Language:
    by = operator()
    async with open_ledger() as opened:
        if tag is not None:
            await opened.preferences.set_language(user, None if tag == _DEFAULT else checked(tag), by=by)
        return await opened.preferences.language_of(user)
