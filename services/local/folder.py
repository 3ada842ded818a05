"""The data folder of a fleet: had by one fleet at a time, rid of what an earlier one left running."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from services.local.folder_lock import FolderLock
from services.local.register import Register, end_leftovers
from services.local.warden import Warden


@contextmanager
def alone_in(data: Path) -> Iterator[tuple[Warden, Register]]:
    """The folder to ourselves: a warden that ends what we leave, and the register that tells it.

    Raises:
        FleetAlreadyRuns: another fleet works on this folder.
    """
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = FolderLock.take(data)
    try:
        end_leftovers(data / "run")
        warden = Warden(hold=lock)
        try:
            yield warden, Register(data / "run", warden)
        finally:
            warden.close()
    finally:
        lock.release()


def fresh_logs(data: Path) -> Path:
    """The folder of logs; those of the run before are kept beside the new ones."""
    logs = data / "logs"
    logs.mkdir(mode=0o700, exist_ok=True)
    for log in logs.glob("*.log"):
        log.replace(log.with_suffix(".log.before"))
    return logs
