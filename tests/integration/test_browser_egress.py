"""No packet leaves the browser but through the proxy: every way a page knows, against a canary on loopback."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_network

import pytest
from playwright.async_api import BrowserContext

from services.scraper.adapters.browser import Browser
from shared.egress.in_memory import GuardInMemory
from shared.egress.in_resolver import ResolvingGuard
from shared.egress.rules import Rules
from shared.errors import AddressRefused
from tests.integration.browsing import SITES, Browsing, browsing
from tests.integration.hostile_site import Site, answer, redirect, site

pytestmark = pytest.mark.xdist_group("browser")

SENTENCES = " ".join(f"Sentence number {n} of a page says something of its own." for n in range(30))
ANYWHERE = Rules(allow=(ip_network("127.0.0.0/8"),))
"""The guard switched off, as far as these tests can tell."""

NAMES = {"page.example": ["127.0.0.1"], "inner.example": ["127.0.0.2"]}


@dataclass
class Canary:
    """What must stay unvisited: a TCP and a UDP port on 127.0.0.2, and what came to them."""

    site: Site
    udp_port: int
    datagrams: list[bytes] = field(default_factory=list)

    @property
    def is_quiet(self) -> bool:
        return self.site.connections == 0 and not self.datagrams


@pytest.fixture
async def canary() -> AsyncIterator[Canary]:
    class Listener(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, _: object) -> None:
            here.datagrams.append(data)

    async with site("127.0.0.2") as tcp:
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Listener, local_addr=("127.0.0.2", 0))
        here = Canary(tcp, transport.get_extra_info("sockname")[1])
        yield here
        transport.close()


@pytest.fixture
async def public() -> AsyncIterator[Site]:
    async with site() as here:
        yield here


def page(script: str = "", *, markup: str = "") -> str:
    return f"<html><title>T</title><body><p>{SENTENCES}</p>{markup}<script>{script}</script></body></html>"


def everything(canary: Canary, host: str) -> str:
    """A page that tries every way out to the canary under one of its names."""
    place = f"{host}:{canary.site.port}"
    markup = (
        f'<img src="http://{place}/img"><script src="http://{place}/js"></script>'
        f'<link rel=stylesheet href="http://{place}/css"><iframe src="http://{place}/frame"></iframe>'
        f'<link rel=preconnect href="http://{place}"><link rel=dns-prefetch href="//{host}">'
        f'<link rel=preload as=fetch href="http://{place}/preload"><link rel=prefetch href="http://{place}/prefetch">'
        f'<video src="http://{place}/video" autoplay></video><object data="http://{place}/object"></object>'
        f'<form id=f method=post target=_blank action="http://{place}/form"><input name=a value=b></form>'
        f'<a id=a ping="http://{place}/ping" href="#here">x</a>'
        f"<style>@font-face {{font-family: x; src: url(http://{place}/font)}} body {{font-family: x}}</style>"
    )
    script = f"""
        const place = "{place}";
        const anyhow = {{mode: "no-cors"}};
        for (const scheme of ["http", "https"]) fetch(scheme + "://" + place + "/fetch", anyhow).catch(() => 0);
        for (const scheme of ["ws", "wss"]) new WebSocket(scheme + "://" + place + "/socket");
        navigator.sendBeacon("http://" + place + "/beacon", "x");
        new EventSource("http://" + place + "/events");
        new Image().src = "http://" + place + "/image";
        open("http://" + place + "/popup");
        document.getElementById("f").submit();
        document.getElementById("a").click();
        const worker = `fetch("http://${{place}}/worker", {{mode: "no-cors"}})`;
        new Worker(URL.createObjectURL(new Blob([worker], {{type: "text/javascript"}})));
        try {{ navigator.serviceWorker.register("/sw.js"); }} catch (error) {{ }}
        const peer = new RTCPeerConnection({{iceServers: [
            {{urls: "stun:{host}:{canary.udp_port}"}},
            {{urls: "turn:{host}:{canary.udp_port}?transport=udp", username: "a", credential: "b"}},
            {{urls: "turn:{host}:{canary.site.port}?transport=tcp", username: "a", credential: "b"}},
        ]}});
        peer.createDataChannel("x");
        peer.createOffer().then(offer => peer.setLocalDescription(offer));
        try {{ new WebTransport("https://" + place + "/transport"); }} catch (error) {{ }}
    """
    return page(script, markup=markup)


async def shown(here: Browsing, public: Site, content: str) -> bytes:
    """The HTML of a page; it stays open until everything it tried had its time."""
    public.answers["/"] = answer(content)
    public.answers["/sw.js"] = answer("fetch('/sw-alive')", content_type="text/javascript")
    return (await here.fetcher.fetch(public.url(host="page.example"))).body


@pytest.mark.parametrize("host", ["127.0.0.2", "inner.example", "localhost", "[::ffff:127.0.0.2]", "0x7f000002"])
async def test_nothing_a_page_tries_reaches_a_refused_address(public: Site, canary: Canary, host: str) -> None:
    async with browsing(names=NAMES) as here:
        body = await shown(here, public, everything(canary, host))

    assert b"Sentence number 29" in body
    assert canary.is_quiet
    assert not any("sw-alive" in request for request in public.requests)


async def test_no_variable_of_the_environment_lets_the_browser_go_around_the_proxy(
    public: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLAYWRIGHT_DISABLE_FORCED_CHROMIUM_PROXIED_LOOPBACK", "1")
    monkeypatch.setenv("no_proxy", "*")

    async with site() as other, browsing(GuardInMemory(Rules(), NAMES)) as here:
        with pytest.raises(AddressRefused):
            await here.fetcher.fetch(other.url())

    assert other.connections == 0


async def test_with_the_guard_switched_off_the_same_page_reaches_the_canary(public: Site, canary: Canary) -> None:
    async with browsing(GuardInMemory(ANYWHERE, NAMES)) as here:
        await shown(here, public, everything(canary, "127.0.0.2"))

    paths = {request.split(" ")[1].partition("?")[0] for request in canary.site.requests}
    assert {"/js", "/css", "/frame", "/fetch", "/socket", "/beacon", "/worker"} <= paths
    assert not canary.datagrams  # the proxy is no way for these, whatever the guard says


@pytest.fixture
def with_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Browsers that let pages register service workers, so that the guard stands alone."""

    async def lenient(self: Browser) -> BrowserContext:
        return await self._chromium.new_context(accept_downloads=False, user_agent="tests/1.0")

    monkeypatch.setattr(Browser, "_open", lenient)


