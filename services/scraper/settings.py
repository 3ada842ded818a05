"""The scraper's settings: how long, how large and how much at once."""

from dataclasses import replace
from datetime import timedelta
from typing import Literal

from pydantic import Field

from services.scraper.domain.limits import FetchLimits, LookLimits, ParserLimits, RenderLimits
from services.scraper.domain.politeness import Manners
from shared.settings import Settings


class ScraperSettings(Settings):
    """Limits of fetching and reading pages."""

    scrape_threads: int = Field(
        default=80,
        ge=1,
        le=512,
        description="Pages one scraper process works on at once, shared out over its partitions; more a partition than "
        "FLEET_SCRAPE_WINDOW, or one user's slow pages hold up others.",
    )
    scrape_parsers: int = Field(default=2, ge=1, le=64, description="Parser processes of one scraper process.")
    fetch_user_agent: str = Field(
        default="Mozilla/5.0 (compatible; BookmarkFleet/0.1; reads pages that people bookmarked)",
        min_length=1,
        pattern=r"^[ -~]+$",
        description="How the scraper introduces itself to sites.",
    )
    fetch_resolve_s: float = Field(default=5.0, gt=0, le=60, description="Limit for resolving a name, seconds.")
    fetch_connect_s: float = Field(default=10.0, gt=0, le=60, description="Limit for connecting to a site, seconds.")
    fetch_first_byte_s: float = Field(
        default=20.0, gt=0, le=60, description="Limit from sending a request to the answer's headers, seconds."
    )
    fetch_total_s: float = Field(
        default=40.0, gt=0, le=90, description="Limit for a page with all its redirects, seconds."
    )
    fetch_max_bytes: int = Field(
        default=8_000_000, ge=10_000, description="Largest page as it is sent, compressed or not, bytes."
    )
    fetch_max_inflated_bytes: int = Field(
        default=16_000_000, ge=10_000, description="Largest page after decompression, bytes."
    )
    fetch_max_pdf_bytes: int = Field(
        default=20_000_000, ge=10_000, description="Largest PDF file, instead of the two limits above, bytes."
    )
    fetch_max_redirects: int = Field(default=10, ge=0, le=20, description="Redirects followed for one page.")
    parse_cpu_s: int = Field(default=10, ge=1, le=60, description="CPU time a parser may spend on a page, seconds.")
    parse_memory_bytes: int = Field(
        default=1_000_000_000, ge=400_000_000, description="Address space of one parser process, bytes."
    )
    content_max_chars: int = Field(
        default=500_000, ge=1_000, description="Characters kept of a page's text; the rest is cut off."
    )
    cache_ttl_s: float = Field(
        default=86_400.0,
        ge=0,
        le=2_592_000,
        description="How long a page's text serves all users who saved the page, seconds; 0 shares nothing.",
    )
    cache_max_bytes: int = Field(
        default=128_000_000,
        ge=1_000_000,
        description="What shared pages may take of Redis in all, bytes; the oldest go for new ones. Where Redis has a "
        "`maxmemory`, they also leave a quarter of it free.",
    )
    cache_max_page_bytes: int = Field(
        default=300_000, ge=1_000, description="Largest page that is shared, as its text is compressed, bytes."
    )

    def fetch_limits(self) -> FetchLimits:
        """The limits as the fetcher takes them."""
        return FetchLimits(
            connect=timedelta(seconds=self.fetch_connect_s),
            first_byte=timedelta(seconds=self.fetch_first_byte_s),
            total=timedelta(seconds=self.fetch_total_s),
            bytes=self.fetch_max_bytes,
            inflated_bytes=self.fetch_max_inflated_bytes,
            pdf_bytes=self.fetch_max_pdf_bytes,
            redirects=self.fetch_max_redirects,
        )

    def look_limits(self) -> LookLimits:
        """The limits as the store of shared looks takes them."""
        return LookLimits(bytes=self.cache_max_bytes, look_bytes=self.cache_max_page_bytes)

    def parser_limits(self) -> ParserLimits:
        """The limits as the parsers take them."""
        return ParserLimits(
            cpu=timedelta(seconds=self.parse_cpu_s),
            memory_bytes=self.parse_memory_bytes,
            chars=self.content_max_chars,
        )


class PolitenessSettings(Settings):
    """How the fleet behaves towards sites, all its processes together; the same for every process."""

    host_concurrency: int = Field(
        default=4,
        ge=1,
        le=100,
        description="Pages of one domain fetched at once; of a host that keeps us waiting, one.",
    )
    host_interval_s: float | None = Field(
        default=None,
        ge=0,
        le=60,
        description="Least time between two visits to a domain, seconds; up to half as long again, by chance. "
        "Without it 0.25, and none at addresses in FLEET_EGRESS_ALLOW, which are the operator's own.",
    )

    robots: Literal["respect", "ignore"] = Field(
        default="ignore",
        description="Whether what sites' robots.txt asks of `BookmarkFleet` is heeded: `respect` or `ignore`; every "
        "page is one that a person bookmarked, and no link is followed.",
    )

    def manners(self, *, longest_visit: timedelta) -> Manners:
        """The manners of all processes.

        Args:
            longest_visit: that this process makes; its turn is not given to anybody else before.
        """
        manners = Manners(concurrency=self.host_concurrency, lease=longest_visit + timedelta(seconds=15))
        if self.host_interval_s is None:
            return manners
        interval = timedelta(seconds=self.host_interval_s)
        return replace(manners, interval=interval, own_interval=interval)


class RendererSettings(Settings):
    """Limits of pages in a browser; how they are read is set for all pages alike."""

    render_pages: int = Field(default=4, ge=1, le=32, description="Pages one renderer process shows at once.")
    render_parsers: int = Field(default=1, ge=1, le=16, description="Parser processes of one renderer process.")
    render_load_s: float = Field(
        default=20.0, gt=0, le=60, description="Limit until a page begins to arrive, redirects included, seconds."
    )
    render_settle_s: float = Field(
        default=8.0, gt=0, le=60, description="Longest wait from then on until a page's text stands still, seconds."
    )
    render_total_s: float = Field(default=40.0, gt=0, le=80, description="Limit for a page in the browser, seconds.")
    render_max_bytes: int = Field(
        default=30_000_000, ge=100_000, description="Everything a page may load and send, bytes."
    )
    render_page_memory_bytes: int = Field(
        default=1_000_000_000,
        ge=300_000_000,
        description="Memory of a process of the browser that shows pages; one that takes more is ended, bytes.",
    )
    browser_max_pages: int = Field(default=200, ge=1, description="Pages after which the browser is replaced.")
    browser_max_memory_bytes: int = Field(
        default=3_000_000_000,
        ge=500_000_000,
        description="Memory of the whole browser above which it is replaced, bytes.",
    )

    def limits(self, *, connect: timedelta, html_chars: int) -> RenderLimits:
        """The limits as the browser takes them, with two that hold for all fetching."""
        return RenderLimits(
            connect=connect,
            load=timedelta(seconds=self.render_load_s),
            settle=timedelta(seconds=self.render_settle_s),
            total=timedelta(seconds=self.render_total_s),
            bytes=self.render_max_bytes,
            html_chars=html_chars,
            memory_bytes=self.render_page_memory_bytes,
        )
