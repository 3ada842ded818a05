"""What callers hand in, what they ask for, and who they are."""

from datetime import datetime

from shared.errors.branches import Misconfigured, Permanent, Transient


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
