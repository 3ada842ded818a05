"""Wires the scraper: settings, the fetcher, the parsers, the ledger and the pool that uses them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

from services.scraper.actors import make_scrape_actor
from services.scraper.adapters.parsers import Parsers
from services.scraper.domain.data_first import DataFirst
from services.scraper.domain.fallback import fallback_for
from services.scraper.domain.looking import FreshLook
from services.scraper.domain.pages import DATA
from services.scraper.domain.politeness.slow_pages import SlowPagesAside
from services.scraper.domain.scraping import ScrapePage
from services.scraper.parts import open_parts
from services.scraper.settings import PolitenessSettings, ScraperSettings
from shared.jobs import Work
from shared.settings import (
    BrokerSettings,
    DatabaseSettings,
    DispatchSettings,
    EgressSettings,
    ProcessSettings,
    RedisSettings,
)
from shared.values import Stage, Strategy
from shared.worker import Pool, run_pool


def run_scraper(partitions: Sequence[int] | None = None) -> int:
    """Run one scraper process until it is told to stop; its exit code.

    Args:
        partitions: of the scrape queues, those to consume; all when None.

    Raises:
        Misconfigured: a setting is missing or cannot be used.
    """
    scraper, politeness, egress = ScraperSettings.read(), PolitenessSettings.read(), EgressSettings.read()
    database, redis, dispatch = DatabaseSettings.read(), RedisSettings.read(), DispatchSettings.read()

    @asynccontextmanager
    async def open_work() -> AsyncIterator[Work]:
        async with (
            open_parts(
                scraper=scraper,
                politeness=politeness,
                egress=egress,
                database=database,
                redis=redis,
                dispatch=dispatch,
                longest_visit=timedelta(seconds=scraper.fetch_total_s),
                names_at_once=scraper.scrape_threads,
            ) as parts,
            Parsers(scraper.parser_limits(), processes=scraper.scrape_parsers) as parsers,
        ):
            pages = DataFirst(parts.fetcher(), parts.fetcher(readable=DATA))
            shared = parts.shared(FreshLook(pages, parsers, Strategy.STATIC), Strategy.STATIC)
            async with SlowPagesAside(shared).open() as looker:
                scrape = ScrapePage(
                    looker=looker,
                    ledger=parts.ledger,
                    chars=scraper.content_max_chars,
                    browser_follows=dispatch.render,
                )
                yield Work(parts.ledger, scrape, fallback_for, needs=parts.needs)

    pool = Pool(
        stage=Stage.SCRAPE,
        make_actor=make_scrape_actor,
        open_work=open_work,
        threads=scraper.scrape_threads,
        hold=timedelta(seconds=dispatch.release_lease_s),
    )
    return run_pool(pool, broker=BrokerSettings.read(), process=ProcessSettings.read(), partitions=partitions)
