"""Jobs that ended without a result, whatever they were about."""

from shared.errors.branches import Permanent, Transient


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
