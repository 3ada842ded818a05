"""Gemini's older library, google-generativeai, for installations that pin it: a client per key, over requests.

`configure()` is never called: it keeps one key for the whole process. Each key has a client whose transport is REST
over a session of ours; the library's own would ask again after a 401, follow redirects with the key, and read answers
of any length.
"""

import asyncio
import json
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import requests
from google.ai.generativelanguage import GenerativeServiceClient, Schema
from google.ai.generativelanguage_v1beta.services.generative_service.transports import GenerativeServiceRestTransport
from google.api_core.exceptions import GoogleAPICallError
from google.api_core.gapic_v1.client_info import ClientInfo
from google.auth.credentials import AnonymousCredentials
from google.protobuf.json_format import ParseError
from urllib3.exceptions import ConnectTimeoutError, HTTPError, MaxRetryError, NewConnectionError

from services.analyzer.adapters.gemini import MAX_BODY_BYTES, Endpoint, Silence
from services.analyzer.adapters.gemini_errors import Refusal
from services.analyzer.adapters.gemini_replies import Reply
from services.analyzer.adapters.key_clients import KeyClients
from services.analyzer.domain.prompts import ANSWER_SCHEMA, MAX_ANSWER_TOKENS, TEMPERATURE, Prompt
from shared.bookmarks import Tokens

with warnings.catch_warnings():
    warnings.simplefilter("ignore", FutureWarning)  # that its support has ended is known to who chose it
    from google.generativeai.generative_models import GenerativeModel
    from google.generativeai.types import GenerateContentResponse, RequestOptions

_SCHEMA = Schema.from_json(json.dumps(ANSWER_SCHEMA), ignore_unknown_fields=True)
_ONCE = RequestOptions(retry=None)  # left out, it would be asked again for ten minutes
_CHUNK_BYTES = 64 * 1024


class _TooLongError(Exception):
    """More is coming than is read."""


class _RedirectedError(Exception):
    """The answer sends us elsewhere."""


_SILENCES = {  # the first that fits
    (_TooLongError,): Silence.TOO_LONG,
    (TimeoutError, requests.exceptions.Timeout): Silence.TOO_LATE,
    (_RedirectedError, HTTPError, OSError): Silence.BROKEN,  # of the latter are the errors of requests, too
    (ParseError, ValueError): Silence.NOT_GEMINIS,
}
_FAILURES = tuple(kind for kinds in _SILENCES for kind in kinds)


class _Session(requests.Session):
    """Requests with one key: no redirect is followed, and of an answer only so much is read, within so long."""

    def __init__(self, key: str, *, timeout_s: float) -> None:
        super().__init__()
        self._timeout_s = timeout_s
        self.headers["Accept-Encoding"] = "identity"  # what is counted is what is read
        self.auth = _KeyHeader(key)  # as `auth`, since a session without one looks for another in the user's files

    def request(self, method: str, url: str, **options: Any) -> requests.Response:  # type: ignore[override]
        ends_at = time.monotonic() + self._timeout_s
        options |= {"timeout": self._timeout_s, "stream": True, "allow_redirects": False}
        with super().request(method, url, **options) as response:
            if response.is_redirect:
                raise _RedirectedError
            response._content = _read(response, ends_at=ends_at)  # noqa: SLF001 - where `stream` leaves a place for it
            return response


class _KeyHeader(requests.auth.AuthBase):
    def __init__(self, key: str) -> None:
        self._key = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["x-goog-api-key"] = self._key
        return request


def _read(response: requests.Response, *, ends_at: float) -> bytes:
    read = bytearray()
    while chunk := response.raw.read1(_CHUNK_BYTES):
        read += chunk
        if len(read) > MAX_BODY_BYTES:
            raise _TooLongError
        if time.monotonic() > ends_at:
            raise TimeoutError
    return bytes(read)


