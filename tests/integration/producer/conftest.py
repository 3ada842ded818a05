"""The API as its callers meet it: over HTTP, on real servers, with a provider that speaks Gemini's REST."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, LiteralString

import httpx2
import psycopg
import pytest
import uvicorn
from psycopg import sql
from pydantic import SecretStr

from services.producer.api.app import create_app
from services.producer.front_door import FrontDoorSettings
from shared.identity import IdentityProvider
from shared.identity.in_memory import InMemoryKeySet
from shared.tokens import Scope, TokenIssuer, TokenReader
from shared.users import user_id
from tests.conftest import Vault
from tests.gemini_emulator import GeminiEmulator
from tests.identity_provider import AUDIENCE, ISSUER, jwks

SECRET = "a secret of the tests, long enough for HS256"
AN_HOUR = timedelta(hours=1)
MAX_BODY_BYTES = 8 * 1024 * 1024


@dataclass
class Api:
    """A running API: requests as `ada`, as others, and a look behind it."""

    url: str
    database_url: str

    def ask(self, method: str, path: str, *, whose: str | None = "ada", **request: Any) -> httpx2.Response:
        """Send a request as a user (`ada`), as an admin (`*`), with a token of its own, or with none."""
        headers = dict(request.pop("headers", {}))
        if whose is not None:
            headers["Authorization"] = f"Bearer {self.token(whose)}"
        return httpx2.request(method, f"{self.url}{path}", headers=headers, timeout=30, **request)

    def token(self, whose: str) -> str:
        issuer = TokenIssuer(SecretStr(SECRET))
        if whose == "*":
            return issuer.for_service("admin", [Scope.ADMIN], lifetime=AN_HOUR)
        return whose if "." in whose else issuer.for_user(user_id(whose), lifetime=AN_HOUR)

    def service(self, *scopes: Scope) -> str:
        return TokenIssuer(SecretStr(SECRET)).for_service("importer", scopes, lifetime=AN_HOUR)

    def rows(self, query: LiteralString | sql.Composed) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database_url) as connection:
            return connection.execute(query).fetchall()


@pytest.fixture
def gemini() -> Iterator[GeminiEmulator]:
    with GeminiEmulator() as emulator:
        yield emulator


@pytest.fixture
def environment(
    database_url: str, redis_url: str, vault: Vault, gemini: GeminiEmulator, monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    """The settings of a fleet, put into the environment."""
    settings = {
        "FLEET_DATABASE_URL": database_url,
        "FLEET_BROKER_URL": redis_url,
        "FLEET_REDIS_URL": redis_url,
        "FLEET_VAULT_ADDR": vault.addr,
        "FLEET_VAULT_MOUNT": vault.mount,
        "FLEET_VAULT_ROLE_ID": vault.front_door.role_id,
        "FLEET_VAULT_SECRET_ID": secret_of(vault.front_door.secret_id),
        "FLEET_GEMINI_BASE_URL": gemini.url,
        "FLEET_TOKEN_SECRET": SECRET,
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return settings


def secret_of(value: str | SecretStr) -> str:
    return value if isinstance(value, str) else value.get_secret_value()


@pytest.fixture
def serve() -> Iterator[Callable[[], str]]:
    """Serves the API of the environment on a free port; it ends with the test."""
    running: list[tuple[uvicorn.Server, threading.Thread]] = []

    def start() -> str:
        provider = IdentityProvider(InMemoryKeySet(jwks("rsa")), issuer=ISSUER, audience=AUDIENCE)
        tokens = TokenReader(SecretStr(SECRET), provider)
        app = create_app(FrontDoorSettings.read(), tokens=tokens, max_body_bytes=MAX_BODY_BYTES)
        config = uvicorn.Config(app, port=0, log_config=None, access_log=False, timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        running.append((server, thread))
        deadline = time.monotonic() + 20
        while not server.started:
            assert thread.is_alive(), "the API ended while it started"
            assert time.monotonic() < deadline, "the API did not start"
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}"

    yield start
    for server, thread in running:
        server.should_exit = True
        thread.join(timeout=20)


@pytest.fixture
def api(environment: dict[str, str], serve: Callable[[], str]) -> Api:
    return Api(serve(), environment["FLEET_DATABASE_URL"])
