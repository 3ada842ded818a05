"""`fleet reanalyse`: renew what older versions of the prompt came to."""

import asyncio
from dataclasses import asdict

import click

from services.cli.command import User, command, told
from services.cli.output import print_facts, print_json
from services.cli.surroundings import Surroundings
from services.cli.wiring import open_ledger, operator
from services.producer.domain.reanalysing import Reanalyse, Requeued
from shared.values import UserId


@command()
@click.option("--user", "user", type=User(), metavar="U", help="One user's only.")
@click.option("--prompt-version", required=True, metavar="V", help="The newest version whose analyses are renewed.")
@told
def reanalyse(around: Surroundings, user: UserId | None, prompt_version: str) -> None:
    """Analyse again, within quota, what version V of the prompt and older ones came to; new bookmarks go first."""
    facts = asdict(asyncio.run(_reanalyse(prompt_version, user)))
    if around.as_json:
        print_json(facts)
    else:
        print_facts(facts)


async def _reanalyse(prompt_version: str, user: UserId | None) -> Requeued:
    by = operator()
    async with open_ledger() as opened:
        reanalyse = Reanalyse(ledger=opened.ledger, versions=opened.prompt_versions)
        return await reanalyse(prompt_version=prompt_version, user=user, by=by)
