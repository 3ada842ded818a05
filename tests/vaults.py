"""How tests sign in to a vault: settings as a process would read them."""

from typing import Any

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
