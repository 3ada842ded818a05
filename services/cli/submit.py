"""`fleet submit`: hands in bookmarks of a user."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from services.cli.command import command, told, user_option
from services.cli.output import print_json, print_table
from services.cli.surroundings import Surroundings
from services.cli.wiring import open_ledger
from services.producer.adapters.exports import exported_bookmarks
from services.producer.domain.bursts import Bursts
from services.producer.domain.submissions import MOST_BOOKMARKS, new_bookmark
from services.producer.domain.submitting import SubmitBookmarks
from services.producer.settings import SubmissionSettings
from shared.errors import InvalidInput, InvalidUrl
from shared.ledger import Accepted
from shared.values import UserId


@command()
@click.argument("urls", nargs=-1, metavar="URL…")
@click.option(
    "--file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Bookmarks as a browser or a reading list exports them, in HTML; folders become tags.",
)
@user_option
@told
def submit(around: Surroundings, urls: tuple[str, ...], file: Path | None, user: UserId) -> None:
    """Hand in bookmarks; a URL the user already has is not done again."""
    if not urls and file is None:
        raise click.UsageError("Give a URL, or --file.")
    exported, left_out = _exported(file) if file else ([], 0)
    accepted = asyncio.run(_submit(user, [*urls, *exported]))
    if around.as_json:
        bookmarks = [{"id": one.id, "url": one.url, "created": one.created} for one in accepted]
        print_json({"bookmarks": bookmarks, "left_out": left_out})
        return
    print_table(["id", "", "url"], [(one.id, "new" if one.created else "known", one.url) for one in accepted])
    if left_out:
        click.echo(f"{left_out} of the file lead to no web page and were left out.")


def _exported(file: Path) -> tuple[list[dict[str, Any]], int]:
    """The bookmarks of a file that can be handed in, and how many cannot: scripts, searches, files."""
    entries = exported_bookmarks(file.read_text(encoding="utf-8", errors="replace"))
    usable = [entry for entry in entries if _is_usable(entry)]
    return usable, len(entries) - len(usable)


def _is_usable(entry: dict[str, Any]) -> bool:
    try:
        new_bookmark(entry)
    except (InvalidUrl, InvalidInput):
        return False
    return True


async def _submit(user: UserId, bookmarks: Sequence[str | dict[str, Any]]) -> list[Accepted]:
    async with open_ledger() as opened:
        burst = SubmissionSettings.read().submission_burst
        bursts = Bursts(handed_in=opened.reports.handed_in_since, signals=opened.signals, burst=burst)
        use_case = SubmitBookmarks(opened.ledger, bursts)
        accepted: list[Accepted] = []
        for start in range(0, len(bookmarks), MOST_BOOKMARKS):
            accepted += await use_case(user, list(bookmarks[start : start + MOST_BOOKMARKS]), source="cli")
        return accepted
