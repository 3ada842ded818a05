"""A process's session with the vault: signed in when needed, never blocking the event loop, silent about secrets."""

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import hvac
import requests
from hvac.exceptions import Forbidden, VaultDown, VaultError

from shared.errors import KeysUnavailable
from shared.keys.signing_in import SERVICE_ACCOUNT, Lease, renew, sign_in_by
from shared.logs import log
from shared.settings import VaultSettings

_TIMEOUT_S = (2, 4)  # to connect, and between two bytes of an answer
_PATIENCE_S = 8.0  # for an answer in all, signing in and waiting for a thread included
_THREADS = 4
_NEXT_LOOK = timedelta(seconds=15)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the vault said, or in a few words why it did not."""

    value: Any = None
    failure: str | None = None


class VaultSession:
    """Asks the vault in threads of its own, as whoever the settings say this process is."""

    def __init__(self, settings: VaultSettings, *, service_account: Path = SERVICE_ACCOUNT) -> None:
        """Keep the settings; the first question connects and signs in.

        Raises:
            Misconfigured: a setting that the chosen way of signing in needs is missing.
        """
        self.mount = settings.vault_mount
        self._sign_in = sign_in_by(settings, service_account=service_account)
        # An empty token keeps the library from looking for one in the environment and the home folder.
        self._client = hvac.Client(
            url=settings.vault_addr, token="", timeout=_TIMEOUT_S, verify=settings.vault_ca or True
        )
        # Keys go to the vault itself: never through a proxy of the environment, nor with a password of a .netrc.
        self._client.session.trust_env = False
        self._lease: Lease | None = None
        self._signing_in = threading.Lock()
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="vault")

    async def ask(self, question: Callable[[hvac.Client], T]) -> T:
        """The answer to a question, asked with a client that is signed in.

        Raises:
            KeysUnavailable: the vault is sealed, away, slow, or refuses this process.
        """
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_PATIENCE_S):
                answer = await loop.run_in_executor(self._threads, self._answer, question)
        except TimeoutError:
            answer = _Answer(failure="does not answer in time")
        if answer.failure is not None:
            log.warning("vault_unavailable", failure=answer.failure)
            raise KeysUnavailable(f"The vault {answer.failure}.", until=datetime.now(UTC) + _NEXT_LOOK)
        value: T = answer.value
        return value

    async def close(self) -> None:
        """Let go of threads and connections."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._client.adapter.close()

    def _answer(self, question: Callable[[hvac.Client], object]) -> _Answer:
        """Ask, and put failures into our words.

        Nothing that the libraries raise leaves here, not even as a cause: their errors and tracebacks
        hold the request, with the key in its body and the token in its headers.
        """
        try:
            return _Answer(self._ask_signed_in(question))
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not leave with the request in it
            return _Answer(failure=_in_words(error))

    def _ask_signed_in(self, question: Callable[[hvac.Client], object]) -> object:
        lease = self._current_lease()
        try:
            return question(self._client)
        except Forbidden:
            # The token may have been revoked before its time: that is worth one new sign-in.
            self._drop(lease)
            self._current_lease()
            return question(self._client)

    def _current_lease(self) -> Lease:
        """A lease that holds: the one there is, prolonged when half its time is over, or a new one."""
        with self._signing_in:
            now = time.monotonic()
            if self._lease is not None and self._lease.renew_at <= now < self._lease.ends_at:
                self._lease = self._renewed()
            if self._lease is None or now >= self._lease.ends_at:
                self._lease = self._sign_in(self._client)
                log.debug("vault_signed_in")
            return self._lease

    def _renewed(self) -> Lease | None:
        try:
            return renew(self._client)
        except VaultError:
            return None  # not renewable, or at its last: sign in anew

    def _drop(self, lease: Lease) -> None:
        with self._signing_in:
            if self._lease is lease:
                self._lease = None


def _in_words(error: Exception) -> str:
    """What became of the question, completing the sentence "The vault …"."""
    match error:
        case Forbidden():
            return "refuses this process: check its policy and how it signs in"
        case VaultDown():
            return "is sealed or standing by"
        case requests.RequestException():
            return f"cannot be reached ({type(error).__name__})"
        case _:
            return f"cannot answer ({type(error).__name__})"