async def windows_and_workers(here: Browsing, public: Site, canary: Canary) -> bool:
    """Show a page that opens a window, and registers a worker that asks for the canary; whether there was a worker."""
    worker = f"""
        const tell = () => clients.matchAll({{includeUncontrolled: true}}).then(all => all[0].postMessage("asked"));
        fetch("{canary.site.url("/from-worker")}", {{mode: "no-cors"}}).then(tell, tell);
    """
    script = f"""
        open("{canary.site.url("/popup")}");
        const show = () => document.body.append("{SENTENCES} ".repeat(5));
        navigator.serviceWorker.onmessage = show;
        navigator.serviceWorker.register("/sw.js").then(worker => worker || show());
    """
    public.answers["/"] = answer(f"<title>T</title><body><p>Little.</p><script>{script}</script>")
    public.answers["/sw.js"] = answer(worker, content_type="text/javascript")
    await here.fetcher.fetch(public.url())  # from 127.0.0.1: only such pages, and those over TLS, may have workers
    return any(request.startswith("GET /sw.js") for request in public.requests)


async def test_pages_have_no_service_workers(public: Site, canary: Canary) -> None:
    async with browsing() as here:
        assert not await windows_and_workers(here, public, canary)

    assert canary.is_quiet


@pytest.mark.usefixtures("with_workers")
async def test_windows_and_service_workers_would_not_reach_a_refused_address(public: Site, canary: Canary) -> None:
    async with browsing() as here:
        assert await windows_and_workers(here, public, canary)

    assert canary.is_quiet


