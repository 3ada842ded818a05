"""`fleet quota`: a user's provider calls, used and left, and when each window next has room."""

import asyncio
from dataclasses import asdict

import click

from services.cli.command import command, told, user_option
from services.cli.output import print_json, print_table
from services.cli.surroundings import Surroundings
from services.producer.domain.standing import Stats
from services.producer.front_door import FrontDoorSettings, open_front_door
from shared.values import UserId


@command()
@user_option
@told
def quota(around: Surroundings, user: UserId) -> None:
    """Show how many provider calls a user made and has left."""
    stats = asyncio.run(_stats(user))
    if around.as_json:
        print_json(asdict(stats))
        return
    rows = [
        ("minute", stats.requests_this_minute, stats.minute_limit, stats.minute_resets_at),
        ("day", stats.requests_today, stats.daily_limit, stats.day_resets_at),
        ("month", stats.requests_this_month, stats.monthly_limit, stats.month_resets_at),
    ]
    print_table(
        ["window", "used", "limit", "more room at"],
        [(window, used, limit, until if used else None) for window, used, limit, until in rows],
    )
    key = f"{stats.api_key_status}" if stats.has_api_key else "none: `fleet key add --user U` adds one"
    click.echo(f"\nkey: {key}; tokens this month: {stats.prompt_tokens:,} sent, {stats.answer_tokens:,} received")


async def _stats(user: UserId) -> Stats:
    async with open_front_door(FrontDoorSettings.read()) as door:
        return await door.standing.stats(user)
