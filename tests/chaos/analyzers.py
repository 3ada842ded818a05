"""Several analyzers on one backlog: in this process for `make test`, as `fleet` processes for `make chaos`."""

import asyncio
import os
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import func, select

from shared.ledger.tables import analyses, audit, jobs
from shared.users import user_id
from shared.values import Stage, UserId
from tests.gemini_emulator import GeminiEmulator, Request
from tests.integration.analyzer.house import House
from tests.integration.waiting import until

FLEET = Path(sys.executable).with_name("fleet")


@dataclass
class Backlog:
    """Pages of many users, each with a key of their own, that wait for their analysis.

    Attributes:
        environment: of `fleet` processes; without it analyzers run in this process.
    """

    house: House
    gemini: GeminiEmulator
    users: int
    each: int
    environment: dict[str, str] | None = None
    keys: dict[UserId, str] = field(default_factory=dict)

    @property
    def pages(self) -> int:
        return self.users * self.each

    async def save(self, *, per_minute: int = 100_000) -> None:
        """Have it wait; the provider's own limits are so high that ours must hold unless it is told others."""
        for number in range(self.users):
            user = user_id(f"user-{number}")
            self.keys[user] = self.gemini.add_key(f"AIzaSy{number:033}", per_minute=per_minute, per_day=100_000)
            await self.house.add_key(user, self.keys[user])
            await self.house.save(user, self.each, with_key=False)

    async def work_off(self, *, analyzers: int = 3, patience_s: float = 900) -> None:
        """Let analyzers work until every page is analysed."""
        async with self.analyzers(analyzers):
            await until(self.is_done, what="every page is analysed", within_s=patience_s)

    async def is_done(self) -> bool:
        return await self.house.analysed() >= self.pages

    @asynccontextmanager
    async def analyzers(self, count: int) -> AsyncIterator[None]:
        if self.environment is None:
            working = asyncio.create_task(self.house.run(analyzers=count, until=self.pages, patience_s=900))
            yield
            working.cancel()
            await asyncio.wait([working])
            return
        processes = _start(["dispatch", *["analyze"] * count], self.environment)
        try:
            yield
            assert [process.poll() for process in processes] == [None] * len(processes)
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.wait(timeout=60)

    # ---- what came of it -----------------------------------------------------------------------------

    async def analysed_by(self) -> Counter[str]:
        """Pages by who analysed them."""
        async with self.house.database.begin() as work:
            return Counter((await work.execute(select(analyses.c.analysed_by))).scalars().all())

    async def tries(self) -> Counter[int]:
        """Analyze jobs by the attempts they took besides the last, and how each ended."""
        query = select(jobs.c.attempts, func.count()).where(jobs.c.stage == Stage.ANALYZE).group_by(jobs.c.attempts)
        async with self.house.database.begin() as work:
            return Counter({row[0]: row[1] for row in await work.execute(query)})

    async def told(self, user: UserId) -> list[str]:
        """The changes of the user's key that analyzers told of; event and audit entry are written together."""
        changes = (
            select(audit.c.details)
            .where(audit.c.user_id == user, audit.c.action == "key_status_changed")
            .order_by(audit.c.id)
        )
        async with self.house.database.begin() as work:
            return [details["status"] for details in (await work.execute(changes)).scalars()]

    def answered(self) -> list[Request]:
        """Requests that were let through."""
        return [request for request in self.gemini.requests if request.answered]

    def pages_a_request(self) -> float:
        """Pages a request carried, on average over all that were made."""
        return sum(len(request.items) for request in self.gemini.requests) / len(self.gemini.requests)


def _start(roles: Sequence[str], settings: dict[str, str]) -> list[subprocess.Popen[bytes]]:
    bare = {name: value for name, value in os.environ.items() if not name.startswith("FLEET_")}
    quietly = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return [subprocess.Popen([FLEET, role], env=bare | settings, **quietly) for role in roles]
