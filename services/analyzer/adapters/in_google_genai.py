"""Gemini through google-genai: one request a call, retried by nobody, on the one key it is handed."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx2
from google.genai import errors, types
from pydantic import ValidationError

from services.analyzer.adapters.gemini_clients import GeminiClients
from services.analyzer.adapters.gemini_errors import Refusal, meaning
from services.analyzer.domain.answers import read_answer
from services.analyzer.domain.outage import Outage
from services.analyzer.domain.prompts import ANSWER_SCHEMA, Prompt, build_prompt
from services.analyzer.domain.provider import Answer, Item
from shared.bookmarks import Tokens
from shared.errors import AnswerUnusable, ContentBlocked, FleetError, KeyRefused, ProviderDown, ProviderUnreached
from shared.keys import ApiKey

MAX_ANSWER_TOKENS = 8_192

_NEVER_LEFT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.UnsupportedProtocol)
_BLOCKED = frozenset(
    [
        types.FinishReason.SAFETY,
        types.FinishReason.RECITATION,
        types.FinishReason.BLOCKLIST,
        types.FinishReason.PROHIBITED_CONTENT,
        types.FinishReason.SPII,
    ]
)


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Gemini:
    """The provider port over google-genai.

    Attributes:
        clients: a client per key.
        model: the model that is asked.
        chars: the budget of characters for the texts of one request.
        deadline_s: how long one call may take in all, seconds.
    """

    clients: GeminiClients
    model: str
    chars: int
    deadline_s: float
    outage: Outage = field(default_factory=Outage)
    now: Callable[[], datetime] = _now

    async def prepare(self, key: ApiKey) -> None:
        """Have a client for the key; an empty key gets none, and is refused when it is used."""
        if key.get_secret_value().strip():
            await self.clients.prepare(key)

    async def analyse(self, key: ApiKey, items: Sequence[Item]) -> Answer:
        """Ask once about these items; see `services.analyzer.domain.provider.Provider`."""
        asked = await self._ask(key, build_prompt(items, chars=self.chars))
        if isinstance(asked, FleetError):
            raise asked  # here, where no library error hangs on it: those hold the request, and with it the key
        self.outage.over()
        found = read_answer(_text(asked), asked={item.id for item in items})
        return Answer(found, model=asked.model_version or self.model, tokens=_tokens(asked))

    async def close(self) -> None:
        """Close every client."""
        await self.clients.close()

    async def _ask(self, key: ApiKey, prompt: Prompt) -> types.GenerateContentResponse | FleetError:
        if not key.get_secret_value().strip():
            return KeyRefused("it is empty")
        try:
            async with self.clients.client_for(key) as client, asyncio.timeout(self.deadline_s):
                return await client.aio.models.generate_content(
                    model=self.model, contents=prompt.pages, config=_config(prompt)
                )
        except (errors.APIError, httpx2.HTTPError, TimeoutError, ValidationError, ValueError) as error:
            return self._ours(error)

    def _ours(self, error: Exception) -> FleetError:
        match error:
            case errors.APIError():
                refusal = Refusal.of(error.code, error.details)
                return meaning(refusal, now=self.now()) or self._down(f"{error.code} {refusal.status}", refusal)
            case _ if isinstance(error, _NEVER_LEFT):
                sentence = "The provider cannot be reached; nothing was sent."
                return ProviderUnreached(sentence, until=self.outage.failed())
            case TimeoutError() | httpx2.TimeoutException():
                return self._down("it did not answer in time")
            case httpx2.HTTPError():
                return self._down("the connection broke")
            case _:
                return AnswerUnusable("The provider's answer is not one of Gemini's API.")

    def _down(self, why: str, refusal: Refusal | None = None) -> ProviderDown:
        wanted = refusal.retry_after if refusal else None
        until = self.outage.failed(at_least=wanted) if wanted else self.outage.failed()
        return ProviderDown(f"The provider could not answer ({why.strip()}).", until=until)


def _config(prompt: Prompt) -> types.GenerateContentConfig:
    return types.GenerateContentConfig(
        system_instruction=prompt.instructions,
        response_mime_type="application/json",
        response_schema=ANSWER_SCHEMA,
        temperature=0.2,
        max_output_tokens=MAX_ANSWER_TOKENS,
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
    )


def _text(response: types.GenerateContentResponse) -> str:
    """The answer's text, which is None where the provider's rules held it back.

    Raises:
        ContentBlocked: they did.
        AnswerUnusable: there is none for another reason, or it was cut.
    """
    feedback = response.prompt_feedback
    if feedback is not None and feedback.block_reason is not None:
        raise ContentBlocked("The provider's safety rules refuse this page.")
    candidate = response.candidates[0] if response.candidates else None
    if candidate is None:
        raise AnswerUnusable("The provider's answer is empty.")
    if candidate.finish_reason in _BLOCKED:
        raise ContentBlocked("The provider's safety rules held back what it would say of this page.")
    if candidate.finish_reason is types.FinishReason.MAX_TOKENS:
        raise AnswerUnusable("The provider's answer was cut at its longest.")
    parts = candidate.content.parts if candidate.content else None
    text = "".join(part.text for part in parts or () if part.text and not part.thought)
    if not text:
        raise AnswerUnusable("The provider's answer holds no text.")
    return text


def _tokens(response: types.GenerateContentResponse) -> Tokens:
    usage = response.usage_metadata
    if usage is None:
        return Tokens()
    answered = (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)
    return Tokens(prompt=usage.prompt_token_count or 0, answer=answered)
