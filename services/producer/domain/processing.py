"""Getting on with a user's bookmarks: what could be done better or sooner now is queued and woken."""

from dataclasses import dataclass

from services.producer.domain.reports import Reports
from shared.errors import InvalidInput, UnknownUser
from shared.keys import KeyRegistry
from shared.keys.serving import serving
from shared.ledger import Ledger
from shared.values import DefaultKeyPolicy, KeySource, Stage, UserId, WaitReason

_ENDED_BY_ASKING = (
    WaitReason.NO_KEY,
    WaitReason.KEY_REFUSED,
    WaitReason.PROVIDER_DOWN,
    WaitReason.KEYS_UNAVAILABLE,
    WaitReason.QUOTA_UNAVAILABLE,
)


@dataclass(frozen=True, slots=True)
class Queued:
    """What was queued for a user.

    Attributes:
        requeued: analyses queued anew, because there is a key now and the heuristic analyser made them.
        unfinished: jobs that wait or run, those included.
        has_usable_key: whether calls may be tried with the user's own key.
        key_source: whose key makes the next analyses.
        key_reason: why that one, in sentences.
    """

    user_id: UserId
    requeued: int
    unfinished: int
    has_usable_key: bool
    key_source: KeySource
    key_reason: str


class ProcessContent:
    """Queues what is not yet processed as well as it could be.

    A submitted bookmark is queued by being submitted, so nothing is ever left that was forgotten; what can be left
    are analyses made without a key. Failed bookmarks stay failed: their reason still holds until somebody changes
    something, and asking again must not spend their owner's attempts.
    """

    def __init__(self, *, ledger: Ledger, registry: KeyRegistry, reports: Reports, policy: DefaultKeyPolicy) -> None:
        self._ledger = ledger
        self._registry = registry
        self._reports = reports
        self._policy = policy

    async def __call__(self, user: UserId, *, limit: int | None = None) -> Queued:
        """Queue at most `limit` analyses anew (all when None), and end waits that may be over.

        Raises:
            InvalidInput: the limit is below 1.
            UnknownUser: nobody by this name has handed anything in.
        """
        if limit is not None and limit < 1:
            raise InvalidInput("The limit must be at least 1.")
        record = await self._registry.find(user)
        serves = await serving(self._registry, self._policy, user)
        may_improve = serves.source is not KeySource.NONE
        requeued = await self._ledger.requeue_heuristic(user, limit=limit) if may_improve else 0
        await self._ledger.wake(user, Stage.ANALYZE, reasons=_ENDED_BY_ASKING)
        progress = await self._reports.progress(user)
        if record is None and not await self._reports.knows(user):
            raise UnknownUser(user)
        return Queued(
            user_id=user,
            requeued=requeued,
            unfinished=progress.unfinished,
            has_usable_key=record is not None and record.usable,
            key_source=serves.source,
            key_reason=serves.why,
        )
