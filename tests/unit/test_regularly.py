"""Chores beside the work: again and again, whatever comes of one."""

import asyncio
from datetime import timedelta

from shared.regularly import regularly


async def test_a_chore_that_fails_is_done_again_and_ends_with_its_block() -> None:
    done, again = [], asyncio.Event()

    async def chore() -> None:
        done.append(len(done))
        if len(done) == 1:
            raise OSError("away")
        again.set()

    async with asyncio.timeout(30), regularly(chore, every=timedelta(0)):
        await again.wait()
    times = len(done)
    await asyncio.sleep(0.01)

    assert times >= 2
    assert len(done) == times
