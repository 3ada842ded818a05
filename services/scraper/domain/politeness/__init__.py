"""Politeness: how often and how many at once the whole fleet visits a site, and how long it leaves one in peace.

Turns are given by *domain*: the part of a host's name that somebody can register, since what stands behind it belongs
to one owner. Whether anybody answers is remembered by *host*: one dead machine says nothing about its owner's others.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Protocol

SHARE = 4
"""Visits somebody with many to make is taken to have booked at once, when others wait as well."""


@dataclass(frozen=True, slots=True)
class Site:
    """Who is visited.

    Attributes:
        domain: whom the machines belong to: `example.org`, `ada.github.io`; an address or a name without a dot stands
            for itself, with its port.
        host: the one machine.
        is_own: whether it is the operator's, who minds no haste.
    """

    domain: str
    host: str
    is_own: bool = False


@dataclass(frozen=True, slots=True)
class Manners:
    """How the fleet behaves towards every site.

    Attributes:
        concurrency: visits to a domain at once.
        interval: between two visits' starts at the least; up to half as long again, by chance.
        own_interval: the same, at the operator's own sites.
        rest: how long a host is left in peace that timed out, or said that it has too much to do and not for how long;
            doubled each further time, up to `longest_rest`.
        longest_rest: also how long a host that is down is taken to be.
        down_after: so many time-outs in a row, and nobody waits for the host any more.
        in_place: the longest wait that is waited where one is; longer ones go back to the ledger.
        lease: after so long a turn that nobody gave back is free again; longer than any visit.
        ahead: how far ahead turns are booked.
        grace: how long a booked turn is kept for whoever booked it.
        memory: how long a site is remembered: whether its host answers, how long visits take, and a pause it asked for.
    """

    concurrency: int = 4
    interval: timedelta = timedelta(seconds=0.25)
    own_interval: timedelta = timedelta(0)
    rest: timedelta = timedelta(seconds=10)
    longest_rest: timedelta = timedelta(minutes=10)
    down_after: int = 4
    in_place: timedelta = timedelta(seconds=0.5)
    lease: timedelta = timedelta(seconds=90)
    ahead: timedelta = timedelta(minutes=10)
    grace: timedelta = timedelta(seconds=30)
    memory: timedelta = timedelta(hours=1)

    def interval_at(self, site: Site, asked: timedelta) -> timedelta:
        """Between two visits to a site that asked for so long an interval; its wish may only lengthen it."""
        return max(asked, self.own_interval if site.is_own else self.interval)


@dataclass(frozen=True, slots=True)
class Turn:
    """Leave to visit a site.

    Attributes:
        id: of the lease.
        wait: until the visit may start; never more than `Manners.in_place`.
    """

    site: Site
    id: str
    wait: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Busy:
    """No turn just now.

    Attributes:
        wait: until it is worth asking again.
        every: how long after each other the visitor's further visits there should come.
        is_down: the host has not answered for so long that nobody should wait for it.
        is_brief: a visit is about to end; waiting where one is costs less than coming back.
    """

    wait: timedelta
    every: timedelta = timedelta(0)
    is_down: bool = False
    is_brief: bool = False


class Ending(StrEnum):
    """How a visit went, as far as the next visitors are concerned."""

    ANSWERED = "answered"
    OVERLOADED = "overloaded"  # it asked for peace, and did not say for how long
    HUNG = "hung"  # it took all the time there was
    OTHER = "other"  # not reached, or we left


class HostTurns(Protocol):
    """Gives turns at sites; never more at once, nor faster, than the manners say, however many ask.

    Nobody is kept from scraping by what stands behind it: a store that is away is stood in for.
    """

    async def take(
        self, site: Site, *, ticket: str, interval: timedelta = timedelta(0), follows: bool = False
    ) -> Turn | Busy:
        """A turn, or when to ask again.

        Whoever is refused has the turn at that time booked under the ticket, and whoever comes later comes after it.

        Args:
            site: who is to be visited.
            ticket: names the visit: the same whenever it is asked for again.
            interval: that the site asks for; the longer one holds, its own or that of the manners.
            follows: a redirect within the domain, from a visit whose turn is given back once this one is there: it
                comes before everybody who waits, and waits itself for no more than `Manners.in_place`.
        """
        ...

    async def give_back(self, turn: Turn, ending: Ending, *, took: timedelta) -> None:
        """The visit is over; `took` is how long it lasted from its start."""
        ...

    async def pause(self, site: Site, *, length: timedelta) -> None:
        """The site asked to be left in peace: nobody visits its domain for so long."""
        ...
