"""What every `HostTurns` promises: in memory, in a real Valkey, and with the one standing in for the other."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import pytest
from pydantic import SecretStr

from services.scraper.adapters.turns import in_redis
from services.scraper.adapters.turns.in_memory import InMemoryTurns
from services.scraper.adapters.turns.in_redis import RedisTurns
from services.scraper.adapters.turns.with_stand_in import TurnsWithStandIn
from services.scraper.domain.politeness import Busy, Ending, HostTurns, Manners, Site, Turn
from shared.in_redis import open_redis
from tests.integration.waiting import until

HERE, BESIDE = Site("example.org", "www.example.org"), Site("example.org", "blog.example.org")
ELSEWHERE = Site("example.net", "example.net")
NOTHING, MOMENT, LONG = timedelta(0), timedelta(milliseconds=20), timedelta(seconds=100)

TurnsOf = Callable[..., HostTurns]


@pytest.fixture(params=["memory", "redis", "stand-in"])
async def turns_of(request: pytest.FixtureRequest) -> AsyncIterator[TurnsOf]:
    """Makes turns with manners of the test's; no chance lengthens an interval."""

    def own(**manners: object) -> InMemoryTurns:
        return InMemoryTurns(Manners(**manners), chance=lambda: 0)  # type: ignore[arg-type]

    if request.param == "memory":
        yield own
        return
    url = "redis://127.0.0.1:1/0" if request.param == "stand-in" else request.getfixturevalue("redis_url")
    redis = open_redis(SecretStr(url))

    def shared(**manners: object) -> RedisTurns:
        return RedisTurns(redis, Manners(**manners), chance=lambda: 0)  # type: ignore[arg-type]

    if request.param == "redis":
        yield shared
    else:
        yield lambda **manners: TurnsWithStandIn(shared(**manners), own(**manners))
    await redis.aclose()


async def given(turns: HostTurns, site: Site = HERE, *, ticket: str = "page", follows: bool = False) -> Turn:
    answer = await turns.take(site, ticket=ticket, follows=follows)
    assert isinstance(answer, Turn), answer
    return answer


async def refused(
    turns: HostTurns, site: Site = HERE, *, ticket: str = "page", interval: timedelta = timedelta(0)
) -> Busy:
    answer = await turns.take(site, ticket=ticket, interval=interval)
    assert isinstance(answer, Busy), answer
    return answer


async def known(turns: HostTurns, *sites: Site) -> None:
    """Have hosts answer once, so that they are believed to."""
    for site in sites:
        await turns.give_back(await given(turns, site, ticket="first"), Ending.ANSWERED, took=MOMENT)


async def test_a_domain_has_so_many_visitors_at_once_and_another_its_own(turns_of: TurnsOf) -> None:
    turns = turns_of(concurrency=2, interval=NOTHING)
    await known(turns, HERE, BESIDE)

    await given(turns, ticket="a")
    await given(turns, BESIDE, ticket="b")

    assert (await refused(turns, ticket="c")).wait < LONG
    await given(turns, ELSEWHERE, ticket="c")


@pytest.mark.parametrize("ending", list(Ending))
async def test_a_turn_that_is_given_back_is_there_for_the_next_however_it_ended(
    turns_of: TurnsOf, ending: Ending
) -> None:
    turns = turns_of(concurrency=1, interval=NOTHING, rest=NOTHING)
    await known(turns, HERE)

    await turns.give_back(await given(turns), ending, took=NOTHING)

    await given(turns, ticket="another")


async def test_a_turn_that_nobody_gives_back_is_free_again_when_its_lease_ends(turns_of: TurnsOf) -> None:
    turns = turns_of(concurrency=1, interval=NOTHING, lease=timedelta(seconds=0.2))
    await known(turns, HERE)
    await given(turns, ticket="of a worker that is killed")

    async def is_free() -> bool:
        return isinstance(await turns.take(HERE, ticket="next"), Turn)

    await until(is_free, what="the lease ended")


async def test_visits_start_an_interval_apart_and_who_is_refused_has_the_next_start(turns_of: TurnsOf) -> None:
    turns = turns_of(interval=LONG, concurrency=9)
    await known(turns, HERE)

    waits = [(await refused(turns, ticket=ticket)).wait for ticket in "abc"]

    for place, wait in enumerate(waits, start=1):
        assert place * LONG - timedelta(seconds=30) < wait <= place * LONG + timedelta(seconds=1)


async def test_whoever_comes_before_the_booked_start_is_told_the_same_again(turns_of: TurnsOf) -> None:
    turns = turns_of(interval=LONG)
    await known(turns, HERE)
    first = await refused(turns, ticket="mine")
    await refused(turns, ticket="another's")

    again = await refused(turns, ticket="mine")

    assert again.wait <= first.wait


async def test_a_short_wait_for_the_interval_comes_with_the_turn(turns_of: TurnsOf) -> None:
    turns = turns_of(interval=LONG, in_place=3 * LONG, concurrency=9)
    await known(turns, HERE)

    turn = await given(turns)

    assert LONG - timedelta(seconds=30) < turn.wait <= LONG