@pytest.mark.usefixtures("with_workers")
async def test_with_the_guard_switched_off_the_same_windows_and_workers_reach_the_canary(
    public: Site, canary: Canary
) -> None:
    async with browsing(GuardInMemory(ANYWHERE)) as here:
        await windows_and_workers(here, public, canary)

    paths = {request.split(" ")[1] for request in canary.site.requests}
    assert {"/popup", "/from-worker"} <= paths


REDIRECTS = {
    "by status": redirect,
    "by status, as a post": lambda target: redirect(target, status="307 Temporary"),
    "by markup": lambda target: answer(page(markup=f'<meta http-equiv=refresh content="0;url={target}">')),
    "by header": lambda target: answer(page(), headers={"Refresh": f"0;url={target}"}),
    "by script": lambda target: answer(page(f'location.replace("{target}")')),
    "by script, later": lambda target: answer(page(f'setTimeout(() => {{ location = "{target}"; }}, 100)')),
}  # fmt: skip


@pytest.mark.parametrize("way", REDIRECTS)
async def test_a_redirect_of_any_kind_to_a_refused_address_is_refused(public: Site, canary: Canary, way: str) -> None:
    public.answers["/"] = REDIRECTS[way](canary.site.url("/secret"))
    async with browsing() as here:
        with pytest.raises(AddressRefused) as refused:
            await here.fetcher.fetch(public.url())

    assert "127" not in refused.value.sentence

    assert canary.is_quiet


async def test_with_the_guard_switched_off_redirects_of_every_kind_reach_the_canary(
    public: Site, canary: Canary
) -> None:
    async with browsing(GuardInMemory(ANYWHERE)) as here:
        for way, leading_to in REDIRECTS.items():
            canary.site.answers["/secret"] = answer(page())
            public.answers["/"] = leading_to(canary.site.url("/secret"))
            before = canary.site.connections
            assert (await here.fetcher.fetch(public.url())).url == canary.site.url("/secret"), way
            assert canary.site.connections > before, way


@pytest.mark.parametrize("url", ["file:///etc/passwd", "data:text/html,hi", "javascript:alert(1)", "chrome://version/"])
async def test_an_address_that_is_no_web_page_is_not_opened(url: str) -> None:
    async with browsing() as here:
        with pytest.raises(AddressRefused):
            await here.fetcher.fetch(url)


async def test_a_name_that_moves_to_loopback_between_two_requests_is_refused(public: Site, canary: Canary) -> None:
    async with browsing(moving(SITES)) as here:
        fetched = await here.fetcher.fetch(later(public, canary))

    assert fetched.status == 200
    assert canary.is_quiet
    assert not any("/again" in request for request in public.requests)


async def test_with_the_guard_switched_off_a_name_that_moves_reaches_the_canary(public: Site, canary: Canary) -> None:
    async with browsing(moving(ANYWHERE)) as here:
        await here.fetcher.fetch(later(public, canary))

    assert any("GET /later" in request for request in canary.site.requests)


def moving(rules: Rules) -> ResolvingGuard:
    """A guard whose resolver has a name at the site's address once, and at the canary's from then on."""
    moves = itertools.chain([["127.0.0.1"]], itertools.repeat(["127.0.0.2"]))

    async def rebinding(_: str) -> Sequence[str]:
        return next(moves)

    return ResolvingGuard(rules, rebinding)


def later(public: Site, canary: Canary) -> str:
    """The address of a page that asks for more under its own name, at its own port and at the canary's."""
    more = f'"http://rebind.example:{canary.site.port}/later", {{mode: "no-cors"}}'
    public.answers["/"] = answer(page(f'fetch({more}).catch(() => 0).then(() => fetch("/again"))'))
    return public.url(host="rebind.example")


async def test_the_browsers_own_services_get_nowhere(public: Site) -> None:
    asked: list[str] = []

    async def resolve(name: str) -> Sequence[str]:
        asked.append(name)
        return ["127.0.0.1"]

    async with browsing(ResolvingGuard(SITES, resolve)) as here:
        await shown(here, public, page())
        await asyncio.sleep(2)  # Chromium calls home soon after it starts

    assert set(asked) == {"page.example"}
