"""The dispatcher: lets the next jobs out, hands them to the broker, and takes back what was not taken.

Any number may run side by side: the ledger releases each job to one of them.
"""

import asyncio
import random
import time
from collections.abc import Iterable
from datetime import timedelta
from typing import NoReturn

from services.producer.resting import again_and_again, rest_after
from shared.broker import Carrier
from shared.errors import BrokerUnavailable, LeaseExpired, LedgerUnavailable
from shared.ledger import Ledger, Outage, Reaped
from shared.logs import log
from shared.metrics import DISPATCH_TICK, JOBS, LEASE_EXPIRED
from shared.tracing.of_jobs import sending
from shared.values import Stage


class Dispatcher:
    """Serves stages from the ledger to the broker."""

    def __init__(self, ledger: Ledger, carrier: Carrier) -> None:
        """Keep both sides."""
        self._ledger = ledger
        self._carrier = carrier

    async def tick(self, stage: Stage) -> int:
        """Let a stage's next jobs out and send them; how many messages the broker took.

        Raises:
            LedgerUnavailable: nothing was released, or what was not sent comes back by its lease.
            BrokerUnavailable: nothing counts as sent, and everything was put back.
        """
        with DISPATCH_TICK.time():
            releases = await self._ledger.release(stage)
            if not releases:
                return 0
            try:
                with sending(releases) as outgoing:
                    refused = await self._carrier.send(outgoing)
            except BrokerUnavailable:
                await self._ledger.take_back(releases)
                raise
            if refused:
                await self._ledger.take_back(refused)
                log.warning("releases_refused", stage=stage.value, refused=len(refused), sent=len(releases))
            return len(releases) - len(refused)

    async def serve(self, stage: Stage, *, poll: timedelta) -> NoReturn:
        """Tick for ever: at once after something was sent, else after about `poll`; rest while a side is away."""
        failures = 0
        while True:
            try:
                if failures:
                    await self._carrier.depths(stage)  # nothing is released while the broker is away
                sent = await self.tick(stage)
            except (BrokerUnavailable, LedgerUnavailable) as error:
                await rest_after(error, failures, task=stage.value)
                failures += 1
            else:
                failures = 0
                if not sent:
                    await asyncio.sleep(poll.total_seconds() * random.uniform(0.5, 1.5))  # noqa: S311 - spreads load

    async def sweep(self, *, every: timedelta) -> NoReturn:
        """Take back for ever what was let out and came to naught."""
        await again_and_again(Sweep(self._ledger), task="sweep", rest=every)

    def tasks(self, stages: Iterable[Stage], *, poll: timedelta, sweep: timedelta) -> list[asyncio.Task[NoReturn]]:
        """Everything it does for ever, begun: each stage by itself, so that none waits for another."""
        loops = [self.serve(stage, poll=poll) for stage in stages]
        return [asyncio.create_task(loop) for loop in (*loops, self.sweep(every=sweep))]


class Sweep:
    """Takes back what was let out and came to naught; remembers when the ledger was away, which was nobody's fault."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._answered_at = time.monotonic()
        self._is_away = False
        self._away: tuple[float, float] | None = None

    async def __call__(self) -> bool:
        """Sweep once; never more at once.

        Raises:
            LedgerUnavailable: it is away, or still is.
        """
        now = time.monotonic()
        if self._is_away:
            self._away = (self._answered_at, now)
        try:
            _tell(await self._ledger.reap(outage=self._outage(now)))
        except LedgerUnavailable:
            self._is_away = True
            raise
        self._answered_at, self._is_away = now, False
        return False

    def _outage(self, now: float) -> Outage | None:
        if self._away is None:
            return None
        began, ended = self._away
        return Outage(timedelta(seconds=now - began), timedelta(seconds=now - ended))


def _tell(reaped: Reaped) -> None:
    for stage, jobs in reaped.by_stage.items():
        LEASE_EXPIRED.labels(stage).inc(jobs)
    for stage, jobs in reaped.failed.items():
        JOBS.labels(stage, "failed", LeaseExpired.code).inc(jobs)
    if reaped.released or reaped.running or reaped.lanes:
        log.info("leases_swept", released=reaped.released, running=reaped.running, lanes=reaped.lanes)
