"""Every error the fleet raises on purpose, as one tree whose branch decides what happens next.

`Postponed` waits and costs nothing, `Transient` is tried again, `Permanent` ends with a reason,
`Misconfigured` stops the start. Each error has a code for machines, a sentence for people, and advice.
"""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar

from shared.values import WaitReason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.bookmarks import Tokens
    from shared.quota import Learned


class FleetError(Exception):
    """Something went wrong in a way the fleet knows how to explain.

    Attributes:
        code: a stable name for machines, `lower_snake_case`.
        advice: what the reader can do about it.
        status: the HTTP status the front door answers with.
        rest: so long it is not tried again, whatever the back-off's chance.
    """

    code: ClassVar[str] = "internal_error"
    advice: ClassVar[str] = "Try again; if it stays, tell the operator what you did and when."
    status: ClassVar[int] = 500
    rest: ClassVar[timedelta] = timedelta(0)

    @property
    def sentence(self) -> str:
        """What happened, for a person; never holds a secret."""
        return str(self)


class Postponed(FleetError):
    """The work must wait for something outside; waiting costs no attempt."""

    code = "postponed"
    advice = "Nothing to do: the work goes on by itself."
    status = 503
    reason: WaitReason = WaitReason.PROVIDER_DOWN

    def __init__(self, sentence: str, *, until: datetime) -> None:
        super().__init__(sentence)
        self.until = until


class Transient(FleetError):
    """This try failed and the next may not; costs one attempt."""

    code = "try_again"
    advice = "Nothing to do: it is tried again by itself."
    status = 503


class Permanent(FleetError):
    """Trying again would change nothing."""

    code = "cannot_be_done"
    advice = "Correct what the sentence names."
    status = 422


class Misconfigured(FleetError):
    """The program cannot start as it is set up."""

    code = "misconfigured"
    advice = "Correct the setting the sentence names; docs/configuration.md explains each."


class SdkMissing(Misconfigured):
    """The library that shall carry requests to the provider is not installed."""

    code = "sdk_missing"
    advice = "Install `bookmark-fleet[google-generativeai]`, or leave FLEET_GEMINI_SDK at google-genai."

    def __init__(self, name: str) -> None:
        super().__init__(f"FLEET_GEMINI_SDK names {name}, which is not installed.")


class TracingMissing(Misconfigured):
    """The library that traces is not installed."""

    code = "tracing_missing"
    advice = "Install `bookmark-fleet[tracing]`, or leave FLEET_TRACE_ENDPOINT away."

    def __init__(self) -> None:
        super().__init__("FLEET_TRACE_ENDPOINT is set, and OpenTelemetry is not installed.")


# ---- what callers hand in -------------------------------------------------------------------------


class InvalidInput(Permanent):
    """A caller handed in something that cannot be accepted."""

    code = "invalid_input"


class InvalidUserId(InvalidInput):
    """The user id cannot be used as a name in queues, paths and addresses."""

    code = "invalid_user_id"
    advice = "Use 1 to 128 letters, digits or . _ @ : + | = -, beginning with a letter or a digit."

    def __init__(self) -> None:
        super().__init__("The user id is empty, too long, or holds a character that is not allowed.")


class InvalidUrl(InvalidInput):
    """The address of a bookmark is not one the fleet can fetch."""

    code = "invalid_url"
    advice = "Give an absolute http:// or https:// address of at most 4,096 characters."

    def __init__(self, why: str) -> None:
        super().__init__(f"The bookmark's address cannot be used: {why}.")


class InvalidKey(InvalidInput):
    """The text handed in cannot be an API key."""

    code = "invalid_key"
    advice = "Copy the key again from the provider's console: one line of 20 to 512 visible ASCII characters."

    def __init__(self, why: str) -> None:
        super().__init__(f"The API key cannot be used: {why}.")


class InvalidKeyName(InvalidInput):
    """The name given to an API key cannot be shown."""

    code = "invalid_key_name"
    advice = "Give the key a name of 1 to 100 printable characters."

    def __init__(self) -> None:
        super().__init__("The key's name is empty, too long, or holds a character that cannot be shown.")


class InvalidLimits(InvalidInput):
    """The limits handed in cannot be held."""

    code = "invalid_limits"
    advice = "Give whole numbers from 0 to 10,000,000; leave a window out to use the deployment's limit."

    def __init__(self, window: str, calls: object) -> None:
        super().__init__(f"A limit of {calls!r:.40} calls a {window} cannot be held.")


class TooManyTries(Transient):
    """Too many keys were offered for one user in a short time."""

    code = "too_many_tries"
    advice = "Wait until the time the sentence names, then add a key that works in the provider's console."
    status = 429

    def __init__(self, *, tries: int, until: datetime) -> None:
        super().__init__(
            f"{tries} keys were offered for this user within an hour; the next may come at {until:%H:%M} UTC."
        )
        self.until = until


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


