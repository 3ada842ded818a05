"""Turns at sites for one process: the same rules as in Redis, in plain Python; stands in for it, and serves tests."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar
from uuid import uuid4

from services.scraper.domain.politeness import SHARE, Busy, Ending, Manners, Site, Turn

K = TypeVar("K")
V = TypeVar("V")

_MOST_SITES = 10_000  # remembered; the one that was not visited for the longest goes first


@dataclass(slots=True)
class _Domain:
    """Moments and lengths in seconds; see take.lua."""

    next: float = 0
    tail: float = 0
    hold: float | None = None
    running: dict[str, float] = field(default_factory=dict)
    booked: dict[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class _Host:
    strikes: int = 1
    overloads: int = 0
    rest: float = 0
    waiting: int = 0
    since: float = 0
    until: float = 0


class InMemoryTurns:
    """A `HostTurns` of one process."""

    def __init__(
        self,
        manners: Manners,
        *,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """Keep the rules; nobody has been visited."""
        self._manners = manners
        self._clock = clock
        self._chance = chance
        self._domains: dict[str, _Domain] = {}
        self._hosts: dict[Site, _Host] = {}

    async def take(
        self, site: Site, *, ticket: str, interval: timedelta = timedelta(0), follows: bool = False
    ) -> Turn | Busy:
        """See `HostTurns.take`."""
        domain, host = self._known(site)
        usual, chance = self._manners.interval_at(site, interval).total_seconds(), self._chance()
        return _Asked(self._manners, site, domain, host, ticket, usual, chance, self._clock()).answer(follows=follows)

    async def give_back(self, turn: Turn, ending: Ending, *, took: timedelta) -> None:
        """See `HostTurns.give_back`."""
        domain, host = self._known(turn.site)
        domain.running.pop(turn.id, None)
        host.since = host.until = 0
        rests = host.rest > self._clock()
        match ending:
            case Ending.ANSWERED:
                if host.strikes or not rests:
                    self._hosts[turn.site] = _Host(strikes=0)
                hold = domain.hold if domain.hold is not None else took.total_seconds()
                domain.hold = hold + (took.total_seconds() - hold) / 5
            case Ending.HUNG:
                host.strikes += 1
                if host.strikes > 1:
                    host.rest, host.waiting = self._clock() + self._rest(host.strikes), 0
            case Ending.OVERLOADED if not rests:
                host.overloads += 1
                host.strikes, host.waiting = 0, 0
                host.rest = self._clock() + self._doubled(host.overloads)
            case _:
                pass

    async def pause(self, site: Site, *, length: timedelta) -> None:
        """See `HostTurns.pause`."""
        domain, _ = self._known(site)
        domain.next = max(domain.next, self._clock() + length.total_seconds())

    def _known(self, site: Site) -> tuple[_Domain, _Host]:
        return _newest(self._domains, site.domain, _Domain), _newest(self._hosts, site, _Host)

    def _rest(self, strikes: int) -> float:
        is_down = strikes > self._manners.down_after
        return self._manners.longest_rest.total_seconds() if is_down else self._doubled(strikes - 1)

    def _doubled(self, times: int) -> float:
        longest = self._manners.longest_rest.total_seconds()
        return float(min(longest, self._manners.rest.total_seconds() * 2 ** (times - 1)))


@dataclass(frozen=True, slots=True)
class _Asked:
    """One question for a turn; take.lua, step by step."""

    manners: Manners
    site: Site
    domain: _Domain
    host: _Host
    ticket: str
    interval: float
    chance: float
    now: float

    def answer(self, *, follows: bool) -> Turn | Busy:
        refusal = self._of_the_host(follows=follows)
        if refusal is not None:
            return refusal
        domain = self.domain
        self._forget_old()
        if follows:
            return self._begin(min(max(self.now, domain.next), self._soon))
        kept = domain.booked.get(self.ticket)
        if kept is not None and kept > self._soon:
            return self._busy(kept - self.now)
        start = max(self.now, domain.next, domain.tail if kept is None else 0)
        return self._book() if self._is_full or start > self._soon else self._begin(start)

    def _of_the_host(self, *, follows: bool) -> Busy | None:
        host, now = self.host, self.now
        if host.rest > now:
            if host.strikes > self.manners.down_after:
                return self._busy(host.rest - now, is_down=True)
            host.waiting += 1
            return self._busy(host.rest - now + self._gap * (host.waiting - 1))
        if host.strikes and host.until > now and not follows:
            in_place = self.manners.in_place.total_seconds()
            return self._busy(max(self._gap, in_place, min(now - host.since, host.until - now)))
        return None

    def _begin(self, start: float) -> Turn:
        domain, lease_ends = self.domain, start + self.manners.lease.total_seconds()
        turn = Turn(self.site, uuid4().hex, timedelta(seconds=start - self.now))
        domain.running[turn.id] = lease_ends
        domain.booked.pop(self.ticket, None)
        domain.next, domain.tail = max(domain.next, start) + self._gap, max(domain.tail, start + self._gap)
        if self.host.strikes:
            self.host.since, self.host.until = self.now, lease_ends
        return turn

    def _book(self) -> Busy:
        domain, now, is_full = self.domain, self.now, self._is_full
        behind = 0 if is_full and self.ticket in domain.booked else domain.tail
        slot = max(domain.next, behind, now + self._every if is_full else now)
        ahead = self.manners.ahead.total_seconds()
        if slot - now > ahead:
            return self._busy(ahead * (1 - self.chance / 2))
        domain.booked[self.ticket], domain.tail = slot, max(domain.tail, slot + self._every)
        return self._busy(slot - now, queue=slot - max(now, domain.next), is_brief=is_full and slot <= self._soon)

    def _busy(self, wait: float, *, queue: float = 0, is_down: bool = False, is_brief: bool = False) -> Busy:
        every = max(self.interval * 1.3, self._every, queue / SHARE)
        return Busy(timedelta(seconds=wait), timedelta(seconds=every), is_down=is_down, is_brief=is_brief)

    def _forget_old(self) -> None:
        domain, kept_from = self.domain, self.now - self.manners.grace.total_seconds()
        domain.running = {turn: until for turn, until in domain.running.items() if until > self.now}
        domain.booked = {ticket: slot for ticket, slot in domain.booked.items() if slot > kept_from}

    @property
    def _gap(self) -> float:
        return self.interval * (1 + self.chance / 2)

    @property
    def _every(self) -> float:
        return max(self._gap, (self.domain.hold or 0) * 1.1 / self.manners.concurrency)

    @property
    def _soon(self) -> float:
        return self.now + self.manners.in_place.total_seconds()

    @property
    def _is_full(self) -> bool:
        return len(self.domain.running) >= self.manners.concurrency


def _newest(remembered: dict[K, V], key: K, make: Callable[[], V]) -> V:
    """What is remembered, now as the newest; the oldest is forgotten when there is too much."""
    remembered[key] = remembered.pop(key) if key in remembered else make()
    if len(remembered) > _MOST_SITES:
        del remembered[next(iter(remembered))]
    return remembered[key]
