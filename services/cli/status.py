"""`fleet status`: what waits, runs, is done and has failed; of the whole fleet or of one user."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress

import click

from services.cli.command import User, command, told
from services.cli.output import print_advice, print_facts, print_json, print_table
from services.cli.surroundings import Surroundings
from services.cli.wiring import open_ledger
from shared.errors import UnknownUser
from shared.ledger.reports import Reports
from shared.ledger.views import FailureKind, Health, Overview, Progress
from shared.values import UserId
from shared.waiting import wait_sentence

_LOOK_EVERY_S = 1.0
_MOST_KINDS = 3


@command()
@click.option("--user", "user", type=User(), metavar="U", help="One user's bookmarks only.")
@click.option("--watch", is_flag=True, help="Show it again whenever it changes, until Ctrl-C.")
@told
def status(around: Surroundings, user: UserId | None, watch: bool) -> None:
    """Show what waits, runs, is done and has failed."""
    with suppress(KeyboardInterrupt):
        asyncio.run(_show(around, user, watch=watch))


async def _show(around: Surroundings, user: UserId | None, *, watch: bool) -> None:
    async with open_ledger() as opened:
        before: Overview | Progress | None = None
        while True:
            now = await _look(opened.reports, user)
            if now != before:
                _print(around, now, clear=watch and not around.as_json)
            if not watch:
                return
            before = now
            await asyncio.sleep(_LOOK_EVERY_S)


async def _look(reports: Reports, user: UserId | None) -> Overview | Progress:
    if user is None:
        return await reports.overview()
    progress = await reports.progress(user)
    if not progress.total:
        raise UnknownUser(user)
    return progress


def _print(around: Surroundings, seen: Overview | Progress, *, clear: bool) -> None:
    if around.as_json:
        print_json(seen.as_json())
        return
    if clear:
        click.clear()
    if isinstance(seen, Overview):
        _print_overview(seen)
    else:
        _print_progress(seen)


def _print_overview(seen: Overview) -> None:
    print_facts({"users": seen.users, **_bookmarks(seen.bookmarks), "events to publish": seen.outbox_pending})
    click.echo()
    print_table(
        ["stage", "waiting", "released", "running", "done", "failed", "oldest wait"],
        [
            (s.stage, s.waiting, s.released, s.running, s.done, s.failed, f"{s.oldest_wait_s:.0f} s")
            for s in seen.stages
        ],
    )
    if seen.lanes:
        click.echo()
        rows = [(lane.stage, lane.lanes, lane.because, lane.until) for lane in seen.lanes]
        print_table(["stage", "users", "wait because", "until"], rows)
    _print_health(seen.health)
    if seen.paused:
        click.echo(f"\nPaused by an operator (`fleet resume --user U` serves them again): {', '.join(seen.paused)}")


def _print_health(seen: Health) -> None:
    if seen.stages:
        click.echo()
        print_table(
            ["last hour", "done", "failed", "success", "usual time", "slow time", "failed because"],
            [
                (s.stage, s.done, s.failed, f"{s.success:.1%}", _took(s.usual_s), _took(s.slow_s), _kinds(s.failures))
                for s in seen.stages
            ],
        )
    facts = {f"keys {status}": number for status, number in sorted(seen.keys.items())}
    facts |= {f"users out of calls for the {window}": number for window, number in sorted(seen.held_back.items())}
    if facts:
        click.echo()
        print_facts(facts)


def _took(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.1f} s"


def _kinds(failures: Sequence[FailureKind]) -> str:
    return ", ".join(f"{kind.code} ({kind.jobs})" for kind in failures[:_MOST_KINDS])


def _print_progress(seen: Progress) -> None:
    analysed = {f"analysed by {who}": count for who, count in sorted(seen.analysed.items())}
    print_facts({"user": seen.user, **_bookmarks(seen.bookmarks), **analysed})
    click.echo()
    print_table(
        ["stage", "waiting", "released", "running"],
        [(lane.stage, lane.waiting, lane.released, lane.running) for lane in seen.lanes],
    )
    for lane in seen.lanes:
        if why := lane.blocked:
            print_advice("\nWaiting", wait_sentence(lane.stage, lane.waiting, why.reason, why.until), why.advice)


def _bookmarks(counts: Mapping[str, int]) -> dict[str, object]:
    return {state: counts.get(state, 0) for state in ("queued", "done", "failed", "cancelled")}