class NotFound(Permanent):
    """What was asked for does not exist, or not for this caller."""

    code = "not_found"
    advice = "Check the id; lists show what exists."
    status = 404


class UnknownUser(NotFound):
    """Nobody by this name has handed anything in."""

    code = "unknown_user"
    advice = "Check the user id, or submit the user's first bookmark."

    def __init__(self, user: str) -> None:
        super().__init__(f"There is nothing of a user {user!r} here.")


class IdempotencyConflict(Permanent):
    """One idempotency key came with two different requests."""

    code = "idempotency_conflict"
    advice = "Use a new Idempotency-Key for a new request."
    status = 409

    def __init__(self) -> None:
        super().__init__("This Idempotency-Key was used before, for a different request.")


class TooLarge(Permanent):
    """A request holds more than the front door reads."""

    code = "too_large"
    advice = "Send less at once: at most 1,000 bookmarks and 8 MiB a request."
    status = 413


# ---- who may ask ----------------------------------------------------------------------------------


class Unauthenticated(Permanent):
    """The caller did not show who it is."""

    code = "unauthenticated"
    advice = "Send `Authorization: Bearer …` with a valid token; `fleet token` makes one."
    status = 401


class Forbidden(Permanent):
    """The caller is known and may not do this."""

    code = "forbidden"
    advice = "Use a token of this user, or a service token with the scope the sentence names."
    status = 403


class IdentityProviderAway(Transient):
    """The identity provider's keys cannot be fetched, so none of its tokens is believed."""

    code = "identity_provider_away"
    advice = "Try again; if it stays, the operator corrects FLEET_IDENTITY_JWKS_URL (`fleet doctor` checks it)."

    def __init__(self, why: str) -> None:
        super().__init__(f"The identity provider's keys cannot be had, so its tokens cannot be checked: {why}.")


class KeySetUnusable(Misconfigured):
    """What should hold the identity provider's public keys does not."""

    code = "key_set_unusable"
    advice = "Give FLEET_IDENTITY_JWKS_URL or FLEET_IDENTITY_JWKS the provider's JSON Web Key Set (jwks_uri)."

    def __init__(self, why: str) -> None:
        super().__init__(f"The identity provider's key set cannot be used: {why}.")
        self.why = why


# ---- what waits -----------------------------------------------------------------------------------


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


# ---- the fleet's own parts ------------------------------------------------------------------------


class LedgerUnavailable(Transient):
    """PostgreSQL cannot be reached; nothing was written."""

    code = "ledger_unavailable"
    advice = "Start PostgreSQL or correct FLEET_DATABASE_URL; `fleet doctor` checks it."


class LedgerOutdated(LedgerUnavailable):
    """The database answers and does not have the tables this program needs; nothing was written."""

    code = "ledger_outdated"
    advice = "Run `fleet migrate`; it is safe at any time."

    def __init__(self) -> None:
        super().__init__("The database of FLEET_DATABASE_URL does not have the tables this program needs.")


class LedgerInUse(LedgerUnavailable):
    """A migration found no moment in which nobody else had the tables; nothing was changed."""

    code = "ledger_in_use"
    advice = "End the transactions that last (`SELECT * FROM pg_stat_activity`), then run `fleet migrate` again."

    def __init__(self) -> None:
        super().__init__("The database's tables are in use by transactions that do not end, so none was changed.")


class RolesNotGranted(LedgerUnavailable):
    """The login may not act as the roles that keep users apart; nothing was written."""

    code = "roles_not_granted"
    advice = (
        "As an administrator of PostgreSQL run `GRANT fleet_tenant, fleet_dispatcher TO` this login; "
        "nothing needs a restart."
    )

    def __init__(self) -> None:
        super().__init__("The login of FLEET_DATABASE_URL may not act as fleet_tenant and fleet_dispatcher.")


class RolesMissing(Misconfigured):
    """PostgreSQL has not the roles that keep users apart, and the migrating login may not make them."""

    code = "roles_missing"
    advice = "Let an administrator of PostgreSQL run the sentence's SQL, then run `fleet migrate` again."

    def __init__(self, roles: tuple[str, ...], *, login: str) -> None:
        create = " ".join(f"CREATE ROLE {role} NOLOGIN;" for role in roles)
        names = ", ".join(roles)
        super().__init__(
            f"PostgreSQL has no role {names}, and the login {login} may not make any. "
            f'SQL: {create} GRANT {names} TO "{login}";'
        )


class BrokerUnavailable(Transient):
    """The message broker cannot be reached; released work comes back by its lease."""

    code = "broker_unavailable"
    advice = "Start the broker or correct FLEET_BROKER_URL; `fleet doctor` checks it."


class InternalError(Transient):
    """A fault of the fleet itself; its traceback is in the log."""

    code = "internal_fault"
    advice = "Nothing to do: tried again later. If it stays, tell the operator the job's id."

    def __init__(self) -> None:
        super().__init__("Something inside the fleet went wrong while it worked on this bookmark.")


