"""`fleet failures` and `fleet retry`: what failed for good, and beginning it anew."""

import asyncio
from collections.abc import Sequence

import click

from services.cli.command import User, command, told
from services.cli.output import print_facts, print_json, print_table
from services.cli.surroundings import Surroundings
from services.cli.wiring import open_ledger, operator
from services.producer.domain.retrying import Retried, RetryFailed
from shared.ledger.views import FailureView
from shared.values import JobId, UserId

_PAGE = 200
_any_user = click.option("--user", "user", type=User(), metavar="U", help="One user's only.")
_any_code = click.option("--code", metavar="C", help="Only what failed with this code.")


@command()
@_any_user
@_any_code
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="The newest so many.")
@told
def failures(around: Surroundings, user: UserId | None, code: str | None, limit: int) -> None:
    """Show what failed for good, newest first: whose, why, and what helps."""
    found = asyncio.run(_found(user, code, limit))
    if around.as_json:
        print_json([failure.as_json() for failure in found])
        return
    rows = [
        (str(one.job), one.user, one.stage.value, one.error.code, one.failed_at, one.url, one.error.sentence)
        for one in found
    ]
    print_table(["job", "user", "stage", "code", "failed", "url", "why"], rows)
    for code_, advice in {one.error.code: one.error.advice for one in found}.items():
        click.echo(f"{code_}: {advice}")


@command()
@click.argument("jobs", nargs=-1, type=click.IntRange(1, 2**63 - 1), metavar="[JOB…]")
@_any_user
@_any_code
@told
def retry(around: Surroundings, jobs: tuple[int, ...], user: UserId | None, code: str | None) -> None:
    """Begin failed bookmarks anew, with fresh attempts: by job, by user, by code, or narrowed down by several."""
    if not jobs and user is None and code is None:
        raise click.UsageError("Give jobs, --user or --code.")
    retried = asyncio.run(_retry([JobId(job) for job in jobs], user, code))
    facts = {"bookmarks": retried.bookmarks, "users": retried.users}
    if around.as_json:
        print_json(facts)
    else:
        print_facts(facts)


async def _found(user: UserId | None, code: str | None, limit: int) -> list[FailureView]:
    found: list[FailureView] = []
    after: JobId | None = None
    async with open_ledger() as opened:
        while len(found) < limit:
            wanted = min(_PAGE, limit - len(found))
            page = await opened.failures.page(user=user, code=code, after=after, limit=wanted)
            found += page.failures
            after = page.after
            if after is None:
                break
    return found


async def _retry(jobs: Sequence[JobId], user: UserId | None, code: str | None) -> Retried:
    by = operator()
    async with open_ledger() as opened:
        retry = RetryFailed(ledger=opened.ledger, failures=opened.failures)
        return await retry(jobs=jobs, user=user, code=code, by=by)
