"""Parser processes: what kills one harms nobody, and none outlives its parent."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import psutil
import pytest

from services.scraper.adapters.parsers import Parser, Parsers
from services.scraper.domain.gate import Verdict
from services.scraper.domain.limits import ParserLimits
from services.scraper.domain.pages import Fetched, Reading
from shared.errors import PageUnusable
from tests.integration.waiting import until

LIMITS = ParserLimits(cpu=timedelta(seconds=2), memory_bytes=1_500_000_000, chars=10_000)
PAGE = Fetched(
    url="https://a.example/",
    status=200,
    media_type="text/html",
    body=b"<html><title>Small</title><body><p>" + b"A few words. " * 20,
)
SLOW = replace(PAGE, body=b"<title>Slow</title>" + b"<p>A few words. " * 5_000)
TARPIT = Fetched(url="https://a.example/long", status=200, media_type="text/html", body=b"<p>a" * 400_000)


@pytest.fixture
async def parsers() -> AsyncIterator[Parsers]:
    async with Parsers(LIMITS, processes=1) as running:
        yield running


async def read(parsers: Parsers, page: Fetched) -> Reading:
    return (await parsers.read(page, asked=page.url))[0]


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
    assert (await read(parsers, PAGE)).extracted.title == "Small"
    assert len(children()) == 1


async def test_a_page_that_takes_too_long_ends_its_parser_and_the_next_gets_a_new_one(parsers: Parsers) -> None:
    (before,) = children()

    with pytest.raises(PageUnusable):
        await read(parsers, TARPIT)

    assert (await read(parsers, PAGE)).extracted.title == "Small"
    assert before not in children()


async def test_a_parser_that_is_killed_fails_its_page_alone(parsers: Parsers) -> None:
    (victim,) = children()
    idle = worked(victim)
    reading = asyncio.create_task(read(parsers, TARPIT))
    await until(lambda: worked(victim) > idle + 0.2, what="it is at work")
    os.kill(victim, signal.SIGKILL)

    with pytest.raises(PageUnusable):
        await reading
    assert (await read(parsers, PAGE)).extracted.title == "Small"


async def test_a_page_that_takes_too_much_memory_fails_alone() -> None:
    # Its own memory is nearly all that a process so small may have.
    tight = ParserLimits(cpu=timedelta(seconds=20), memory_bytes=400_000_000, chars=10_000)
    body = b"<p>a</p>" * 3_000_000

    async with Parsers(tight, processes=1) as parsers:
        with pytest.raises(PageUnusable):
            await read(parsers, Fetched(url="https://a.example/", status=200, media_type="text/html", body=body))
        assert (await read(parsers, PAGE)).extracted.title == "Small"


async def test_a_cancelled_reading_is_not_taken_for_the_next_pages(parsers: Parsers) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await read(parsers, TARPIT)

    assert (await read(parsers, PAGE)).extracted.title == "Small"


async def test_a_page_behind_one_that_ends_the_parser_is_read_by_the_next(parsers: Parsers) -> None:
    lost, *behind = await asyncio.gather(
        read(parsers, TARPIT), read(parsers, PAGE), read(parsers, PAGE), return_exceptions=True
    )

    assert isinstance(lost, PageUnusable)
    assert [each.extracted.title for each in behind if isinstance(each, Reading)] == ["Small", "Small"]


async def test_a_page_that_is_no_longer_wanted_costs_the_one_before_it_nothing(parsers: Parsers) -> None:
    first, second = (asyncio.create_task(read(parsers, page)) for page in (SLOW, PAGE))
    await asyncio.sleep(0)  # both are sent
    second.cancel()

    assert (await first).extracted.title == "Slow"
    assert (await read(parsers, PAGE)).extracted.title == "Small"


async def test_an_answer_that_nobody_waits_for_is_not_taken_for_the_page_behind(parsers: Parsers) -> None:
    await read(parsers, PAGE)  # it is warm
    first, second = (asyncio.create_task(read(parsers, page)) for page in (SLOW, PAGE))
    await asyncio.sleep(0)  # both are sent
    time.sleep(0.5)  # noqa: ASYNC251 - the answer is in the pipe, and we did not come to it
    first.cancel()

    assert (await second).extracted.title == "Small"


async def test_the_verdict_comes_from_the_parser_too(parsers: Parsers) -> None:
    missing = replace(PAGE, status=404)

    _, kept = await parsers.read(PAGE, asked=PAGE.url)
    _, gone = await parsers.read(missing, asked=PAGE.url)

    assert (kept.verdict, gone.verdict) == (Verdict.OK, Verdict.GONE)


async def test_more_pages_than_parsers_wait_their_turn(parsers: Parsers) -> None:
    readings = await asyncio.gather(*(read(parsers, PAGE) for _ in range(20)))

    assert {reading.extracted.title for reading in readings} == {"Small"}
    assert len(children()) == 1


async def test_a_parser_knows_no_secret_of_ours(parsers: Parsers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEET_DATABASE_URL", "postgresql://fleet:hunter2@db/fleet")
    parser = Parser(LIMITS)
    process = await parser.start()
    try:
        await parser.ask(PAGE, asked=PAGE.url)
        assert not any(name.startswith("FLEET_") for name in psutil.Process(process.pid).environ())
    finally:
        await parser.stop()


async def test_no_parser_is_left_when_the_pool_ends() -> None:
    async with Parsers(LIMITS, processes=3) as parsers:
        await read(parsers, PAGE)
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
    await parser.ask(Fetched(url="https://a.example/", status=200, media_type="text/html", body=b"<p>hello"), asked="")
    print(parser.pid, flush=True)
    if sys.argv[1] == "busy":
        body = b"<p>a" * 400_000
        await parser.ask(Fetched(url="https://a.example/", status=200, media_type="text/html", body=body), asked="")
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
