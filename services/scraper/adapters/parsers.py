"""A few parser processes, kept warm: each page is read in one, and one that hangs, dies or grows old is replaced."""

import asyncio
import fcntl
import json
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from yarl import URL

from services.scraper.domain.gate import Judgement, Verdict
from services.scraper.domain.limits import ParserLimits
from services.scraper.domain.pages import Extracted, Fetched, Reading
from services.scraper.domain.signs import Sign
from shared.bookmarks import Link
from shared.errors import PageUnusable
from shared.logs import log

_PAGES_PER_PROCESS = 1_000
"""After this many a process is replaced: libraries keep what they should not."""

_WALL_FACTOR = 4
"""A parser starved of CPU may take this many times its CPU limit before it is given up."""

_IN_HAND = 2
"""Pages a process has at most: the one it reads, and the next."""

_PIPE_BYTES = 1 << 20
"""Most pages fit, so that a process finds the next one whole when it has read one."""

_SENDINGS = 5
"""So often a page is sent to a process that ends with another one: then it may be this one after all."""

_LARGEST_REPLY = 32_000_000
_TOLD = ("url", "status", "media_type", "charset")
_ENVIRONMENT = ("PATH", "PYTHONPATH", "PYTHONHOME", "LANG", "LC_ALL", "TZ")
"""All that a parser learns of the environment: it works on hostile pages and needs no secret."""


class ParserLost(Exception):
    """The process ended, or said something that is no answer; there is no reading."""


class Parsers:
    """A `Reader` over a fixed number of processes; more pages than they can be sent wait for their turn."""

    def __init__(self, limits: ParserLimits, *, processes: int) -> None:
        self._parsers = [Parser(limits) for _ in range(processes)]
        self._room = asyncio.Semaphore(_IN_HAND * processes)

    async def __aenter__(self) -> Self:
        for parser in self._parsers:
            await parser.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for parser in self._parsers:
            await parser.stop()

    async def read(self, page: Fetched, *, asked: str) -> tuple[Reading, Judgement]:
        """See `Reader.read`."""
        async with self._room:
            parser = min(self._parsers, key=lambda each: each.in_hand)
            try:
                answer = await parser.ask(page, asked=asked)
            except (ParserLost, TimeoutError) as error:
                host = _host(page)
                log.warning("parser_lost", host=host, size=len(page.body), status=str(error))
                raise PageUnusable(f"The page on {host} takes too much time or memory to read.") from error
        return _read(answer, page)


class Parser:
    """One parser process, started when it is needed; a request that does not end well ends the process.

    A page may be sent while another one is read, so that the process never waits for us. It answers in order, so the
    page that is first in line is the one it reads, and the one that a process that ends has ended by. Pages behind
    that one were not looked at: they are sent to the next process.
    """

    def __init__(self, limits: ParserLimits) -> None:
        self._limits = limits
        self._process: asyncio.subprocess.Process | None = None
        self._starting = asyncio.Lock()
        self._turn = asyncio.Lock()  # who waits is let in by order of arrival, which is the order of sending
        self._pages = 0
        self.in_hand = 0

    @property
    def pid(self) -> int | None:
        """The process' id while there is one."""
        return self._process.pid if self._process else None

    async def start(self) -> asyncio.subprocess.Process:
        """The running process, a new one if need be; does not wait until it is warm."""
        async with self._starting:
            if self._process is None or self._process.returncode is not None or self._pages >= _PAGES_PER_PROCESS:
                await self.stop()
                self._process, self._pages = await _spawn(self._limits), 0
            return self._process

    async def ask(self, page: Fetched, *, asked: str) -> Mapping[str, Any]:
        """The process' answer for a page.

        Raises:
            ParserLost: the process ended without an answer: killed by a limit, or crashed.
            TimeoutError: it did not answer in time.
        """
        self.in_hand += 1
        try:
            for _ in range(_SENDINGS):
                if (answer := await self._asked(page, asked)) is not None:
                    return answer
            raise ParserLost("ended with other pages, time and again")
        finally:
            self.in_hand -= 1

    async def _asked(self, page: Fetched, asked: str) -> Mapping[str, Any] | None:
        """The answer, or None when the process was ended for another page's sake."""
        process = await self.start()
        self._pages += 1
        _send(process, page, asked)
        try:
            async with self._turn, asyncio.timeout(_WALL_FACTOR * self._limits.cpu.total_seconds()):
                return await _answer(process) if process is self._process else None
        except ParserLost:
            if process is not self._process:
                return None
            await self._end(process)
            raise
        except BaseException:  # also when our caller is cancelled: the answer would be taken for the next page's
            await self._end(process)
            raise

    async def stop(self) -> None:
        """End the process, if there is one, and wait until it is gone."""
        if self._process is not None:
            await self._end(self._process)

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        if process is self._process:
            self._process = None  # at once, for those behind in line
        with suppress(ProcessLookupError):
            process.kill()
        await asyncio.shield(process.wait())


async def _spawn(limits: ParserLimits) -> asyncio.subprocess.Process:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "services.scraper.adapters.parser_process",
        str(round(limits.cpu.total_seconds())),
        str(limits.memory_bytes),
        str(limits.chars),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,  # libraries write there what pages say
        limit=_LARGEST_REPLY,  # nothing is left in the pipe that would keep it open
        env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
    )
    if process.stdin is not None:
        with suppress(OSError):  # the kernel gives a user so much for pipes, and no more
            fcntl.fcntl(process.stdin.transport.get_extra_info("pipe"), fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    return process


def _send(process: asyncio.subprocess.Process, page: Fetched, asked: str) -> None:
    """Hand a page over; what the pipe does not take at once is written when the process comes to it."""
    if process.stdin is None:
        raise ParserLost("no pipes")
    told = {name: getattr(page, name) for name in _TOLD} | {"headers": dict(page.headers)}
    head = json.dumps({"page": told, "asked": asked}).encode()
    process.stdin.writelines([len(head).to_bytes(4, "big"), head, len(page.body).to_bytes(4, "big"), page.body])


async def _answer(process: asyncio.subprocess.Process) -> Mapping[str, Any]:
    """What the process says of the page it reads."""
    if process.stdout is None:
        raise ParserLost("no pipes")
    try:
        length = int.from_bytes(await process.stdout.readexactly(4), "big")
        if length > _LARGEST_REPLY:
            raise ParserLost("reply too large")
        answer: Mapping[str, Any] = json.loads(await process.stdout.readexactly(length))
    except ValueError as error:
        raise ParserLost("no answer") from error
    except (OSError, asyncio.IncompleteReadError) as error:
        raise ParserLost(f"exit status {await process.wait()}") from error
    return answer


def _read(answer: Mapping[str, Any], page: Fetched) -> tuple[Reading, Judgement]:
    if "unusable" in answer:
        raise PageUnusable(answer["unusable"])
    if "error" in answer:
        log.warning("page_unparsable", host=_host(page), size=len(page.body), error=answer["error"])
        raise PageUnusable(f"The page on {_host(page)} cannot be read: it is too large or malformed.")
    found = answer["extracted"]
    reading = Reading(
        extracted=Extracted(**{**found, "links": tuple(Link(**each) for each in found["links"])}),
        signs=frozenset(Sign(sign) for sign in answer["signs"]),
        is_text=answer["is_text"],
    )
    told = answer["judgement"]
    return reading, Judgement(Verdict(told["verdict"]), told["evidence"], told["needs_browser"])


def _host(page: Fetched) -> str | None:
    try:
        return URL(page.url).host
    except ValueError:  # of a saved page, as somebody wrote it down
        return None
