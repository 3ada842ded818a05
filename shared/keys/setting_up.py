"""Sets a vault up for the fleet: the mount, the pepper, the policies and the roles; may run again at any time.

What whoever sets a vault up must leave behind: a KV version 2 mount; in it the pepper at `fleet/pepper`, made once
and never changed, since fingerprints are recognised by it; the policies of `policies/`; and, where processes sign
in by AppRole, a role for each policy, of the same name.
"""

import secrets
import time
from dataclasses import dataclass
from importlib.resources import files

import hvac
from hvac.exceptions import InvalidPath, InvalidRequest
from pydantic import SecretStr

from shared.errors import Misconfigured

FRONT_DOOR = "front-door"
ANALYZER = "analyzer"
ROLES = (FRONT_DOOR, ANALYZER)
PEPPER = "fleet/pepper"

_MOUNT_IN_FILES = "secret"
_LIVES = "1h"  # what a stolen token is good for at most, unless it is renewed
_LIVES_AT_MOST = "24h"  # however often it is renewed
_MOUNTED_WITHIN_S = 10.0
_LOOK_EVERY_S = 0.05


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a process signs in with: FLEET_VAULT_ROLE_ID and FLEET_VAULT_SECRET_ID."""

    role_id: str
    secret_id: SecretStr


def set_up_vault(client: hvac.Client, *, mount: str) -> None:
    """Make the vault ready for the fleet; keeps the pepper and the keys that are there, renews policies and roles.

    Args:
        client: signed in as somebody who may mount, write policies and make roles.
        mount: where the keys will be; mounted when it is not.

    Raises:
        Misconfigured: something else is mounted there.
    """
    _mount_keys(client, mount)
    _make_pepper(client, mount)
    for role in ROLES:
        client.sys.create_or_update_policy(name=role, policy=policy(role, mount=mount))
    _make_roles(client)


def issue_credentials(client: hvac.Client, role: str) -> Credentials:
    """New credentials for the AppRole `front-door` or `analyzer`; those issued before stay good."""
    role_id = client.auth.approle.read_role_id(role)["data"]["role_id"]
    issued = client.auth.approle.generate_secret_id(role)["data"]
    return Credentials(role_id, SecretStr(issued["secret_id"]))


def policy(role: str, *, mount: str) -> str:
    """The policy of a role in HCL; the files speak of a mount called `secret`."""
    text = files("shared.keys").joinpath("policies", f"{role}.hcl").read_text(encoding="utf-8")
    return text.replace(f'path "{_MOUNT_IN_FILES}/', f'path "{mount}/')


def _mount_keys(client: hvac.Client, mount: str) -> None:
    mounted = client.sys.list_mounted_secrets_engines()["data"].get(f"{mount}/")
    if mounted is None:
        client.sys.enable_secrets_engine("kv", path=mount, options={"version": "2"})
    elif mounted["type"] != "kv" or (mounted["options"] or {}).get("version") != "2":
        raise Misconfigured(f"FLEET_VAULT_MOUNT: {mount}/ holds something else than a KV version 2 store.")


def _make_pepper(client: hvac.Client, mount: str) -> None:
    """Make the pepper where there is none; a fresh mount may still refuse for a moment."""
    deadline = time.monotonic() + _MOUNTED_WITHIN_S
    while not _has_pepper(client, mount):
        try:
            client.secrets.kv.v2.create_or_update_secret(
                path=PEPPER, secret={"pepper": secrets.token_hex(32)}, cas=0, mount_point=mount
            )
        except InvalidRequest:
            # Somebody else was faster, or the mount is still being made ready.
            if time.monotonic() > deadline:
                raise
            time.sleep(_LOOK_EVERY_S)


def _has_pepper(client: hvac.Client, mount: str) -> bool:
    try:
        client.secrets.kv.v2.read_secret_version(path=PEPPER, mount_point=mount, raise_on_deleted_version=True)
    except (InvalidPath, InvalidRequest):
        return False
    return True


def _make_roles(client: hvac.Client) -> None:
    if "approle/" not in client.sys.list_auth_methods()["data"]:
        client.sys.enable_auth_method("approle")
    for role in ROLES:
        client.auth.approle.create_or_update_approle(
            role,
            token_policies=[role],
            token_no_default_policy=True,
            token_ttl=_LIVES,
            token_max_ttl=_LIVES_AT_MOST,
        )
