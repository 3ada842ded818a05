"""The ledger: every job there is, whose turn it is, and what came of it. It decides; the broker carries.

A *lane* is one user's line of work in one stage. Jobs move `queued → released → running → done | failed |
cancelled`; a release carries a token (the fence) and a lease, and only who holds the newest token of a job
can claim it or say what came of it. Every method is one transaction.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from shared.audit import Actor
from shared.bookmarks import Analysis, Bookmark, Content, NewBookmark
from shared.errors import FleetError
from shared.tracing import Trace
from shared.values import BookmarkId, JobId, Stage, UserId, WaitReason


@dataclass(frozen=True, slots=True)
class StagePolicy:
    """How one stage is served.

    Attributes:
        window: at most this many jobs of one lane are out (released or running).
        group: at most this many jobs of one lane travel in one message.
        ready_buffer: at most this many jobs of the stage are released and not yet claimed.
        release_lease: how long a released job may stay unclaimed; its message lives as long.
        run_lease: how long a claimed job may run before it is taken back.
    """

    window: int
    group: int
    ready_buffer: int
    release_lease: timedelta
    run_lease: timedelta


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a caller's idempotency key stood for: the origin, its key, and a digest of what was sent."""

    source: str
    key: str
    digest: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """One submitted bookmark: its id, and whether it is new (a known URL of the same user is not)."""

    id: BookmarkId
    url: str
    created: bool


@dataclass(frozen=True, slots=True)
class Released:
    """Jobs of one lane that may run now, as one message carries them.

    Attributes:
        traces: what its jobs follow from, where that is known.
        trace: what its worker goes on from.
    """

    stage: Stage
    user: UserId
    job_ids: tuple[JobId, ...]
    token: str
    lease: timedelta
    traces: tuple[Trace, ...] = ()
    trace: Trace | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """One claimed job with all its worker needs.

    Attributes:
        content: what is to be analysed; in the stages before, what stands in for the page since an earlier try.
        attempt: 1 on the first try; waiting does not count.
        waited: how long it could have run before it was claimed; rests and back-offs do not count.
        deadline: when the lease ends; the job may be taken back then, and a result that comes later is dropped.
        trace: what it follows from: the event or request that brought its bookmark, or the stage before.
    """

    id: JobId
    stage: Stage
    bookmark: Bookmark
    attempt: int
    token: str
    deadline: datetime
    waited: timedelta = timedelta(0)
    content: Content | None = None
    trace: Trace | None = None

    @property
    def user(self) -> UserId:
        """Whose job it is."""
        return self.bookmark.user


@dataclass(frozen=True, slots=True)
class Pause:
    """A whole lane waits for this reason, until then."""

    reason: WaitReason
    until: datetime

    @property
    def spent_window(self) -> str | None:
        """The long window of the quota that is used up until then, `day` or `month`; None for every other wait."""
        return _SPENT_WINDOWS.get(self.reason)


NO_CALLS = (
    WaitReason.QUOTA_MINUTE,
    WaitReason.QUOTA_DAY,
    WaitReason.QUOTA_MONTH,
    WaitReason.QUOTA_UNAVAILABLE,
    WaitReason.NO_KEY,
    WaitReason.KEY_REFUSED,
    WaitReason.KEYS_UNAVAILABLE,
    WaitReason.PROVIDER_DOWN,
)
"""Why a lane waits when the provider cannot be called: for quota, for a key, or for the provider itself."""

SHORT_WAKING = timedelta(minutes=1)
"""A lane that wakes from such a wait and waits again within this time has waited all along."""

EXPECTED_WITHIN = timedelta(minutes=1)
"""For so long the analysis of fallback content waits for the page itself, which another stage was just asked for."""

