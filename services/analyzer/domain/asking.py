"""One request to the provider: permitted by the quota, recorded before it leaves, matched by item id after."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from services.analyzer.domain.batch import Batch
from services.analyzer.domain.prompts import PROMPT_VERSION
from services.analyzer.domain.provider import Answer, Findings, Item, ItemId, Provider
from shared.bookmarks import Analysis, Content, Tokens
from shared.errors import AnswerUnusable, FleetError, LedgerUnavailable, ProviderUnreached, QuotaSpent
from shared.keys import StoredKey
from shared.ledger import Job
from shared.logs import log
from shared.metrics import ITEMS_PER_REQUEST, PROVIDER_REQUESTS, PROVIDER_SECONDS, PROVIDER_TOKENS
from shared.quota import Quota, Taken, Wait, account_of
from shared.usage import NOT_SENT, CallId, UsageJournal
from shared.values import AnalysedBy, KeySource, UserId

ANALYSED = "analysed"


@dataclass(frozen=True, slots=True)
class Asking:
    """Asks the provider about a few pages of one user, on that user's key and quota."""

    provider: Provider
    quota: Quota
    journal: UsageJournal

    async def __call__(self, batch: Batch, jobs: Sequence[Job], key: StoredKey) -> None:
        """Ask once about these jobs' pages, and note in the batch what came of each.

        Raises:
            Postponed: the quota or the provider does not permit it now.
            KeyRefused, ContentBlocked, AnswerUnusable: nothing came of it.
        """
        await self.provider.prepare(key.key)
        permit, call = await self._permit(batch.user, items=len(jobs))
        began = time.perf_counter()
        try:
            answer = await self.provider.analyse(key.key, [_item(job) for job in jobs])
        except ProviderUnreached as error:
            _tell(error.code, items=len(jobs), seconds=time.perf_counter() - began)
            await self._take_back(permit, call)
            raise
        except FleetError as error:
            batch.asked = True
            _tell(error.code, items=len(jobs), seconds=time.perf_counter() - began)
            await self.journal.end(call, outcome=error.code, tokens=Tokens())
            raise
        batch.asked = True
        _tell(ANALYSED, items=len(jobs), seconds=time.perf_counter() - began, answer=answer)
        _note(batch, jobs, answer)
        await self.journal.end(call, outcome=ANALYSED, tokens=answer.tokens)

    async def _permit(self, user: UserId, *, items: int) -> tuple[Taken, CallId]:
        """A permit that is still good after its call was recorded."""
        while True:
            permit = await self.quota.take(account_of(user))
            if isinstance(permit, Wait):
                raise QuotaSpent(until=permit.until, reason=permit.reason)
            try:
                call = await self.journal.begin(user, key_source=KeySource.USER, model=self.provider.model, items=items)
            except LedgerUnavailable:
                await self.quota.refund(permit)
                raise
            if not permit.lapsed:
                return permit, call
            await self._take_back(permit, call)

    async def _take_back(self, permit: Taken, call: CallId) -> None:
        """The call never left: it counts for nothing."""
        await self.quota.refund(permit)
        await self.journal.end(call, outcome=NOT_SENT, tokens=Tokens())


def _item(job: Job) -> Item:
    content = _content(job)
    title = content.title or job.bookmark.title
    return Item(_item_id(job), title=title, url=content.final_url, text=content.text, language=content.language)


def _item_id(job: Job) -> ItemId:
    return ItemId(str(job.bookmark.id))


def _content(job: Job) -> Content:
    if job.content is None:
        raise AnswerUnusable("There is no content to ask about.")
    return job.content


def _note(batch: Batch, jobs: Sequence[Job], answer: Answer) -> None:
    """Each page gets what the answer says of it; what the answer misses is asked again later."""
    answered = [(job, found) for job in jobs if (found := answer.findings.get(_item_id(job))) is not None]
    shares = _shares(answer.tokens, len(answered))
    batch.finish(
        (job, _analysis(found, answer.model, share)) for (job, found), share in zip(answered, shares, strict=True)
    )
    missed = [job for job in jobs if _item_id(job) not in answer.findings]
    batch.fail(missed, AnswerUnusable("The provider's answer says nothing usable of this page."))


def _analysis(found: Findings, model: str, tokens: Tokens) -> Analysis:
    return Analysis(
        **asdict(found),
        analysed_by=AnalysedBy.GEMINI,
        key_source=KeySource.USER,
        model=model,
        prompt_version=PROMPT_VERSION,
        tokens=tokens,
    )


def _shares(tokens: Tokens, parts: int) -> list[Tokens]:
    """The request's tokens, dealt out so that the parts add up to it."""
    return [
        Tokens(
            prompt=tokens.prompt * (part + 1) // parts - tokens.prompt * part // parts,
            answer=tokens.answer * (part + 1) // parts - tokens.answer * part // parts,
        )
        for part in range(parts)
    ]


def _tell(outcome: str, *, items: int, seconds: float, answer: Answer | None = None) -> None:
    """One request's metrics and its one line in the log: numbers alone, no content and no key."""
    tokens = answer.tokens if answer else Tokens()
    PROVIDER_REQUESTS.labels(KeySource.USER, outcome).inc()
    PROVIDER_SECONDS.observe(seconds)
    ITEMS_PER_REQUEST.observe(items)
    PROVIDER_TOKENS.labels("prompt").inc(tokens.prompt)
    PROVIDER_TOKENS.labels("answer").inc(tokens.answer)
    log.info(
        "provider_asked",
        outcome=outcome,
        items=items,
        answered=len(answer.findings) if answer else 0,
        seconds=round(seconds, 3),
        prompt_tokens=tokens.prompt,
        answer_tokens=tokens.answer,
    )