class TookTooLong(Transient):
    """The work did not end within its lease."""

    code = "took_too_long"
    advice = "Nothing to do: tried again later."

    def __init__(self, *, seconds: float) -> None:
        super().__init__(f"The work did not end within {seconds:.0f} seconds.")


class LeaseLost(Transient):
    """The job was taken back while it ran; its result is dropped, somebody else has the job."""

    code = "lease_lost"

    def __init__(self, job_ids: tuple[int, ...]) -> None:
        super().__init__(f"The lease of job {', '.join(map(str, job_ids))} ended before the work did.")
        self.job_ids = job_ids


class UserErased(Permanent):
    """The user was erased while something of theirs ran; nothing of it is kept, and no call leaves for it."""

    code = "user_erased"
    advice = "Nothing to do: what was asked for was done."

    def __init__(self) -> None:
        super().__init__("The user was erased while this ran, so nothing of it is kept.")


class LeaseExpired(Permanent):
    """The job was started again and again, and no worker ever came back with a result."""

    code = "lease_expired"
    advice = "Tell the operator which bookmark it is; the workers' logs say what stopped them. Then retry it."

    def __init__(self, *, tries: int) -> None:
        super().__init__(f"The work was started {tries} times and no worker lived to finish it.")
        self.tries = tries


# ---- pages ----------------------------------------------------------------------------------------


class AddressRefused(Permanent):
    """The address is not a public one; nothing was sent there."""

    code = "address_refused"
    advice = "Bookmark a page that is reachable from the public internet."

    def __init__(self, kind: str) -> None:
        super().__init__("The page's address is not one the fleet may visit.")
        self.kind = kind  # for logs and metrics; never shown, so that nobody can map an inner network


class PageUnreachable(Transient):
    """The site did not answer, or not in time."""

    code = "page_unreachable"
    rest = timedelta(seconds=3)  # as long as others are told of it instead of asking
    advice = "Have it tried again later with `fleet retry`; the bookmark shows fallback content until then."

    def __init__(self, sentence: str, *, timed_out: bool = False) -> None:
        """Say what happened; `timed_out` when the site kept us waiting for all the time that a page may take."""
        super().__init__(sentence)
        self.timed_out = timed_out


class PageBlocked(Transient):
    """The site answered with a refusal or a challenge instead of the page."""

    code = "page_blocked"
    rest = timedelta(seconds=10)  # for so long others are told of the refusal instead of asking: it would be no try
    advice = "Have it tried again later with `fleet retry`; the bookmark shows fallback content until then."


class HostBusy(Postponed):
    """The site has been asked enough for now; the page's turn comes later."""

    code = "host_busy"
    reason = WaitReason.HOST_BUSY

    def __init__(self, *, until: datetime, every: timedelta = timedelta(0)) -> None:
        """Say when to come again.

        Args:
            until: when the page's turn comes.
            every: how long after each other the user's other pages of the bookmark's site should follow it; zero when
                it is another site, to which the page redirects.
        """
        super().__init__("The site is asked only so much at once; the page's turn comes later.", until=until)
        self.every = every


class BrowserUnavailable(Postponed):
    """The browser does not start, so the pages that need one wait."""

    code = "browser_unavailable"
    reason = WaitReason.BACKOFF

    def __init__(self, *, until: datetime) -> None:
        super().__init__("The browser that the page needs does not start just now.", until=until)


class BrowserMissing(Misconfigured):
    """There is no browser on this machine."""

    code = "browser_missing"
    advice = "Install Chromium, or name it with FLEET_BROWSER_PATH; without one set FLEET_RENDER=false."

    def __init__(self, wanted: str | None) -> None:
        super().__init__(f"There is no browser {wanted or 'Chromium'} on this machine, and the render stage needs one.")


class PageGone(Permanent):
    """The site says the page does not exist."""

    code = "page_gone"
    advice = "Correct or remove the bookmark. It shows fallback content."


class PageRefused(Permanent):
    """The site does not hand the page to us (a login, a payment, a refusal)."""

    code = "page_refused"
    advice = "Nothing to do on our side: the bookmark shows fallback content."


class RobotsRefused(Permanent):
    """The site's robots.txt asks robots not to visit the page, and this deployment heeds it."""

    code = "robots_refused"
    advice = "Nothing to do on our side: the bookmark shows fallback content. Operators decide with FLEET_ROBOTS."

    def __init__(self, host: str) -> None:
        super().__init__(f"{host} asks robots not to visit the page.")


class PageUnusable(Permanent):
    """The answer cannot be read as a page: too large, too many redirects, not text."""

    code = "page_unusable"
    advice = "Bookmark the readable page itself. The bookmark shows fallback content."


class PageEmpty(Permanent):
    """The page has no text worth analysing."""

    code = "page_empty"
    advice = "Nothing to do: the bookmark shows fallback content."


# ---- analyses -------------------------------------------------------------------------------------


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
