"""A site on loopback that answers whatever bytes a test wants, and remembers who came."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Site:
    """A running site.

    Attributes:
        answers: what each path gets; other paths get a 404.
        connections: how many were made to it.
        requests: the head of each request, as it came.
    """

    host: str = "127.0.0.1"
    port: int = 0
    scheme: str = "http"
    answers: dict[str, Answer] = field(default_factory=dict)
    connections: int = 0
    requests: list[str] = field(default_factory=list)

    def url(self, path: str = "/", *, host: str | None = None) -> str:
        return f"{self.scheme}://{host or self.host}:{self.port}{path}"


def answer(
    body: bytes | str = b"",
    *,
    status: str = "200 OK",
    content_type: str | None = "text/html; charset=utf-8",
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """An answer with a right length, and nothing after it."""
    data = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(data)}", "Connection: close"]
    lines += [f"Content-Type: {content_type}"] if content_type else []
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return raw("\r\n".join([*lines, "", ""]).encode() + data)


def redirect(location: str, *, status: str = "302 Found", headers: Mapping[str, str] | None = None) -> Answer:
    return answer(status=status, headers={"Location": location, **(headers or {})})


def raw(data: bytes) -> Answer:
    async def write(writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()

    return write


def endless(head: bytes, again: bytes, *, pause_s: float = 0.0) -> Answer:
    """A head, then the same bytes for ever."""

    async def write(writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while True:
            writer.write(again)
            await writer.drain()
            await asyncio.sleep(pause_s)

    return write


async def silence(_: asyncio.StreamWriter) -> None:
    """No answer, and no end."""
    await asyncio.Event().wait()


@contextlib.asynccontextmanager
async def site(host: str = "127.0.0.1", *, tls: ssl.SSLContext | None = None) -> AsyncIterator[Site]:
    """A site of the test's own, on a free port."""
    here = Site(host, scheme="https" if tls else "http")

    serving: set[asyncio.Task[None] | None] = set()  # asyncio itself keeps no hold of who waits for nothing

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        here.connections += 1
        serving.add(asyncio.current_task())
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            here.requests.append(head)
            path = head.split(" ", 2)[1].split("?")[0]
            await here.answers.get(path, answer(status="404 Not Found"))(writer)
        writer.close()

    server = await asyncio.start_server(serve, host, 0, ssl=tls)
    here.port = server.sockets[0].getsockname()[1]
    try:
        yield here
    finally:
        server.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            if getattr(task.get_coro(), "__name__", "") == "serve":
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
