"""`fleet submit`: hands in bookmarks of a user."""

import asyncio
from collections.abc import Iterable, Sequence

import click

from services.cli.command import command, told, user_option
from services.cli.output import print_json, print_table
from services.cli.surroundings import Surroundings
from services.cli.wiring import open_ledger, submitting
from services.producer.domain.submissions import MOST_BOOKMARKS
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
        print_json({"bookmarks": [{"id": one.id, "url": one.url, "created": one.created} for one in accepted]})
    else:
        print_accepted(accepted)


def print_accepted(accepted: Iterable[Accepted]) -> None:
    """Each bookmark, and whether it is new."""
    print_table(["id", "", "url"], [(one.id, "new" if one.created else "known", one.url) for one in accepted])


async def _submit(user: UserId, urls: Sequence[str]) -> list[Accepted]:
    async with open_ledger() as opened:
        use_case = submitting(opened)
        accepted: list[Accepted] = []
        for start in range(0, len(urls), MOST_BOOKMARKS):
            accepted += await use_case(user, list(urls[start : start + MOST_BOOKMARKS]), source="cli")
        return accepted
