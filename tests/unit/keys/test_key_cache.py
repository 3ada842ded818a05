"""What the analyzer remembers of keys: few, for a short time, and nothing that was told to be forgotten."""

from datetime import timedelta

import pytest

from shared.keys import StoredKey
from shared.keys.cache import KeyCache
from shared.keys.plaintext import api_key
from shared.users import user_id

ADA, BOB, CLEO = user_id("ada"), user_id("bob"), user_id("cleo")


class Clock:
    seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


def stored(version: int = 1) -> StoredKey:
    return StoredKey(api_key("x" * 30), version)


def remember(cache: KeyCache, *users: str) -> None:
    for user in users:
        cache.remember(user_id(user), stored(), generation=cache.generation)


def test_a_key_is_remembered_for_its_time_and_no_longer(clock: Clock) -> None:
    cache = KeyCache(max_age=timedelta(seconds=60), clock=clock)
    remember(cache, ADA)

    clock.seconds += 59.9
    assert cache.get(ADA) == stored()
    clock.seconds += 0.1
    assert cache.get(ADA) is None


def test_looking_at_a_key_does_not_make_it_younger(clock: Clock) -> None:
    cache = KeyCache(max_age=timedelta(seconds=60), clock=clock)
    remember(cache, ADA)
    for _ in range(6):
        cache.get(ADA)
        clock.seconds += 10

    assert cache.get(ADA) is None


def test_with_no_time_to_remember_nothing_is_remembered(clock: Clock) -> None:
    cache = KeyCache(max_age=timedelta(0), clock=clock)
    remember(cache, ADA)

    assert cache.get(ADA) is None


def test_the_least_recently_used_key_goes_first(clock: Clock) -> None:
    cache = KeyCache(max_entries=2, clock=clock)
    remember(cache, ADA, BOB)
    cache.get(ADA)

    remember(cache, CLEO)

    assert cache.get(BOB) is None
    assert cache.get(ADA) is not None
    assert cache.get(CLEO) is not None


def test_a_forgotten_key_is_gone_and_others_stay(clock: Clock) -> None:
    cache = KeyCache(clock=clock)
    remember(cache, ADA, BOB)

    cache.forget(ADA)
    cache.forget(CLEO)

    assert cache.get(ADA) is None
    assert cache.get(BOB) is not None


def test_a_key_read_before_it_was_forgotten_is_not_remembered_after(clock: Clock) -> None:
    cache = KeyCache(clock=clock)
    generation = cache.generation

    cache.forget(ADA)
    cache.remember(ADA, stored(version=1), generation=generation)

    assert cache.get(ADA) is None


def test_a_key_remembered_anew_counts_as_used_just_now(clock: Clock) -> None:
    cache = KeyCache(max_entries=2, clock=clock)
    remember(cache, ADA, BOB, ADA)

    remember(cache, CLEO)

    assert cache.get(BOB) is None
    assert cache.get(ADA) is not None


def test_a_key_past_its_time_does_not_stay_in_memory(clock: Clock) -> None:
    cache = KeyCache(clock=clock)
    remember(cache, ADA)
    clock.seconds += 60

    cache.get(ADA)

    assert not cache._entries


def test_unless_told_otherwise_a_thousand_keys_are_remembered_for_a_minute(clock: Clock) -> None:
    cache = KeyCache(clock=clock)
    remember(cache, *(f"user-{number}" for number in range(1_001)))

    assert cache.get(user_id("user-0")) is None
    clock.seconds += 59.9
    assert cache.get(user_id("user-1")) is not None
    clock.seconds += 0.1
    assert cache.get(user_id("user-2")) is None


def test_whatever_was_forgotten_before_another_forgetting_still_counts(clock: Clock) -> None:
    cache = KeyCache(clock=clock)
    cache.forget(BOB)
    generation = cache.generation
    cache.forget(CLEO)

    cache.remember(ADA, stored(), generation=generation)

    assert cache.get(ADA) is None
