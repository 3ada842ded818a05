"""Which key serves a user under each policy, whose account it is charged to, and what the user is told."""

import pytest

from shared.audit import here
from shared.keys import DEPLOYMENT
from shared.keys.in_memory import InMemoryKeyRegistry
from shared.keys.serving import Serving, account_charged, owners, serving, source_of
from shared.quota import DEFAULT_KEY, account_of
from shared.users import user_id
from shared.values import DefaultKeyPolicy, KeySource, KeyStatus, UserId

ADA = user_id("ada")
OFF, FALLBACK, ALWAYS = DefaultKeyPolicy.OFF, DefaultKeyPolicy.FALLBACK, DefaultKeyPolicy.ALWAYS
READ_HERE = "Pages are read by the built-in analyser."


@pytest.fixture
def registry() -> InMemoryKeyRegistry:
    return InMemoryKeyRegistry()


async def record(registry: InMemoryKeyRegistry, owner: UserId, status: KeyStatus, reason: str | None = None) -> None:
    by = here("process:test")
    await registry.record(owner, name="k", fingerprint="f", version=1, status=status, reason=reason, by=by)


def test_each_policy_names_whose_keys_may_be_used_the_preferred_first() -> None:
    assert owners(OFF, ADA) == (ADA,)
    assert owners(FALLBACK, ADA) == (ADA, DEPLOYMENT)
    assert owners(ALWAYS, ADA) == (DEPLOYMENT,)


def test_a_key_is_charged_to_its_owner_and_told_as_its_owners() -> None:
    assert (account_charged(ADA), source_of(ADA)) == (account_of(ADA), KeySource.USER)
    assert (account_charged(DEPLOYMENT), source_of(DEPLOYMENT)) == (DEFAULT_KEY, KeySource.DEFAULT)


async def test_a_users_own_usable_key_serves(registry: InMemoryKeyRegistry) -> None:
    await record(registry, ADA, KeyStatus.ACTIVE)
    await record(registry, DEPLOYMENT, KeyStatus.ACTIVE)

    assert await serving(registry, FALLBACK, ADA) == Serving(KeySource.USER, "The user's own key serves.")


async def test_the_default_key_steps_in_and_the_user_is_told_why(registry: InMemoryKeyRegistry) -> None:
    await record(registry, DEPLOYMENT, KeyStatus.UNCHECKED)
    missing = await serving(registry, FALLBACK, ADA)
    await record(registry, ADA, KeyStatus.EXPIRED, "The provider refused the API key: it has expired.")
    expired = await serving(registry, FALLBACK, ADA)

    steps_in = "The deployment's default key serves."
    assert missing == Serving(KeySource.DEFAULT, f"The user's own key is missing. {steps_in}")
    assert expired.why == f"The user's own key is expired: The provider refused the API key: it has expired. {steps_in}"


async def test_where_no_key_serves_each_is_named_with_its_reason(registry: InMemoryKeyRegistry) -> None:
    await record(registry, ADA, KeyStatus.REVOKED)
    await record(registry, DEPLOYMENT, KeyStatus.INVALID, "It is not valid.")

    own = "The user's own key is revoked: the provider does not accept it."
    default = "The deployment's default key is invalid: It is not valid."
    assert await serving(registry, OFF, ADA) == Serving(KeySource.NONE, f"{own} {READ_HERE}")
    assert await serving(registry, FALLBACK, ADA) == Serving(KeySource.NONE, f"{own} {default} {READ_HERE}")
    assert await serving(registry, ALWAYS, ADA) == Serving(KeySource.NONE, f"{default} {READ_HERE}")
