"""Beginning anew what failed: an operator's answer once the reason is gone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from shared.audit import Actor
from shared.errors import InvalidInput, NotFound
from shared.ledger import Ledger
from shared.values import JobId, UserId


class Failures(Protocol):
    """Whose failed jobs there are; raises `LedgerUnavailable`."""

    async def owners(
        self, *, of: Sequence[JobId] = (), user: UserId | None = None, code: str | None = None
    ) -> list[UserId]:
        """Whose failed jobs these are: those named, or all, of one user or of all, with one code or any."""
        ...


@dataclass(frozen=True, slots=True)
class Retried:
    """What was begun anew: so many bookmarks, of so many users."""

    bookmarks: int
    users: int


class RetryFailed:
    """Begins failed bookmarks anew, user by user, each in a transaction with its audit entry."""

    def __init__(self, *, ledger: Ledger, failures: Failures) -> None:
        self._ledger = ledger
        self._failures = failures

    async def __call__(
        self, *, jobs: Sequence[JobId] = (), user: UserId | None = None, code: str | None = None, by: Actor
    ) -> Retried:
        """Retry the bookmarks of these failed jobs, or of a user's, or of those that failed with a code.

        What is given narrows down together. Stopped half-way and done again, it retries what is left.

        Raises:
            InvalidInput: nothing is given; nobody means everything.
            NotFound: nothing that failed is like that.
        """
        if not jobs and user is None and code is None:
            raise InvalidInput("Say what to retry: jobs by their ids, a user's, or those that failed with a code.")
        retried = [
            await self._ledger.requeue_failed(owner, jobs=jobs, code=code, by=by)
            for owner in await self._failures.owners(of=jobs, user=user, code=code)
        ]
        if not any(retried):
            raise NotFound("Nothing that failed is like that.")
        return Retried(bookmarks=sum(retried), users=sum(map(bool, retried)))
