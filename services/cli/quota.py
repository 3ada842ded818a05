"""`fleet quota`: a user's provider calls used and left, which key serves, what waits, and what to do about it."""

import asyncio
from dataclasses import asdict

import click

from services.cli.command import command, told, user_option
from services.cli.output import print_advice, print_json, print_table
from services.cli.surroundings import Surroundings
from services.producer.domain.standing import Stats
from services.producer.front_door import FrontDoorSettings, open_front_door
from shared.values import UserId
from shared.waiting import clock


@command()
@user_option
@told
def quota(around: Surroundings, user: UserId) -> None:
    """Show how many provider calls a user made and has left, and what waits."""
    stats = asyncio.run(_stats(user))
    if around.as_json:
        print_json(asdict(stats))
    else:
        _print(stats)


async def _stats(user: UserId) -> Stats:
    async with open_front_door(FrontDoorSettings.read()) as door:
        return await door.standing.stats(user)


def _print(stats: Stats) -> None:
    print_table(
        ["window", "used", "left", "limit", "more room at", "limit from"],
        [(w.window, w.used, w.left, w.limit, w.resets_at, w.limit_source) for w in stats.windows],
    )
    for window in stats.windows:
        if window.learned_until:
            click.echo(f"The {window.window}'s limit is {window.limit_from}, until {clock(window.learned_until)}.")
    tokens = stats.tokens
    click.echo(
        f"\nTokens this month: {tokens.prompt:,} sent, {tokens.answer:,} received, at {stats.cost_usd:.4f} US dollars."
    )
    print_advice("Key", stats.key_serving.sentence, stats.key_serving.advice)
    for work in stats.waiting:
        print_advice("Waiting", work.sentence, work.advice)
    if stats.cannot_because is None:
        click.echo("A call may be made now.")
    else:
        until = f" until {clock(stats.cannot_because.until)}" if stats.cannot_because.until else ""
        print_advice("No call now", f"{stats.cannot_because.sentence[:-1]}{until}.", stats.cannot_because.advice)
