"""`fleet signals`: what looked wrong about users; an operator may pause one, nothing else follows from it."""

import asyncio
from collections.abc import Sequence

import click

from services.cli.command import User, command, told
from services.cli.output import print_json, print_table
from services.cli.surroundings import Surroundings
from services.cli.wiring import open_ledger
from shared.signals import Signal
from shared.values import UserId


@command()
@click.option("--user", "user", type=User(), metavar="U", help="One user's only.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="At most so many.")
@told
def signals(around: Surroundings, user: UserId | None, limit: int) -> None:
    """Show signs of abuse, newest first; `fleet pause --user U` stops serving a user."""
    found = asyncio.run(_newest(user, limit))
    if around.as_json:
        print_json([signal.as_json() for signal in found])
    elif not found:
        click.echo("No signs of abuse.")
    else:
        rows = [(s.user, s.kind.meaning, s.times, s.last_at, _figures(s)) for s in found]
        print_table(["user", "what looked wrong", "times", "last", "figures"], rows)


async def _newest(user: UserId | None, limit: int) -> Sequence[Signal]:
    async with open_ledger() as opened:
        return await opened.signals.newest(limit, user=user)


def _figures(signal: Signal) -> str:
    return ", ".join(_figure(name.replace("_", " "), value) for name, value in signal.details.items())


def _figure(words: str, value: str | int) -> str:
    return f"{value:,} {words}" if isinstance(value, int) else f"{words}: {value}"
