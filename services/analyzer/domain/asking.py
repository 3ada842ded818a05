"""One request to the provider: permitted by the quota, recorded before it leaves, matched by item id after."""

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from functools import partial

from services.analyzer.domain.batch import Batch
from services.analyzer.domain.budget import fitted
from services.analyzer.domain.denials import Denials
from services.analyzer.domain.provider import Answer, Item, ItemId, Provider
from services.analyzer.domain.usable_keys import UsableKey
from shared.bookmarks import Analysis, Content, Tokens
from shared.breaker import Breaker, Go, Hold
from shared.errors import (
    AnswerUnusable,
    ContentBlocked,
    FleetError,
    LedgerUnavailable,
    ProviderDown,
    ProviderUnreached,
    QuotaSpent,
    UserErased,
)
from shared.ledger import Job
from shared.logs import log
from shared.metrics import ITEMS_PER_REQUEST, PROVIDER_REQUESTS, PROVIDER_SECONDS, PROVIDER_TOKENS
from shared.preferences import Language, Preferences
from shared.quota import DEFAULT_KEY, Account, Quota, Taken, Wait, account_of, share_of
from shared.tracing import Kind, Span, here, span
from shared.usage import NOT_SENT, CallId, UsageJournal
from shared.values import PROMPT_VERSION, AnalysedBy, KeySource, UserId

ANALYSED = "analysed"


@dataclass(frozen=True, slots=True)
class Permit:
    """What every account that a call counts in has granted."""

    taken: Sequence[Taken]

    @property
    def lapsed(self) -> bool:
        """Whether it is too late to use it."""
        return any(each.lapsed for each in self.taken)


@dataclass(frozen=True, slots=True)
class Asking:
    """Asks the provider about a few pages of one user, on the key that serves the user and within its quota.

    Attributes:
        text_tokens: about how many tokens the texts of one request may take; of a longer page the beginning is sent.
    """

    provider: Provider
    breaker: Breaker
    quota: Quota
    journal: UsageJournal
    denials: Denials
    preferences: Preferences
    text_tokens: int

    async def __call__(self, batch: Batch, jobs: Sequence[Job], key: UsableKey) -> None:
        """Ask once about these jobs' pages, and note in the batch what came of each.

        Raises:
            Postponed: the quota or the provider does not permit it now.
            UserErased: there is nobody to ask for any more.
            KeyRefused, ContentBlocked, AnswerUnusable: nothing came of it.
        """
        language = await self.preferences.language_of(batch.user)
        items = [_item(job, language, tokens=self.text_tokens) for job in jobs]
        go = await self._go(batch.user)
        await self.provider.prepare(key.stored.key)
        try:
            permit, call = await self._permit(batch.user, key.source, items=len(jobs))
        except FleetError:
            await self.breaker.unused(go)
            raise
        tell = partial(_tell, key.source, items=len(jobs))
        began = time.perf_counter()
        try:
            with _traced(self.provider.model, key.source, items=len(items)):
                answer = await self.provider.analyse(key.stored.key, items)
        except FleetError as error:
            tokens = _spent_on(error)
            tell(error.code, seconds=time.perf_counter() - began, tokens=tokens)
            if isinstance(error, ProviderUnreached):
                await self._take_back(permit, call)
            else:
                batch.asked = True
                await self.journal.end(call, outcome=error.code, tokens=tokens)
            await self._heed(batch.user, go, error)
            raise
        batch.asked = True
        await self.breaker.answered(batch.user, go)
        tell(ANALYSED, seconds=time.perf_counter() - began, tokens=answer.tokens, answered=len(answer.findings))
        _note(batch, jobs, items, answer, key.source)
        await self.journal.end(call, outcome=ANALYSED, tokens=answer.tokens)

    async def _go(self, user: UserId) -> Go:
        """Leave of the breaker, before any quota is taken.

        Raises:
            ProviderDown: it is open, and somebody else finds out when the provider is back.
        """
        answer = await self.breaker.ask(user)
        if isinstance(answer, Hold):
            raise ProviderDown("The provider is down; one call at a time asks whether it is back.", until=answer.until)
        return answer

    async def _heed(self, user: UserId, go: Go, error: FleetError) -> None:
        """Tell the breaker what came of a call; a refusal is an answer as well."""
        if isinstance(error, ProviderDown):
            error.until = max(error.until, await self.breaker.failed(user, go))
        else:
            await self.breaker.answered(user, go)

    async def _permit(self, user: UserId, source: KeySource, *, items: int) -> tuple[Permit, CallId]:
        """A permit that is still good after its call was recorded."""
        while True:
            permit = await self._take(user, source)
            try:
                call = await self.journal.begin(user, key_source=source, model=self.provider.model, items=items)
            except LedgerUnavailable:
                await self._refund(permit)
                raise
            except UserErased:
                await self._forget(permit)
                raise
            if not permit.lapsed:
                return permit, call
            await self._take_back(permit, call)

    async def _take(self, user: UserId, source: KeySource) -> Permit:
        """A call of every account it counts in, one after the other, or of none."""
        taken: list[Taken] = []
        try:
            for account, whose in _accounts(user, source):
                answer = await self.quota.take(account)
                if isinstance(answer, Wait):
                    if account.user is not None:  # what everybody used up is no sign of this user
                        await self.denials.weigh(user, account, answer)
                    raise QuotaSpent(until=answer.until, reason=answer.reason, whose=whose)
                taken.append(answer)
        except FleetError:
            await self._refund(Permit(taken))
            raise
        return Permit(taken)

    async def _refund(self, permit: Permit) -> None:
        for taken in permit.taken:
            await self.quota.refund(taken)

    async def _forget(self, permit: Permit) -> None:
        """The user is gone: what was counted for nobody else is dropped, and the rest given back."""
        for taken in permit.taken:
            if taken.account.user is None:
                await self.quota.refund(taken)
            else:
                await self.quota.forget(taken.account)

    async def _take_back(self, permit: Permit, call: CallId) -> None:
        """The call never left: it counts for nothing."""
        await self._refund(permit)
        await self.journal.end(call, outcome=NOT_SENT, tokens=Tokens())


