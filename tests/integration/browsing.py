"""A browser behind its proxy for tests: real Chromium, sites on loopback, and a count of what it leaves behind."""

import contextlib
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_network

import psutil

from services.scraper.adapters.browser import Launch
from services.scraper.adapters.browsers import Browsers, Wear
from services.scraper.adapters.egress_proxy import EgressProxy
from services.scraper.adapters.in_chromium import ChromiumFetcher
from services.scraper.domain.limits import RenderLimits
from shared.chromium import find_chromium
from shared.egress import EgressGuard
from shared.egress.in_memory import GuardInMemory
from shared.egress.rules import Rules

SITES = Rules(allow=(ip_network("127.0.0.1/32"),))
"""The site of a test may be visited; the canary, on 127.0.0.2, may not."""

LIMITS = RenderLimits(
    connect=timedelta(seconds=5),
    load=timedelta(seconds=10),
    settle=timedelta(seconds=3),
    total=timedelta(seconds=20),
    bytes=4_000_000,
    html_chars=2_000_000,
    memory_bytes=700_000_000,
)
WEAR = Wear(pages=1_000, memory_bytes=4_000_000_000)


@dataclass(frozen=True)
class Browsing:
    """All parts of a renderer but the ledger and the parsers."""

    fetcher: ChromiumFetcher
    browsers: Browsers
    proxy: EgressProxy


@contextlib.asynccontextmanager
async def browsing(
    guard: EgressGuard | None = None,
    *,
    names: Mapping[str, Sequence[str]] | None = None,
    limits: RenderLimits = LIMITS,
    wear: Wear = WEAR,
) -> AsyncIterator[Browsing]:
    program = find_chromium(None)
    assert program is not None, "these tests need Chromium; tests/install-servers installs it"
    async with EgressProxy(guard or GuardInMemory(SITES, names), limits) as proxy:
        launch = Launch(program, proxy.address, "tests/1.0", limits.memory_bytes)
        async with Browsers(launch, wear) as browsers:
            yield Browsing(ChromiumFetcher(browsers, proxy, limits), browsers, proxy)


def left_behind() -> list[str]:
    """The browsers' and drivers' processes that this one started, directly or not, and that are not zombies."""
    return [process.name() for process in family(os.getpid())]


def family(of: int) -> list[psutil.Process]:
    """A process' living descendants that belong to a browser."""
    found = []
    for process in psutil.Process(of).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.status() != psutil.STATUS_ZOMBIE and process.name().startswith(("chrom", "node", "MainThread")):
                found.append(process)
    return found


def leaders() -> list[psutil.Process]:
    """The first process of each browser that runs here."""
    return [process for process in family(os.getpid()) if _leads(process)]


def _leads(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        switches = process.cmdline()
        return "--headless" in switches and not any(switch.startswith("--type=") for switch in switches)
    return False
