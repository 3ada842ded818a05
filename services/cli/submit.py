"""`fleet submit`: hands in bookmarks of a user."""

import asyncio

import click

from services.cli.command import command, told, user_option
from services.cli.output import print_json, print_table
from services.cli.surroundings import Surroundings
from services.cli.wiring import open_ledger
from services.producer.domain.bursts import Bursts
from services.producer.domain.submissions import MOST_BOOKMARKS
from services.producer.domain.submitting import SubmitBookmarks
from services.producer.settings import SubmissionSettings
from shared.ledger import Accepted
from shared.values import UserId


@command()
@click.argument("urls", nargs=-1, required=True, metavar="URL…")
@user_option
@told
def submit(around: Surroundings, urls: tuple[str, ...], user: UserId) -> None:
    """Hand in bookmarks; a URL the user already has is not done again."""
    accepted = asyncio.run(_submit(user, list(urls)))
    if around.as_json:
        print_json({"bookmarks": [{"id": one.id, "url": one.url, "created": one.created} for one in accepted]})
    else:
        print_table(["id", "", "url"], [(one.id, "new" if one.created else "known", one.url) for one in accepted])


async def _submit(user: UserId, urls: list[str]) -> list[Accepted]:
    async with open_ledger() as opened:
        burst = SubmissionSettings.read().submission_burst
        bursts = Bursts(handed_in=opened.reports.handed_in_since, signals=opened.signals, burst=burst)
        use_case = SubmitBookmarks(opened.ledger, bursts)
        accepted: list[Accepted] = []
        for start in range(0, len(urls), MOST_BOOKMARKS):
            accepted += await use_case(user, urls[start : start + MOST_BOOKMARKS], source="cli")
        return accepted
