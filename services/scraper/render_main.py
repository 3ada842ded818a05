"""Wires the renderer: the scraper's parts with a browser in place of the fetcher, behind the egress proxy."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

from services.scraper.actors import make_render_actor
from services.scraper.adapters.browser import Launch
from services.scraper.adapters.browsers import Browsers, Wear
from services.scraper.adapters.egress_proxy import EgressProxy
from services.scraper.adapters.in_chromium import ChromiumFetcher
from services.scraper.adapters.parsers import Parsers
from services.scraper.domain.fallback import fallback_for
from services.scraper.domain.limits import RenderLimits
from services.scraper.domain.looking import FreshLook
from services.scraper.domain.politeness.in_turn import FetcherInTurn
from services.scraper.domain.scraping import ScrapePage
from services.scraper.parts import open_parts
from services.scraper.settings import PolitenessSettings, RendererSettings, ScraperSettings
from shared.chromium import find_chromium
from shared.errors import BrowserMissing
from shared.jobs import Work
from shared.settings import (
    BrokerSettings,
    BrowserSettings,
    DatabaseSettings,
    DispatchSettings,
    EgressSettings,
    ProcessSettings,
    RedisSettings,
)
from shared.values import Stage, Strategy
from shared.worker import Pool, run_pool

_NAMES_AT_ONCE = 32  # a page asks for many beside its own


def run_renderer(partitions: Sequence[int] | None = None) -> int:
    """Run one renderer process until it is told to stop; its exit code.

    Args:
        partitions: of the render queues, those to consume; all when None.

    Raises:
        BrowserMissing: there is no Chromium.
        Misconfigured: a setting is missing or cannot be used.
    """
    scraper, politeness, egress = ScraperSettings.read(), PolitenessSettings.read(), EgressSettings.read()
    database, redis, dispatch = DatabaseSettings.read(), RedisSettings.read(), DispatchSettings.read()
    renderer = RendererSettings.read()
    limits = renderer.limits(
        connect=timedelta(seconds=scraper.fetch_connect_s), html_chars=scraper.fetch_max_inflated_bytes
    )
    program = _chromium(BrowserSettings.read())

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
                longest_visit=limits.total,
                names_at_once=_NAMES_AT_ONCE,
            ) as parts,
            Parsers(scraper.parser_limits(), processes=renderer.render_parsers) as parsers,
            EgressProxy(parts.guard, limits) as proxy,
            Browsers(_launch(program, proxy, scraper, limits), _wear(renderer)) as browsers,
        ):
            browser = FetcherInTurn(ChromiumFetcher(browsers, proxy, limits), parts.visits, robots=parts.robots)
            render = ScrapePage(
                looker=parts.shared(FreshLook(browser, parsers, Strategy.BROWSER), Strategy.BROWSER),
                ledger=parts.ledger,
                chars=scraper.content_max_chars,
                strategy=Strategy.BROWSER,
            )
            yield Work(parts.ledger, render, fallback_for, needs=parts.needs)

    pool = Pool(
        stage=Stage.RENDER,
        make_actor=make_render_actor,
        open_work=open_work,
        threads=renderer.render_pages,
        hold=timedelta(seconds=dispatch.release_lease_s),
    )
    return run_pool(pool, broker=BrokerSettings.read(), process=ProcessSettings.read(), partitions=partitions)


def _chromium(settings: BrowserSettings) -> str:
    program = find_chromium(settings.browser_path)
    if program is None:
        raise BrowserMissing(settings.browser_path)
    return program


def _launch(program: str, proxy: EgressProxy, scraper: ScraperSettings, limits: RenderLimits) -> Launch:
    return Launch(
        program=program,
        proxy=proxy.address,
        user_agent=scraper.fetch_user_agent,
        page_memory_bytes=limits.memory_bytes,
    )


def _wear(renderer: RendererSettings) -> Wear:
    return Wear(pages=renderer.browser_max_pages, memory_bytes=renderer.browser_max_memory_bytes)
