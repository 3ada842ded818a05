"""`fleet read`: what was read from a bookmark's page, and where its links lead."""

import asyncio

import click

from services.cli.command import command, told, user_option
from services.cli.output import print_json
from services.cli.surroundings import Surroundings
from services.cli.wiring import open_ledger
from shared.ledger.views import TextView
from shared.printable import printable
from shared.values import BookmarkId, UserId


@command()
@click.argument("bookmark", type=click.IntRange(1))
@user_option
@told
def read(around: Surroundings, bookmark: int, user: UserId) -> None:
    """Show the text of a bookmark's page, by the id that `fleet --json results` tells."""
    text = asyncio.run(_text(user, BookmarkId(bookmark)))
    if around.as_json:
        print_json(text.as_json())
        return
    click.secho(printable(text.title), bold=True)
    click.echo(f"{printable(text.final_url)} · {text.strategy}\n")
    for line in text.text.split("\n"):
        click.echo(printable(line))
    for link in text.links:
        click.echo(f"\n{printable(link.text)}\n  {printable(link.url)}", nl=False)
    click.echo()


async def _text(user: UserId, bookmark: BookmarkId) -> TextView:
    async with open_ledger() as opened:
        return await opened.reports.text(user, bookmark)
