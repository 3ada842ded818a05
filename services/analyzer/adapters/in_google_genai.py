"""Gemini's present library, google-genai: a client per key, over httpx2."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx2
from google.genai import Client, errors, types

from services.analyzer.adapters.gemini import MAX_BODY_BYTES, Endpoint, Silence
from services.analyzer.adapters.gemini_errors import Refusal
from services.analyzer.adapters.gemini_replies import Reply
from services.analyzer.adapters.key_clients import KeyClients
from services.analyzer.domain.prompts import ANSWER_SCHEMA, MAX_ANSWER_TOKENS, TEMPERATURE, Prompt
from shared.bookmarks import Tokens


class _TooLongError(Exception):
    """More is coming than is read."""


_NEVER_LEFT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.UnsupportedProtocol)
_SILENCES = {  # the first that fits
    (_TooLongError,): Silence.TOO_LONG,
    _NEVER_LEFT: Silence.NEVER_LEFT,
    (TimeoutError, httpx2.TimeoutException): Silence.TOO_LATE,
    (httpx2.HTTPError,): Silence.BROKEN,
    (ValueError, RecursionError): Silence.NOT_GEMINIS,  # pydantic's errors, too; the library reads JSON of any depth
}
_FAILURES = tuple(kind for kinds in _SILENCES for kind in kinds)


@dataclass(frozen=True, slots=True)
class _GenaiClient:
    client: Client
    http: httpx2.AsyncClient

    async def close(self) -> None:
        await self.client.aio.aclose()
        self.client.close()
        await self.http.aclose()


class GoogleGenai:
    """Keeps the promises of `adapters.gemini.Sdk`."""

    def __init__(self, endpoint: Endpoint, *, most: int = 64) -> None:
        """Open nothing yet.

        Args:
            endpoint: what is asked.
            most: clients, one a key, kept open.
        """
        self._endpoint = endpoint
        self._ssl = httpx2.create_ssl_context()  # costs more than all the rest; the same for everybody
        self.clients = KeyClients(self._connect, most=most)

    async def ask(self, key: str, prompt: Prompt) -> Reply | Refusal | Silence:
        """Ask once."""
        try:
            async with self.clients.client_for(key) as ours:
                return _reply(
                    await ours.client.aio.models.generate_content(
                        model=self._endpoint.model, contents=prompt.pages, config=_config(prompt)
                    )
                )
        except errors.APIError as error:
            return Refusal.of(error.code, error.details)
        except _FAILURES as error:
            return next(silence for kinds, silence in _SILENCES.items() if isinstance(error, kinds))

    async def close(self) -> None:
        """Close every client."""
        await self.clients.close()

    def _connect(self, key: str) -> _GenaiClient:
        """A client that takes nothing from the environment but proxies and certificates."""
        http = httpx2.AsyncClient(
            verify=self._ssl,
            follow_redirects=False,  # a redirect would take the key along
            headers={"Accept-Encoding": "identity"},  # what is counted is what is read
            event_hooks={"response": [_bound]},
        )
        options = types.HttpOptions(
            base_url=self._endpoint.base_url,
            api_version=self._endpoint.api_version,
            timeout=int(self._endpoint.timeout_s * 1_000),
            retry_options=types.HttpRetryOptions(attempts=1),
            httpx_async_client=http,
            client_args={"verify": self._ssl},
            async_client_args={"ssl": self._ssl},
        )
        return _GenaiClient(Client(api_key=key, vertexai=False, http_options=options), http)


class _Bounded(httpx2.AsyncByteStream):
    """An answer's bytes, as many as are read."""

    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = MAX_BODY_BYTES
        async for chunk in self._stream:
            left -= len(chunk)
            if left < 0:
                raise _TooLongError
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


async def _bound(response: httpx2.Response) -> None:
    """Have an answer end at `MAX_BODY_BYTES`; a packed one, which nobody asked for, could hold any amount."""
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise _TooLongError
    if isinstance(response.stream, httpx2.AsyncByteStream):
        response.stream = _Bounded(response.stream)


def _config(prompt: Prompt) -> types.GenerateContentConfig:
    return types.GenerateContentConfig(
        system_instruction=prompt.instructions,
        response_mime_type="application/json",
        response_schema=ANSWER_SCHEMA,
        temperature=TEMPERATURE,
        max_output_tokens=MAX_ANSWER_TOKENS,
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
    )


def _reply(response: types.GenerateContentResponse) -> Reply:
    feedback = response.prompt_feedback
    candidate = response.candidates[0] if response.candidates else None
    parts = candidate.content.parts if candidate and candidate.content else None
    return Reply(
        text="".join(part.text for part in parts or () if part.text and not part.thought) if candidate else None,
        finish=candidate.finish_reason.name if candidate and candidate.finish_reason else "",
        prompt_blocked=feedback is not None and feedback.block_reason is not None,
        model=response.model_version or "",
        tokens=_tokens(response),
    )


def _tokens(response: types.GenerateContentResponse) -> Tokens:
    usage = response.usage_metadata
    if usage is None:
        return Tokens()
    answered = (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)
    return Tokens(prompt=usage.prompt_token_count or 0, answer=answered)
