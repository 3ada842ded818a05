"""Keeps one process running: started anew when it dies, with a growing pause."""

import threading
import time
from collections.abc import Callable

from services.local.processes import Process
from shared.errors import Misconfigured
from shared.logs import log
from shared.patience import backoff_s

_LOOK_EVERY_S = 0.1
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 20.0
_STEADY_AFTER_S = 30.0
_HOPELESS_AFTER = 5


class Keeper:
    """Watches a process from a thread of its own until it is told to let go.

    Args:
        process: what is kept; started by whoever makes the keeper.
        start: starts it, and comes back when it can be used.
        letting_go: once set, nothing is started any more.
    """

    def __init__(self, process: Process, start: Callable[[], None], *, letting_go: threading.Event) -> None:
        self.process = process
        self.restarts = 0
        self._start = start
        self._letting_go = letting_go
        self._deaths_in_a_row = 0
        self._thread = threading.Thread(target=self._keep, name=f"keep-{process.name}", daemon=True)

    @property
    def is_hopeless(self) -> bool:
        """Whether it died again and again, each time soon after its start; it is tried on nevertheless."""
        return self._deaths_in_a_row >= _HOPELESS_AFTER

    def begin(self) -> None:
        """Watch from now on."""
        self._thread.start()

    def end(self) -> None:
        """Wait until nothing is started any more; `letting_go` has to be set."""
        self._thread.join()

    def _keep(self) -> None:
        since = time.monotonic()
        while not self._letting_go.wait(_LOOK_EVERY_S):
            if self.process.is_running():
                continue
            if time.monotonic() - since > _STEADY_AFTER_S:
                self._deaths_in_a_row = 0
            pause = backoff_s(self._deaths_in_a_row, first=_FIRST_PAUSE_S, longest=_LONGEST_PAUSE_S)
            log.warning("process_died", process=self.process.name, starts_again_in_s=round(pause, 1))
            if self._letting_go.wait(pause):
                return
            self._start_again()
            since = time.monotonic()

    def _start_again(self) -> None:
        self._deaths_in_a_row += 1
        self.restarts += 1
        try:
            self._start()
        except (Misconfigured, OSError) as error:
            log.warning("process_not_started", process=self.process.name, why=str(error))
            self.process.stop()
