"""Calls to the provider: their quota, their key and what comes back."""

from datetime import datetime
from typing import TYPE_CHECKING

from shared.errors.branches import Misconfigured, Permanent, Postponed, Transient
from shared.values import WaitReason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.bookmarks import Tokens
    from shared.quota import Learned


class SdkMissing(Misconfigured):
    """The library that shall carry requests to the provider is not installed."""

    code = "sdk_missing"
    advice = "Install `bookmark-fleet[google-generativeai]`, or leave FLEET_GEMINI_SDK at google-genai."

    def __init__(self, name: str) -> None:
        super().__init__(f"FLEET_GEMINI_SDK names {name}, which is not installed.")


class QuotaUnavailable(Postponed):
    """Nobody can say how much quota is left, so no call is made."""

    code = "quota_unavailable"
    reason = WaitReason.QUOTA_UNAVAILABLE


class QuotaSpent(Postponed):
    """As many calls were made as the quota allows for now: the user's, or those on the default key."""

    code = "quota_spent"
    reason = WaitReason.QUOTA_MINUTE

    def __init__(self, *, until: datetime, reason: WaitReason, whose: str = "The user's calls") -> None:
        window = reason.value.removeprefix("quota_")
        super().__init__(f"{whose} for this {window} are used up.", until=until)
        self.reason = reason


class KeyRefused(Permanent):
    """The provider does not accept this key."""

    code = "key_refused"
    advice = "Create a new key in the provider's console and add it."

    def __init__(self, why: str) -> None:
        super().__init__(f"The provider refused the API key: {why}.")


class KeyExpired(KeyRefused):
    """The provider knew this key once; its time is over."""

    code = "key_expired"
    advice = "Create a new key in the provider's console and add it."


class KeyChanged(Postponed):
    """The user's key was replaced or removed while it was used; the work starts over with what is there now."""

    code = "key_changed"
    reason = WaitReason.BACKOFF


class KeysUnavailable(Postponed):
    """The vault cannot be asked for a key right now."""

    code = "keys_unavailable"
    reason = WaitReason.KEYS_UNAVAILABLE


class ProviderDown(Postponed):
    """The provider is overloaded or out of reach."""

    code = "provider_down"
    reason = WaitReason.PROVIDER_DOWN


class ProviderUnreached(ProviderDown):
    """The request provably never left, so its quota can be given back."""

    code = "provider_unreached"
    reason = WaitReason.PROVIDER_DOWN


class ProviderQuotaSpent(Postponed):
    """The provider says this key's quota is used up; `learned` is what it says of its limits."""

    code = "provider_quota_spent"
    reason = WaitReason.QUOTA_MINUTE

    def __init__(
        self, sentence: str, *, until: datetime, reason: WaitReason, learned: "Sequence[Learned]" = ()
    ) -> None:
        super().__init__(sentence, until=until)
        self.reason = reason
        self.learned = learned


class ContentBlocked(Permanent):
    """The provider's safety rules refuse this content.

    Attributes:
        tokens: what the answer cost all the same; None when there was none.
    """

    tokens: "Tokens | None" = None
    code = "content_blocked"
    advice = "Nothing to do: the page cannot be analysed by this provider."


class AnswerUnusable(Transient):
    """The provider's answer was cut, malformed or missed an item.

    Attributes:
        tokens: what the answer cost all the same; None when there was none.
    """

    tokens: "Tokens | None" = None
    code = "answer_unusable"
