"""Turns in Redis, and in this process' memory while Redis is away: scraping goes on, each process by itself polite."""

import time
from collections.abc import Coroutine
from datetime import timedelta
from typing import TypeVar

from services.scraper.adapters.turns.in_memory import InMemoryTurns
from services.scraper.adapters.turns.in_redis import RedisTurns, TurnsAway
from services.scraper.domain.politeness import Busy, Ending, Site, Turn
from shared.logs import log

T = TypeVar("T")

_NEXT_LOOK_S = 5.0  # nobody waits for Redis again until then


class TurnsWithStandIn:
    """A `HostTurns` that is always there."""

    def __init__(self, shared: RedisTurns, own: InMemoryTurns) -> None:
        """Keep both; `own` is asked while `shared` does not answer."""
        self._shared = shared
        self._own = own
        self._away_until = 0.0

    async def take(
        self, site: Site, *, ticket: str, interval: timedelta = timedelta(0), follows: bool = False
    ) -> Turn | Busy:
        """See `HostTurns.take`."""
        answer = await self._ask(self._shared.take(site, ticket=ticket, interval=interval, follows=follows))
        return answer or await self._own.take(site, ticket=ticket, interval=interval, follows=follows)

    async def give_back(self, turn: Turn, ending: Ending, *, took: timedelta) -> None:
        """See `HostTurns.give_back`; told to both, so that the stand-in knows the sites when it is needed."""
        await self._own.give_back(turn, ending, took=took)
        await self._ask(self._shared.give_back(turn, ending, took=took))

    async def pause(self, site: Site, *, length: timedelta) -> None:
        """See `HostTurns.pause`."""
        await self._own.pause(site, length=length)
        await self._ask(self._shared.pause(site, length=length))

    async def _ask(self, answer: Coroutine[None, None, T]) -> T | None:
        """Redis' answer; None while it is away, without waiting for it each time."""
        if time.monotonic() < self._away_until:
            answer.close()
            return None
        try:
            return await answer
        except TurnsAway as error:
            self._away_until = time.monotonic() + _NEXT_LOOK_S
            log.warning("turns_away", why=str(error.__cause__))
            return None
