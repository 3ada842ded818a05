"""One message's jobs on their way: which are analysed, which did not make it, which are still to do."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from shared.bookmarks import Analysis
from shared.errors import FleetError
from shared.ledger import Job
from shared.values import JobId, UserId


@dataclass(slots=True)
class Batch:
    """Jobs of one user in the analyze stage, each with at most one outcome.

    Attributes:
        asked: whether the provider was asked, so that the lane must rest after.
    """

    jobs: Sequence[Job]
    asked: bool = False
    _done: dict[JobId, Analysis] = field(default_factory=dict)
    _failed: dict[JobId, FleetError] = field(default_factory=dict)

    @property
    def user(self) -> UserId:
        """Whose jobs they are."""
        return self.jobs[0].user

    @property
    def done(self) -> list[tuple[Job, Analysis]]:
        """The analysed ones, in order."""
        return [(job, self._done[job.id]) for job in self.jobs if job.id in self._done]

    @property
    def failed(self) -> list[tuple[Job, FleetError]]:
        """Those that did not make it, in order."""
        return [(job, self._failed[job.id]) for job in self.jobs if job.id in self._failed]

    @property
    def rest(self) -> list[Job]:
        """Those without an outcome, in order."""
        return [job for job in self.jobs if job.id not in self._done and job.id not in self._failed]

    def finish(self, results: Iterable[tuple[Job, Analysis]]) -> None:
        """Keep analyses."""
        self._done.update((job.id, analysis) for job, analysis in results)

    def fail(self, jobs: Iterable[Job], error: FleetError) -> None:
        """These jobs did not make it, for this reason."""
        self._failed.update((job.id, error) for job in jobs)
