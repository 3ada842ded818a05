"""docs/operations/keeping.md, as written: servers' secrets are replaced while those who have the old ones work on."""

import json
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import hvac
import pika
import pytest
import redis
from pika.exceptions import ProbableAuthenticationError
from pydantic import SecretStr
from redis.exceptions import AuthenticationError

from shared.broker.making import make_carrier
from shared.errors import KeysUnavailable
from shared.in_redis import open_redis
from shared.keys.in_vault import pepper
from shared.keys.setting_up import Credentials
from shared.keys.vault_session import VaultSession
from shared.settings import VaultSettings
from shared.values import Stage
from tests.conftest import OwnValkey, Vault, facts_of, manage
from tests.guide import block
from tests.vaults import bao, settings_for, token_settings

SECOND = "fleet-second"


def with_login(url: str, password: str, *, user: str = "") -> str:
    """The same server for another login."""
    parts = urlsplit(url)
    return parts._replace(netloc=f"{user}:{password}@{parts.hostname}:{parts.port}").geturl()


# ---- RabbitMQ -------------------------------------------------------------------------------------


@pytest.fixture
def forget_second_user() -> Iterator[Callable[[], None]]:
    facts = facts_of("rabbitmq")

    def forget() -> None:
        manage(facts, "DELETE", f"users/{SECOND}")

    yield forget
    forget()


async def test_rabbitmqs_second_user_may_do_all_the_fleet_does_and_comes_back_out_of_the_definitions(
    rabbitmq_url: str,
    rabbitmqctl: Callable[[str, Path], None],
    forget_second_user: Callable[[], None],
    tmp_path: Path,
) -> None:
    password = tmp_path / "broker.password"
    password.write_text("new")
    permitted = f"set_permissions --vhost {urlsplit(rabbitmq_url).path[1:]}"
    rabbitmqctl(block("keeping.md", about="add_user").replace("set_permissions", permitted), tmp_path)
    carrier = make_carrier(with_login(rabbitmq_url, "new", user=SECOND), partitions=1, stages=[Stage.SCRAPE])
    assert await carrier.depths(Stage.SCRAPE) == {0: 0}
    assert httpx2.get(f"{facts_of('rabbitmq')['management']}/api/queues", auth=(SECOND, "new")).status_code == 200

    password.write_text("newer")
    rabbitmqctl(block("keeping.md", about="change_password"), tmp_path)
    assert await carrier.depths(Stage.SCRAPE) == {0: 0}  # on the connection of before
    await carrier.close()
    with pytest.raises(ProbableAuthenticationError):
        pika.BlockingConnection(pika.URLParameters(with_login(rabbitmq_url, "new", user=SECOND)))

    rabbitmqctl(block("keeping.md", about="export_definitions"), tmp_path)
    forget_second_user()
    leave_others_out(tmp_path / "rabbitmq.json")
    rabbitmqctl(block("keeping.md", about="import_definitions"), tmp_path)
    pika.BlockingConnection(pika.URLParameters(with_login(rabbitmq_url, "newer", user=SECOND))).close()


def leave_others_out(definitions: Path) -> None:
    """Other tests have virtual hosts on the same server, which come and go."""
    every = json.loads(definitions.read_text())
    users = [user for user in every["users"] if user["name"] == SECOND]
    permissions = [permission for permission in every["permissions"] if permission["user"] == SECOND]
    definitions.write_text(json.dumps({"users": users, "permissions": permissions}))


# ---- Redis ----------------------------------------------------------------------------------------


def valkey_cli(commands: str, url: str) -> None:
    with redis.Redis.from_url(url) as client:
        for line in commands.splitlines():
            client.execute_command(*shlex.split(line)[1:])


async def test_redis_takes_both_passwords_until_the_old_one_is_taken_away(valkey: OwnValkey) -> None:
    old, new = valkey.url, with_login(valkey.url, "new")
    async with open_redis(SecretStr(old)) as at_work, open_redis(SecretStr(new)) as restarted:
        await at_work.ping()

        valkey_cli(block("keeping.md", about="'>new'"), old)
        await restarted.ping()
        taken_away = block("keeping.md", about="'<old'").replace("<old", f"<{urlsplit(old).password}")
        valkey_cli(taken_away, new)

        await at_work.ping()
        async with open_redis(SecretStr(old)) as shut_out:
            with pytest.raises(AuthenticationError):
                await shut_out.ping()


# ---- the vault ------------------------------------------------------------------------------------


def as_root(commands: str, vault: Vault, folder: Path) -> None:
    """The page's commands for this test's roles and mount."""
    ours = commands.replace("role/analyzer/", f"role/analyzer-{vault.mount}/").replace(
        "policy=analyzer", f"policy=analyzer-{vault.mount}"
    )
    bao(ours.replace("mount=secret", f"mount={vault.mount}"), addr=vault.addr, token=vault.root_token, folder=folder)


async def is_let_in(settings: VaultSettings) -> bool:
    session = VaultSession(settings)
    try:
        await session.ask(lambda client: client.is_authenticated() or client.auth.token.lookup_self())
    except KeysUnavailable:
        return False
    finally:
        await session.close()
    return True


async def test_a_role_has_two_secret_ids_until_the_first_is_destroyed(vault: Vault, tmp_path: Path) -> None:
    (tmp_path / "secret.id").write_text(vault.analyzer.secret_id.get_secret_value())
    issue, destroy = block("keeping.md", about="secret.id.new").splitlines()

    as_root(issue, vault, tmp_path)
    second = Credentials(vault.analyzer.role_id, SecretStr((tmp_path / "secret.id.new").read_text()))
    assert await is_let_in(settings_for(vault, second))
    assert await is_let_in(settings_for(vault, vault.analyzer))
    as_root(destroy, vault, tmp_path)

    assert await is_let_in(settings_for(vault, second))
    assert not await is_let_in(settings_for(vault, vault.analyzer))


async def test_a_second_token_takes_over_from_the_first(vault: Vault, tmp_path: Path) -> None:
    root = hvac.Client(url=vault.addr, token=vault.root_token)
    first = root.auth.token.create(policies=[f"analyzer-{vault.mount}"], no_default_policy=True)["auth"]["client_token"]
    root.adapter.close()
    (tmp_path / "vault.token").write_text(first)

    as_root(block("keeping.md", about="vault.token.new"), vault, tmp_path)

    assert await is_let_in(token_settings(vault, (tmp_path / "vault.token.new").read_text()))
    assert not await is_let_in(token_settings(vault, first))


async def test_a_new_pepper_takes_the_old_ones_place(vault: Vault, tmp_path: Path) -> None:
    front_door = VaultSession(settings_for(vault, vault.front_door))
    before = await pepper(front_door)

    as_root(block("keeping.md", about="fleet/pepper"), vault, tmp_path)

    after = (await pepper(front_door)).get_secret_value()
    await front_door.close()
    assert after != before.get_secret_value()
    assert len(after) == 64
