"""`fleet import` and `fleet export`: a user's bookmarks as a browser exports them come in, and everything goes out."""

import asyncio
from pathlib import Path

import click

from services.cli.command import command, told, user_option
from services.cli.output import print_json
from services.cli.submit import as_json, print_accepted
from services.cli.surroundings import Surroundings
from services.cli.wiring import open_ledger, submitting
from services.producer.adapters.exports import exported_bookmarks
from services.producer.domain.importing import ImportBookmarks, Imported
from shared.errors import UnknownUser
from shared.values import UserId


@command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@user_option
@told
def import_(around: Surroundings, file: Path, user: UserId) -> None:
    """Hand in bookmarks as a browser or a reading list exports them, in HTML; folders become tags."""
    imported = asyncio.run(_import(user, file.read_text(encoding="utf-8", errors="replace")))
    if around.as_json:
        print_json({"bookmarks": as_json(imported.accepted), "left_out": imported.left_out})
        return
    print_accepted(imported.accepted)
    if imported.left_out:
        click.echo(f"{imported.left_out} of the file lead to no web page and were left out.")


@command()
@user_option
@told
def export(around: Surroundings, user: UserId) -> None:  # noqa: ARG001 - it is JSON either way
    """Print everything that is kept of a user's bookmarks, texts too: one JSON object a line."""
    asyncio.run(_export(user))


async def _import(user: UserId, html: str) -> Imported:
    async with open_ledger() as opened:
        return await ImportBookmarks(submitting(opened))(user, exported_bookmarks(html), source="cli")


async def _export(user: UserId) -> None:
    async with open_ledger() as opened:
        if not await opened.reports.knows(user):
            raise UnknownUser(user)
        async for bookmark in opened.reports.export(user):
            print_json(bookmark)
