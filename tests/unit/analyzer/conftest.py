"""An analyzer whose every neighbour is in memory, driven message by message as its worker would."""

from datetime import timedelta

import pytest

from services.analyzer.adapters.in_memory import InMemoryProvider
from services.analyzer.domain.analysing import Analysing
from services.analyzer.domain.asking import Asking
from services.analyzer.domain.denials import Denials
from services.analyzer.domain.lessons import Lessons
from services.analyzer.domain.usable_keys import UsableKeys
from shared.audit import Actor
from shared.bookmarks import Content, NewBookmark
from shared.breaker.in_memory import InMemoryBreaker
from shared.jobs import JobRunner, Work
from shared.keys import DEPLOYMENT
from shared.keys.in_memory import InMemoryKeyRegistry, InMemoryKeys
from shared.keys.plaintext import api_key
from shared.ledger import Pause
from shared.ledger.in_memory import Kept, MemoryLedger
from shared.ledger.policies import RetryPolicy, stage_policies
from shared.preferences.in_memory import InMemoryPreferences
from shared.quota import Account, Limits, account_of
from shared.quota.in_memory import InMemoryLimits, InMemoryQuota
from shared.quota.limits import DeploymentLimits
from shared.settings import DispatchSettings
from shared.signals.in_memory import InMemorySignals
from shared.usage.in_memory import InMemoryUsage
from shared.values import DefaultKeyPolicy, KeyStatus, Stage, Strategy, UserId, WaitReason

ADA, LINUS = UserId("ada"), UserId("linus")
ACTOR = Actor("process:analyzer", "node-7")
KEYS = {
    ADA: "AIzaSyAda-0000000000000000000000000000ada",
    LINUS: "AIzaSyLinus-00000000000000000000000linus",
    DEPLOYMENT: "AIzaSyDefault-00000000000000000000default",
}


class Analyzer:
    """The analyzer with its neighbours; `serve` runs every message the ledger lets out."""

    def __init__(
        self,
        *,
        per_minute: int = 15,
        share_per_minute: int = 15,
        default_key_per_minute: int = 15,
        default_key_per_day: int = 1_500,
        batch_pause_s: float = 60.0,
        policy: DefaultKeyPolicy = DefaultKeyPolicy.OFF,
        text_tokens: int = 15_000,
    ) -> None:
        self.ledger = MemoryLedger(
            policies=stage_policies(DispatchSettings(batch_pause_s=batch_pause_s, analyze_lease_s=3_600)),
            retries=RetryPolicy(),
        )
        self.actor = ACTOR
        self.keys, self.registry = InMemoryKeys(), InMemoryKeyRegistry()
        self.limits = InMemoryLimits(
            DeploymentLimits(
                user=Limits(minute=per_minute),
                share=Limits(minute=share_per_minute),
                default_key=Limits(minute=default_key_per_minute, day=default_key_per_day),
            )
        )
        self.quota = InMemoryQuota(limits=self.limits)
        self.erased: set[UserId] = set()
        self.journal = InMemoryUsage(knows=lambda user: user not in self.erased)
        self.provider = InMemoryProvider()
        self.breaker = InMemoryBreaker()
        self.signals = InMemorySignals()
        self.preferences = InMemoryPreferences()
        self.analyse = Analysing(
            ledger=self.ledger,
            keys=UsableKeys(self.keys, self.registry, ACTOR, policy),
            asking=Asking(
                self.provider,
                self.breaker,
                self.quota,
                self.journal,
                Denials(self.ledger, self.quota, self.signals, pages_per_call=5),
                self.preferences,
                text_tokens,
            ),
            lessons=Lessons(self.quota, self.limits),
            batch_pause=timedelta(seconds=batch_pause_s),
        )

    async def erase(self, user: UserId) -> None:
        """Forget a user, as the front door does, whatever runs for them."""
        await self.ledger.erase(user, by=ACTOR)
        self.erased.add(user)
        await self.journal.forget(user)
        await self.quota.forget(account_of(user))

    async def add_key(
        self, user: UserId = ADA, *, status: KeyStatus = KeyStatus.ACTIVE, key: str | None = None
    ) -> None:
        version = await self.keys.put(user, api_key(key or KEYS[user]))
        await self.registry.record(
            user, name="mine", fingerprint="f", version=version, status=status, reason=None, by=ACTOR
        )

    async def add_page(
        self, title: str, *, user: UserId = ADA, text: str | None = None, strategy: Strategy = Strategy.STATIC
    ) -> Kept:
        """A bookmark whose page was read, waiting for its analysis."""
        url = f"https://example.com/{user}/{title}"
        (accepted,) = await self.ledger.submit(user, [NewBookmark(url, title=title)])
        (released,) = await self.ledger.release(Stage.SCRAPE)
        (job,) = await self.ledger.claim(Stage.SCRAPE, released.job_ids, released.token)
        words = f"{title} is about Python and Docker. It explains both of them well." if text is None else text
        await self.ledger.store_content(job, Content(strategy, "ok", url, title, words))
        return self.ledger.bookmarks[accepted.id]

    async def serve(self) -> int:
        """Run every message the ledger lets out now; how many."""
        run = JobRunner(Stage.ANALYZE, Work(self.ledger, self.analyse), hold=timedelta(seconds=1))
        messages = await self.ledger.release(Stage.ANALYZE)
        for message in messages:
            await run(message.job_ids, message.token)
        return len(messages)

    async def used(self, account: Account) -> int:
        """Calls that count in an account's minute."""
        return (await self.quota.status(account)).minute.used

    def rest(self, user: UserId = ADA) -> Pause:
        """What the user's lane waits for."""
        return self.ledger._lanes[user, Stage.ANALYZE].rest

    async def wake(self, user: UserId = ADA) -> None:
        """Let the user's lane go on, whatever it waits for."""
        await self.ledger.wake(user, Stage.ANALYZE, reasons=list(WaitReason))

    def attempts(self) -> list[int]:
        """Tries used up by each analyze job."""
        return [job.attempts for job in self.ledger._jobs.values() if job.stage is Stage.ANALYZE]


@pytest.fixture
def analyzer() -> Analyzer:
    return Analyzer()
