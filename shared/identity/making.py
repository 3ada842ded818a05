"""The identity provider that the settings name."""

from shared.identity import IdentityProvider
from shared.identity.in_memory import InMemoryKeySet
from shared.identity.over_http import FetchedKeySet
from shared.settings import IdentitySettings


def make_identity_provider(settings: IdentitySettings) -> IdentityProvider | None:
    """The provider, or None when there is none; nothing is fetched yet.

    Raises:
        KeySetUnusable: the key set among the settings is none.
    """
    if settings.identity_issuer is None or settings.identity_audience is None:
        return None
    keys = (
        FetchedKeySet(settings.identity_jwks_url)
        if settings.identity_jwks_url
        else InMemoryKeySet(settings.identity_jwks or "")
    )
    return IdentityProvider(keys, issuer=settings.identity_issuer, audience=settings.identity_audience)
