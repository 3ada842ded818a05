"""One look serves all: whoever wants a page that was seen a while ago, or is being looked at now, gets that look.

The store may be away: then every page is simply looked at. Nothing is kept in it but what a site showed to nobody in
particular, under an address without what tells who came; see `canonical` and `personal`.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from services.scraper.domain.canonical import canonical, page_key
from services.scraper.domain.gate import Verdict
from services.scraper.domain.looking import Look, Looker
from services.scraper.domain.looks import (
    A_MOMENT,
    AN_INSTANT,
    PROLONG_EVERY,
    SHARED_FAILURES,
    Answer,
    Away,
    Failed,
    Flight,
    Looks,
    Seen,
    UnderWay,
)
from services.scraper.domain.personal import bears_secret, is_personal
from shared.errors import HostBusy
from shared.metrics import CACHE

A_WHILE = timedelta(minutes=10)
"""For so long a page is believed to say nothing, to be gone, to ask for a login or a payment, or to be no text."""

_AT_ONCE = timedelta(milliseconds=500)
"""Who comes for a page that is looked at since less than this waits in place; others make room for other pages."""

_PAUSES = (timedelta(milliseconds=50), timedelta(milliseconds=150), timedelta(milliseconds=300))
_SOONEST_AGAIN = timedelta(seconds=1)
_LATEST_AGAIN = timedelta(seconds=15)


class SharedLook:
    """A `Looker` before another one: asks that one only for what no look of others can answer."""

    def __init__(self, looker: Looker, looks: Looks, *, fresh: timedelta) -> None:
        """Keep the collaborators.

        Args:
            looker: looks at pages.
            looks: where looks are kept, apart for each way of looking.
            fresh: how long a page's text is good for others.
        """
        self._looker = looker
        self._looks = looks
        self._fresh = fresh

    async def look(self, url: str, *, seen: Look | None = None) -> Look:
        """See `Looker.look`.

        Raises:
            HostBusy: somebody looks at the page just now; come again for that look.
        """
        if bears_secret(url):
            CACHE.labels("bypass").inc()
            return await self._looker.look(url, seen=seen)
        answer, waited = await self._answer(page_key(url))
        match answer:
            case Seen(look):
                CACHE.labels("joined" if waited else "hit").inc()
                return look
            case Failed(error):
                CACHE.labels("failed").inc()
                raise error
            case UnderWay(since):
                CACHE.labels("waiting").inc()
                raise HostBusy(until=datetime.now(UTC) + _again_after(since))
            case Flight() as flight:
                return await self._take(flight, canonical(url))
            case _:
                CACHE.labels("away" if isinstance(answer, Away) else "bypass").inc()
                return await self._looker.look(canonical(url), seen=seen)

    async def _answer(self, key: str) -> tuple[Answer, bool]:
        """What the store says in the end, and whether somebody else's look was waited for."""
        answer = await self._looks.ask(key)
        for pause in _PAUSES:
            if not isinstance(answer, UnderWay) or answer.since >= _AT_ONCE:
                return answer, pause is not _PAUSES[0]
            await asyncio.sleep(pause.total_seconds())
            answer = await self._looks.ask(key)
        return answer, True

    async def _take(self, flight: Flight, url: str) -> Look:
        async with self._held(flight):
            look = await self._looker.look(url, seen=flight.earlier)
            is_old = flight.earlier is not None and look.reading is flight.earlier.reading
            CACHE.labels("revalidated" if is_old else "miss").inc()
            if is_personal(look.page):
                await self._looks.part(flight, A_MOMENT)
            else:
                await self._looks.keep(flight, look, min(self._fresh, _freshness(look)))
            return look

    @asynccontextmanager
    async def _held(self, flight: Flight) -> AsyncIterator[None]:
        """A flight that is prolonged while it lasts and ended however it ends."""
        prolonging = asyncio.create_task(self._prolong(flight))
        try:
            yield
        except SHARED_FAILURES as error:
            await self._looks.fail(flight, error, min(self._fresh, AN_INSTANT))
            raise
        except BaseException:
            await asyncio.shield(self._looks.leave(flight))  # the site was not asked, or we stop: the next one flies
            raise
        finally:
            prolonging.cancel()
            await asyncio.gather(prolonging, return_exceptions=True)

    async def _prolong(self, flight: Flight) -> None:
        while True:
            await asyncio.sleep(PROLONG_EVERY.total_seconds())
            await self._looks.prolong(flight)


def _again_after(since: timedelta) -> timedelta:
    """The longer a look has taken, the later it is asked for again; spread, so that a thousand do not come at once."""
    pause = min(max(since, _SOONEST_AGAIN), _LATEST_AGAIN)
    return pause * random.uniform(1.0, 1.5)  # noqa: S311 - spreads callers, guards nothing


def _freshness(look: Look) -> timedelta:
    """How long a verdict stands, however long a page's text is good."""
    match look.judgement.verdict:
        case Verdict.OK:
            return timedelta.max
        case Verdict.THIN | Verdict.GONE | Verdict.SOFT_404 | Verdict.LOGIN | Verdict.PAYWALL | Verdict.NOT_TEXT:
            return A_WHILE
        case _:
            return A_MOMENT
