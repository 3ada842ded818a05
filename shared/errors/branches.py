"""The tree's root and its branches: what happens next after an error."""

from datetime import datetime, timedelta
from typing import ClassVar

from shared.values import WaitReason


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
