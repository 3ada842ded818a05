"""Which key a user's analyses are made with: their own, the deployment's, or none; and why, in a sentence."""

from dataclasses import dataclass

from shared.keys import DEPLOYMENT, KeyRecord, KeyRegistry
from shared.quota import DEFAULT_KEY, Account, account_of
from shared.values import DefaultKeyPolicy, KeySource, UserId


@dataclass(frozen=True, slots=True)
class Serving:
    """Whose key serves a user, and why that one."""

    source: KeySource
    why: str


def owners(policy: DefaultKeyPolicy, user: UserId) -> tuple[UserId, ...]:
    """Whose keys may be used for a user, the one to be preferred first."""
    match policy:
        case DefaultKeyPolicy.OFF:
            return (user,)
        case DefaultKeyPolicy.FALLBACK:
            return (user, DEPLOYMENT)
        case DefaultKeyPolicy.ALWAYS:
            return (DEPLOYMENT,)


def account_charged(owner: UserId) -> Account:
    """Whose calls the provider counts when it counts those of an owner's key."""
    return DEFAULT_KEY if owner == DEPLOYMENT else account_of(owner)


def source_of(owner: UserId) -> KeySource:
    """Whose key an owner's is, as calls and analyses tell it."""
    return KeySource.DEFAULT if owner == DEPLOYMENT else KeySource.USER


async def serving(registry: KeyRegistry, policy: DefaultKeyPolicy, user: UserId) -> Serving:
    """Which key the user's next analysis is made with, as far as the registry knows."""
    why_not: list[str] = []
    for owner in owners(policy, user):
        known = await registry.find(owner)
        if known is not None and known.usable:
            return Serving(source_of(owner), " ".join([*why_not, _serves(owner)]))
        why_not.append(_does_not_serve(owner, known))
    return Serving(KeySource.NONE, " ".join([*why_not, "Pages are read by the built-in analyser."]))


def _serves(owner: UserId) -> str:
    return "The deployment's default key serves." if owner == DEPLOYMENT else "The user's own key serves."


def _does_not_serve(owner: UserId, known: KeyRecord | None) -> str:
    whose = "The deployment's default key" if owner == DEPLOYMENT else "The user's own key"
    if known is None:
        return f"{whose} is missing."
    return f"{whose} is {known.status.value}: {known.reason or 'the provider does not accept it.'}"