async def test_booked_starts_are_kept_free_of_those_who_come_later(turns_of: TurnsOf) -> None:
    turns = turns_of(interval=timedelta(seconds=0.3), in_place=NOTHING, concurrency=9)
    await known(turns, HERE)
    mine, *_ = [await refused(turns, ticket=ticket) for ticket in ("mine", *(f"{n}" for n in range(50)))]
    await asyncio.sleep(mine.wait.total_seconds() + 0.01)

    await refused(turns, ticket="newcomer")
    await given(turns, ticket="mine")


async def test_a_site_may_ask_for_a_longer_interval_and_not_for_a_shorter_one(turns_of: TurnsOf) -> None:
    turns = turns_of(interval=timedelta(seconds=50), concurrency=9)
    await known(turns, HERE)
    await refused(turns, ticket="a", interval=MOMENT)

    asked = await refused(turns, ticket="b", interval=3 * LONG)
    after = await refused(turns, ticket="c")

    assert timedelta(seconds=70) < asked.wait < timedelta(seconds=101)
    assert after.wait > 3 * LONG


async def test_booked_starts_are_as_far_apart_as_visits_take(turns_of: TurnsOf) -> None:
    turns = turns_of(concurrency=2, interval=NOTHING)
    await known(turns, HERE)
    held = [await given(turns, ticket=ticket) for ticket in "ab"]
    for turn in held:
        await turns.give_back(turn, Ending.ANSWERED, took=10 * LONG)
    for ticket in "ab":
        await given(turns, ticket=ticket)

    first, second = [(await refused(turns, ticket=ticket)).wait for ticket in "cd"]

    assert second - first > LONG


async def test_the_operators_own_sites_have_an_interval_of_their_own(turns_of: TurnsOf) -> None:
    turns, own = turns_of(interval=LONG, in_place=NOTHING), Site("10.0.0.1:80", "10.0.0.1:80", is_own=True)
    await known(turns, own)

    await given(turns, own)


async def test_who_has_many_visits_to_make_is_told_to_come_more_rarely_the_more_wait(turns_of: TurnsOf) -> None:
    turns = turns_of(interval=timedelta(seconds=10))
    await known(turns, HERE)

    every = [(await refused(turns, ticket=f"{n}")).every for n in range(40)]

    assert every[0] == timedelta(seconds=13)
    assert every[-1] > timedelta(seconds=90)


async def test_nobody_is_booked_further_ahead_than_it_is_kept(turns_of: TurnsOf) -> None:
    turns = turns_of(interval=LONG, ahead=2.5 * LONG)
    await known(turns, HERE)

    waits = [(await refused(turns, ticket=f"{n}")).wait for n in range(6)]

    assert max(waits) <= 2.5 * LONG


async def test_a_pause_holds_for_the_whole_domain_and_the_longest_counts(turns_of: TurnsOf) -> None:
    turns = turns_of(interval=NOTHING)
    await known(turns, HERE, BESIDE)

    await turns.pause(HERE, length=2 * LONG)
    await turns.pause(HERE, length=LONG)

    assert LONG < (await refused(turns, BESIDE)).wait <= 2 * LONG
    await given(turns, ELSEWHERE)


async def test_a_pause_holds_for_starts_that_were_booked_before(turns_of: TurnsOf) -> None:
    turns = turns_of(interval=timedelta(seconds=0.2), in_place=NOTHING)
    await known(turns, HERE)
    wait = (await refused(turns, ticket="booked")).wait

    await turns.pause(HERE, length=LONG)
    await asyncio.sleep(wait.total_seconds() + 0.01)

    assert (await refused(turns, ticket="booked")).wait > LONG / 2


# ---- redirects within a domain --------------------------------------------------------------------


async def test_a_redirect_keeps_its_place_before_all_who_wait(turns_of: TurnsOf) -> None:
    turns = turns_of(concurrency=1, interval=LONG, in_place=timedelta(seconds=0.5))
    turn = await given(turns, ticket="http")
    for ticket in "abc":
        await refused(turns, ticket=ticket)

    onward = await given(turns, BESIDE, ticket="https", follows=True)
    await turns.give_back(turn, Ending.ANSWERED, took=MOMENT)

    assert onward.wait <= timedelta(seconds=0.5)


async def test_a_redirect_is_a_start_too(turns_of: TurnsOf) -> None:
    turns = turns_of(concurrency=9, interval=LONG, in_place=NOTHING)
    await given(turns, ticket="http")
    await given(turns, ticket="https", follows=True)

    assert (await refused(turns, BESIDE, ticket="next")).wait > 1.5 * LONG


# ---- hosts that keep visitors waiting ---------------------------------------------------------------


