"""Every adapter of the ledger's port behind one face, so that one story tests them all."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

import psycopg

from shared.audit import Actor, Entry
from shared.audit.in_postgres import PostgresAudit
from shared.bookmarks import Analysis, Content, NewBookmark
from shared.database import Database
from shared.errors import PageUnreachable
from shared.ledger import Job, Ledger, Released, StagePolicy
from shared.ledger.in_memory import MemoryLedger
from shared.ledger.in_postgres import PostgresLedger
from shared.ledger.policies import RetryPolicy
from shared.users import user_id
from shared.values import AnalysedBy, BookmarkId, KeySource, Stage, Strategy, UserId

ADA, BOB = user_id("ada"), user_id("bob")
OPERATOR = Actor("operator:root", "node-7")
SCRAPE, RENDER, ANALYZE = Stage.SCRAPE, Stage.RENDER, Stage.ANALYZE

POLICIES = {
    SCRAPE: StagePolicy(2, 1, 6, timedelta(seconds=60), timedelta(seconds=120)),
    RENDER: StagePolicy(2, 1, 6, timedelta(seconds=60), timedelta(seconds=120)),
    ANALYZE: StagePolicy(5, 3, 20, timedelta(seconds=60), timedelta(seconds=300)),
}
RETRIES = RetryPolicy(retries=2, base=timedelta(seconds=10), cap=timedelta(seconds=15))


@dataclass(frozen=True)
class Seen:
    """What became of a bookmark."""

    state: str
    error_code: str | None
    title: str
    tags: tuple[str, ...]
    strategy: str | None
    analysed_by: str | None


class Fleet(Protocol):
    """A ledger under test, its time, and what can be seen of it from outside."""

    ledger: Ledger
    chance: float

    def draw(self) -> float: ...
    def another(self) -> Ledger: ...
    def serves_only(self, *stages: Stage) -> None: ...
    def passes(self, time: timedelta) -> None: ...
    def see(self, bookmark: BookmarkId) -> Seen | None: ...
    def events(self) -> Counter[tuple[str, int]]: ...
    def exhausted(self) -> list[tuple[str, str, datetime]]: ...
    async def acts(self) -> list[tuple[Actor, str, UserId | None, dict[str, object]]]: ...
    def now(self) -> datetime: ...


@dataclass
class InMemory:
    chance: float = 0.5
    offset: timedelta = timedelta(0)
    ledger: MemoryLedger = field(init=False)

    def __post_init__(self) -> None:
        self.serves_only(*POLICIES)

    def serves_only(self, *stages: Stage) -> None:
        """From the beginning: no other stage has anybody to work for it."""
        policies = {stage: POLICIES[stage] for stage in stages}
        self.ledger = MemoryLedger(policies=policies, retries=RETRIES, clock=self.now, random=lambda: self.draw())  # noqa: PLW0108 - tests replace it

    def draw(self) -> float:
        return self.chance

    def another(self) -> Ledger:
        return self.ledger

    def now(self) -> datetime:
        return datetime.now(UTC) + self.offset

    def passes(self, time: timedelta) -> None:
        self.offset += time

    def see(self, bookmark: BookmarkId) -> Seen | None:
        kept = self.ledger.bookmarks.get(bookmark)
        return kept and Seen(
            kept.state,
            kept.error and kept.error.code,
            kept.new.title,
            kept.new.tags,
            kept.content and kept.content.strategy,
            kept.analysis and kept.analysis.analysed_by,
        )

    def events(self) -> Counter[tuple[str, int]]:
        return Counter(self.ledger.events)

    def exhausted(self) -> list[tuple[str, str, datetime]]:
        return [(user, str(pause.spent_window), pause.until) for user, pause in self.ledger.exhausted]

    async def acts(self) -> list[tuple[Actor, str, UserId | None, dict[str, object]]]:
        return _acts(self.ledger.audit.entries)


@dataclass
class InPostgres:
    url: str
    database: Database
    chance: float = 0.5
    stages: tuple[Stage, ...] = tuple(POLICIES)
    ledger: PostgresLedger = field(init=False)

    def __post_init__(self) -> None:
        self.ledger = self.another()

    def serves_only(self, *stages: Stage) -> None:
        self.stages = stages
        self.ledger = self.another()

    def draw(self) -> float:
        return self.chance

    def another(self) -> PostgresLedger:
        policies = {stage: POLICIES[stage] for stage in self.stages}
        return PostgresLedger(self.database, policies=policies, retries=RETRIES, random=lambda: self.draw())  # noqa: PLW0108 - tests replace it

    def now(self) -> datetime:
        return datetime.now(UTC)

    def passes(self, time: timedelta) -> None:
        """The server's clock cannot be moved: everything it is compared with moves back instead."""
        with psycopg.connect(self.url) as connection:
            connection.execute(
                "UPDATE jobs SET ready_at = ready_at - %(t)s, lease_until = lease_until - %(t)s", {"t": time}
            )
            connection.execute(
                "UPDATE lanes SET wake_at = wake_at - %(t)s, rest_until = rest_until - %(t)s, "
                "waits_since = waits_since - %(t)s",
                {"t": time},
            )

    def see(self, bookmark: BookmarkId) -> Seen | None:
        with psycopg.connect(self.url) as connection:
            row = connection.execute(
                "SELECT b.state, b.error_code, b.title, b.tags, c.strategy, a.analysed_by FROM bookmarks b "
                "LEFT JOIN contents c ON c.bookmark_id = b.id LEFT JOIN analyses a ON a.bookmark_id = b.id "
                "WHERE b.id = %s",
                [bookmark],
            ).fetchone()
        return row and Seen(row[0], row[1], row[2], tuple(row[3]), row[4], row[5])

    def events(self) -> Counter[tuple[str, int]]:
        of_bookmarks = "SELECT type, (data->>'bookmark_id')::bigint FROM outbox WHERE data ? 'bookmark_id'"
        with psycopg.connect(self.url) as connection:
            return Counter(connection.execute(of_bookmarks).fetchall())

    def exhausted(self) -> list[tuple[str, str, datetime]]:
        """Users, windows and until when; each event tells people why and what to do."""
        with psycopg.connect(self.url) as connection:
            query = "SELECT user_id, data FROM outbox WHERE type = 'quota.exhausted' ORDER BY id"
            told = connection.execute(query).fetchall()
        assert all(data["user"] == user and data["sentence"] and data["advice"] for user, data in told)
        return [(user, data["window"], datetime.fromisoformat(data["until"])) for user, data in told]

    async def acts(self) -> list[tuple[Actor, str, UserId | None, dict[str, object]]]:
        """What was recorded, oldest first."""
        return _acts(reversed(await PostgresAudit(self.database).newest()))


