"""Signing in to the vault, by token, AppRole or Kubernetes; and how long what it gives may be used."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import hvac

from shared.errors import Misconfigured
from shared.settings import VaultSettings

_T = TypeVar("_T")

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
"""Where Kubernetes puts a pod's own token; read anew at each sign-in, since it is renewed there."""

SignIn = Callable[[hvac.Client], "Lease"]
"""Signs a client in: sets its token, and gives the token's lease."""

_RENEWED_AFTER = 0.5  # of a token's life
_LAST_MOMENT = 0.9  # of a token's life: after this it is not used any more


@dataclass(frozen=True, slots=True)
class Lease:
    """How long a token may be used; moments of `time.monotonic()`."""

    renew_at: float = math.inf
    ends_at: float = math.inf

    @classmethod
    def of(cls, seconds: float, *, since: float) -> "Lease":
        """The lease of a token that lives so long; 0 means for ever.

        Args:
            seconds: its life, as the vault says.
            since: when the vault was asked.
        """
        if not seconds:
            return cls()
        return cls(renew_at=since + seconds * _RENEWED_AFTER, ends_at=since + seconds * _LAST_MOMENT)


def sign_in_by(settings: VaultSettings, *, service_account: Path = SERVICE_ACCOUNT) -> SignIn:
    """How these settings sign in.

    Raises:
        Misconfigured: one that this way of signing in needs is missing; named, never shown.
    """
    match settings.vault_auth:
        case "token":
            return _by_token(_needed(settings.vault_token, "FLEET_VAULT_TOKEN").get_secret_value())
        case "approle":
            role_id = _needed(settings.vault_role_id, "FLEET_VAULT_ROLE_ID")
            secret_id = _needed(settings.vault_secret_id, "FLEET_VAULT_SECRET_ID")
            return lambda client: _leased(
                lambda: client.auth.approle.login(role_id=role_id, secret_id=secret_id.get_secret_value())
            )
        case "kubernetes":
            role = _needed(settings.vault_role, "FLEET_VAULT_ROLE")
            return lambda client: _leased(
                lambda: client.auth.kubernetes.login(role=role, jwt=service_account.read_text().strip())
            )


def renew(client: hvac.Client) -> Lease:
    """Prolong the client's token as far as the vault lets it."""
    return _leased(client.auth.token.renew_self)


def _by_token(token: str) -> SignIn:
    def sign_in(client: hvac.Client) -> Lease:
        client.token = token
        asked_at = time.monotonic()
        found = client.auth.token.lookup_self()
        return Lease.of(found["data"]["ttl"], since=asked_at)

    return sign_in


def _leased(ask: Callable[[], Mapping[str, Any]]) -> Lease:
    asked_at = time.monotonic()
    return Lease.of(ask()["auth"]["lease_duration"], since=asked_at)


def _needed(value: _T | None, name: str) -> _T:
    if not value:
        raise Misconfigured(f"{name} is missing: FLEET_VAULT_AUTH says to sign in to the vault with it.")
    return value
