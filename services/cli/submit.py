"""`fleet submit`: hands in bookmarks of a user."""

import asyncio
from collections.abc import Iterable, Sequence

import click

from services.cli.command import command, told, user_option
from services.cli.output import print_json, print_table
from services.cli.surroundings import Surroundings
from services.cli.wiring import open_ledger, submitting
from shared.ledger import Accepted
from shared.values import UserId


@command()
@click.argument("urls", nargs=-1, required=True, metavar="URL…")
@user_option
@told
def submit(around: Surroundings, urls: tuple[str, ...], user: UserId) -> None:
    """Hand in bookmarks; a URL the user already has is not done again."""
    accepted = asyncio.run(_submit(user, urls))
    if around.as_json:
        print_json({"bookmarks": as_json(accepted)})
    else:
        print_accepted(accepted)


def as_json(accepted: Iterable[Accepted]) -> list[dict[str, object]]:
    """Each bookmark, and whether it is new, for machines."""
    return [{"id": one.id, "url": one.url, "created": one.created} for one in accepted]


def print_accepted(accepted: Iterable[Accepted]) -> None:
    """Each bookmark, and whether it is new."""
    print_table(["id", "", "url"], [(one.id, "new" if one.created else "known", one.url) for one in accepted])


async def _submit(user: UserId, urls: Sequence[str]) -> list[Accepted]:
    async with open_ledger() as opened:
        return await submitting(opened).however_many(user, urls, source="cli")
