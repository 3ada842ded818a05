"""One fleet per data folder: a lock held for as long as any process of the fleet that holds it lives."""

import fcntl
import os
import time
from pathlib import Path
from typing import BinaryIO, Self

import psutil

from shared.errors import Misconfigured

_LOOK_EVERY_S = 0.1
_WARDEN_ENDS_WITHIN_S = 20.0


class FleetAlreadyRuns(Misconfigured):
    """Another fleet works on this data folder."""

    code = "fleet_already_runs"
    advice = "Use the one that runs, end it with Ctrl-C in its terminal, or name another folder with --data."

    def __init__(self, data: Path, pid: int | None) -> None:
        whose = f" (process {pid})" if pid else ""
        super().__init__(f"A fleet already runs on {data}/{whose}.")
        self.pid = pid


class FolderLock:
    """The right to run a fleet on a data folder.

    The lock belongs to the open file: whoever inherits it (the warden) holds it too, so no second fleet begins while
    the first one's servers are still being ended.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    @classmethod
    def take(cls, data: Path) -> Self:
        """Take the folder's lock; waits while the warden of a fleet that was killed still cleans up.

        Raises:
            FleetAlreadyRuns: somebody holds it.
        """
        file = (data / "lock").open("a+b")
        deadline = time.monotonic() + _WARDEN_ENDS_WITHIN_S
        while not _locked(file):
            holder = _holder(file)
            if (holder is not None and psutil.pid_exists(holder)) or time.monotonic() > deadline:
                file.close()
                raise FleetAlreadyRuns(data, holder)
            time.sleep(_LOOK_EVERY_S)
        file.truncate(0)
        file.write(str(os.getpid()).encode())
        file.flush()
        return cls(file)

    def fileno(self) -> int:
        """For a child that is to hold it too."""
        return self._file.fileno()

    def release(self) -> None:
        """Give it back; a child that inherited it still holds it."""
        self._file.close()


def _locked(file: BinaryIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(file: BinaryIO) -> int | None:
    file.seek(0)
    text = file.read(20)
    return int(text) if text.isdigit() else None
