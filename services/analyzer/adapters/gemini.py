"""Gemini as the provider, over either of its libraries: what each answer means to us is decided here, once."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

from services.analyzer.adapters.gemini_errors import Refusal, meaning
from services.analyzer.adapters.gemini_replies import Reply, said
from services.analyzer.adapters.key_clients import KeyClients
from services.analyzer.domain.answers import read_answer
from services.analyzer.domain.prompts import Prompt, build_prompt
from services.analyzer.domain.provider import Answer, Item
from shared.errors import AnswerUnusable, ContentBlocked, FleetError, KeyRefused, ProviderDown, ProviderUnreached
from shared.keys import ApiKey

MAX_BODY_BYTES = 2 * 2**20
"""The longest answer that is read; five analyses take some ten kilobytes."""


class Silence(StrEnum):
    """Why there is no answer of Gemini's, although we asked or tried to."""

    NEVER_LEFT = "nothing was sent"
    TOO_LATE = "it did not answer in time"
    BROKEN = "the connection broke"
    TOO_LONG = "the answer is far longer than what was asked for"
    NOT_GEMINIS = "the answer is not one of Gemini's API"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What is asked, and how long one step of it may take.

    Attributes:
        base_url: where the API is.
        api_version: `v1beta` or `v1`.
        model: the model that is asked.
        timeout_s: how long the provider may take between two bytes, seconds.
    """

    base_url: str
    api_version: str
    model: str
    timeout_s: float


class Sdk(Protocol):
    """One of Gemini's libraries: one request a call, retried by nobody, with the key in a header.

    Nothing it hands back or raises holds the library's own errors: those hold the request, and with it the key.
    """

    @property
    def clients(self) -> KeyClients[Any]:
        """Its clients, one a key."""
        ...

    async def ask(self, key: str, prompt: Prompt) -> Reply | Refusal | Silence:
        """Ask once, on this key; at most `MAX_BODY_BYTES` of the answer are read, and no redirect is followed."""
        ...

    async def close(self) -> None:
        """Close every client."""
        ...


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Gemini:
    """Keeps the promises of `services.analyzer.domain.provider.Provider`.

    Attributes:
        sdk: the library that carries requests.
        model: the model that is asked.
        deadline_s: how long one call may take in all, seconds.
    """

    sdk: Sdk
    model: str
    deadline_s: float
    now: Callable[[], datetime] = _now

    async def prepare(self, key: ApiKey) -> None:
        """Have a client for the key; an empty key gets none, and is refused when it is used."""
        if key.get_secret_value().strip():
            await self.sdk.clients.prepare(key.get_secret_value())

    async def analyse(self, key: ApiKey, items: Sequence[Item]) -> Answer:
        """Ask once about these items."""
        asked = await self._ask(key, build_prompt(items))
        if isinstance(asked, FleetError):
            raise asked
        try:
            found = read_answer(said(asked), asked={item.id for item in items})
        except (ContentBlocked, AnswerUnusable) as error:
            error.tokens = asked.tokens
            raise
        return Answer(found, model=asked.model or self.model, tokens=asked.tokens)

    async def close(self) -> None:
        """Close every client."""
        await self.sdk.close()

    async def _ask(self, key: ApiKey, prompt: Prompt) -> Reply | FleetError:
        plaintext = key.get_secret_value()
        if not plaintext.strip():
            return KeyRefused("it is empty")  # a library would look for one in the environment instead
        try:
            async with asyncio.timeout(self.deadline_s):
                answer = await self.sdk.ask(plaintext, prompt)
        except TimeoutError:
            answer = Silence.TOO_LATE
        return answer if isinstance(answer, Reply) else self._ours(answer)

    def _ours(self, answer: Refusal | Silence) -> FleetError:
        match answer:
            case Refusal():
                return meaning(answer, now=self.now()) or self._down(
                    f"{answer.code} {answer.status}", no_earlier_than=answer.retry_after
                )
            case Silence.NEVER_LEFT:
                return ProviderUnreached("The provider cannot be reached; nothing was sent.", until=self.now())
            case Silence.TOO_LONG | Silence.NOT_GEMINIS:
                return AnswerUnusable(f"The provider's answer cannot be used: {answer.value}.")
            case Silence.TOO_LATE | Silence.BROKEN:
                return self._down(answer.value)

    def _down(self, why: str, *, no_earlier_than: timedelta | None = None) -> ProviderDown:
        until = self.now() + (no_earlier_than or timedelta(0))
        return ProviderDown(f"The provider could not answer ({why.strip()}).", until=until)
