"""The proxy below the browser: who may use it, where it goes, and when it ends; over plain sockets."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import pytest
from prometheus_client import REGISTRY

from services.scraper.adapters.egress_proxy import EgressProxy, Pass
from shared.egress.in_memory import GuardInMemory
from shared.egress.in_resolver import ResolvingGuard
from shared.errors import AddressRefused, PageUnreachable
from tests.integration.browsing import LIMITS, SITES
from tests.integration.hostile_site import Site, answer, endless, raw, silence, site
from tests.integration.waiting import until

NAMES = {
    "page.example": ["127.0.0.1"],
    "inner.example": ["127.0.0.2"],
    "both.example": ["127.0.0.1", "127.0.0.2"],
    "dead.example": ["127.0.0.1"],
}


@pytest.fixture
async def public() -> AsyncIterator[Site]:
    async with site() as here:
        here.answers["/"] = answer("hello")
        yield here


@pytest.fixture
async def canary() -> AsyncIterator[Site]:
    async with site("127.0.0.2") as here:
        yield here
        assert here.connections == 0


@pytest.fixture
async def proxy() -> AsyncIterator[EgressProxy]:
    async with EgressProxy(GuardInMemory(SITES, NAMES), LIMITS) as proxy:
        yield proxy


async def said(proxy: EgressProxy, request: str, leave: Pass | None) -> bytes:
    """All that comes back for a request, until the proxy ends the connection."""
    reader, writer = await asyncio.open_connection(*proxy.address.removeprefix("http://").split(":"))
    credentials = f"Proxy-Authorization: {leave.credentials}\r\n" if leave else ""
    writer.write(f"{request}\r\n{credentials}\r\n".encode())
    async with asyncio.timeout(10):
        back = await reader.read()
    writer.close()
    return back


def get(url: str) -> str:
    return f"GET {url} HTTP/1.1\r\nHost: any"


def connect(host: str, port: int) -> str:
    return f"CONNECT {host}:{port} HTTP/1.1"


async def test_a_page_with_a_pass_goes_where_it_may(proxy: EgressProxy, public: Site) -> None:
    async with proxy.admit() as leave:
        back = await said(proxy, get(public.url(host="page.example")), leave)

    assert back.endswith(b"\r\n\r\nhello")
    assert public.requests[0].startswith("GET / HTTP/1.1\r\n")
    assert "roxy" not in public.requests[0]


async def test_nobody_goes_anywhere_without_a_pass_that_is_good_now(proxy: EgressProxy, public: Site) -> None:
    async with proxy.admit() as leave:
        pass
    other = Pass(1_000)

    for bearer in (None, leave, other):
        for request in (get(public.url()), connect("127.0.0.1", public.port)):
            assert (await said(proxy, request, bearer)).startswith(b"HTTP/1.1 407 ")
    assert public.connections == 0


@pytest.mark.parametrize(
    "host", ["127.0.0.2", "127.2", "0x7f.2", "[::ffff:127.0.0.2]", "inner.example", "both.example"]
)
async def test_what_may_not_be_visited_does_not_resolve_or_does_not_answer_looks_the_same(
    proxy: EgressProxy, canary: Site, host: str
) -> None:
    bare = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    before = REGISTRY.get_sample_value("fleet_egress_refused_total", {"kind": "loopback"}) or 0.0

    async with proxy.admit() as leave:
        for request in (get(canary.url(host=host)), connect(host, canary.port)):
            assert await said(proxy, request, leave) == bare
        assert isinstance(leave.trouble, AddressRefused)
        assert isinstance(leave.trouble_at(canary.url(host=host)), AddressRefused)
        for elsewhere in ("unknown.example:80", "dead.example:9"):
            assert await said(proxy, get(f"http://{elsewhere}/"), leave) == bare
            assert isinstance(leave.trouble, PageUnreachable)

    assert REGISTRY.get_sample_value("fleet_egress_refused_total", {"kind": "loopback"}) == before + 2


async def test_a_refusal_is_remembered_while_other_places_answer(
    proxy: EgressProxy, public: Site, canary: Site
) -> None:
    async with proxy.admit() as leave:
        await said(proxy, get(canary.url()), leave)
        await said(proxy, get(public.url("/favicon.ico")), leave)

        assert isinstance(leave.trouble, AddressRefused)


@pytest.mark.parametrize("port", [22, 25, 6379, 5432, 3306])
async def test_ports_that_are_not_on_the_list_are_refused_in_tunnels_too(proxy: EgressProxy, port: int) -> None:
    async with proxy.admit() as leave:
        assert (await said(proxy, connect("93.184.216.34", port), leave)).startswith(b"HTTP/1.1 403 ")
        assert isinstance(leave.trouble, AddressRefused)


@pytest.mark.parametrize(
    "request_line",
    [
        "GET file:///etc/passwd HTTP/1.1",
        "GET ftp://127.0.0.1/ HTTP/1.1",
        "GET / HTTP/1.1",
        "CONNECT a@127.0.0.1:80 HTTP/1.1",
    ],
)
async def test_other_schemes_and_forms_lead_nowhere(proxy: EgressProxy, request_line: str) -> None:
    async with proxy.admit() as leave:
        assert (await said(proxy, request_line, leave)).startswith(b"HTTP/1.1 403 ")


async def test_a_name_is_resolved_once_and_the_judged_address_dialled(public: Site, canary: Site) -> None:
    moves = itertools.chain([["127.0.0.1"]], itertools.repeat(["127.0.0.2"]))
    asked: list[str] = []

    async def rebinding(name: str) -> Sequence[str]:
        asked.append(name)
        return next(moves)

    async with EgressProxy(ResolvingGuard(SITES, rebinding), LIMITS) as proxy, proxy.admit() as leave:
        assert (await said(proxy, get(public.url(host="rebind.example")), leave)).endswith(b"hello")
        assert len(asked) == 1
        assert (await said(proxy, get(canary.url(host="rebind.example")), leave)).startswith(b"HTTP/1.1 403 ")
        assert (await said(proxy, connect("rebind.example", canary.port), leave)).startswith(b"HTTP/1.1 403 ")


async def test_a_tunnel_carries_bytes_both_ways(proxy: EgressProxy, public: Site) -> None:
    async with proxy.admit() as leave:
        tunnel = f"{connect('page.example', public.port)}\r\nProxy-Authorization: {leave.credentials}"
        back = await said(proxy, f"{tunnel}\r\n\r\nGET / HTTP/1.1", None)

    assert back.startswith(b"HTTP/1.1 200 Connection established\r\n\r\nHTTP/1.1 200 OK")
    assert back.endswith(b"hello")


async def test_a_second_request_on_a_connection_goes_nowhere(proxy: EgressProxy, public: Site, canary: Site) -> None:
    public.answers["/"] = raw(b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello")
    async with proxy.admit() as leave:
        second = f"Proxy-Authorization: {leave.credentials}\r\n\r\n{get(canary.url())}"
        back = await said(proxy, f"{get(public.url())}\r\n{second}", leave)

    assert back.count(b"HTTP/1.1") == 1
    assert b"Connection: close" in back
    assert len(public.requests) == 1


async def test_a_page_that_takes_more_bytes_than_it_may_is_cut_off(public: Site) -> None:
    public.answers["/"] = endless(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 50_000)
    async with EgressProxy(GuardInMemory(SITES), replace(LIMITS, bytes=300_000)) as proxy, proxy.admit() as leave:
        back = await said(proxy, get(public.url()), leave)

        assert len(back) < 300_100
        assert leave.is_spent


async def test_all_connections_of_a_page_end_with_its_pass(proxy: EgressProxy, public: Site) -> None:
    public.answers["/"] = silence
    async with proxy.admit() as leave:
        waiting = [asyncio.create_task(said(proxy, get(public.url()), leave)) for _ in range(10)]
        waiting += [asyncio.create_task(said(proxy, connect("127.0.0.1", public.port), leave)) for _ in range(10)]
        await until(lambda: public.connections == 20, what="all are connected")

    await asyncio.gather(*waiting)
    await until(lambda: not proxy._connections, what="the proxy holds none")


async def test_a_page_has_so_many_connections_and_no_more(proxy: EgressProxy, public: Site) -> None:
    public.answers["/"] = silence
    async with proxy.admit() as leave:
        waiting = [asyncio.create_task(said(proxy, get(public.url()), leave)) for _ in range(80)]
        done, _ = await asyncio.wait(waiting, timeout=2)
        assert len(done) == 80 - 64
        assert all(task.result().startswith(b"HTTP/1.1 403 ") for task in done)
    await asyncio.gather(*waiting)
    assert public.connections == 64


@pytest.mark.parametrize(
    "harm",
    [raw(b""), raw(b"SSH-2.0-OpenSSH\r\n\r\n"), raw(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000), raw(b"\r\n\r\n")],
    ids=["nothing", "another protocol", "a head without end", "an empty head"],
)
async def test_a_site_that_does_not_speak_http_costs_its_own_connection(
    proxy: EgressProxy, public: Site, harm: object
) -> None:
    public.answers["/harm"] = harm  # type: ignore[assignment]
    async with proxy.admit() as leave:
        assert await said(proxy, get(public.url("/harm")), leave) == b""
        assert (await said(proxy, get(public.url()), leave)).endswith(b"hello")
