"""What every `Breaker` promises: in memory, and in a real Valkey with several callers."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from shared.breaker import LONGEST, OPENS_AT, Breaker, Go, Hold, Pace
from shared.breaker.in_memory import InMemoryBreaker
from shared.breaker.in_redis import RedisBreaker
from shared.in_redis import open_redis
from shared.users import user_id

ADA, BOB, EVE = user_id("ada"), user_id("bob"), user_id("eve")
LONG = Pace(timedelta(seconds=30), call=timedelta(seconds=30))
SHORT = Pace(timedelta(seconds=0.05), call=timedelta(seconds=30))
MakeBreaker = Callable[[Pace], list[Breaker]]


@pytest.fixture(params=["memory", "redis"])
async def callers(request: pytest.FixtureRequest) -> AsyncIterator[MakeBreaker]:
    """Makes the breakers of three processes that ask the same provider."""
    if request.param == "memory":
        yield lambda pace: [InMemoryBreaker(pace)] * 3
        return
    clients = [open_redis(SecretStr(request.getfixturevalue("redis_url"))) for _ in range(3)]
    yield lambda pace: [RedisBreaker(client, "gemini:m", pace=pace) for client in clients]
    for client in clients:
        await client.aclose()


async def fail(breaker: Breaker, *users: str) -> None:
    for user in users:
        go = await breaker.ask(user_id(user))
        assert isinstance(go, Go)
        await breaker.failed(user_id(user), go)


async def probe(breaker: Breaker) -> Go:
    """The probe, once its time has come."""
    async with asyncio.timeout(20):
        while isinstance(answer := await breaker.ask(ADA), Hold):  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)
    assert answer.is_probe
    return answer


def seconds_until(moment: datetime) -> float:
    return (moment - datetime.now(UTC)).total_seconds()


async def test_it_opens_for_all_after_failures_of_several_users_in_a_row(callers: MakeBreaker) -> None:
    one, other, third = callers(LONG)

    await fail(one, *(ADA, BOB, ADA, BOB)[: OPENS_AT - 1])
    assert not await other.is_open()
    await fail(other, BOB)

    held = await third.ask(EVE)
    assert isinstance(held, Hold)
    assert 20 < seconds_until(held.until) < 60
    assert await one.is_open()


async def test_an_answer_in_between_starts_the_count_anew(callers: MakeBreaker) -> None:
    one, other, _ = callers(LONG)
    for _ in range(4):
        await fail(one, ADA, BOB)
        go = await other.ask(EVE)
        assert isinstance(go, Go)
        await other.answered(EVE, go)

    assert not await one.is_open()


async def test_failures_of_one_user_hold_that_user_alone(callers: MakeBreaker) -> None:
    one, other, _ = callers(LONG)

    await fail(one, *[ADA] * OPENS_AT)

    assert isinstance(await other.ask(ADA), Hold)
    assert isinstance(await other.ask(BOB), Go)


async def test_the_first_failure_of_another_shows_that_it_is_not_one_users_trouble(callers: MakeBreaker) -> None:
    one, other, _ = callers(LONG)
    await fail(one, *[ADA] * OPENS_AT)

    await fail(other, BOB)

    assert isinstance(await one.ask(EVE), Hold)


async def test_a_user_whose_calls_alone_go_on_failing_waits_longer_each_time(callers: MakeBreaker) -> None:
    one, other, _ = callers(Pace(timedelta(seconds=5), call=timedelta(seconds=30)))
    waits = []
    for _ in range(3):
        go = await one.ask(ADA)
        assert isinstance(go, Go)
        waits.append(seconds_until(await one.failed(ADA, go)))
        answered = await other.ask(BOB)
        assert isinstance(answered, Go)
        await other.answered(BOB, answered)

    assert waits[0] > 4
    assert waits[1] > 9
    assert waits[2] > 19


async def test_of_all_who_ask_when_the_time_has_come_one_is_the_probe(callers: MakeBreaker) -> None:
    breakers = callers(SHORT)
    await fail(breakers[0], ADA, BOB, ADA)
    await asyncio.sleep(0.2)  # more than the interval; how much more changes nothing

    answers = await asyncio.gather(*(breakers[number % 3].ask(user_id(f"user-{number}")) for number in range(60)))

    gone = [answer for answer in answers if isinstance(answer, Go)]
    assert [go.is_probe for go in gone] == [True]


async def test_while_a_probe_is_on_its_way_others_come_back_soon_however_long_it_may_take(
    callers: MakeBreaker,
) -> None:
    one, other, _ = callers(SHORT)
    await fail(one, ADA, BOB, ADA)
    await probe(one)

    held = await other.ask(BOB)

    assert isinstance(held, Hold)
    assert seconds_until(held.until) < 5


async def test_a_probe_that_fails_doubles_the_interval_up_to_the_longest(callers: MakeBreaker) -> None:
    one, other, _ = callers(SHORT)
    await fail(one, ADA, BOB, ADA)

    waits = [seconds_until(await one.failed(ADA, await probe(other))) for _ in range(4)]

    assert waits[3] > 2 * waits[0]
    assert LONG.least(100) == LONGEST
    assert LONG.least(0) == timedelta(seconds=30)


async def test_a_probe_that_is_answered_closes_it_for_all(callers: MakeBreaker) -> None:
    one, other, third = callers(SHORT)
    await fail(one, ADA, BOB, ADA)

    await other.answered(ADA, await probe(other))

    assert not await third.is_open()
    answers = [await third.ask(user) for user in (ADA, BOB, EVE)]
    assert all(isinstance(answer, Go) and not answer.is_probe for answer in answers)


async def test_an_answer_to_a_call_from_before_does_not_close_it(callers: MakeBreaker) -> None:
    one, other, _ = callers(LONG)
    early = await one.ask(EVE)
    assert isinstance(early, Go)
    await asyncio.sleep(0.01)
    await fail(one, ADA, BOB, ADA)

    await other.answered(EVE, early)

    assert await one.is_open()


async def test_a_probe_that_did_not_leave_makes_room_for_another(callers: MakeBreaker) -> None:
    one, other, _ = callers(SHORT)
    await fail(one, ADA, BOB, ADA)

    await one.unused(await probe(one))

    again = await other.ask(BOB)
    assert isinstance(again, Go)
    assert again.is_probe


async def test_a_breaker_that_cannot_be_asked_lets_calls_go_and_waits_a_little_after_a_failure() -> None:
    client = open_redis(SecretStr("redis://127.0.0.1:9/0"))
    breaker = RedisBreaker(client, "gemini:m", pace=LONG)

    go = await breaker.ask(ADA)
    assert isinstance(go, Go)
    until = await breaker.failed(ADA, go)
    await breaker.answered(ADA, go)
    await client.aclose()

    assert not await breaker.is_open()
    assert 20 < seconds_until(until) < 60
