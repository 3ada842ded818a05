"""Turns at sites in Redis or Valkey, for the whole fleet: one atomic script a call, on the server's own clock."""

import json
import random
from asyncio import timeout
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from hashlib import blake2s
from uuid import uuid4

from redis.asyncio import Redis
from redis.exceptions import RedisError

from services.scraper.domain.politeness import SHARE, Busy, Ending, Manners, Site, Turn
from shared.in_redis import ms, script

_PATIENCE_S = 1.0  # for one answer of Redis


class TurnsAway(Exception):
    """Redis cannot be asked for turns."""


class RedisTurns:
    """A `HostTurns` for the whole fleet, whose every method raises `TurnsAway` when Redis does not answer in time."""

    def __init__(self, redis: Redis, manners: Manners, *, chance: Callable[[], float] = random.random) -> None:
        """Keep the parts; nothing is asked yet."""
        self._manners = manners
        self._chance = chance
        self._take = redis.register_script(script(__package__, "take"))
        self._give_back = redis.register_script(script(__package__, "give_back"))
        self._pause = redis.register_script(script(__package__, "pause"))

    async def take(
        self, site: Site, *, ticket: str, interval: timedelta = timedelta(0), follows: bool = False
    ) -> Turn | Busy:
        """See `HostTurns.take`."""
        turn, its = uuid4().hex, self._manners
        ask = {
            "ticket": ticket,
            "follows": follows,
            "turn": turn,
            "chance": self._chance(),
            "concurrency": its.concurrency,
            "interval": ms(its.interval_at(site, interval)),
            "down_after": its.down_after,
            "in_place": ms(its.in_place),
            "lease": ms(its.lease),
            "ahead": ms(its.ahead),
            "grace": ms(its.grace),
            "memory": ms(its.memory),
            "share": SHARE,
        }
        async with _answering():
            verdict, wait_ms, every_ms = await self._take(keys=_keys(site), args=[json.dumps(ask)])
        wait = timedelta(milliseconds=wait_ms)
        if verdict == b"turn":
            return Turn(site, turn, wait)
        every = timedelta(milliseconds=every_ms)
        return Busy(wait, every, is_down=verdict == b"down", is_brief=verdict == b"brief")

    async def give_back(self, turn: Turn, ending: Ending, *, took: timedelta) -> None:
        """See `HostTurns.give_back`."""
        its = self._manners
        told = {
            "turn": turn.id,
            "ending": ending,
            "took": ms(took),
            "rest": ms(its.rest),
            "longest_rest": ms(its.longest_rest),
            "down_after": its.down_after,
            "memory": ms(its.memory),
        }
        async with _answering():
            await self._give_back(keys=_keys(turn.site), args=[json.dumps(told)])

    async def pause(self, site: Site, *, length: timedelta) -> None:
        """See `HostTurns.pause`."""
        async with _answering():
            await self._pause(keys=_keys(site)[:1], args=[ms(length), ms(self._manners.memory)])


@asynccontextmanager
async def _answering() -> AsyncIterator[None]:
    try:
        async with timeout(_PATIENCE_S):
            yield
    except (RedisError, OSError, TimeoutError) as error:
        raise TurnsAway from error


def _keys(site: Site) -> list[str]:
    """Pace, running, booked and host; names in digests, since what people read is nobody's business.

    The braces keep a domain's keys on one node of a cluster.
    """
    domain = f"fleet:turns:{{{_digest(site.domain)}}}"
    return [f"{domain}:pace", f"{domain}:running", f"{domain}:booked", f"{domain}:host:{_digest(site.host)}"]


def _digest(name: str) -> str:
    return blake2s(name.encode(), digest_size=12).hexdigest()