def _acts(entries: Iterable[Entry]) -> list[tuple[Actor, str, UserId | None, dict[str, object]]]:
    return [(entry.actor, entry.action, entry.user, dict(entry.details)) for entry in entries]


# ---- what stories are told with -------------------------------------------------------------------


def pages(count: int, *, of: str = "ada") -> list[NewBookmark]:
    return [NewBookmark(f"https://{of}.example/{number}") for number in range(count)]


class Unreachable(PageUnreachable):
    """As when a site does not answer, without the rest it is left: waits are the back-off's alone."""

    rest = timedelta(0)


def content(strategy: Strategy = Strategy.STATIC) -> Content:
    return Content(strategy, "ok", "https://example.org/", "A page", "Some words\0 of text \ud800")


def analysis(by: AnalysedBy = AnalysedBy.GEMINI) -> Analysis:
    source = KeySource.USER if by is AnalysedBy.GEMINI else KeySource.NONE
    return Analysis(("a",), "article", "beginner", ("python",), "l", "p", "s", "A summary.\0", by, source, "m", "1")


async def release_all(ledger: Ledger, stage: Stage) -> list[Released]:
    """Tick until nothing more comes out, as the dispatcher does."""
    released: list[Released] = []
    while more := await ledger.release(stage):
        released += more
    return released


async def claim_all(ledger: Ledger, stage: Stage) -> list[Job]:
    """Release and claim whatever may run now."""
    releases = await release_all(ledger, stage)
    return [job for each in releases for job in await ledger.claim(stage, each.job_ids, each.token)]


async def scraped(ledger: Ledger, count: int = 1, *, user: UserId = ADA) -> list[BookmarkId]:
    """A user's bookmarks, with content, their analyses queued."""
    await ledger.submit(user, pages(count))
    done = []
    while jobs := await claim_all(ledger, SCRAPE):
        for job in jobs:
            await ledger.store_content(job, content())
            done.append(job.bookmark.id)
    return sorted(done)


def ids(releases: list[Released]) -> list[int]:
    return [id_ for each in releases for id_ in each.job_ids]


def later(fleet: Fleet, seconds: float) -> datetime:
    return fleet.now() + timedelta(seconds=seconds)