_SPENT_WINDOWS = {WaitReason.QUOTA_DAY: "day", WaitReason.QUOTA_MONTH: "month"}


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure found: so many bookmarks, and whether there was anything at all."""

    bookmarks: int
    anything: bool


@dataclass(frozen=True, slots=True)
class Outage:
    """A time in which the ledger could not be asked: no worker is to blame for a lease that ended then.

    Attributes:
        began: how long ago.
        ended: how long ago.
    """

    began: timedelta
    ended: timedelta


@dataclass(frozen=True, slots=True)
class Reaped:
    """What the sweeper found.

    Attributes:
        released: jobs that were let out and not claimed in time.
        running: jobs whose worker did not come back in time; it cost them one attempt, but for an outage.
        by_stage: both together, by stage.
        failed: those whose last try this was, by stage.
        lanes: lanes that stood still although they had work to do.
    """

    released: int = 0
    running: int = 0
    by_stage: Mapping[Stage, int] = field(default_factory=dict)
    failed: Mapping[Stage, int] = field(default_factory=dict)
    lanes: int = 0


class Ledger(Protocol):
    """All state transitions of bookmarks, lanes and jobs; each call is one transaction.

    Every method raises `LedgerUnavailable` when the store cannot be reached, and has then written nothing.
    """

    async def submit(
        self, user: UserId, bookmarks: Sequence[NewBookmark], *, receipt: Receipt | None = None
    ) -> list[Accepted]:
        """Keep new bookmarks and queue a scrape job for each; one answer per bookmark, in order.

        A URL the user already has is not queued again; its title, tags and excerpt are brought up to date
        where given. A receipt seen before answers what it answered then and writes nothing.

        Raises:
            IdempotencyConflict: the receipt's key came before with another digest.
        """
        ...

    async def release(self, stage: Stage) -> list[Released]:
        """Let the next jobs of a stage out: lanes in turn, least recently served first.

        Never more than the stage's `ready_buffer` unclaimed in all, nor a lane's `window` out; a group goes
        whole. Several dispatchers may ask at once; each job is released to one of them. Costs what it releases,
        not what waits.
        """
        ...

    async def take_back(self, releases: Sequence[Released]) -> None:
        """Put releases back that could not be sent; costs no attempt. Claimed ones stay as they are."""
        ...

    async def claim(self, stage: Stage, job_ids: Sequence[JobId], token: str) -> list[Job]:
        """Take released jobs to run them; those that are stale, doubled or cancelled are left out."""
        ...

    async def store_content(self, job: Job, content: Content) -> None:
        """End a scrape or render job as done, keep its content, and queue the analysis.

        It takes the place of fallback content; an analysis of that which waits, is under way or failed is dropped.

        Raises:
            LeaseLost: the job was taken back meanwhile; nothing is kept.
        """
        ...

    async def store_analyses(self, results: Sequence[tuple[Job, Analysis]], *, pause: Pause | None = None) -> None:
        """End analyze jobs of one lane as done and keep their analyses; `pause` lets the lane rest after.

        Jobs whose lease was lost meanwhile are left out; the others are kept.

        Raises:
            LeaseLost: all of them were taken back; nothing is kept.
        """
        ...

    async def claim_waiting(self, *, longer_than: timedelta, limit: int) -> list[Job]:
        """Take jobs of a lane that has waited for quota, key or provider so long, to `show_meanwhile` what they are.

        Only those whose bookmarks show no analysis yet, at most `limit`, of one lane. Whatever its lane waits for
        goes on, and a lane that waits again soon after it woke has waited all along, until a call is answered.
        """
        ...

    async def show_meanwhile(self, results: Sequence[tuple[Job, Analysis]]) -> None:
        """Keep analyses that were made here of one lane's waiting jobs, which go back to wait as before, at no attempt.

        They are served after jobs whose bookmarks show none. Jobs taken back meanwhile are left out.
        """
        ...

    async def advance(self, job: Job, *, to: Stage, fallback: Content | None = None) -> None:
        """End a job as done without content and queue the same bookmark in another stage.

        `fallback`, if given, is shown until that stage has brought the page. Its analysis waits `EXPECTED_WITHIN` for
        that, and comes at once should a try there fail; the bookmark stays queued.

        Raises:
            LeaseLost: the job was taken back meanwhile.
        """
        ...

    async def postpone(self, jobs: Sequence[Job], pause: Pause, *, whole_lane: bool = True) -> None:
        """Put claimed jobs of one lane back to wait; costs no attempt.

        With `whole_lane` the user's lane in this stage sleeps until then; otherwise these jobs alone.
        Jobs taken back meanwhile are left out. Where a lane begins to wait for the quota's day or month, others
        are told once (`quota.exhausted`), however many of its jobs follow or the wait grows.
        """
        ...

    async def space_out(self, job: Job, *, until: datetime, every: timedelta) -> None:
        """Put a claimed job back to wait for its site until then, and the lane's jobs of that site behind it.

        Each follows `every` after the one before, so that they come when there is a turn for them instead of being
        refused one by one; those that come later anyway stay as they are. Costs no attempt; the reason is `host_busy`.
        """
        ...

    async def retry(self, jobs: Sequence[Job], error: FleetError, *, fallback: Content | None = None) -> list[Job]:
        """This try of jobs of one lane failed: each waits `error.rest`, and an exponential back-off with full jitter.

        They draw one chance, so that those of the same attempt come back together. `fallback`, if given, becomes the
        content meanwhile, and is analysed where it says something new; the bookmark stays queued, for it is still
        being tried. After the last retry a job fails instead, as in `fail`.

        Returns:
            The jobs that failed for good.
        """
        ...

    async def fail(self, jobs: Sequence[Job], error: FleetError, *, fallback: Content | None = None) -> None:
        """End jobs of one lane as failed; the bookmark shows the error, and `fallback`, if given, becomes its content.

        Fallback content never takes the place of a page that was read. It queues an analysis (the analyser sees its
        strategy and spends no quota on it), unless it is analysed as it is; the bookmark stays failed. Should that
        analysis fail, it changes nothing of the bookmark. Jobs taken back meanwhile are left out.
        """
        ...

    async def requeue_heuristic(self, user: UserId, *, limit: int | None = None) -> int:
        """Queue the analysis again for the user's heuristic analyses of pages that were read; how many.

        At most `limit` of them, the oldest bookmarks first; all when None. What is queued goes after jobs whose
        bookmarks show no analysis yet.
        """
        ...

    async def requeue_outdated(self, user: UserId, *, prompt_versions: Sequence[str], by: Actor) -> int:
        """Queue the analysis again for what the provider analysed with one of these versions of the prompt; how many.

        As in `requeue_heuristic`; the old analysis shows until a new one takes its place. Recorded in the audit trail.
        """
        ...

    async def requeue_failed(
        self, user: UserId, *, jobs: Sequence[JobId] = (), code: str | None = None, by: Actor
    ) -> int:
        """Begin anew what failed for a user, with fresh attempts; how many bookmarks. Recorded in the audit trail.

        Chosen are the bookmarks of these failed jobs, or of all, and of those the ones that failed with this code.
        Each begins where it first failed: what came of it later (an analysis of its fallback content) is dropped.
        A bookmark that is still being tried, or done, is left alone.
        """
        ...

    async def remove(self, user: UserId, *, ids: Sequence[BookmarkId] = (), urls: Sequence[str] = ()) -> int:
        """Delete a user's bookmarks with content, analyses and jobs; how many. A running job's result is dropped."""
        ...

    async def erase(self, user: UserId, *, by: Actor) -> Erased:
        """Delete everything that is kept of a user beside the audit trail, which keeps that it was done."""
        ...

    async def wake(self, user: UserId, stage: Stage, *, reasons: Sequence[WaitReason]) -> bool:
        """End a lane's wait now if it waits for one of these reasons (a key was added, say); whether it did."""
        ...

    async def wake_all(self, stage: Stage, *, reasons: Sequence[WaitReason]) -> int:
        """As `wake`, for every lane of a stage that rests for one of these reasons (the default key was replaced, say).

        Lane by lane: what was woken before a failure stays awake. How many were woken.
        """
        ...

    async def pause(self, user: UserId, *, by: Actor) -> bool:
        """An operator stops serving a user until `resume`; what is out ends as usual. False for an unknown user.

        Recorded in the audit trail, as is `resume`.
        """
        ...

    async def resume(self, user: UserId, *, by: Actor) -> bool:
        """Serve a paused user again; False for an unknown user."""
        ...

    async def waiting(self, user: UserId, stage: Stage, *, at_most: int) -> int:
        """How many of a user's jobs wait in a stage, for whatever; counted up to `at_most`."""
        ...

    async def reap(self, *, outage: Outage | None = None) -> Reaped:
        """Take back jobs whose lease has ended, and wake lanes that stand still although they have work.

        A job that was released goes back as it was; one that ran has used up a try, and fails with
        `lease_expired` after its last, so that a page that kills its workers comes to an end. Where its
        lease ended in the outage it has used up none: its worker may have been done and could not say so.
        """
        ...
