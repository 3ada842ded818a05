"""Parser processes: what kills one harms nobody, and none outlives its parent."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from datetime import timedelta

import psutil
import pytest

from services.scraper.adapters.parsers import Parser, Parsers
from services.scraper.domain.limits import ParserLimits
from services.scraper.domain.pages import Fetched
from shared.errors import PageUnusable
from tests.integration.waiting import until

LIMITS = ParserLimits(cpu=timedelta(seconds=2), memory_bytes=1_500_000_000, chars=10_000)
PAGE = Fetched(
    url="https://a.example/",
    status=200,
    media_type="text/html",
    body=b"<html><title>Small</title><body><p>" + b"A few words. " * 20,
)
TARPIT = Fetched(url="https://a.example/long", status=200, media_type="text/html", body=b"<p>a" * 400_000)


@pytest.fixture
async def parsers() -> AsyncIterator[Parsers]:
    async with Parsers(LIMITS, processes=1) as running:
        yield running


def children() -> set[int]:
    return {child.pid for child in psutil.Process().children() if is_parser(child)}


def is_parser(child: psutil.Process) -> bool:
    try:
        return "parser_process" in " ".join(child.cmdline())
    except psutil.NoSuchProcess:  # a zombie of another test's, too
        return False


def worked(pid: int) -> float:
    """CPU seconds so far."""
    return sum(psutil.Process(pid).cpu_times()[:2])


def is_gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


async def test_a_page_is_read_in_another_process(parsers: Parsers) -> None:
    assert (await parsers.read(PAGE)).extracted.title == "Small"
    assert len(children()) == 1


async def test_a_page_that_takes_too_long_ends_its_parser_and_the_next_gets_a_new_one(parsers: Parsers) -> None:
    (before,) = children()

    with pytest.raises(PageUnusable):
        await parsers.read(TARPIT)

    assert (await parsers.read(PAGE)).extracted.title == "Small"
    assert before not in children()


async def test_a_parser_that_is_killed_fails_its_page_alone(parsers: Parsers) -> None:
    (victim,) = children()
    idle = worked(victim)
    reading = asyncio.create_task(parsers.read(TARPIT))
    await until(lambda: worked(victim) > idle + 0.2, what="it is at work")
    os.kill(victim, signal.SIGKILL)

    with pytest.raises(PageUnusable):
        await reading
    assert (await parsers.read(PAGE)).extracted.title == "Small"


async def test_a_page_that_takes_too_much_memory_fails_alone() -> None:
    # Its own memory is nearly all that a process so small may have.
    tight = ParserLimits(cpu=timedelta(seconds=20), memory_bytes=400_000_000, chars=10_000)
    body = b"<p>a</p>" * 3_000_000

    async with Parsers(tight, processes=1) as parsers:
        with pytest.raises(PageUnusable):
            await parsers.read(Fetched(url="https://a.example/", status=200, media_type="text/html", body=body))
        assert (await parsers.read(PAGE)).extracted.title == "Small"


async def test_a_cancelled_reading_is_not_taken_for_the_next_pages(parsers: Parsers) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await parsers.read(TARPIT)

    assert (await parsers.read(PAGE)).extracted.title == "Small"


async def test_more_pages_than_parsers_wait_their_turn(parsers: Parsers) -> None:
    readings = await asyncio.gather(*(parsers.read(PAGE) for _ in range(20)))

    assert {reading.extracted.title for reading in readings} == {"Small"}
    assert len(children()) == 1


async def test_a_parser_knows_no_secret_of_ours(parsers: Parsers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEET_DATABASE_URL", "postgresql://fleet:hunter2@db/fleet")
    parser = Parser(LIMITS)
    process = await parser.start()
    try:
        await parser.ask(PAGE)
        assert not any(name.startswith("FLEET_") for name in psutil.Process(process.pid).environ())
    finally:
        await parser.stop()


async def test_no_parser_is_left_when_the_pool_ends() -> None:
    async with Parsers(LIMITS, processes=3) as parsers:
        await parsers.read(PAGE)
        ours = children()
        assert len(ours) == 3

    assert not ours & children()


PARENT = """
import asyncio, sys
from datetime import timedelta
from services.scraper.adapters.parsers import Parser
from services.scraper.domain.limits import ParserLimits
from services.scraper.domain.pages import Fetched

async def main():
    parser = Parser(ParserLimits(cpu=timedelta(seconds=3), memory_bytes=1_500_000_000, chars=1_000))
    await parser.ask(Fetched(url="https://a.example/", status=200, media_type="text/html", body=b"<p>hello"))
    print(parser.pid, flush=True)
    if sys.argv[1] == "busy":
        body = b"<p>a" * 400_000
        await parser.ask(Fetched(url="https://a.example/", status=200, media_type="text/html", body=body))
    await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.parametrize("state", ["idle", "busy"])
async def test_a_parser_does_not_outlive_a_parent_that_was_killed(state: str) -> None:
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", PARENT, state, stdout=asyncio.subprocess.PIPE)
    assert parent.stdout is not None
    pid = int(await parent.stdout.readline())
    idle_s = psutil.Process(pid).cpu_times().user
    if state == "busy":
        await until(lambda: psutil.Process(pid).cpu_times().user > idle_s + 0.5, what="it is at work")

    parent.kill()
    await parent.wait()

    await until(lambda: is_gone(pid), what="the parser is gone")
