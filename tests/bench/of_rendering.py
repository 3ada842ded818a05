"""Pages a second in the browser: through the proxy, waited for and taken, against a bare Playwright loop."""

import asyncio
import os
from collections.abc import Awaitable, Callable

from playwright.async_api import async_playwright

from shared.chromium import find_chromium
from tests.bench.corners import Servers
from tests.bench.measuring import Measure, Result, in_turn
from tests.integration.browsing import browsing
from tests.integration.hostile_site import answer, site

AT_ONCE = 4
PARAGRAPH = "<p>One paragraph of an article that a script puts together says something of its own.</p>"
SHELL = '<html><title>T</title><body><div id="root"></div><script src="/app.js"></script></body></html>'
SCRIPT = f"document.getElementById('root').innerHTML = {PARAGRAPH * 40!r}"


async def _render(_: Servers, *, small: bool) -> Result:
    pages = 16 if small else 60
    async with site() as there, browsing() as here, async_playwright() as playwright:
        there.answers["/"] = answer(SHELL)
        there.answers["/app.js"] = answer(SCRIPT, content_type="text/javascript")
        bare = await playwright.chromium.launch(executable_path=find_chromium(None), chromium_sandbox=os.geteuid() != 0)

        async def ours() -> None:
            fetched = await here.fetcher.fetch(there.url())
            assert fetched.body.count(b"<p>") == 40

        async def baseline() -> None:
            context = await bare.new_context()
            page = await context.new_page()
            await page.goto(there.url())
            assert (await page.content()).count("<p>") >= 40
            await context.close()

        await ours()
        mine, theirs = await in_turn(pages, lambda: _all(pages, ours), lambda: _all(pages, baseline))
        await bare.close()
    return Result("render", mine, theirs, "pages/s", "a bare Playwright loop: context, page, goto, content")


async def _all(pages: int, one: Callable[[], Awaitable[None]]) -> None:
    turns = asyncio.Semaphore(AT_ONCE)

    async def in_turn() -> None:
        async with turns:
            await one()

    await asyncio.gather(*(in_turn() for _ in range(pages)))


render = Measure("render", _render)
