"""What the ledger shows to people: a bookmark, a user's progress and the whole fleet, as plain values."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Self

from shared.bookmarks import Link
from shared.values import BookmarkId, JobId, Stage, Strategy, UserId, WaitReason
from shared.waiting import words_of


class _View:
    """Values that can be written as JSON: times become ISO 8601 text, everything else is JSON already."""

    __slots__ = ()

    def as_json(self) -> dict[str, Any]:
        """The fields by name, nested ones too."""
        return asdict(self, dict_factory=_json_fields)  # type: ignore[call-overload, no-any-return]  # its heirs are dataclasses


def _json_fields(fields: list[tuple[str, Any]]) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in fields}


@dataclass(frozen=True, slots=True)
class Waiting(_View):
    """Why work does not run although there is some, in words too; `until` is None when nobody knows (a pause, say)."""

    reason: WaitReason
    until: datetime | None
    because: str
    advice: str

    @classmethod
    def of(cls, reason: WaitReason, until: datetime | None) -> Self:
        """The wait with its words."""
        words = words_of(reason)
        return cls(reason, until, words.because, words.advice)


@dataclass(frozen=True, slots=True)
class ErrorView(_View):
    """Why a bookmark failed: the code for machines, a sentence and advice for people."""

    code: str
    sentence: str
    advice: str


@dataclass(frozen=True, slots=True)
class ContentView(_View):
    """What is known of the page, without its text.

    Attributes:
        verdict: what the gate said of it, or the code of the error for which it was not seen.
        published: a date, ISO 8601.
        image: address of the lead image.
        pages: of a document made for print; None for all others.
    """

    verdict: str
    final_url: str
    description: str
    author: str | None
    site_name: str | None
    language: str | None
    published: str | None
    image: str | None
    pages: int | None
    fetched_at: datetime


@dataclass(frozen=True, slots=True)
class TextView(_View):
    """What was read from a bookmark's page, to be read.

    Attributes:
        strategy: how it was obtained; `fallback`: the page itself was not read.
        text: Markdown-like.
        links: in the text, in its order, each address once.
    """

    title: str
    final_url: str
    strategy: Strategy
    text: str
    links: list[Link]
    fetched_at: datetime


@dataclass(frozen=True, slots=True)
class AnalysisView(_View):
    """What was concluded, and who concluded it (docs/analysis.md describes each field)."""

    key_concepts: list[str]
    content_type: str
    difficulty: str
    technologies: list[str]
    learning_path: str
    project_applicability: str
    skill_development: str
    summary: str
    analysed_by: str
    model: str
    key_source: str
    prompt_version: str
    tokens: Mapping[str, int]
    chars_left_out: int
    analysed_at: datetime


@dataclass(frozen=True, slots=True)
class BookmarkView(_View):
    """One bookmark with all there is to show of it.

    Attributes:
        title: the page's own if it was read, else the one that was submitted.
        state: queued, done, failed or cancelled.
        stage: the first it has work to do in, else the last it had; what stands in for its page may be analysed beside.
        job_state: how far its job there is: queued, released, running, done or failed.
        waiting: why it is not running, when it is not merely waiting for its turn.
        strategy: how its content was obtained; `fallback` also while its page is still being tried; None for none.
        chars: length of its text.
        words: words in its text.
    """

    id: BookmarkId
    user: UserId
    url: str
    external_id: str | None
    title: str
    tags: list[str]
    state: str
    stage: str | None
    job_state: str | None
    attempts: int
    waiting: Waiting | None
    strategy: str | None
    chars: int
    words: int
    content: ContentView | None
    analysis: AnalysisView | None
    analysed_by: str | None
    error: ErrorView | None
    submitted_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Page(_View):
    """Some bookmarks in order of their ids, and where the next page begins; None when this is the last."""

    bookmarks: list[BookmarkView]
    after: BookmarkId | None


@dataclass(frozen=True, slots=True)
class StageSums(_View):
    """The jobs of one stage by state, and how long the oldest that could run has waited, in seconds."""

    stage: Stage
    waiting: int
    released: int
    running: int
    done: int
    failed: int
    oldest_wait_s: float


@dataclass(frozen=True, slots=True)
class LanesWaiting(_View):
    """How many lanes of a stage with work wait for one reason, which is, and when the first of them wakes."""

    stage: Stage
    reason: WaitReason
    lanes: int
    until: datetime | None
    because: str


@dataclass(frozen=True, slots=True)
class FailureKind(_View):
    """How many jobs failed for good with a code."""

    code: str
    jobs: int


@dataclass(frozen=True, slots=True)
class StageHealth(_View):
    """What ended in one stage lately.

    Attributes:
        success: the share that was done, from 0 to 1.
        usual_s: from claim to end, seconds: half of the jobs took no longer.
        slow_s: nineteen of twenty took no longer.
        failures: why jobs failed for good, the most frequent first.
    """

    stage: Stage
    done: int
    failed: int
    success: float
    usual_s: float | None
    slow_s: float | None
    failures: list[FailureKind]


@dataclass(frozen=True, slots=True)
class Health(_View):
    """How well the fleet does.

    Attributes:
        since: from when on `stages` looks; a stage in which nothing ended is left out.
        keys: how many users' keys by status.
        held_back: how many users' calls are used up for now, by window: minute, day, month.
    """

    since: datetime
    stages: list[StageHealth]
    keys: Mapping[str, int]
    held_back: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Overview(_View):
    """The whole fleet at a moment.

    Attributes:
        bookmarks: how many by state.
        analyses: how many by who made them: gemini, heuristic.
        paused: users an operator does not want served, a hundred at most.
    """

    at: datetime
    stages: list[StageSums]
    lanes: list[LanesWaiting]
    bookmarks: Mapping[str, int]
    contents: int
    analyses: Mapping[str, int]
    users: int
    outbox_pending: int
    paused: list[UserId]
    health: Health


@dataclass(frozen=True, slots=True)
class LaneProgress(_View):
    """One stage of one user: jobs by state, and what the lane waits for.

    Attributes:
        blocked: why nothing of what waits is let out; None when it is merely not its turn, or nothing waits.
    """

    stage: Stage
    waiting: int
    released: int
    running: int
    paused: bool
    blocked: Waiting | None


@dataclass(frozen=True, slots=True)
class LaneView(_View):
    """A lane among those of all users."""

    user: UserId
    lane: LaneProgress


@dataclass(frozen=True, slots=True)
class LanePage(_View):
    """Some lanes by their users, and where the next page begins; None when this is the last."""

    lanes: list[LaneView]
    after: str | None


@dataclass(frozen=True, slots=True)
class FailureView(_View):
    """A job that failed for good: whose, of which bookmark, and why."""

    job: JobId
    bookmark: BookmarkId
    user: UserId
    url: str
    stage: Stage
    attempts: int
    error: ErrorView
    failed_at: datetime


@dataclass(frozen=True, slots=True)
class FailurePage(_View):
    """Some failed jobs, newest first, and where the next page begins; None when this is the last."""

    failures: list[FailureView]
    after: JobId | None


@dataclass(frozen=True, slots=True)
class Progress(_View):
    """How far one user's bookmarks are.

    Attributes:
        bookmarks: how many by state.
        analysed: bookmarks that have an analysis, by who made it.
        unfinished: jobs that have not ended.
    """

    user: UserId
    total: int
    bookmarks: Mapping[str, int]
    analysed: Mapping[str, int]
    unfinished: int
    lanes: list[LaneProgress]
