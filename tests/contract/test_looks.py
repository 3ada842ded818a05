"""What every store of shared looks promises: in memory, and in a real Valkey."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from pydantic import SecretStr

from services.scraper.adapters.looks.in_memory import LooksInMemory
from services.scraper.adapters.looks.in_redis import RedisLooks
from services.scraper.domain.limits import LookLimits
from services.scraper.domain.looks import Apart, Failed, Flight, Looks, Seen, UnderWay
from shared.errors import PageUnreachable
from shared.in_redis import open_redis
from tests.looks import look, patience

__all__ = ["patience"]

KEY = "https://site.example/"
LONG, NOT_AT_ALL = timedelta(hours=1), timedelta()


@pytest.fixture(params=["memory", "redis"])
async def looks(request: pytest.FixtureRequest) -> AsyncIterator[Looks]:
    if request.param == "memory":
        yield LooksInMemory()
        return
    async with open_redis(SecretStr(request.getfixturevalue("redis_url"))) as redis:
        yield RedisLooks(redis, way="static", limits=LookLimits())


async def flight_of(looks: Looks, key: str = KEY) -> Flight:
    answer = await looks.ask(key)
    assert isinstance(answer, Flight)
    return answer


async def test_of_many_who_ask_at_once_one_has_the_turn_and_the_others_hear_of_it(looks: Looks) -> None:
    answers = await asyncio.gather(*(looks.ask(KEY) for _ in range(50)))

    assert sum(isinstance(answer, Flight) for answer in answers) == 1
    waiting = [answer for answer in answers if isinstance(answer, UnderWay)]
    assert len(waiting) == 49
    assert all(timedelta() <= answer.since < timedelta(minutes=1) for answer in waiting)


async def test_what_was_seen_is_the_answer_as_long_as_it_is_fresh_and_is_no_pages_body(looks: Looks) -> None:
    seen = look("Grüße 日本語", headers={"etag": '"v1"', "set-cookie": "a=b", "cache-control": "max-age=5"})
    await looks.keep(await flight_of(looks), seen, LONG)

    answer = await looks.ask(KEY)

    assert isinstance(answer, Seen)
    assert (answer.look.reading, answer.look.judgement) == (seen.reading, seen.judgement)
    assert answer.look.page.url == seen.page.url
    assert (answer.look.page.body, answer.look.page.headers) == (b"", {"etag": '"v1"'})
    assert isinstance(await looks.ask("https://site.example/other"), Flight)


async def test_what_is_not_fresh_any_more_comes_with_the_next_turn(looks: Looks) -> None:
    await looks.keep(await flight_of(looks), look("Before.", headers={"etag": '"v1"'}), NOT_AT_ALL)

    flight = await flight_of(looks)

    assert flight.earlier is not None
    assert flight.earlier.reading.extracted.text == "Before."
    await looks.keep(flight, look("After."), LONG)
    answer = await looks.ask(KEY)
    assert isinstance(answer, Seen)
    assert answer.look.reading.extracted.text == "After."


async def test_a_failure_is_the_answer_for_a_while_and_then_it_is_anothers_turn(looks: Looks) -> None:
    await looks.fail(await flight_of(looks), PageUnreachable("site.example did not answer in time."), LONG)

    answers = [await looks.ask(KEY) for _ in range(2)]

    assert all(isinstance(answer, Failed) for answer in answers)
    assert [str(answer.error) for answer in answers if isinstance(answer, Failed)] == [
        "site.example did not answer in time."
    ] * 2
    assert all(isinstance(answer.error, PageUnreachable) for answer in answers if isinstance(answer, Failed))


async def test_a_failure_does_not_cost_what_was_seen_before(looks: Looks) -> None:
    await looks.keep(await flight_of(looks), look("Before.", headers={"etag": '"v1"'}), NOT_AT_ALL)
    await looks.fail(await flight_of(looks), PageUnreachable("No."), timedelta(milliseconds=1))
    await asyncio.sleep(0.05)

    assert (await flight_of(looks)).earlier is not None


async def test_a_turn_that_is_left_is_the_next_ones(looks: Looks) -> None:
    await looks.leave(await flight_of(looks))

    assert isinstance(await looks.ask(KEY), Flight)
    assert isinstance(await looks.ask(KEY), UnderWay)


async def test_a_page_that_is_everybodys_own_is_told_to_be_so_and_nothing_of_it_is_kept(looks: Looks) -> None:
    await looks.keep(await flight_of(looks), look(headers={"etag": '"v1"'}), NOT_AT_ALL)
    await looks.part(await flight_of(looks), timedelta(seconds=5))

    assert isinstance(await looks.ask(KEY), Apart)
    other = "https://site.example/other"
    await looks.part(await flight_of(looks, other), timedelta(milliseconds=1))
    await asyncio.sleep(0.05)
    assert (await flight_of(looks, other)).earlier is None


async def test_who_lost_a_turn_ends_nobody_elses(looks: Looks) -> None:
    lost = await flight_of(looks)
    await looks.leave(lost)
    await flight_of(looks)

    await looks.leave(lost)
    await looks.fail(lost, PageUnreachable("No."), LONG)
    await looks.part(lost, LONG)
    await looks.prolong(lost)

    assert isinstance(await looks.ask(KEY), UnderWay)


async def test_a_turn_goes_on_while_it_is_prolonged(looks: Looks) -> None:
    flight = await flight_of(looks)
    await looks.prolong(flight)

    assert isinstance(await looks.ask(KEY), UnderWay)
