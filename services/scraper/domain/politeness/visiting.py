"""Visits: every request to a site waits for its turn, and says afterwards how the site behaved."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from hashlib import blake2s
from http import HTTPStatus

from yarl import URL

from services.scraper.domain.politeness import Busy, Ending, HostTurns, Manners, Site, Turn
from shared.errors import FleetError, HostBusy, PageUnreachable, PageUnusable
from shared.metrics import HOST_TURNS

_OVERLOADED = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
_MOST_PAUSE = timedelta(hours=1)  # after that a site is asked again, whatever it said
_MOST_INTERVAL = timedelta(seconds=30)  # of a site's wishes; a slower one would never come to an end


class Visits:
    """Lets visitors in to sites, in turn."""

    def __init__(self, turns: HostTurns, site_of: Callable[[URL], Site], manners: Manners) -> None:
        """Keep the parts.

        Args:
            turns: gives turns.
            site_of: whose site an address belongs to.
            manners: those of `turns`.
        """
        self._turns = turns
        self._site_of = site_of
        self._manners = manners

    @asynccontextmanager
    async def journey(self) -> AsyncIterator["Journey"]:
        """A visitor for the length of the block; its turn is given back wherever it is in the end, and why."""
        journey, ending = Journey(self._turns, self._site_of, self._manners), Ending.OTHER
        try:
            yield journey
            ending = Ending.ANSWERED
        except PageUnreachable as error:
            ending = Ending.HUNG if error.timed_out else Ending.OTHER
            raise
        except PageUnusable:
            ending = Ending.ANSWERED
            raise
        finally:
            await asyncio.shield(journey.leave(ending))


class Journey:
    """One visitor on its way, from redirect to redirect; it is at one site at a time."""

    def __init__(self, turns: HostTurns, site_of: Callable[[URL], Site], manners: Manners) -> None:
        """Be nowhere yet; see `Visits`."""
        self._turns = turns
        self._site_of = site_of
        self._manners = manners
        self._start: str | None = None  # the domain where it began
        self._turn: Turn | None = None
        self._began = 0.0
        self._pause = timedelta(0)
        self._is_overloaded = False

    async def go_to(self, url: URL, *, interval: timedelta = timedelta(0)) -> None:
        """Wait for the turn at an address' site, leaving the one before.

        Redirects within a domain keep their place there: begun anew each time, they would never arrive at a busy one.

        Args:
            url: what will be asked for.
            interval: between visits, that the site asks for.

        Raises:
            HostBusy: the turn comes later than is worth waiting for here.
            PageUnreachable: the host has kept everybody waiting for some time.
        """
        site, before = self._site_of(url), self._turn
        self._start = self._start or site.domain
        follows = before is not None and before.site.domain == site.domain
        if not follows:
            await self.leave(Ending.ANSWERED)
        turn = await self._wait_for_turn(site, url, min(interval, _MOST_INTERVAL), follows=follows)
        if follows:
            await self.leave(Ending.ANSWERED)
        self._turn, self._began = turn, time.monotonic()
        await asyncio.sleep(turn.wait.total_seconds())
        self._began = time.monotonic()

    def answered(self, status: int, retry_after: str | None) -> None:
        """The site's answer began: its status, and its `Retry-After` as it was sent."""
        if status in _OVERLOADED:
            self._pause = pause_of(retry_after or "", now=datetime.now(UTC))
            self._is_overloaded = not self._pause

    async def leave(self, ending: Ending) -> None:
        """Give the turn back, if there is one."""
        turn, pause, is_overloaded = self._turn, self._pause, self._is_overloaded
        self._turn, self._pause, self._is_overloaded = None, timedelta(0), False
        if turn is None:
            return
        if is_overloaded and ending is Ending.ANSWERED:
            ending = Ending.OVERLOADED
        await self._turns.give_back(turn, ending, took=timedelta(seconds=time.monotonic() - self._began))
        if pause:
            await self._turns.pause(turn.site, length=pause)

    async def _wait_for_turn(self, site: Site, url: URL, interval: timedelta, *, follows: bool) -> Turn:
        ticket = blake2s(str(url).encode(), digest_size=12).hexdigest()
        patience = self._manners.in_place
        while True:
            answer = await self._turns.take(site, ticket=ticket, interval=interval, follows=follows)
            if isinstance(answer, Turn):
                HOST_TURNS.labels("given").inc()
                return answer
            if not answer.is_brief or answer.wait > patience:
                raise _refused(answer, site, at_start=site.domain == self._start)
            patience -= answer.wait
            await asyncio.sleep(answer.wait.total_seconds())


def pause_of(retry_after: str, *, now: datetime) -> timedelta:
    """The rest a `Retry-After` asks for, in seconds or as a date: an hour at most, nothing when it cannot be read."""
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return min(timedelta(seconds=int(text[:9])), _MOST_PAUSE)
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return timedelta(0)
    return max(timedelta(0), min(until.replace(tzinfo=until.tzinfo or UTC) - now, _MOST_PAUSE))


def _refused(answer: Busy, site: Site, *, at_start: bool) -> FleetError:
    if answer.is_down:
        HOST_TURNS.labels("down").inc()
        return PageUnreachable(f"{site.host} has kept everybody waiting for some time and is asked again later.")
    HOST_TURNS.labels("busy").inc()
    return HostBusy(until=datetime.now(UTC) + answer.wait, every=answer.every if at_start else timedelta(0))
