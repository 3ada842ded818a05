"""The store of looks that users share: what it answers who asks for a page, and what it is told."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from services.scraper.domain.looking import Look
from shared.errors import FleetError, PageRefused, PageUnreachable, PageUnusable

SHARED_FAILURES = (PageUnreachable, PageUnusable, PageRefused)
"""What a site's silence or nonsense ends in; every other failure is its finder's own."""

A_MOMENT = timedelta(seconds=10)
"""For so long a refusal answers all who come: a site that turns us away is not asked once for each of a thousand."""

AN_INSTANT = timedelta(seconds=3)
"""For so long a site's silence answers all who come. A try within that would be none: see the errors' `rest`."""


@dataclass(frozen=True, slots=True)
class Seen:
    """The page was looked at within its freshness."""

    look: Look


@dataclass(frozen=True, slots=True)
class Failed:
    """The page could not be had a moment ago."""

    error: FleetError


@dataclass(frozen=True, slots=True)
class UnderWay:
    """Somebody looks at the page now.

    Attributes:
        since: how long already.
    """

    since: timedelta


@dataclass(frozen=True, slots=True)
class Apart:
    """Everybody has to look at this page alone: its site calls it personal, or it is too large to keep."""


@dataclass(frozen=True, slots=True)
class Away:
    """The store cannot be asked."""


@dataclass(frozen=True, slots=True)
class Flight:
    """The caller is the one to look, and tells the store how it went.

    Attributes:
        key: the page's.
        token: what proves whose flight it is.
        earlier: a look that is not fresh any more, if one is kept.
    """

    key: str
    token: str
    earlier: Look | None = None


Answer = Seen | Failed | UnderWay | Apart | Away | Flight


class Looks(Protocol):
    """Keeps looks and flights for all processes of the fleet; within its bounds, and without ever raising.

    What cannot be told to the store is dropped: a flight that is not ended ends by itself.
    """

    async def ask(self, key: str) -> Answer:
        """A page's fresh look, or what else is known; `Flight` for the first, and for the next once a flight ended."""
        ...

    async def keep(self, flight: Flight, look: Look, fresh: timedelta) -> None:
        """End a flight with a look, which is the answer for so long."""
        ...

    async def fail(self, flight: Flight, error: FleetError, fresh: timedelta) -> None:
        """End a flight with a failure, which is the answer for so long."""
        ...

    async def part(self, flight: Flight, fresh: timedelta) -> None:
        """End a flight with the word that the page is not shared, the answer for so long; drops what was kept of it."""
        ...

    async def leave(self, flight: Flight) -> None:
        """End a flight without a word: the next who asks flies."""
        ...

    async def prolong(self, flight: Flight) -> None:
        """Keep a flight from ending by itself; called every `PROLONG_EVERY` while a look takes."""
        ...


FLIGHT_ENDS_AFTER = timedelta(seconds=20)
"""A flight whose owner is not heard of for so long is the next one's."""

PROLONG_EVERY = timedelta(seconds=5)