@dataclass(frozen=True, slots=True)
class _GlmClient:
    client: GenerativeServiceClient
    session: requests.Session

    async def close(self) -> None:
        self.session.close()


class GoogleGenerativeAi:
    """Keeps the promises of `adapters.gemini.Sdk`; every call holds a thread, as the library knows no other way."""

    def __init__(self, endpoint: Endpoint, *, most: int = 64, threads: int = 64) -> None:
        """Open nothing yet.

        Args:
            endpoint: what is asked; its version is v1beta, as the library has no schemas in v1.
            most: clients, one a key, kept open.
            threads: calls in flight at most.
        """
        self._endpoint = endpoint
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="gemini")
        self.clients = KeyClients(self._connect, most=most)

    async def ask(self, key: str, prompt: Prompt) -> Reply | Refusal | Silence:
        """Ask once."""
        async with self.clients.client_for(key) as ours:
            return await asyncio.get_running_loop().run_in_executor(self._threads, self._ask, ours.client, prompt)

    async def close(self) -> None:
        """Close every client; calls that were given up end by their own time limit."""
        await self.clients.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _ask(self, client: GenerativeServiceClient, prompt: Prompt) -> Reply | Refusal | Silence:
        """In a thread; its errors end here, as they hold the request."""
        try:
            return _reply(self._model(client, prompt).generate_content(prompt.pages, request_options=_ONCE))
        except GoogleAPICallError as error:
            return Refusal.of(error.code or HTTPStatus.INTERNAL_SERVER_ERROR, _body(error))
        except _FAILURES as error:
            if _never_left(error):
                return Silence.NEVER_LEFT
            return next(silence for kinds, silence in _SILENCES.items() if isinstance(error, kinds))

    def _model(self, client: GenerativeServiceClient, prompt: Prompt) -> GenerativeModel:
        model = GenerativeModel(
            self._endpoint.model,
            system_instruction=prompt.instructions,
            generation_config={
                "response_mime_type": "application/json",
                "response_schema": _SCHEMA,
                "temperature": TEMPERATURE,
                "max_output_tokens": MAX_ANSWER_TOKENS,
            },
        )
        model._client = client  # type: ignore[assignment]  # noqa: SLF001 - the one way past `configure()`
        return model

    def _connect(self, key: str) -> _GlmClient:
        host = self._endpoint.base_url.rstrip("/")
        transport = GenerativeServiceRestTransport(host=host, credentials=AnonymousCredentials())  # type: ignore[no-untyped-call]
        session = _Session(key, timeout_s=self._endpoint.timeout_s)
        # For the module's reasons; the transport looks its methods up by the session they were wrapped with.
        transport._session = session  # type: ignore[assignment]  # noqa: SLF001
        transport._prep_wrapped_messages(ClientInfo())  # type: ignore[no-untyped-call]  # noqa: SLF001
        return _GlmClient(GenerativeServiceClient(transport=transport), session)


def _never_left(error: Exception) -> bool:
    cause = error.args[0] if error.args else None
    return isinstance(cause, MaxRetryError) and isinstance(cause.reason, ConnectTimeoutError | NewConnectionError)


def _body(error: GoogleAPICallError) -> object:
    try:
        return error.response.json()
    except (AttributeError, ValueError):
        return None


def _reply(response: GenerateContentResponse) -> Reply:
    raw = response._result  # noqa: SLF001 - its accessors raise where there is nothing
    candidate = raw.candidates[0] if raw.candidates else None
    usage = raw.usage_metadata
    return Reply(
        text="".join(part.text for part in candidate.content.parts) if candidate else None,
        finish=candidate.finish_reason.name if candidate else "",
        prompt_blocked=bool(raw.prompt_feedback.block_reason),
        model=raw.model_version,
        # All that is not the prompt's: what was thought is in no field the library knows.
        tokens=Tokens(usage.prompt_token_count, max(0, usage.total_token_count - usage.prompt_token_count)),
    )
