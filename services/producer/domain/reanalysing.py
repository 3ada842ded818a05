"""Renewing what older versions of the prompt came to: queued again, after everything that shows no analysis yet."""

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import Protocol

from shared.audit import Actor
from shared.ledger import Ledger
from shared.values import PROMPT_VERSION, UserId

_NUMBER = re.compile(r"\d+")


class PromptVersions(Protocol):
    """With which versions of the prompt the provider made the analyses there are; raises `LedgerUnavailable`."""

    async def in_use(self, user: UserId | None = None) -> list[tuple[UserId, str]]:
        """Each user with each version, of one user or of all."""
        ...


@dataclass(frozen=True, slots=True)
class Requeued:
    """What was queued again: so many analyses, of so many users."""

    analyses: int
    users: int


class Reanalyse:
    """Queues outdated analyses again, user by user, each in a transaction with its audit entry."""

    def __init__(self, *, ledger: Ledger, versions: PromptVersions) -> None:
        self._ledger = ledger
        self._versions = versions

    async def __call__(self, *, prompt_version: str, user: UserId | None = None, by: Actor) -> Requeued:
        """Renew what this and older versions of the prompt came to, the present one left out; of one user or of all.

        Stopped half-way and done again, it queues what is left; what is queued already is not queued twice.
        """
        outdated: defaultdict[UserId, list[str]] = defaultdict(list)
        for owner, version in await self._versions.in_use(user):
            if is_outdated(version, up_to=prompt_version):
                outdated[owner].append(version)
        requeued = [
            await self._ledger.requeue_outdated(owner, prompt_versions=versions, by=by)
            for owner, versions in outdated.items()
        ]
        return Requeued(analyses=sum(requeued), users=sum(map(bool, requeued)))


def is_outdated(version: str, *, up_to: str) -> bool:
    """Whether a version is this one or an older one, and not the present one: `2026-9` is older than `2026-10`."""
    return version != PROMPT_VERSION and _in_order(version) <= _in_order(up_to)


def _in_order(version: str) -> list[int]:
    return [int(number) for number in _NUMBER.findall(version)]