def _accounts(user: UserId, source: KeySource) -> list[tuple[Account, str]]:
    """The accounts that a call counts in, the user's first, each with what its calls are called."""
    accounts = [(account_of(user), "The user's calls")]
    if source is KeySource.DEFAULT:
        accounts.append((share_of(user), "The user's share of the default key's calls"))
        accounts.append((DEFAULT_KEY, "The calls of all users on the default key"))
    return accounts


def _item(job: Job, language: Language, *, tokens: int) -> Item:
    content = _content(job)
    text = fitted(content.text, tokens=tokens)
    return Item(
        _item_id(job),
        title=content.title or job.bookmark.title,
        url=content.final_url,
        text=text,
        language=content.language,
        answer_in=language,
        chars_left_out=len(content.text) - len(text),
    )


def _item_id(job: Job) -> ItemId:
    return ItemId(str(job.bookmark.id))


def _content(job: Job) -> Content:
    if job.content is None:
        raise AnswerUnusable("There is no content to ask about.")
    return job.content


def _note(batch: Batch, jobs: Sequence[Job], items: Sequence[Item], answer: Answer, source: KeySource) -> None:
    """Each page gets what the answer says of it; what the answer misses is left."""
    answered = [(job, item) for job, item in zip(jobs, items, strict=True) if item.id in answer.findings]
    shares = _shares(answer.tokens, len(answered))
    batch.finish(
        (job, _analysis(item, answer, source, share)) for (job, item), share in zip(answered, shares, strict=True)
    )


def _analysis(item: Item, answer: Answer, source: KeySource, tokens: Tokens) -> Analysis:
    return Analysis(
        **asdict(answer.findings[item.id]),
        analysed_by=AnalysedBy.GEMINI,
        key_source=source,
        model=answer.model,
        prompt_version=PROMPT_VERSION,
        tokens=tokens,
        chars_left_out=item.chars_left_out,
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


def _traced(model: str, source: KeySource, *, items: int) -> AbstractContextManager[Span]:
    return span(
        f"generate_content {model}",
        Kind.CLIENT,
        parent=here(),
        facts={
            "gen_ai.operation.name": "generate_content",
            "gen_ai.provider.name": "gcp.gemini",
            "gen_ai.request.model": model,
            "fleet.key_source": source.value,
            "fleet.items": items,
        },
    )


def _spent_on(error: FleetError) -> Tokens:
    """What a request that came to nothing cost: an answer that cannot be used is paid for like any other."""
    return (error.tokens if isinstance(error, AnswerUnusable | ContentBlocked) else None) or Tokens()


def _tell(source: KeySource, outcome: str, *, items: int, seconds: float, tokens: Tokens, answered: int = 0) -> None:
    """One request's metrics and its one line in the log: numbers alone, no content and no key."""
    PROVIDER_REQUESTS.labels(source, outcome).inc()
    PROVIDER_SECONDS.observe(seconds)
    ITEMS_PER_REQUEST.observe(items)
    PROVIDER_TOKENS.labels("prompt").inc(tokens.prompt)
    PROVIDER_TOKENS.labels("answer").inc(tokens.answer)
    log.info(
        "provider_asked",
        key_source=source.value,
        outcome=outcome,
        items=items,
        answered=answered,
        seconds=round(seconds, 3),
        prompt_tokens=tokens.prompt,
        answer_tokens=tokens.answer,
    )
