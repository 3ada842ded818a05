"""One Chromium and the driver that speaks to it: started together, watched, and ended together, to the last process."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from secrets import token_hex
from shutil import rmtree
from typing import Any, Self

import psutil
from playwright.async_api import Browser as Chromium
from playwright.async_api import BrowserContext, Playwright, ProxySettings, async_playwright

from shared.logs import log

_START_WITHIN_S = 30.0
_CLOSE_WITHIN_S = 5.0
_LOOK_EVERY_S = 0.5
_PROFILE = "--user-data-dir="
_ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "FONTCONFIG_PATH", "FONTCONFIG_FILE")
"""All that Chromium learns of the environment: it works on hostile pages and needs no secret."""

_SWITCHES = (
    # No way out but the proxy: names are not even resolved, and nothing is sent over UDP.
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
    "--dns-prefetch-disable",
    "--disable-quic",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--no-pings",
    # Not needed for a page's text.
    "--disable-remote-fonts",
    "--blink-settings=imagesEnabled=false",
    "--block-new-web-contents",
    "--disable-crash-reporter",
    "--js-flags=--max-old-space-size=512",
)


class BrowserLost(Exception):
    """The browser ended under a page; another one may well show it."""


@dataclass(frozen=True, slots=True)
class Launch:
    """How browsers are started.

    Attributes:
        program: Chromium.
        proxy: the address of the one way out.
        user_agent: how pages are told who comes.
        page_memory_bytes: of a process that shows pages; one that has more is ended.
    """

    program: str
    proxy: str
    user_agent: str
    page_memory_bytes: int


class Browser:
    """A running browser; made by `start`, and over after `close`.

    Attributes:
        pages: it was handed out for, so far.
        open_pages: of these, those that are still open.
        memory_bytes: of all its processes together, a moment ago.
    """

    def __init__(self, launch: Launch, playwright: Playwright, chromium: Chromium, process: psutil.Process) -> None:
        self._launch = launch
        self._playwright = playwright
        self._chromium = chromium
        self._process = process
        self._driver = process.parent()
        self._profile = next((part.removeprefix(_PROFILE) for part in process.cmdline() if _PROFILE in part), "")
        self._tasks: set[asyncio.Task[Any]] = set()
        self._watch = asyncio.create_task(self._watch_memory())
        self.pages = 0
        self.open_pages = 0
        self.memory_bytes = 0

    @classmethod
    async def start(cls, launch: Launch) -> Self:
        """A browser that answers.

        Raises:
            BrowserLost: it does not come up; nothing is left of it.
        """
        try:
            playwright = await async_playwright().start()
        except Exception as error:
            raise BrowserLost from error  # the driver was killed: Playwright has no class for that
        try:
            return await cls._launched(launch, playwright)
        except Exception as error:
            with suppress(Exception):
                async with asyncio.timeout(_CLOSE_WITHIN_S):
                    await playwright.stop()
            raise BrowserLost from error

    @classmethod
    async def _launched(cls, launch: Launch, playwright: Playwright) -> Self:
        mark = f"--fleet-browser={token_hex(8)}"
        chromium = await playwright.chromium.launch(
            executable_path=launch.program,
            args=[*_SWITCHES, mark],
            chromium_sandbox=os.geteuid() != 0,
            env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
            proxy=_way_out(launch),
            timeout=_START_WITHIN_S * 1000,
            handle_sigint=False,
            handle_sigterm=False,
            handle_sighup=False,
        )
        return cls(launch, playwright, chromium, await asyncio.to_thread(_marked, mark))

    @property
    def is_alive(self) -> bool:
        """Whether it can show pages; a driver that was killed cannot say so itself."""
        return self._chromium.is_connected() and self._driver is not None and _lives(self._driver)

    @asynccontextmanager
    async def context(self) -> AsyncIterator[BrowserContext]:
        """A place for one page, which shares nothing with others; closed in any case."""
        opening = self._begin(self._open())
        try:
            yield await asyncio.shield(opening)
        finally:
            await asyncio.shield(self._begin(self._close(opening)))

    async def close(self) -> None:
        """End it in good order, or else by force; nothing of it is left."""
        await asyncio.shield(self._begin(self._end()))

    def kill(self) -> None:
        """End every process of the browser now, but the driver."""
        for process in self._family():
            with suppress(psutil.NoSuchProcess):
                process.kill()
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)  # Playwright made it the leader of a group

    def _begin(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Work that goes on although who waits for it is cancelled."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _open(self) -> BrowserContext:
        return await self._chromium.new_context(
            accept_downloads=False,
            service_workers="block",
            user_agent=self._launch.user_agent,
        )

    async def _close(self, opening: asyncio.Task[BrowserContext]) -> None:
        try:
            async with asyncio.timeout(_CLOSE_WITHIN_S):
                context = await opening
                await context.close()
        except TimeoutError:
            log.warning("browser_stuck", pages=self.pages)
            self.kill()
        except Exception:  # noqa: BLE001 - a driver that was killed raises just that
            if self.is_alive:
                self.kill()

    async def _end(self) -> None:
        self._watch.cancel()
        family = [*self._family(), *filter(None, [self._driver])]
        try:
            async with asyncio.timeout(_CLOSE_WITHIN_S):
                await self._chromium.close()
                await self._playwright.stop()
        except Exception as error:  # noqa: BLE001 - as above, and it is killed next in any case
            log.warning("browser_killed", pages=self.pages, error=type(error).__name__)
        self.kill()
        for process in family:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        await _gone(family)
        if self._profile:
            await asyncio.to_thread(rmtree, self._profile, ignore_errors=True)

    def _family(self) -> list[psutil.Process]:
        with suppress(psutil.NoSuchProcess):
            return [self._process, *self._process.children(recursive=True)]
        return []

    async def _watch_memory(self) -> None:
        """End processes that show pages and take too much memory: their pages crash, the others live on."""
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            sizes = [(process, size) for process in self._family() if (size := _size(process))]
            self.memory_bytes = sum(size for _, size in sizes)
            for process, size in sizes:
                if size > self._launch.page_memory_bytes and process != self._process:
                    log.warning("page_memory_exceeded", bytes=size)
                    with suppress(psutil.NoSuchProcess):
                        process.kill()


def _way_out(launch: Launch) -> ProxySettings:
    """The proxy for every address; without the bypass list the environment could make an exception for loopback."""
    return {"server": launch.proxy, "bypass": "<-loopback>"}


def _marked(mark: str) -> psutil.Process:
    """The browser's first process, found by a switch that means nothing to it."""
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
            if mark in process.cmdline():
                return process
    raise TimeoutError("the browser ended as soon as it had begun")


async def _gone(processes: Sequence[psutil.Process]) -> None:
    """Come back when the killed are dead; not by waiting for them as a parent does, for asyncio does that."""
    deadline = time.monotonic() + _CLOSE_WITHIN_S
    while any(_lives(process) for process in processes) and time.monotonic() < deadline:  # noqa: ASYNC110 - no event
        await asyncio.sleep(0.02)


def _lives(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    return False


def _size(process: psutil.Process) -> int:
    with suppress(psutil.NoSuchProcess):
        return int(process.memory_info().rss)
    return 0
