"""`fleet results`: a user's bookmarks with what was concluded, or why not."""

import asyncio

import click

from services.cli.command import command, told, user_option
from services.cli.output import print_json
from services.cli.surroundings import Surroundings
from services.cli.wiring import open_ledger
from shared.errors import UnknownUser
from shared.ledger.views import BookmarkView
from shared.printable import printable
from shared.values import BookmarkId, JobState, UserId

_AT_ONCE = 200
_MARKS = {"done": ("✓", "green"), "failed": ("✗", "red")}


@command()
@user_option
@click.option("--state", type=click.Choice(["queued", "done", "failed", "cancelled"]), help="Only these.")
@click.option("--limit", type=click.IntRange(1), default=1_000, show_default=True, help="At most so many.")
@told
def results(around: Surroundings, user: UserId, state: str | None, limit: int) -> None:
    """Show a user's bookmarks: content, analysis, error."""
    found = asyncio.run(_find(user, state, limit))
    if around.as_json:
        print_json([bookmark.as_json() for bookmark in found])
        return
    for bookmark in found:
        _print(bookmark)


async def _find(user: UserId, state: str | None, limit: int) -> list[BookmarkView]:
    async with open_ledger() as opened:
        if not await opened.reports.knows(user):
            raise UnknownUser(user)
        wanted = JobState(state) if state else None
        found: list[BookmarkView] = []
        after: BookmarkId | None = None
        while len(found) < limit:
            page = await opened.reports.bookmarks(
                user, state=wanted, after=after, limit=min(_AT_ONCE, limit - len(found))
            )
            found += page.bookmarks
            after = page.after
            if after is None:
                break
        return found


def _print(bookmark: BookmarkView) -> None:
    mark, colour = _MARKS.get(bookmark.state, ("…", "yellow"))
    click.secho(f"{mark} {printable(bookmark.title or bookmark.url)}", fg=colour, bold=True)
    click.echo(f"  {printable(bookmark.url)}")
    click.echo(f"  {bookmark.state} · {bookmark.strategy or 'not read yet'} · {bookmark.words:,} words")
    if bookmark.analysis:
        analysis = bookmark.analysis
        facts = [analysis.content_type, analysis.difficulty, *analysis.technologies[:6], f"by {analysis.analysed_by}"]
        click.echo(f"  {printable(' · '.join(facts))}")
        click.echo(click.wrap_text(printable(analysis.summary), 100, "  ", "  "))
    if bookmark.error:
        click.secho(f"  {printable(bookmark.error.sentence)}", fg="red")
        click.echo(f"  {printable(bookmark.error.advice)}")
    click.echo()
