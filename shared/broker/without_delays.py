"""What the fleet's brokers have in common: they deliver now or not at all."""

from typing import Any

import dramatiq


class WithoutDelays(dramatiq.Broker):
    """Goes before one of Dramatiq's brokers; what waits, waits in the ledger."""

    def enqueue(self, message: dramatiq.Message[Any], *, delay: int | None = None) -> dramatiq.Message[Any]:
        """Put a message on its queue now.

        Raises:
            ValueError: a delay is asked for; waiting belongs in the ledger.
        """
        if delay is not None:
            raise ValueError("This broker delays nothing: postpone the job in the ledger.")
        return super().enqueue(message)
