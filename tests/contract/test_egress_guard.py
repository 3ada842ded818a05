"""What every egress guard promises: one look-up, every address judged, only judged addresses handed out."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from ipaddress import ip_network

import pytest
from prometheus_client import REGISTRY
from yarl import URL

from shared.egress import EgressGuard
from shared.egress.in_memory import GuardInMemory
from shared.egress.in_resolver import ResolvingGuard, SystemResolver
from shared.egress.judging import Judged, judge_all
from shared.egress.rules import Rules
from shared.errors import AddressRefused, PageUnreachable

Make = Callable[[Rules, Mapping[str, Sequence[str]]], EgressGuard]

NAMES = {
    "public.example": ["93.184.216.34", "2606:4700::1111"],
    "inner.example": ["10.0.0.7"],
    "both.example": ["93.184.216.34", "127.0.0.1"],
    "wiki.intranet.example": ["10.1.2.3"],
    "empty.example": [],
    "xn--bcher-kva.example": ["93.184.216.34"],
    "localhost": ["93.184.216.34"],  # a resolver that lies
}


def over_a_resolver(rules: Rules, names: Mapping[str, Sequence[str]]) -> EgressGuard:
    async def resolve(name: str) -> Sequence[str]:
        if name not in names:
            raise OSError("no such name")
        return names[name]

    return ResolvingGuard(rules, resolve)


@pytest.fixture(params=[over_a_resolver, GuardInMemory], ids=["resolver", "memory"])
def make(request: pytest.FixtureRequest) -> Make:
    made: Make = request.param
    return made


def refusals(kind: str) -> float:
    return REGISTRY.get_sample_value("fleet_egress_refused_total", {"kind": kind}) or 0.0


async def test_a_public_name_is_allowed_with_exactly_the_addresses_it_resolved_to(make: Make) -> None:
    allowed = await make(Rules(), NAMES).judge(URL("https://public.example/path?q=1"))

    assert allowed.url == URL("https://public.example/path?q=1")
    assert allowed.addresses == ("93.184.216.34", "2606:4700::1111")


@pytest.mark.parametrize("host", ["inner.example", "both.example", "localhost", "a.localhost", "LOCALHOST."])
async def test_a_name_is_refused_when_any_of_its_addresses_may_not_be_visited(make: Make, host: str) -> None:
    with pytest.raises(AddressRefused):
        await make(Rules(), NAMES).judge(URL(f"http://{host}/"))


async def test_a_refusal_tells_nothing_of_what_resolved_and_is_counted_by_kind(make: Make) -> None:
    before = refusals("private")

    with pytest.raises(AddressRefused) as refused:
        await make(Rules(), NAMES).judge(URL("http://inner.example/"))

    assert "10." not in refused.value.sentence
    assert "private" not in refused.value.sentence
    assert refused.value.kind == "private"
    assert refusals("private") == before + 1


@pytest.mark.parametrize("host", ["nowhere.example", "empty.example"])
async def test_a_name_without_addresses_is_unreachable(make: Make, host: str) -> None:
    with pytest.raises(PageUnreachable):
        await make(Rules(), NAMES).judge(URL(f"http://{host}/"))


async def test_an_address_in_disguise_is_handed_out_as_it_will_be_dialled(make: Make) -> None:
    allowed = await make(Rules(), NAMES).judge(URL("http://134744072:8080/a"))

    assert allowed.url == URL("http://8.8.8.8:8080/a")
    assert allowed.addresses == ("8.8.8.8",)


async def test_an_international_name_and_a_trailing_dot_are_made_plain(make: Make) -> None:
    guard = make(Rules(), NAMES)

    assert (await guard.judge(URL("http://Bücher.example/"))).url.raw_host == "xn--bcher-kva.example"
    assert (await guard.judge(URL("http://public.example./"))).url.raw_host == "public.example"


async def test_an_intranet_is_visited_by_network_on_any_port_and_never_by_name(make: Make) -> None:
    guard = make(Rules(allow=(ip_network("10.1.0.0/16"),)), NAMES)

    assert (await guard.judge(URL("http://wiki.intranet.example:3000/"))).addresses == ("10.1.2.3",)
    with pytest.raises(AddressRefused):
        await guard.judge(URL("http://inner.example/"))
    with pytest.raises(AddressRefused):
        await guard.judge(URL("http://public.example:3000/"))


async def test_localhost_is_this_machine_whatever_a_resolver_says(make: Make) -> None:
    guard = make(Rules(allow=(ip_network("127.0.0.0/8"),)), NAMES)

    assert (await guard.judge(URL("http://localhost:4000/"))).addresses == ("127.0.0.1",)


async def test_a_list_is_judged_one_answer_each_in_order_with_reasons_for_operators(make: Make) -> None:
    urls = [
        "https://public.example/",
        "http://[::1/",
        "http://both.example/",
        "ftp://public.example/",
        "http://no.example",
    ]

    judged = await judge_all(make(Rules(), NAMES), urls)

    assert judged == [
        Judged(urls[0], allowed=True, reason=None),
        Judged(urls[1], allowed=False, reason="host"),
        Judged(urls[2], allowed=False, reason="loopback"),
        Judged(urls[3], allowed=False, reason="scheme"),
        Judged(urls[4], allowed=False, reason="unresolved"),
    ]


async def test_a_resolver_that_never_answers_is_given_up() -> None:
    async def never(_: str) -> Sequence[str]:
        await asyncio.Event().wait()
        return ()

    guard = ResolvingGuard(Rules(), never, timeout=timedelta(milliseconds=20))

    with pytest.raises(PageUnreachable):
        await guard.judge(URL("http://slow.example/"))


async def test_an_address_is_judged_without_asking_a_resolver() -> None:
    async def unasked(name: str) -> Sequence[str]:
        raise AssertionError(name)

    assert (await ResolvingGuard(Rules(), unasked).judge(URL("http://8.8.8.8/"))).addresses == ("8.8.8.8",)


async def test_the_systems_resolver_says_when_a_name_has_no_address() -> None:
    resolver = SystemResolver(threads=1)
    try:
        with pytest.raises(OSError, match=r".+"):
            await resolver("does-not-exist.invalid")
    finally:
        resolver.close()
