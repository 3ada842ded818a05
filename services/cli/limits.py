"""`fleet limits`: how many provider calls a user may make, who says so, and setting it."""

import asyncio
from dataclasses import asdict

import click

from services.cli.command import command, told, user_option
from services.cli.output import print_json, print_table
from services.cli.surroundings import Surroundings
from services.cli.wiring import operator
from services.producer.front_door import FrontDoorSettings, open_front_door
from shared.quota import LimitsInForce, UserLimits, WindowName, account_of
from shared.quota.limits import MOST_CALLS
from shared.values import UserId

_CALLS = click.IntRange(0, MOST_CALLS)


@command()
@user_option
@click.option("--minute", type=_CALLS, metavar="N", help="Calls in any 60 seconds.")
@click.option("--day", type=_CALLS, metavar="N", help="Calls in a calendar day.")
@click.option("--month", type=_CALLS, metavar="N", help="Calls in a calendar month.")
@click.option("--reset", is_flag=True, help="Leave all windows to the deployment again.")
@told
def limits(
    around: Surroundings, user: UserId, *, minute: int | None, day: int | None, month: int | None, reset: bool
) -> None:
    """Show a user's limits, or set them: windows that are not named keep what they have."""
    wanted = UserLimits(minute, day, month)
    if reset and wanted.given():
        raise click.UsageError("Give either limits or --reset.")
    own, in_force = asyncio.run(_limits(user, wanted, reset=reset))
    if around.as_json:
        print_json({"user": user, "set": asdict(own), "in_force": asdict(in_force)})
        return
    rows = []
    for window in WindowName:
        limit = getattr(in_force, window)
        rows.append((window.value, limit.calls, limit.source.value, limit.until))
    print_table(["window", "limit", "from", "until"], rows)


async def _limits(user: UserId, wanted: UserLimits, *, reset: bool) -> tuple[UserLimits, LimitsInForce]:
    by = operator()
    async with open_front_door(FrontDoorSettings.read()) as door:
        if reset or wanted.given():
            before = UserLimits() if reset else await door.limits.set_for(user)
            await door.set_limits(user, UserLimits(**(asdict(before) | wanted.given())), by=by)
        return await door.limits.set_for(user), await door.limits.in_force(account_of(user))
