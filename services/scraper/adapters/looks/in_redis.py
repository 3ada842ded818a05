"""Looks in Redis or Valkey, beside the quotas: bounded in bytes, and never waited for.

Whatever keeps Redis from answering at once ends in `Away`, and for some seconds nobody asks again. Losing everything
costs each page one more look.
"""

import asyncio
import hashlib
import time
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

from redis.asyncio import Redis
from redis.commands.core import AsyncScript
from redis.exceptions import RedisError

from services.scraper.adapters.looks.packing import Damaged, edition, pack, pack_failure, unpack, unpack_failure
from services.scraper.domain.limits import LookLimits
from services.scraper.domain.looking import Look
from services.scraper.domain.looks import (
    A_MOMENT,
    FLIGHT_ENDS_AFTER,
    Answer,
    Apart,
    Away,
    Failed,
    Flight,
    Seen,
    UnderWay,
)
from shared.errors import FleetError
from shared.in_redis import ms, script
from shared.logs import log
from shared.metrics import CACHE_BYTES

# The braces keep all of them on one node of a cluster.
_LOOKS, _ENDS, _SIZE, _FLIGHT = (f"fleet:{{looks}}:{part}" for part in ("pages", "ends", "size", "flight:"))

_PATIENCE_S = 1.0  # for one answer of Redis; shorter than the client's own
_UNASKED_S = 5.0  # after one that did not come


class RedisLooks:
    """Keeps the promises of `Looks` for any number of processes on one Redis."""

    def __init__(self, redis: Redis, *, way: str, limits: LookLimits) -> None:
        """Keep the parts; nothing is asked yet.

        Args:
            redis: a client, see `shared.in_redis.open_redis`.
            way: how these looks are had; looks of another way, or of another edition of the program, are not these.
            limits: how much is kept.
        """
        self._limits = limits
        self._way = f"{edition()} {way}"
        self._is_away, self._unasked_until = False, 0.0
        self._ask = redis.register_script(script(__package__, "ask"))
        self._keep = redis.register_script(script(__package__, "keep"))
        self._flight = redis.register_script(script(__package__, "flight"))

    async def ask(self, key: str) -> Answer:
        """See `Looks.ask`."""
        flight = Flight(key, uuid4().hex)
        try:
            return await self._asked(flight)
        except Damaged:
            log.warning("look_damaged")
            await self._forget(flight)
        try:
            return await self._asked(flight)
        except Damaged:
            return Apart()  # somebody writes them faster than they are forgotten: look alone

    async def _asked(self, flight: Flight) -> Answer:
        digest = self._digest(flight.key)
        answer = await self._told(self._ask, [_LOOKS, _FLIGHT + digest], digest, flight.token, ms(FLIGHT_ENDS_AFTER))
        return Away() if answer is None else _answer(*answer, flight=flight)

    async def _forget(self, flight: Flight) -> None:
        """Drop whatever is kept of a page, and whatever was said of it."""
        await self._store(flight, b"", timedelta(), beyond=timedelta())
        await self._say(flight, b"forgotten", timedelta())

    async def keep(self, flight: Flight, look: Look, fresh: timedelta) -> None:
        """See `Looks.keep`; one that is too large, or cannot be written down, is everybody's own."""
        packed = pack(look)
        if packed is None or len(packed) > self._limits.look_bytes:
            return await self.part(flight, fresh)
        can_be_asked_about = look.page.headers.keys() & {"etag", "last-modified"}
        return await self._store(
            flight, packed, fresh, beyond=self._limits.beyond if can_be_asked_about else timedelta()
        )

    async def fail(self, flight: Flight, error: FleetError, fresh: timedelta) -> None:
        """See `Looks.fail`."""
        await self._say(flight, b"failed|" + pack_failure(error), fresh)

    async def part(self, flight: Flight, fresh: timedelta) -> None:
        """See `Looks.part`."""
        await self._say(flight, b"apart", min(fresh, A_MOMENT))
        await self._store(flight, b"", timedelta(), beyond=timedelta())

    async def leave(self, flight: Flight) -> None:
        """See `Looks.leave`."""
        await self._say(flight, b"left", timedelta())

    async def prolong(self, flight: Flight) -> None:
        """See `Looks.prolong`."""
        await self._say(flight, b"prolonged", FLIGHT_ENDS_AFTER)

    async def _say(self, flight: Flight, word: bytes, fresh: timedelta) -> None:
        await self._told(self._flight, [_FLIGHT + self._digest(flight.key)], flight.token, word, ms(fresh))

    async def _store(self, flight: Flight, packed: bytes, fresh: timedelta, *, beyond: timedelta) -> None:
        digest = self._digest(flight.key)
        keys = [_LOOKS, _ENDS, _SIZE, _FLIGHT + digest]
        await self._told(self._keep, keys, digest, flight.token, packed, ms(fresh), ms(beyond), self._limits.bytes)

    async def _told(self, script: AsyncScript, keys: list[str], *arguments: str | bytes | int) -> list[bytes] | None:
        """What a script answers, if anything; None when Redis is away, or was a moment ago."""
        if time.monotonic() < self._unasked_until:
            return None
        try:
            async with asyncio.timeout(_PATIENCE_S):
                answer: list[bytes] = await script(keys=keys, args=arguments) or []
        except (RedisError, OSError, TimeoutError) as error:
            if not self._is_away:
                log.warning("looks_unavailable", error=type(error).__name__)
            self._is_away, self._unasked_until = True, time.monotonic() + _UNASKED_S
            return None
        if self._is_away:
            log.info("looks_available")
            self._is_away = False
        return answer

    def _digest(self, key: str) -> str:
        return hashlib.sha256(f"{self._way} {key}".encode(errors="replace")).hexdigest()[:32]


async def show_size(redis: Redis) -> None:
    """Show what all looks take; while Redis is away the gauge keeps what was seen last."""
    with suppress(RedisError, OSError, TimeoutError):
        CACHE_BYTES.set(int(await redis.get(_SIZE) or 0))


def _answer(said: bytes, *more: bytes | int, flight: Flight) -> Answer:
    match said, more:
        case b"seen", [bytes(packed)]:
            return Seen(unpack(packed))
        case b"failed", [bytes(packed)]:
            return Failed(unpack_failure(packed))
        case b"under way", [int(since)]:
            return UnderWay(timedelta(milliseconds=since))
        case b"flight", [bytes(packed)] if packed:
            return replace(flight, earlier=unpack(packed))
        case b"flight", _:
            return flight
    return Apart()
