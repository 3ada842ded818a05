"""A few parser processes, kept warm: each page is read in one, and one that hangs, dies or grows old is replaced."""

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from yarl import URL

from services.scraper.domain.limits import ParserLimits
from services.scraper.domain.outline import Outline
from services.scraper.domain.pages import Extracted, Fetched, Reading
from services.scraper.domain.signs import Sign
from shared.errors import PageUnusable
from shared.logs import log

_PAGES_PER_PROCESS = 1_000
"""After this many a process is replaced: libraries keep what they should not."""

_WALL_FACTOR = 4
"""A parser starved of CPU may take this many times its CPU limit before it is given up."""

_LARGEST_REPLY = 32_000_000
_ENVIRONMENT = ("PATH", "PYTHONPATH", "PYTHONHOME", "LANG", "LC_ALL", "TZ")
"""All that a parser learns of the environment: it works on hostile pages and needs no secret."""


class ParserLost(Exception):
    """The process ended, or said something that is no answer; there is no reading."""


class Parsers:
    """A `Reader` over a fixed number of processes; more pages than processes wait for their turn."""

    def __init__(self, limits: ParserLimits, *, processes: int) -> None:
        self._parsers = [Parser(limits) for _ in range(processes)]
        self._free: asyncio.LifoQueue[Parser] = asyncio.LifoQueue()
        for parser in self._parsers:
            self._free.put_nowait(parser)

    async def __aenter__(self) -> Self:
        for parser in self._parsers:
            await parser.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for parser in self._parsers:
            await parser.stop()

    async def read(self, page: Fetched) -> Reading:
        """See `Reader.read`."""
        parser = await self._free.get()
        try:
            answer = await parser.ask(page)
        except (ParserLost, TimeoutError) as error:
            host = URL(page.url).host
            log.warning("parser_lost", host=host, size=len(page.body), status=str(error))
            raise PageUnusable(f"The page on {host} takes too much time or memory to read.") from error
        finally:
            self._free.put_nowait(parser)
        return _reading(answer, page)


class Parser:
    """One parser process, started when it is needed; a request that does not end well ends the process."""

    def __init__(self, limits: ParserLimits) -> None:
        self._limits = limits
        self._process: asyncio.subprocess.Process | None = None
        self._pages = 0

    @property
    def pid(self) -> int | None:
        """The process' id while there is one."""
        return self._process.pid if self._process else None

    async def start(self) -> asyncio.subprocess.Process:
        """The running process, a new one if need be; does not wait until it is warm."""
        if self._process is not None and self._process.returncode is None and self._pages < _PAGES_PER_PROCESS:
            return self._process
        await self.stop()
        self._pages = 0
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "services.scraper.adapters.parser_process",
            str(round(self._limits.cpu.total_seconds())),
            str(self._limits.memory_bytes),
            str(self._limits.chars),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,  # libraries write there what pages say
            env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
        )
        return self._process

    async def ask(self, page: Fetched) -> Mapping[str, Any]:
        """The process' answer for a page.

        Raises:
            ParserLost: the process ended without an answer: killed by a limit, or crashed.
            TimeoutError: it did not answer in time.
        """
        head = {"url": page.url, "media_type": page.media_type, "charset": page.charset}
        try:
            async with asyncio.timeout(_WALL_FACTOR * self._limits.cpu.total_seconds()):
                process = await self.start()
                self._pages += 1
                return await _exchange(process, json.dumps(head).encode(), page.body)
        except BaseException:
            # Also when our caller is cancelled: the answer would be taken for the next page's.
            await asyncio.shield(self.stop())
            raise

    async def stop(self) -> None:
        """End the process, if there is one, and wait until it is gone."""
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


async def _exchange(process: asyncio.subprocess.Process, *messages: bytes) -> Mapping[str, Any]:
    if process.stdin is None or process.stdout is None:
        raise ParserLost("no pipes")
    try:
        for message in messages:
            process.stdin.write(len(message).to_bytes(4, "big") + message)
        await process.stdin.drain()
        length = int.from_bytes(await process.stdout.readexactly(4), "big")
        if length > _LARGEST_REPLY:
            raise ParserLost("reply too large")
        answer: Mapping[str, Any] = json.loads(await process.stdout.readexactly(length))
    except ValueError as error:
        raise ParserLost("no answer") from error
    except (OSError, asyncio.IncompleteReadError) as error:
        raise ParserLost(f"exit status {await process.wait()}") from error
    return answer


def _reading(answer: Mapping[str, Any], page: Fetched) -> Reading:
    if "unusable" in answer:
        raise PageUnusable(answer["unusable"])
    if "error" in answer:
        log.warning("page_unparsable", host=URL(page.url).host, size=len(page.body), error=answer["error"])
        raise PageUnusable(f"The page on {URL(page.url).host} cannot be read: it is too large or malformed.")
    return Reading(
        extracted=Extracted(**answer["extracted"]),
        signs=frozenset(Sign(sign) for sign in answer["signs"]),
        outline=_outline(answer["outline"]),
        is_text=answer["is_text"],
    )


def _outline(answer: Mapping[str, Any]) -> Outline:
    lists = {name: tuple(answer[name]) for name in ("headings", "lines")}
    return Outline(**{**answer, **lists})
