"""What a process without an API serves to whoever watches it: /metrics, /healthz and /readyz."""

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

import prometheus_client
from aiohttp import web

from shared.errors import FleetError, Misconfigured

Check = Callable[[], bool | Awaitable[bool]]
"""Whether one thing this process needs is there; a `FleetError` it raises counts as no, and its sentence is shown."""


@asynccontextmanager
async def probes(*, host: str, port: int, ready: Mapping[str, Check]) -> AsyncIterator[None]:
    """Serve them while the block runs.

    Args:
        host: the address to listen on.
        port: the port; 0 serves nothing.
        ready: what has to hold before work may be sent here, by name; /readyz shows each.

    Raises:
        Misconfigured: the port is taken or may not be used.
    """
    if port == 0:
        yield
        return
    runner = web.AppRunner(_application(ready), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        await runner.cleanup()
        raise Misconfigured(
            f"FLEET_METRICS_PORT: nothing can listen on {host} port {port} ({error.strerror})."
        ) from error
    try:
        yield
    finally:
        await runner.cleanup()


def _application(ready: Mapping[str, Check]) -> web.Application:
    async def metrics(_: web.Request) -> web.Response:
        headers = {"Content-Type": prometheus_client.CONTENT_TYPE_LATEST}
        return web.Response(body=prometheus_client.generate_latest(), headers=headers)

    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({"healthy": True})  # the loop answers; what it needs is /readyz's matter

    async def readyz(_: web.Request) -> web.Response:
        found = {name: await _answer(check) for name, check in ready.items()}
        is_ready = all(answer == "ok" for answer in found.values())
        return web.json_response({"ready": is_ready, "checks": found}, status=200 if is_ready else 503)

    application = web.Application()
    application.add_routes([web.get("/metrics", metrics), web.get("/healthz", healthz), web.get("/readyz", readyz)])
    return application


async def _answer(check: Check) -> str:
    try:
        found = check()
        return "ok" if (await found if inspect.isawaitable(found) else found) else "not yet"
    except FleetError as error:
        return error.sentence
