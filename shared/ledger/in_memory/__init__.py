"""The ledger in one process's memory: for tests of what stands on it, and as the second word on its rules.

It keeps no lane states: what PostgreSQL derives and stores, it looks up when it releases.
"""

from shared.ledger.in_memory.ending import Ending
from shared.ledger.in_memory.keeping import Kept
from shared.ledger.in_memory.serving import Serving
from shared.ledger.in_memory.steering import Steering

__all__ = ["Kept", "MemoryLedger"]


class MemoryLedger(Serving, Ending, Steering):
    """The `Ledger` in memory.

    Attributes:
        bookmarks: every bookmark there is, by its id.
        audit: what was recorded of acts upon it.
        events: what others were told of bookmarks, as (type, bookmark's id).
        exhausted: what others were told of quotas, as (user, the wait for its day or month).
    """
