"""`fleet pause` and `fleet resume`: an operator stops serving a user, and serves them again."""

import asyncio

from services.cli.command import command, told, user_option
from services.cli.output import print_facts, print_json
from services.cli.surroundings import Surroundings
from services.cli.wiring import open_ledger, operator
from shared.errors import UnknownUser
from shared.values import UserId


@command()
@user_option
@told
def pause(around: Surroundings, user: UserId) -> None:
    """Stop serving a user; what runs ends as usual, what waits keeps waiting."""
    asyncio.run(_set(user, paused=True))
    _tell(around, user, paused=True)


@command()
@user_option
@told
def resume(around: Surroundings, user: UserId) -> None:
    """Serve a paused user again."""
    asyncio.run(_set(user, paused=False))
    _tell(around, user, paused=False)


async def _set(user: UserId, *, paused: bool) -> None:
    by = operator()
    async with open_ledger() as opened:
        known = await (opened.ledger.pause(user, by=by) if paused else opened.ledger.resume(user, by=by))
        if not known:
            raise UnknownUser(user)


def _tell(around: Surroundings, user: UserId, *, paused: bool) -> None:
    facts = {"user": user, "paused": paused}
    if around.as_json:
        print_json(facts)
    else:
        print_facts(facts)
