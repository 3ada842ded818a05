"""What the ledger in memory keeps, and what its other parts look up and change there."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from random import random as any_chance

from shared.audit.in_memory import InMemoryAudit
from shared.bookmarks import Analysis, Content, NewBookmark
from shared.errors import FleetError
from shared.ledger import (
    Accepted,
    Job,
    Pause,
    StagePolicy,
)
from shared.ledger.policies import RetryPolicy
from shared.tracing import Trace, here
from shared.values import BookmarkId, JobId, JobState, Stage, Strategy, UserId, WaitReason

OUT = (JobState.RELEASED, JobState.RUNNING)
OPEN = (JobState.QUEUED, *OUT)
EPOCH = datetime.fromtimestamp(0, tz=UTC)


@dataclass(slots=True)
class Kept:
    """A bookmark with all that became of it."""

    id: BookmarkId
    user: UserId
    new: NewBookmark
    state: JobState = JobState.QUEUED
    error: FleetError | None = None
    content: Content | None = None
    analysis: Analysis | None = None


@dataclass(slots=True)
class Entry:
    """A job."""

    id: JobId
    bookmark: Kept
    stage: Stage
    ready_at: datetime
    state: JobState = JobState.QUEUED
    attempts: int = 0
    reason: WaitReason | None = None
    token: str | None = None
    lease_until: datetime = EPOCH
    error: FleetError | None = None
    replaces: bool = False
    trace: Trace | None = None

    def back_in_line(self) -> None:
        """It waits again, held by nobody."""
        self.state, self.token, self.reason = JobState.QUEUED, None, None

    def end(self, state: JobState) -> None:
        """It is over, so."""
        self.state, self.token, self.reason = state, None, None


@dataclass(slots=True)
class Lane:
    """One user's line of work in one stage."""

    paused: bool = False
    served: tuple[datetime, int] = (EPOCH, 0)
    waits_since: datetime | None = None
    rest: Pause = field(default_factory=lambda: Pause(WaitReason.BATCH_PAUSE, EPOCH))


class Keeping:
    """Bookmarks, jobs and lanes, and what is told of them; for the attributes see `MemoryLedger`."""

    def __init__(
        self,
        *,
        policies: Mapping[Stage, StagePolicy],
        retries: RetryPolicy,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        random: Callable[[], float] = any_chance,
    ) -> None:
        """Start empty. `random` is the jitter's chance: from 0 up to, not with, 1."""
        self._policies, self._retries = policies, retries
        self._clock, self._random = clock, random
        self._numbers = count(1)
        self._jobs: dict[JobId, Entry] = {}
        self._lanes: defaultdict[tuple[UserId, Stage], Lane] = defaultdict(Lane)
        self._receipts: dict[tuple[UserId, str, str], tuple[str, list[Accepted]]] = {}
        self.bookmarks: dict[BookmarkId, Kept] = {}
        self.events: list[tuple[str, BookmarkId]] = []
        self.audit = InMemoryAudit()
        self.exhausted: list[tuple[UserId, Pause]] = []

    def _enqueue(self, kept: Kept, stage: Stage, *, replaces: bool = False, after: timedelta = timedelta(0)) -> bool:
        if self._is_open(kept, stage):
            return False
        id_ = JobId(next(self._numbers))
        reason = WaitReason.PAGE_EXPECTED if after else None
        self._jobs[id_] = Entry(id_, kept, stage, self._clock() + after, replaces=replaces, reason=reason, trace=here())
        self._lanes.setdefault((kept.user, stage), Lane(paused=self._is_paused(kept.user)))
        return True

    def _is_open(self, kept: Kept, stage: Stage) -> bool:
        return any(job.bookmark is kept and job.stage is stage and job.state in OPEN for job in self._jobs.values())

    def _is_paused(self, user: UserId) -> bool:
        return any(lane.paused for (owner, _), lane in self._lanes.items() if owner == user)

    def _analyse_anew(self, kept: Kept, *, after: timedelta = timedelta(0)) -> None:
        for job in self._in(Stage.ANALYZE, JobState.QUEUED, JobState.RUNNING, JobState.FAILED):
            if job.bookmark is kept:
                job.end(JobState.CANCELLED)
        self._enqueue(kept, Stage.ANALYZE, after=after)

    def _stand_in(self, kept: Kept, fallback: Content | None, *, page_expected_for: timedelta = timedelta(0)) -> None:
        if fallback is None or not (kept.content is None or stands_in(kept)):
            return
        before, kept.content = kept.content, fallback
        if kept.analysis is None or before is None or _what_it_says(before) != _what_it_says(fallback):
            self._analyse_anew(kept, after=page_expected_for)

    def _in(self, stage: Stage, *states: JobState) -> list[Entry]:
        return [job for job in self._jobs.values() if job.stage is stage and job.state in states]

    def _holding(self, ids: Iterable[JobId], token: str, state: JobState) -> list[Entry]:
        jobs = [self._jobs[id_] for id_ in ids if id_ in self._jobs]
        return [job for job in jobs if job.token == token and job.state is state]

    def _running(self, claimed: Sequence[Job]) -> list[Entry]:
        return [entry for job in claimed for entry in self._holding([job.id], job.token, JobState.RUNNING)]

    def _tell(self, type_: str, about: BookmarkId) -> None:
        self.events.append((type_, about))


def stands_in(kept: Kept) -> bool:
    """Whether what is shown was put together in place of the page."""
    return kept.content is not None and kept.content.strategy is Strategy.FALLBACK


def _what_it_says(content: Content) -> tuple[str, str, str]:
    return content.title, content.text, content.description
