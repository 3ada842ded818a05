"""Renders that are cancelled and browsers that are killed at any moment: nothing stays, and no memory grows.

`FLEET_CHAOS_RENDERS` says how many; `make chaos` takes 500.
"""

import asyncio
import os
import random
import sys
from contextlib import suppress

import psutil
import pytest

from services.scraper.adapters.browsers import Wear
from services.scraper.domain.pages import Fetched
from shared.errors import FleetError
from tests.integration.browsing import Browsing, browsing, family, leaders, left_behind
from tests.integration.hostile_site import Site, answer, silence, site
from tests.integration.waiting import until

pytestmark = pytest.mark.xdist_group("browser")

RENDERS = int(os.environ.get("FLEET_CHAOS_RENDERS", "30"))
AT_ONCE = 4
SENTENCES = " ".join(f"Sentence number {n} of a page says something of its own." for n in range(30))
KINDS = ("/page", "/page", "/late", "/silence", "/popups")


def pages(here: Site) -> None:
    body = f"<html><title>T</title><body><p>{SENTENCES}</p>"
    here.answers["/page"] = answer(body)
    here.answers["/late"] = answer(f"<p>Loading<script>setTimeout(() => document.write({SENTENCES!r}), 300)</script>")
    here.answers["/popups"] = answer(f"{body}<script>setInterval(() => {{ open('/page'); alert(1) }}, 20)</script>")
    here.answers["/silence"] = silence


async def one(here: Browsing, pages: Site, chance: random.Random) -> str:
    """A render that ends by itself, is cancelled, or loses a process of the browser or the driver."""
    rendering = asyncio.create_task(here.fetcher.fetch(pages.url(chance.choice(KINDS))))
    fate = chance.choice(["ends", "ends", "cancelled", "cancelled", "killed"])
    if fate != "ends" or pages.requests[-1:] == ["/silence"]:
        await asyncio.wait([rendering], timeout=chance.uniform(0, 1.5))
    if fate == "cancelled":
        rendering.cancel()
    elif fate == "killed" and (running := family(os.getpid())):
        with suppress(psutil.NoSuchProcess):
            chance.choice(running).kill()
    with suppress(FleetError, asyncio.CancelledError):
        assert isinstance(await rendering, Fetched)
        return "shown"
    return fate


async def test_nothing_is_left_of_renders_that_were_cancelled_or_lost_a_process() -> None:
    chance = random.Random(RENDERS)
    before = psutil.Process().memory_info().rss
    async with site() as there:
        pages(there)
        async with browsing(wear=Wear(pages=40, memory_bytes=3_000_000_000)) as here:
            turns = asyncio.Semaphore(AT_ONCE)

            async def in_turn() -> str:
                async with turns:
                    return await one(here, there, chance)

            ends = await asyncio.gather(*(in_turn() for _ in range(RENDERS)))
            there.answers["/page"] = answer(f"<p>{SENTENCES}</p>")
            assert b"Sentence number 29" in (await here.fetcher.fetch(there.url("/page"))).body
            await until(lambda: not here.browsers._ending, what="old browsers are gone")
            assert len(leaders()) == 1
            assert not here.proxy._passes

    assert ends.count("shown") >= RENDERS // 5
    assert left_behind() == []
    assert psutil.Process().memory_info().rss - before < 60_000_000 + RENDERS * 40_000


async def test_a_killed_renderer_process_takes_its_browser_along() -> None:
    program = (
        "import asyncio\n"
        "from tests.integration.browsing import browsing\n"
        "async def main():\n"
        "    async with browsing():\n"
        "        print('ready', flush=True)\n"
        "        await asyncio.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE, env={**os.environ, "PYTHONPATH": "."}
    )
    assert process.stdout is not None
    while await process.stdout.readline() != b"ready\n":
        pass
    its = family(process.pid)
    assert len(its) > 3

    process.kill()
    await process.wait()

    def all_are_gone() -> bool:
        return not [p for p in its if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]

    await until(all_are_gone, what="the browser ends with who started it")
