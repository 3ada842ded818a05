"""The breaker in Redis or Valkey, on the server's own clock: one for all processes that ask the same provider."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import uuid4

from redis.asyncio import Redis
from redis.exceptions import RedisError

from shared.breaker import OPENS_AT, Go, Hold, Pace
from shared.in_redis import ms, script
from shared.logs import log
from shared.values import UserId

_IDLE = timedelta(hours=1)
_MANY = 100
_PATIENCE_S = 3.0  # for one answer of Redis


class RedisBreaker:
    """Keeps the promises of `shared.breaker.Breaker` for any number of processes on one Redis."""

    def __init__(self, redis: Redis, provider: str, *, pace: Pace, chance: Callable[[], float] = random.random) -> None:
        """Keep the parts; nothing is asked yet.

        Args:
            redis: a client, as the quota's.
            provider: whose breaker it is: the provider and the model.
            pace: how far probes are apart.
            chance: a number from 0 to 1, so that fleets and lanes do not ask in step.
        """
        self._redis, self._provider, self._pace, self._chance = redis, provider, pace, chance
        self._ask = redis.register_script(script(__package__, "ask"))
        self._failed = redis.register_script(script(__package__, "failed"))
        self._answered = redis.register_script(script(__package__, "answered"))
        self._unused = redis.register_script(script(__package__, "unused"))

    async def ask(self, user: UserId) -> Go | Hold:
        """Whether a call for this user may leave now."""
        keys, id_ = self._keys(user), uuid4().hex
        asked = self._ask(keys=[keys.state, keys.failing], args=[user, id_, ms(self._pace.call)])
        answer = await _heard(asked)
        if answer is None:
            return Go(id_, at=0)
        if answer[0] != b"hold":
            return Go(id_, at=answer[1], is_probe=answer[0] == b"probe")
        # While a probe is on its way it may be back any moment, however long it may take.
        wait = min(timedelta(milliseconds=answer[1]), self._pace.least(answer[2]))
        return Hold(self._later(wait))

    async def failed(self, user: UserId, go: Go) -> datetime:
        """Count a failure; when the user's work may ask again."""
        first, longest = self._pace.least(0), self._pace.least(_MANY)
        args: list[str | int | float] = [user, go.id, OPENS_AT, ms(first), ms(longest), self._chance(), ms(_IDLE)]
        wait = await _heard(self._failed(keys=self._keys(user), args=args))
        return self._later(first if wait is None else timedelta(milliseconds=wait))

    async def answered(self, user: UserId, go: Go) -> None:
        """Close it."""
        await _heard(self._answered(keys=self._keys(user), args=[go.at]))

    async def unused(self, go: Go) -> None:
        """Let another call be the probe."""
        if go.is_probe:
            await _heard(self._unused(keys=[self._keys().state], args=[go.id]))

    async def is_open(self) -> bool:
        """Whether calls are held; no, where nobody can say."""
        return bool(await _heard(self._redis.hexists(self._keys().state, "opened")))

    def _keys(self, user: UserId | None = None) -> "_Keys":
        """Where the parts are; the braces keep them on one node of a cluster."""
        name = f"fleet:breaker:{{{self._provider}}}"
        return _Keys(f"{name}:state", f"{name}:failing", f"{name}:streak:{user}")

    def _later(self, wait: timedelta) -> datetime:
        """The end of a wait, spread out: not every lane comes back in the same moment."""
        return datetime.now(UTC) + wait * (1 + self._chance() / 4)


class _Keys(NamedTuple):
    state: str
    failing: str
    streak: str


async def _heard(asked: Awaitable[Any]) -> Any:
    """Redis' answer; None when there is none in time."""
    try:
        async with asyncio.timeout(_PATIENCE_S):
            return await asked
    except (RedisError, OSError, TimeoutError) as error:
        log.warning("breaker_unheard", error=type(error).__name__)
        return None
