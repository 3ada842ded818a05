"""What a fleet on this machine stands on, and what each of its processes is told."""

import socket
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from services.local import roles, standing_on
from services.local.fleet_settings import PortTaken, api_port
from services.local.kept import kept_secret, write_private
from services.local.options import BrokerChoice
from services.local.ports import LOOPBACK, free_port, is_free, kept_port
from services.local.servers.errors import ServerMissing
from services.local.standing_on import lay_foundation

ELSEWHERE = {
    "FLEET_DATABASE_URL": "postgresql://fleet:secret@db.example/fleet",
    "FLEET_REDIS_URL": "redis://:secret@cache.example:6379/0",
    "FLEET_VAULT_ADDR": "https://vault.example:8200",
}


def test_what_the_environment_names_is_not_started(tmp_path: Path) -> None:
    foundation = lay_foundation(tmp_path, ELSEWHERE, BrokerChoice.REDIS)

    assert foundation.first == []
    assert foundation.broker == []


def test_what_a_file_of_the_environment_names_is_not_started_either(tmp_path: Path) -> None:
    foundation = lay_foundation(tmp_path, {"FLEET_DATABASE_URL_FILE": "/run/secrets/url"}, BrokerChoice.REDIS)

    assert [server.name for server in foundation.first] == ["valkey", "openbao"]


def test_without_rabbitmq_the_cache_carries_the_messages_in_a_database_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standing_on, "is_installed", lambda: False)

    foundation = lay_foundation(tmp_path, ELSEWHERE, BrokerChoice.AUTO)
    foundation.settle()

    assert foundation.note is not None
    assert "RabbitMQ is not installed" in foundation.note
    assert foundation.settings["FLEET_BROKER_URL"] == "redis://:secret@cache.example:6379/1"


def test_a_rabbitmq_that_is_asked_for_and_missing_names_the_setting_and_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.local.servers.rabbitmq._SCRIPTS", ())
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(ServerMissing, match="rabbitmq-server") as missing:
        lay_foundation(tmp_path, ELSEWHERE, BrokerChoice.RABBITMQ)

    assert "FLEET_BROKER_URL" in missing.value.sentence
    assert missing.value.code == "server_missing"


def test_only_the_analyzer_learns_the_analyzers_credentials_and_the_scraper_none() -> None:
    settings = {
        "FLEET_DATABASE_URL": "postgresql://…",
        "FLEET_BROKER_URL": "amqp://…",
        "FLEET_VAULT_ADDR": "http://…",
        "FLEET_VAULT_SECRET_ID": "of the front door",
        "FLEET_TOKEN_SECRET": "signs tokens",
    }

    told = {
        role.name: role.environment
        for role in [
            roles.api(settings),
            *roles.workers(settings, for_analyzer={"FLEET_VAULT_SECRET_ID": "of the analyzer"}),
        ]
    }

    assert told["api"]["FLEET_VAULT_SECRET_ID"] == "of the front door"
    assert told["analyze"]["FLEET_VAULT_SECRET_ID"] == "of the analyzer"
    assert told["intake"]["FLEET_VAULT_SECRET_ID"] == "of the front door"
    for name in ("scrape", "dispatch"):
        assert not [setting for setting in told[name] if setting.startswith("FLEET_VAULT")]
    assert [name for name in told if "FLEET_TOKEN_SECRET" in told[name]] == ["api"]


def test_no_secret_is_in_a_command_line_or_a_repr() -> None:
    settings = {"FLEET_DATABASE_URL": "postgresql://fleet:hunter2@127.0.0.1/fleet", "FLEET_BROKER_URL": "amqp://…"}

    for role in [roles.api(settings), *roles.workers(settings, for_analyzer={}), roles.sample_site(8123)]:
        assert "hunter2" not in " ".join(role.argv)
        assert "hunter2" not in repr(role)


def test_events_are_taken_in_only_where_there_is_rabbitmq() -> None:
    names = {role.name for role in roles.workers({"FLEET_BROKER_URL": "redis://…"}, for_analyzer={})}

    assert names == {"dispatch", "scrape", "analyze"}


def test_a_browser_is_put_to_work_only_where_there_is_one_and_knows_no_secret_of_others() -> None:
    settings = {"FLEET_RENDER": "true", "FLEET_TOKEN_SECRET": "s", "FLEET_VAULT_ROLE_ID": "r"}
    (render,) = [role for role in roles.workers(settings, for_analyzer={}) if role.name == "render"]

    assert not [name for name in render.environment if name.startswith(("FLEET_VAULT", "FLEET_TOKEN_SECRET"))]
    assert "render" not in {role.name for role in roles.workers({"FLEET_RENDER": "false"}, for_analyzer={})}


def test_a_kept_secret_is_made_once_even_by_many_at_a_time_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "password"

    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(lambda _: kept_secret(file), range(32)))

    assert len(made) == 1
    assert len(made.pop()) >= 32
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [entry.name for entry in file.parent.iterdir()] == ["password"]


def test_a_private_file_is_private_although_there_was_an_open_one(tmp_path: Path) -> None:
    file = tmp_path / "fleet.env"
    file.write_text("old")
    file.chmod(0o644)

    write_private(file, "new")

    assert file.read_text() == "new"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_kept_port_stays_the_same_until_somebody_else_has_it(tmp_path: Path) -> None:

    file = tmp_path / "port"
    port = kept_port(file)
    assert is_free(port)
    assert kept_port(file) == port

    with socket.create_server((LOOPBACK, port)):
        other = kept_port(file)

    assert other != port
    assert kept_port(file) == other


def test_two_fleets_that_start_together_do_not_take_the_same_port(tmp_path: Path) -> None:
    with api_port(None) as first, api_port(None) as second:
        assert first != second


def test_a_port_that_was_asked_for_and_is_taken_is_refused() -> None:
    with socket.create_server((LOOPBACK, 0)) as somebody, pytest.raises(PortTaken), api_port(somebody.getsockname()[1]):
        pytest.fail("the port was not refused")


def test_no_port_is_handed_out_twice() -> None:
    assert len({free_port() for _ in range(600)}) == 600
