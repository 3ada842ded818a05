"""Quotas in Redis or Valkey: one atomic script a call, on the server's own clock.

Why no span as long as the window ever sees more calls than the limit: the script counts over the window *and* a
margin. A permit lapses `PERMIT_LIFE` after it was asked for, so a call leaves at most that much later than it was
counted; the rest of the margin covers calls that overtake each other on the way. For the same reason nothing is
handed out in the last margin of a day.

Why losing Redis lets nobody exceed a limit: counters are believed only on the server that wrote them. When they
are missing, or are what an older snapshot or another replica remembers, they are rebuilt from the usage journal,
after waiting for `PERMIT_LIFE`: a call is recorded there before it leaves, so by then every permit that was given
before the loss is in the journal or has lapsed.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, NamedTuple
from uuid import uuid4
from weakref import WeakValueDictionary

from redis.asyncio import Redis
from redis.exceptions import RedisError

from shared.errors import LedgerUnavailable, QuotaUnavailable
from shared.in_redis import ms, script
from shared.metrics import QUOTA_DENIED
from shared.quota import MINUTE, Account, LimitBook, LimitsInForce, QuotaStatus, Taken, Wait, WindowName
from shared.quota.calendar import Bounds, Calendar, Span
from shared.quota.rebuilding import journaled_counts
from shared.quota.windows import NEVER, REASONS, Counts, Rules
from shared.usage import UsageJournal

PERMIT_LIFE = timedelta(milliseconds=300)
MARGIN = PERMIT_LIFE + timedelta(milliseconds=200)

_IDLE = timedelta(days=1)  # an account with no call for so long vanishes from Redis
_REBUILD = timedelta(seconds=30)  # a rebuild that takes longer starts again
_PATIENCE_S = 3.0  # for one answer of Redis
_NEXT_LOOK = timedelta(seconds=5)  # when Redis or the journal is away
_TRIES = 10  # a take whose counters or calendar change under it again and again gives up

_EPOCH = datetime.fromtimestamp(0, UTC)
_NO_PERMIT = "none"


class RedisQuota:
    """Keeps the promises of `shared.quota.Quota` for any number of processes on one Redis."""

    def __init__(
        self,
        redis: Redis,
        *,
        limits: LimitBook,
        timezone: tzinfo,
        journal: UsageJournal,
        minute: timedelta = MINUTE,
    ) -> None:
        """Keep the parts; nothing is asked yet.

        Args:
            redis: a client, see `shared.in_redis.open_redis`.
            limits: how many calls an account may make; asked for every permit, so it should remember.
            timezone: whose midnight begins a day and a month.
            journal: what counters that Redis lost are rebuilt from.
            minute: the length of the sliding window.
        """
        self._limits = limits
        self._rules = Rules(minute + MARGIN)
        self._calendar = Calendar(timezone)
        self._journal = journal
        self._bounds = self._calendar.bounds(datetime.now(UTC))  # a first guess; Redis' clock corrects it
        self._rebuilding: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._take = redis.register_script(script(__package__, "take"))
        self._mark = redis.register_script(script(__package__, "mark"))
        self._seed = redis.register_script(script(__package__, "seed"))
        self._refund = redis.register_script(script(__package__, "refund"))
        self._close = redis.register_script(script(__package__, "close"))
        self._forget = redis.register_script(script(__package__, "forget"))

    async def take(self, account: Account, *, calls: int = 1) -> Taken | Wait:
        """Take `calls` from all three windows or none; lost counters are rebuilt first."""
        if calls < 1:
            raise ValueError(f"a permit is for at least one call, not {calls}")
        limits, anew = await self._in_force(account), False
        for _ in range(_TRIES):
            permit = Taken(account, calls, uuid4().hex, time.monotonic() + PERMIT_LIFE.total_seconds())
            answer = await self._ask(permit, limits)
            match answer["verdict"]:
                case "taken":
                    return permit
                case "full" if not anew:  # nobody is refused, perhaps until midnight, for a limit that was raised since
                    limits, anew = await self._in_force(account, anew=True), True
                case "full":
                    QUOTA_DENIED.labels(window=answer["window"]).inc()
                    return Wait(REASONS[WindowName(answer["window"])], _moment(answer["until"]))
                case "lost":
                    await self._rebuild(account)
        raise _unavailable("The quota's counters were lost again and again while they were rebuilt.")

    async def refund(self, taken: Taken) -> None:
        """Give a permit back; a second time, or after its minute, gives back nothing."""
        keys = _keys(taken.account)
        async with _answering():
            await self._refund(keys=[keys.counters, keys.minute], args=[f"{taken.id}|{taken.calls}", taken.calls])

    async def close(self, account: Account, window: WindowName, until: datetime) -> None:
        """Hand nothing out of this window until then; Redis may lose it, the provider says it again."""
        async with _answering():
            await self._close(keys=[_keys(account).closed], args=[window, _since_epoch(until)])

    async def forget(self, account: Account) -> None:
        """Drop an account's counters and closings."""
        async with _answering():
            await self._forget(keys=_keys(account))

    async def status(self, account: Account) -> QuotaStatus:
        """What is used and left; where Redis has no counters, as the journal has it."""
        limits = await self._in_force(account)
        answer = await self._ask(Taken(account, 0, _NO_PERMIT), limits)
        now = _moment(answer["now"])
        bounds = self._calendar.bounds(now)
        if answer["verdict"] == "seen":
            recent = [(_moment(call["at"]), call["calls"]) for call in answer["recent"]]
            counts = Counts(answer["day"], answer["month"], recent)
        else:
            counts = await self._journaled(account, bounds, now)
        closed = {WindowName(window): _moment(until) for window, until in dict(answer["closed"]).items()}
        return self._rules.status(replace(counts, closed=closed), limits, bounds=bounds, now=now)

    async def _in_force(self, account: Account, *, anew: bool = False) -> LimitsInForce:
        try:
            return await self._limits.in_force(account, anew=anew)
        except LedgerUnavailable as error:
            raise _unavailable("The limits cannot be read.") from error

    async def _ask(self, permit: Taken, limits: LimitsInForce) -> dict[str, Any]:
        """What the script says to this permit, in the day and the month of Redis' own clock."""
        answer = await self._ask_within(self._bounds, permit, limits)
        while answer["verdict"] == "stale":
            self._bounds = self._calendar.bounds(_moment(answer["now"]))
            answer = await self._ask_within(self._bounds, permit, limits)
        return answer

    async def _ask_within(self, bounds: Bounds, permit: Taken, limits: LimitsInForce) -> dict[str, Any]:
        ask = {
            "permit": permit.id,
            "calls": permit.calls,
            "limits": {"minute": limits.minute.calls, "day": limits.day.calls, "month": limits.month.calls},
            "day": _span(bounds.day),
            "month": _span(bounds.month),
            "window": ms(self._rules.window),
            "margin": ms(MARGIN),
            "never": ms(NEVER),
            "idle": ms(_IDLE),
        }
        async with _answering():
            answer: dict[str, Any] = json.loads(await self._take(keys=_keys(permit.account), args=[json.dumps(ask)]))
        return answer

    async def _rebuild(self, account: Account) -> None:
        """Write an account's lost counters anew from the journal; several processes may try, one is heard."""
        async with self._rebuilding.setdefault(account.name, asyncio.Lock()):
            await self._rebuild_alone(account)

    async def _rebuild_alone(self, account: Account) -> None:
        keys = _keys(account)
        async with _answering():
            mark = await self._mark(keys=[keys.counters, keys.fence], args=[uuid4().hex, ms(_REBUILD)])
        if mark is None:
            return  # somebody was faster
        held, now = mark[0], _moment(mark[1])
        await asyncio.sleep(PERMIT_LIFE.total_seconds())
        bounds = self._calendar.bounds(now)
        counts = await self._journaled(account, bounds, now)
        found = {
            "day": {**_span(bounds.day), "used": counts.day},
            "month": {**_span(bounds.month), "used": counts.month},
            "recent": [(_since_epoch(at), calls) for at, calls in counts.recent],
            "window": ms(self._rules.window),
            "idle": ms(_IDLE),
        }
        async with _answering():
            await self._seed(keys=[keys.counters, keys.minute, keys.fence], args=[held, json.dumps(found)])

    async def _journaled(self, account: Account, bounds: Bounds, now: datetime) -> Counts:
        try:
            return await journaled_counts(self._journal, account, bounds=bounds, window=self._rules.window, now=now)
        except LedgerUnavailable as error:
            raise _unavailable("Redis lost the quota's counters and the journal cannot be read.") from error


@asynccontextmanager
async def _answering() -> AsyncIterator[None]:
    """Turn whatever keeps Redis from answering in time into `QuotaUnavailable`: no answer, no call."""
    try:
        async with asyncio.timeout(_PATIENCE_S):
            yield
    except (RedisError, OSError, TimeoutError) as error:
        raise _unavailable(f"Redis cannot say how much quota is left ({type(error).__name__}).") from error


def _unavailable(sentence: str) -> QuotaUnavailable:
    return QuotaUnavailable(sentence, until=datetime.now(UTC) + _NEXT_LOOK)


class _Keys(NamedTuple):
    """Where an account's parts are, in the order the scripts take them."""

    counters: str
    minute: str
    fence: str
    closed: str


def _keys(account: Account) -> _Keys:
    """An account's keys; the braces keep them on one node of a cluster."""
    return _Keys(*(f"fleet:quota:{{{account.name}}}:{part}" for part in _Keys._fields))


def _span(span: Span) -> dict[str, int]:
    return {"start": _since_epoch(span.start), "end": _since_epoch(span.end)}


def _since_epoch(at: datetime) -> int:
    return ms(at - _EPOCH)


def _moment(milliseconds: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=milliseconds)