async def test_a_host_nobody_has_heard_of_has_one_visitor_until_it_answers(turns_of: TurnsOf) -> None:
    turns = turns_of(concurrency=9, interval=NOTHING)
    first = await given(turns, ticket="a")
    await refused(turns, ticket="b")
    await given(turns, BESIDE, ticket="b")

    await turns.give_back(first, Ending.ANSWERED, took=MOMENT)

    await given(turns, ticket="b")
    await given(turns, ticket="c")


async def test_a_host_that_times_out_rests_twice_as_long_each_time(turns_of: TurnsOf) -> None:
    turns = turns_of(interval=NOTHING, rest=LONG, longest_rest=5 * LONG)
    # A host has but one visitor now; redirects come in all the same, and here they time out beside it.
    probes = [await given(turns), *[await given(turns, ticket=f"{n}", follows=True) for n in range(3)]]

    rests = []
    for probe in probes:
        await turns.give_back(probe, Ending.HUNG, took=LONG)
        rests.append(round((await refused(turns, ticket="page")).wait / LONG))

    assert rests == [1, 2, 4, 5]


async def test_a_host_that_rests_keeps_nobody_from_its_owners_others(turns_of: TurnsOf) -> None:
    turns = turns_of(interval=NOTHING, rest=LONG)
    await turns.give_back(await given(turns), Ending.HUNG, took=LONG)

    await refused(turns)

    await given(turns, BESIDE)


async def test_those_who_wait_for_a_rest_to_end_come_one_after_another(turns_of: TurnsOf) -> None:
    turns = turns_of(interval=timedelta(seconds=10), rest=LONG)
    await turns.give_back(await given(turns), Ending.HUNG, took=MOMENT)

    waits = [(await refused(turns, ticket=ticket)).wait for ticket in "abc"]

    assert [round(wait.total_seconds() / 10) for wait in waits] == [10, 11, 12]


async def test_a_host_that_times_out_too_often_is_down_until_it_answers(turns_of: TurnsOf) -> None:
    turns = turns_of(interval=NOTHING, concurrency=9, down_after=2)
    probes = [await given(turns), *[await given(turns, ticket=f"{n}", follows=True) for n in range(2)]]

    for probe in probes[:2]:
        await turns.give_back(probe, Ending.HUNG, took=MOMENT)
    assert (await refused(turns)).is_down

    await turns.give_back(probes[2], Ending.ANSWERED, took=MOMENT)
    await given(turns, ticket="a")
    await given(turns, ticket="b")


async def has_rested(turns: HostTurns) -> None:
    """As if a host's rest were over."""
    match turns:
        case InMemoryTurns():
            for host in turns._hosts.values():
                host.rest = 0
        case RedisTurns():
            await turns._take.registered_client.hset(in_redis._keys(HERE)[3], "rest", 0)
        case TurnsWithStandIn():
            await has_rested(turns._own)


async def overloaded(turns: HostTurns, *, at_once: int = 1) -> None:
    visits = [await given(turns, ticket=f"{n}", follows=True) for n in range(at_once)]
    for visit in visits:
        await turns.give_back(visit, Ending.OVERLOADED, took=MOMENT)


async def test_a_host_with_too_much_to_do_rests_twice_as_long_each_time_until_it_answers(turns_of: TurnsOf) -> None:
    turns = turns_of(interval=NOTHING, concurrency=9, rest=LONG, longest_rest=5 * LONG)
    await known(turns, HERE)

    rests = []
    for _ in range(4):
        await overloaded(turns)
        rests.append(round((await refused(turns)).wait / LONG))
        await has_rested(turns)

    assert rests == [1, 2, 4, 5]
    await turns.give_back(await given(turns), Ending.ANSWERED, took=MOMENT)
    await overloaded(turns)
    assert round((await refused(turns)).wait / LONG) == 1


async def test_a_host_with_too_much_to_do_is_not_down_and_keeps_nobody_from_its_owners_others(
    turns_of: TurnsOf,
) -> None:
    turns = turns_of(interval=NOTHING, concurrency=9, rest=LONG)
    await known(turns, HERE)

    await overloaded(turns)

    assert not (await refused(turns)).is_down
    await given(turns, BESIDE)


async def test_visits_that_were_let_in_before_the_rest_neither_end_nor_lengthen_it(turns_of: TurnsOf) -> None:
    turns = turns_of(interval=NOTHING, concurrency=9, rest=LONG)
    await known(turns, HERE)
    straggler = await given(turns, ticket="straggler")

    await overloaded(turns, at_once=4)
    await turns.give_back(straggler, Ending.ANSWERED, took=MOMENT)

    assert LONG / 2 < (await refused(turns)).wait <= LONG


async def test_one_time_out_of_a_host_that_answers_leaves_it_one_visitor_and_no_rest(turns_of: TurnsOf) -> None:
    turns = turns_of(concurrency=9, interval=NOTHING, rest=LONG)
    await known(turns, HERE)

    await turns.give_back(await given(turns), Ending.HUNG, took=MOMENT)

    await given(turns, ticket="a")
    assert (await refused(turns, ticket="b")).wait < LONG
