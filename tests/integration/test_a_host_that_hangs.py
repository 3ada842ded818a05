"""One user's pages on twenty hosts of which one hangs: the others' pages come, though the user has one place at a time.

How long they take beside it is for `make bench ARGS="--only politeness"`.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from ipaddress import ip_network
from typing import Any

import pytest

from services.scraper.adapters.in_aiohttp import HttpFetcher
from services.scraper.adapters.in_memory import ReaderInProcess
from services.scraper.adapters.turns.domains import Sites
from services.scraper.adapters.turns.in_memory import InMemoryTurns
from services.scraper.domain.limits import FetchLimits
from services.scraper.domain.looking import FreshLook
from services.scraper.domain.politeness import Manners
from services.scraper.domain.politeness.slow_pages import SlowPagesAside
from services.scraper.domain.politeness.visiting import Visits
from services.scraper.domain.scraping import ScrapePage
from shared.bookmarks import Content, NewBookmark
from shared.egress.in_memory import GuardInMemory
from shared.egress.rules import Rules
from shared.jobs import JobRunner, Work
from shared.ledger import Job
from shared.ledger.in_memory import MemoryLedger
from shared.ledger.policies import retry_policy, stage_policies
from shared.settings import DispatchSettings
from shared.values import Stage, Strategy, UserId
from tests.integration.hostile_site import Site, answer, silence, site
from tests.integration.waiting import until

ADA = UserId("ada")
HERE = ip_network("127.0.0.0/8")
PAGES = 10
LONGER_THAN_THE_TEST = timedelta(minutes=10)
SENTENCES = " ".join(f"Sentence number {n} of a page says something of its own." for n in range(30))
PAGE = f"<html><head><title>A page</title></head><body><article><p>{SENTENCES}</p></article></body></html>"


class Watched(MemoryLedger):
    """A ledger that remembers which pages came."""

    def __init__(self, **how: Any) -> None:
        super().__init__(**how)
        self.came: set[str] = set()

    async def store_content(self, job: Job, content: Content) -> None:
        await super().store_content(job, content)
        self.came.add(job.bookmark.url)


@pytest.fixture
async def hosts() -> AsyncIterator[list[Site]]:
    async with AsyncExitStack() as opened:
        yield [await opened.enter_async_context(site(f"127.0.0.{number}")) for number in range(1, 21)]


async def test_the_pages_of_the_hosts_that_answer_come_while_one_hangs(hosts: list[Site]) -> None:
    *alive, hanging = hosts
    for number in range(PAGES):
        hanging.answers[f"/{number}"] = silence
        for here in alive:
            here.answers[f"/{number}"] = answer(PAGE)
    settings = DispatchSettings(scrape_window=1)
    ledger = Watched(policies=stage_policies(settings), retries=retry_policy(settings))
    urls = [here.url(f"/{number}") for number in range(PAGES) for here in (hanging, *alive)]
    await ledger.submit(ADA, [NewBookmark(url) for url in urls])

    limits = FetchLimits(first_byte=LONGER_THAN_THE_TEST, total=LONGER_THAN_THE_TEST)
    manners = Manners(lease=2 * LONGER_THAN_THE_TEST)
    visits = Visits(InMemoryTurns(manners), Sites(own=[HERE]), manners)
    fetcher = HttpFetcher(GuardInMemory(Rules(allow=(HERE,))), visits, limits, user_agent="tests")
    fresh = FreshLook(fetcher, ReaderInProcess(chars=10_000), Strategy.STATIC)
    async with SlowPagesAside(fresh, patience=timedelta(seconds=0.3)).open() as looker:
        scrape = ScrapePage(looker=looker, ledger=ledger, chars=10_000)
        running = asyncio.create_task(
            run_all(ledger, JobRunner(Stage.SCRAPE, Work(ledger, scrape), hold=manners.lease))
        )
        try:
            others = len(alive) * PAGES
            await until(lambda: len(ledger.came) == others, what="the other hosts' pages came", within_s=90)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    assert ledger.came == {url for url in urls if not url.startswith(hanging.url(""))}
    assert hanging.connections == 1


async def run_all(ledger: MemoryLedger, run: JobRunner) -> None:
    """Release and run, as a dispatcher and its workers do."""
    async with asyncio.TaskGroup() as workers:
        while True:
            for released in await ledger.release(Stage.SCRAPE):
                workers.create_task(run(released.job_ids, released.token))
            await asyncio.sleep(0.005)
