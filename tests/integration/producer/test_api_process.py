"""`fleet api` as a process of its own: it starts, serves, stops when told, and its log holds no secret."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from services.local.ports import free_port
from tests.gemini_emulator import GeminiEmulator, KeyState
from tests.identity_provider import AUDIENCE, ISSUER, token
from tests.integration.producer.conftest import Api
from tests.integration.producer.problems import problem

FLEET = str(Path(sys.executable).with_name("fleet"))
KEY = "AIzaSyAda-0000000000000000000000000000ada"
REFUSED = "AIzaSyAda-1111111111111111111111111111ada"


class Running:
    """The process, its address and its log."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.log_file = folder / "api.log"
        port = free_port()
        settings = {"FLEET_API_PORT": str(port), "FLEET_LOG_LEVEL": "debug", "FLEET_METRICS_PORT": "0"}
        with self.log_file.open("wb") as log:
            self.process = subprocess.Popen(
                [FLEET, "api", "--data", str(folder)], env=os.environ | settings, stdout=log, stderr=log
            )
        self.api = Api(f"http://127.0.0.1:{port}", environment["FLEET_DATABASE_URL"])

    @property
    def log(self) -> str:
        return self.log_file.read_text(encoding="utf-8")

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + 30
        while True:
            assert self.process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            try:
                if self.api.ask("GET", "/readyz", whose=None).status_code == 200:
                    return
            except httpx2.TransportError:
                time.sleep(0.05)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)


@pytest.fixture
def running(environment: dict[str, str], tmp_path: Path) -> Iterator[Running]:
    running = Running(tmp_path, environment)
    running.wait_until_ready()
    yield running
    if running.process.poll() is None:
        running.process.kill()
        running.process.wait()


def test_its_log_holds_no_key_no_token_and_no_password(running: Running, gemini: GeminiEmulator) -> None:
    gemini.add_key(KEY)
    gemini.refuse_key(REFUSED, KeyState.INVALID)
    api = running.api
    for body in ({"key": KEY}, {"key": REFUSED}, {"key": [KEY]}, {KEY: 1}):
        api.ask("PUT", "/v1/users/ada/api-key", json=body)
    api.ask("GET", f"/v1/users/ada/api-key?key={KEY}")
    api.ask("GET", f"/{KEY}")

    running.stop()

    assert "request_answered" in running.log
    password = api.database_url.split(":")[2].split("@")[0]
    for secret in (KEY, REFUSED, api.token("ada"), password, os.environ["FLEET_VAULT_SECRET_ID"]):
        assert secret not in running.log


def test_it_ends_well_when_told_to_while_somebody_watches(running: Running) -> None:
    headers = {"Authorization": f"Bearer {running.api.token('ada')}"}
    with httpx2.stream("GET", f"{running.api.url}/v1/users/ada/progress", headers=headers, timeout=20) as stream:
        next(stream.iter_lines())

        began = time.monotonic()
        code = running.stop()

    assert code == 0, running.log
    assert time.monotonic() - began < 20


def test_a_port_that_is_taken_is_named(environment: dict[str, str], running: Running) -> None:
    port = running.api.url.rpartition(":")[2]

    second = subprocess.run(
        [FLEET, "api"],
        env=os.environ | {"FLEET_API_PORT": port},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert second.returncode == 1
    assert "FLEET_API_PORT" in second.stderr
    assert "Traceback" not in second.stderr


@pytest.mark.parametrize(
    ("proxies", "said", "origin"),
    [
        ("", "203.0.113.9", "127.0.0.1"),
        ("192.0.2.0/24", "203.0.113.9", "127.0.0.1"),
        ("192.0.2.0/24,127.0.0.0/8", "203.0.113.9", "203.0.113.9"),
        ("127.0.0.1", "198.51.100.7, 203.0.113.9", "203.0.113.9"),  # what a caller said before the proxy did
    ],
)
def test_the_audit_trail_believes_the_proxies_that_are_named_and_nobody_else(
    environment: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    proxies: str,
    said: str,
    origin: str,
) -> None:
    monkeypatch.setenv("FLEET_API_PROXIES", proxies)
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")  # uvicorn's own, which must not widen ours
    running = Running(tmp_path, environment)
    running.wait_until_ready()

    running.api.ask(
        "PUT", "/v1/admin/users/ada/limits", whose="*", json={"minute": 1}, headers={"X-Forwarded-For": said}
    )

    running.stop()
    assert running.api.rows("SELECT actor, origin FROM audit") == [("service:admin", origin)]


def test_while_the_identity_providers_keys_cannot_be_had_its_users_wait_and_others_do_not(
    environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLEET_IDENTITY_ISSUER", ISSUER)
    monkeypatch.setenv("FLEET_IDENTITY_AUDIENCE", AUDIENCE)
    monkeypatch.setenv("FLEET_IDENTITY_JWKS_URL", f"http://127.0.0.1:{free_port()}/keys")
    running = Running(tmp_path, environment)
    running.wait_until_ready()

    theirs = running.api.ask("GET", "/v1/caller", whose=token(sub="ada"))
    ours = running.api.ask("GET", "/v1/caller", whose="ada")

    running.stop()
    told = problem(theirs, 503, "identity_provider_away")
    assert "127.0.0.1" not in str(told)
    assert theirs.headers["retry-after"]
    assert ours.json()["user"] == "ada"
    assert token(sub="ada").split(".")[1] not in running.log


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("FLEET_API_PROXIES", "everybody"),
        ("FLEET_API_PROXIES", "*"),
        ("FLEET_IDENTITY_ISSUER", "https://alone.example/"),
    ],
)
def test_settings_that_cannot_be_meant_stop_the_start(environment: dict[str, str], setting: str, value: str) -> None:
    ended = subprocess.run(
        [FLEET, "api"], env=os.environ | {setting: value}, capture_output=True, text=True, timeout=60, check=False
    )

    assert ended.returncode == 1
    assert setting in ended.stderr
    assert "Traceback" not in ended.stderr
