"""Looks in this process alone: for tests, on a clock that they may set."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

from services.scraper.adapters.looks.packing import pack, pack_failure, unpack, unpack_failure
from services.scraper.domain.looking import Look
from services.scraper.domain.looks import FLIGHT_ENDS_AFTER, Answer, Apart, Failed, Flight, Seen, UnderWay
from shared.errors import FleetError


@dataclass(slots=True)
class _Page:
    """A look and until when it is fresh; a flight or its outcome, and until when that stands."""

    look: bytes | None = None
    fresh_until: float = 0.0
    token: str | None = None
    since: float = 0.0
    outcome: Answer | bytes | None = None
    stands_until: float = 0.0


class LooksInMemory:
    """Keeps the promises of `Looks` for the tasks of one process; as much as it is given, for ever."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Keep the clock, which tells seconds."""
        self._now = clock
        self._pages: dict[str, _Page] = {}

    async def ask(self, key: str) -> Answer:
        """See `Looks.ask`."""
        page, now = self._pages.setdefault(key, _Page()), self._now()
        if page.look is not None and now < page.fresh_until:
            return Seen(unpack(page.look))
        if now < page.stands_until:
            if page.token is not None:
                return UnderWay(timedelta(seconds=now - page.since))
            return Failed(unpack_failure(page.outcome)) if isinstance(page.outcome, bytes) else Apart()
        page.token, page.since, page.stands_until = uuid4().hex, now, now + FLIGHT_ENDS_AFTER.total_seconds()
        return Flight(key, page.token, unpack(page.look) if page.look else None)

    async def keep(self, flight: Flight, look: Look, fresh: timedelta) -> None:
        """See `Looks.keep`."""
        page = self._pages[flight.key]
        page.look, page.fresh_until = pack(look), self._now() + fresh.total_seconds()
        self._end(flight)

    async def fail(self, flight: Flight, error: FleetError, fresh: timedelta) -> None:
        """See `Looks.fail`."""
        self._end(flight, pack_failure(error), fresh)

    async def part(self, flight: Flight, fresh: timedelta) -> None:
        """See `Looks.part`."""
        self._pages[flight.key].look = None
        self._end(flight, Apart(), fresh)

    async def leave(self, flight: Flight) -> None:
        """See `Looks.leave`."""
        self._end(flight)

    async def prolong(self, flight: Flight) -> None:
        """See `Looks.prolong`."""
        page = self._pages[flight.key]
        if page.token == flight.token:
            page.stands_until = self._now() + FLIGHT_ENDS_AFTER.total_seconds()

    def _end(self, flight: Flight, outcome: Answer | bytes | None = None, stands: timedelta = timedelta()) -> None:
        page = self._pages[flight.key]
        if page.token == flight.token:
            page.token, page.outcome, page.stands_until = None, outcome, self._now() + stands.total_seconds()
