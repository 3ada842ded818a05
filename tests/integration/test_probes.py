"""What a process tells whoever watches it."""

import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import aiohttp
import pytest

from services.local.ports import free_port
from shared.errors import LedgerUnavailable, Misconfigured
from shared.metrics import OUTBOX_PENDING
from shared.probes import Check, probes


@asynccontextmanager
async def watched(**ready: Check) -> AsyncIterator[aiohttp.ClientSession]:
    async with AsyncExitStack() as stack:
        port = await somewhere(stack, ready)
        yield await stack.enter_async_context(aiohttp.ClientSession(f"http://127.0.0.1:{port}"))


async def somewhere(stack: AsyncExitStack, ready: dict[str, Check]) -> int:
    """The port they are served on; in a crowd somebody else may take one between its choice and its use."""
    for _ in range(10):
        port = free_port()
        with suppress(Misconfigured):
            await stack.enter_async_context(probes(host="127.0.0.1", port=port, ready=ready))
            return port
    raise AssertionError("ten ports were taken between their choice and their use")


async def test_a_process_is_ready_when_everything_it_needs_is_there() -> None:
    async def there() -> bool:
        return True

    async with watched(ledger=there, broker=lambda: True) as session, session.get("/readyz") as answer:
        assert answer.status == 200
        assert await answer.json() == {"ready": True, "checks": {"ledger": "ok", "broker": "ok"}}


async def test_a_process_that_is_not_ready_says_what_is_missing() -> None:
    async def away() -> bool:
        raise LedgerUnavailable("PostgreSQL cannot be reached.")

    async with watched(ledger=away, broker=lambda: False) as session, session.get("/readyz") as answer:
        assert answer.status == 503
        found = await answer.json()

    assert found == {"ready": False, "checks": {"ledger": "PostgreSQL cannot be reached.", "broker": "not yet"}}


async def test_a_process_that_is_not_ready_is_alive() -> None:
    async with watched(broker=lambda: False) as session, session.get("/healthz") as answer:
        assert answer.status == 200


async def test_the_metrics_are_prometheus_text() -> None:
    async with watched() as session, session.get("/metrics") as answer:
        assert answer.content_type == "text/plain"
        assert f"# TYPE {OUTBOX_PENDING._name} gauge" in await answer.text()


async def test_port_0_serves_nothing() -> None:
    async with probes(host="127.0.0.1", port=0, ready={}):
        pass


async def test_a_taken_port_stops_the_start_and_names_the_setting() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(Misconfigured, match="FLEET_METRICS_PORT"):
            async with probes(host="127.0.0.1", port=taken.getsockname()[1], ready={}):
                pass
